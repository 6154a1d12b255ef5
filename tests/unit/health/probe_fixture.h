// SPDX-License-Identifier: MIT
// A Prober on a loop of the test's own, and peers that do with a connection what the test says.
#pragma once

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "backend/base/owned.h"
#include "backend/health/prober.h"
#include "tests/support/seeded_random.h"

namespace sdns::health {

inline dns::IpAddress ip(const std::string& text) { return *dns::IpAddress::parse(text); }

// For probes that have to end by themselves: no machine is so slow.
inline constexpr std::chrono::milliseconds kLong{120'000};

struct BoundSocket {
  Fd fd;
  std::uint16_t port = 0;
};
inline BoundSocket bind_to(const std::string& address, int type, std::uint16_t port = 0) {
  BoundSocket out;
  sockaddr_storage storage{};
  socklen_t size = 0;
  const bool v4 = ip(address).is_v4();
  auto& in = reinterpret_cast<sockaddr_in&>(storage);
  auto& in6 = reinterpret_cast<sockaddr_in6&>(storage);
  if (v4) {
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    ::inet_pton(AF_INET, address.c_str(), &in.sin_addr);
    size = sizeof in;
  } else {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    ::inet_pton(AF_INET6, address.c_str(), &in6.sin6_addr);
    size = sizeof in6;
  }
  out.fd = Fd(::socket(v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0));
  if (::bind(out.fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    out.fd.reset();
    return out;
  }
  ::getsockname(out.fd.get(), reinterpret_cast<sockaddr*>(&storage), &size);
  out.port = ntohs(v4 ? in.sin_port : in6.sin6_port);
  return out;
}

/// Each connection is given to the script, in a thread of its own, and closed after it.
class Peer {
 public:
  using Script = std::function<void(int fd)>;
  explicit Peer(Script script, const std::string& address = "127.0.0.1", std::uint16_t port = 0)
      : script_(std::move(script)), socket_(bind_to(address, SOCK_STREAM, port)) {
    ::listen(socket_.fd.get(), 1024);  // a full backlog costs a second
    thread_ = std::thread([this] { accept_all(); });
  }
  ~Peer() {
    ::shutdown(socket_.fd.get(), SHUT_RDWR);  // ends accept()
    thread_.join();
    {
      std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return socket_.port; }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      ++connections_;
      std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd] {
        script_(fd);
        std::lock_guard inner(mutex_);
        open_.remove(fd);
        ::close(fd);
      });
    }
  }
  Script script_;
  BoundSocket socket_;
  std::thread thread_;
  std::mutex mutex_;
  std::list<int> open_;
  std::list<std::thread> threads_;
  std::atomic<int> connections_{0};
};

inline bool send_text(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}
/// Until the peer is gone.
inline void wait_for_end(int fd) {
  char buffer[4096];
  while (::recv(fd, buffer, sizeof buffer, 0) > 0) continue;
}
inline std::string read_head(int fd) {
  std::string head;
  char c = 0;
  while (!head.ends_with("\r\n\r\n") && ::recv(fd, &c, 1, 0) == 1) head += c;
  return head;
}
/// With a reset instead of an end.
inline void break_connection(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}
inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

class ProberTest : public testing::Test {
 protected:
  ProberTest() {
    ::signal(SIGPIPE, SIG_IGN);  // as the daemon
    uv_loop_init(&loop_);
    // uv_run() looks at timers before it waits: without another one it would wait on after the last.
    uv_timer_init(&loop_, &tick_);
    uv_timer_start(
        &tick_, [](uv_timer_t*) {}, 20, 20);
    make_prober({});
  }
  ~ProberTest() override {
    prober_.reset();
    uv_close(reinterpret_cast<uv_handle_t*>(&tick_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
  }
  void make_prober(const ProberOptions& options,
                   const TargetPolicyOptions& policy = {
                       .allowed = {*dns::IpNetwork::parse("127.0.0.0/8"), *dns::IpNetwork::parse("::1/128")}}) {
    prober_.reset();
    auto made = Prober::make(loop_, TargetPolicy(policy), random_, options);
    if (!made) {
      ADD_FAILURE() << to_text(made.error());
      std::abort();
    }
    prober_ = std::move(*made);
  }
  /// Turns the loop until `done`.
  void turn_until(const std::function<bool()>& done) {
    while (!done()) uv_run(&loop_, UV_RUN_ONCE);
  }
  /// As turn_until(), for what others do: a test that waits in vain fails.
  void poll_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + kLong;
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "it does not happen";
      uv_run(&loop_, UV_RUN_NOWAIT);
      std::this_thread::yield();
    }
  }
  ProbeResult run(const ProbeSpec& spec) {
    std::optional<ProbeResult> got;
    const ProbeId id = prober_->start(spec, [&got](ProbeId, const ProbeResult& result) {
      EXPECT_FALSE(got) << "called twice";
      got = result;
    });
    EXPECT_FALSE(got) << "called from inside of start()";
    turn_until([&] { return got.has_value(); });
    EXPECT_EQ(prober_->under_way(), 0u);
    EXPECT_FALSE(prober_->cancel(id));
    EXPECT_LE(got->text.size(), kMaxProbeText);
    EXPECT_GT(got->total.count(), 0);
    return *got;
  }
  static ProbeSpec tcp(std::uint16_t port, TcpProbe probe = {}, const std::string& address = "127.0.0.1") {
    ProbeSpec spec;
    spec.address = ip(address);
    spec.port = port;
    spec.timeout = kLong;
    spec.kind = std::move(probe);
    return spec;
  }

  uv_loop_t loop_{};
  uv_timer_t tick_{};
  test::SeededRandom random_{1};
  std::unique_ptr<Prober> prober_;
};

/// Names the failure where a test fails.
#define EXPECT_FAILURE(result, wanted) EXPECT_EQ(failure_name((result).failure), failure_name(wanted)) << (result).text

}  // namespace sdns::health
