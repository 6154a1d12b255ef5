// SPDX-License-Identifier: MIT
// A UnixServer over socket pairs with a handler that echoes, and a client that reads with a time limit.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/owned.h"
#include "backend/net/unix_server.h"

namespace sdns::net {

using namespace std::chrono_literals;

// Long enough for a loaded machine under a sanitizer; a test that passes never waits for it.
inline constexpr auto kPatience = 20s;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;  // memory figures mean nothing then
#else
inline constexpr bool kSanitized = false;
#endif

/// Waits for a condition over what other threads change; they call notify() after it.
class Signal {
 public:
  template <class F>
  void change(F&& what) {
    std::lock_guard lock(mutex_);
    what();
    changed_.notify_all();
  }
  template <class F>
  [[nodiscard]] bool wait(F&& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, condition);
  }
  template <class F>
  [[nodiscard]] auto look(F&& what) {
    std::lock_guard lock(mutex_);
    return what();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// What the handlers of all loops saw.
struct Seen {
  Signal signal;
  std::vector<ConnectionId> opened;
  std::vector<ConnectionId> closed;         // by the handler
  std::vector<ConnectionId> server_closed;  // by on_closed
  std::vector<std::string> lines;           // in the order of handling, where `record` is set
  int refreshed = 0;
  std::atomic<bool> record{false};
  std::atomic<bool> ready{true};
  std::vector<ConnectionId> pending;  // connections with a "background" line
  std::atomic<bool> done{false};      // of the work for them
  std::atomic<int> deferred{0};
  std::function<void(std::string_view)> before_line;  // on the loop's thread
};

/// "x" -> "x"; "big N" -> N octets; "later" waits for Seen::ready; "background" is pending until Seen::done; "break"
/// ends the connection; "begin" and "commit" bracket state; "silent" has no reply.
class EchoHandler final : public LineHandler {
 public:
  explicit EchoHandler(Seen& seen) : seen_(seen) {}

  Outcome handle(ConnectionId id, std::string_view line, std::string& reply) override {
    if (seen_.before_line) seen_.before_line(line);
    if (seen_.record) seen_.signal.change([&] { seen_.lines.emplace_back(line); });
    if (line == "later" && !seen_.ready) {
      seen_.signal.change([&] { ++seen_.deferred; });
      return Outcome::kNotReady;
    }
    if (line == "background" && pending_.insert(id).second) {
      seen_.signal.change([&] { seen_.pending.push_back(id); });
      return Outcome::kPending;
    }
    if (line == "background" && !seen_.done) return Outcome::kPending;
    if (line == "silent") return Outcome::kReply;
    if (line == "begin") open_.insert(id);
    if (line == "commit") open_.erase(id);
    if (line.starts_with("big ")) {
      reply.assign(std::stoul(std::string(line.substr(4))) - 1, 'b');
      reply += '\n';
      return Outcome::kReply;
    }
    reply += line;
    reply += '\n';
    return line == "break" ? Outcome::kClose : Outcome::kReply;
  }
  void opened(ConnectionId id) override {
    seen_.signal.change([&] { seen_.opened.push_back(id); });
  }
  void closed(ConnectionId id) override {
    seen_.signal.change([&] { seen_.closed.push_back(id); });
  }
  bool holds_state(ConnectionId id) override { return !open_.empty() && open_.contains(id); }
  void refresh() override {
    seen_.signal.change([&] { ++seen_.refreshed; });
  }

 private:
  Seen& seen_;
  std::set<ConnectionId> open_;
  std::set<ConnectionId> pending_;
};

class Client {
 public:
  explicit Client(Fd fd) : fd_(std::move(fd)) {}

  [[nodiscard]] int fd() const { return fd_.get(); }
  void shut_writing() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  /// False when the peer has closed before all was taken.
  bool send(std::string_view octets) {
    while (!octets.empty()) {
      const ssize_t n = ::send(fd_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      octets.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// A line without its '\n'; "<eof>" when the connection has ended, "<timeout>" when nothing came.
  std::string line() {
    for (;;) {
      if (const auto at = buffer_.find('\n'); at != std::string::npos) {
        std::string out = buffer_.substr(0, at);
        buffer_.erase(0, at + 1);
        return out;
      }
      pollfd wait{fd_.get(), POLLIN, 0};
      if (::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) <= 0) return "<timeout>";
      char chunk[65536];
      const ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
      if (n <= 0) return "<eof>";
      buffer_.append(chunk, static_cast<std::size_t>(n));
    }
  }

  std::string ask(std::string_view request) { return send(std::string(request) + "\n") ? line() : "<closed>"; }

  /// True when nothing more can be read right now.
  [[nodiscard]] bool silent() const {
    pollfd now{fd_.get(), POLLIN, 0};
    return buffer_.empty() && ::poll(&now, 1, 0) == 0;
  }

 private:
  Fd fd_;
  std::string buffer_;
};

class UnixServerTest : public testing::Test {
 protected:
  void start(UnixServerOptions options = {.threads = 2}) { server_ = start_server(options, seen_); }

  std::unique_ptr<UnixServer> start_server(const UnixServerOptions& options, Seen& seen) {
    auto made = UnixServer::start(
        options, [&seen](unsigned) { return std::make_unique<EchoHandler>(seen); }, log_, metrics_,
        [&seen](ConnectionId id) { seen.signal.change([&] { seen.server_closed.push_back(id); }); });
    EXPECT_TRUE(made.has_value());
    return std::move(*made);
  }

  /// A client of the server; the server's end as the holder would keep it is in held_[id].
  Client connect(int type = SOCK_STREAM, std::uint8_t* busy = nullptr) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
    const ConnectionId id = ++last_id_;
    held_[id] = Fd(::dup(ends[0]));
    server_->adopt(Stream(Fd(ends[0])), id, busy);
    return Client(Fd(ends[1]));
  }

  /// Returns when the quiesce is over; false when it never was.
  bool quiesce(std::chrono::milliseconds limit) {
    auto over = std::make_shared<Signal>();
    auto done = std::make_shared<bool>(false);
    server_->quiesce(limit, [over, done] { over->change([&] { *done = true; }); });
    return over->wait([&] { return *done; });
  }

  /// Returns when the one loop is quiescing; the flag is set when that is over.
  std::shared_ptr<std::atomic<bool>> begin_quiesce() {
    idle_.push_back(connect());
    const ConnectionId id = last_id_;
    auto done = std::make_shared<std::atomic<bool>>(false);
    EXPECT_TRUE(seen_.signal.wait([&] { return std::count(seen_.opened.begin(), seen_.opened.end(), id) == 1; }));
    server_->quiesce(60s, [done] { *done = true; });
    EXPECT_TRUE(seen_.signal.wait([&] { return std::count(seen_.closed.begin(), seen_.closed.end(), id) == 1; }));
    return done;
  }

  bool nothing_was_closed() {
    return seen_.signal.look([&] { return seen_.server_closed.empty(); });
  }

  std::string log_text() {
    std::string out;
    char chunk[4096];
    for (ssize_t n; (n = ::read(log_read_.get(), chunk, sizeof chunk)) > 0;)
      out.append(chunk, static_cast<std::size_t>(n));
    return out;
  }

 private:
  static std::pair<Fd, Fd> make_pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    return {Fd(ends[0]), Fd(ends[1])};
  }
  std::pair<Fd, Fd> log_pipe_ = make_pipe();
  Fd& log_read_ = log_pipe_.first;
  SystemClock clock_;

 protected:
  Log log_{clock_, LogLevel::kInfo, LogFormat::kText, log_pipe_.second.get()};
  Metrics metrics_;
  Seen seen_;
  std::map<ConnectionId, Fd> held_;
  std::vector<Client> idle_;
  ConnectionId last_id_ = 0;
  std::unique_ptr<UnixServer> server_;  // last: its threads end before what they use
};

}  // namespace sdns::net
