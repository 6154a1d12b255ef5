// SPDX-License-Identifier: MIT
// Runs holder_program as a child of the test and talks to it over its socket.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "backend/base/owned.h"
#include "backend/daemon/harden.h"

namespace sdns::daemon {

using namespace std::chrono_literals;

// Long enough for a loaded machine under a sanitizer; a test that passes never waits for it.
inline constexpr auto kPatience = 60s;

class Client {
 public:
  explicit Client(Fd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] bool connected() const { return static_cast<bool>(fd_); }

  bool send(std::string_view octets) {
    return ::send(fd_.get(), octets.data(), octets.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(octets.size());
  }
  /// A line without its '\n', "<eof>" or "<timeout>".
  std::string line() {
    for (;;) {
      if (const auto at = buffer_.find('\n'); at != std::string::npos) {
        std::string out = buffer_.substr(0, at);
        buffer_.erase(0, at + 1);
        return out;
      }
      pollfd wait{fd_.get(), POLLIN, 0};
      if (::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) <= 0) return "<timeout>";
      char chunk[4096];
      const ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
      if (n <= 0) return "<eof>";
      buffer_.append(chunk, static_cast<std::size_t>(n));
    }
  }
  std::string ask(std::string_view request) { return send(std::string(request) + "\n") ? line() : "<eof>"; }

 private:
  Fd fd_;
  std::string buffer_;
};

class HolderTest : public testing::Test {
 protected:
  HolderTest() {
    char name[] = "/tmp/sdns-holder-XXXXXX";
    directory_ = ::mkdtemp(name);
    ::chmod(directory_.c_str(), 0755);
    socket_ = directory_ + "/pdns.sock";
    raise_descriptor_limit();
  }
  ~HolderTest() override {
    if (holder_ > 0) {
      ::kill(holder_, SIGKILL);
      ::waitpid(holder_, nullptr, 0);
    }
    if (reader_.joinable()) reader_.join();
    if (HasFailure()) std::fprintf(stderr, "%s", log_.c_str());
    std::filesystem::remove_all(directory_);
  }

  /// Starts the holder with `key=value` options; `shell` runs before it in the same process, `extra` is what exec
  /// opens.
  void spawn(const std::vector<std::string>& options = {}, const std::string& shell = "", int passed_socket = -1) {
    std::string command = shell + " exec \"$0\" \"$@\"";
    std::vector<std::string> arguments{"sh", "-c", command, HOLDER_PROGRAM, directory_, socket_};
    arguments.insert(arguments.end(), options.begin(), options.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    if (passed_socket >= 0) posix_spawn_file_actions_adddup2(&actions, passed_socket, 3);
    ASSERT_EQ(::posix_spawn(&holder_, "/bin/sh", &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    reader_ = std::thread([this, fd = Fd(ends[0])] {
      char chunk[4096];
      for (ssize_t n; (n = ::read(fd.get(), chunk, sizeof chunk)) > 0;) {
        std::lock_guard lock(mutex_);
        log_.append(chunk, static_cast<std::size_t>(n));
        logged_.notify_all();
      }
    });
  }
  void start(const std::vector<std::string>& options = {}) {
    spawn(options);
    ASSERT_TRUE(wait_for_log("event=worker.ready"));
  }

  /// True once the log has `times` lines with `text`.
  bool wait_for_log(const std::string& text, int times = 1) {
    std::unique_lock lock(mutex_);
    return logged_.wait_for(lock, kPatience, [&] { return count(text) >= times; });
  }
  int logged(const std::string& text) {
    std::lock_guard lock(mutex_);
    return count(text);
  }

  Client connect() {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
    return Client(std::move(fd));
  }
  pid_t worker_pid() { return std::atoi(connect().ask("pid").c_str()); }
  void signal(int number) { ASSERT_EQ(::kill(holder_, number), 0); }
  /// The exit status of the holder, once it and its workers have ended and the log is complete.
  int wait_for_end() {
    int status = 0;
    EXPECT_EQ(::waitpid(holder_, &status, 0), holder_);
    holder_ = -1;
    reader_.join();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  bool holder_lives() { return holder_ > 0 && ::waitpid(holder_, nullptr, WNOHANG) == 0; }

  void set_fault(const std::string& name) { std::ofstream(directory_ + "/" + name) << "\n"; }
  void clear_fault(const std::string& name) { std::filesystem::remove(directory_ + "/" + name); }
  void open_gate() { const Fd opened(::open((directory_ + "/gate").c_str(), O_WRONLY | O_CLOEXEC)); }
  void make_gate() { ASSERT_EQ(::mkfifo((directory_ + "/gate").c_str(), 0600), 0); }

  std::string directory_;
  std::string socket_;
  pid_t holder_ = -1;

 private:
  int count(const std::string& text) const {
    int found = 0;
    for (auto at = log_.find(text); at != std::string::npos; at = log_.find(text, at + 1)) ++found;
    return found;
  }
  std::thread reader_;
  std::mutex mutex_;
  std::condition_variable logged_;
  std::string log_;
};

}  // namespace sdns::daemon
