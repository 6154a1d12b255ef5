// SPDX-License-Identifier: MIT
#include "backend/health/probe_exec.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace sdns::health {
namespace {

constexpr int kKillWaitMs = 1000;

// posix_spawn() cannot set limits, and setting them from outside comes too late for what has begun: the shell sets its
// own and then becomes the program. Sizes in blocks of 512 octets for -f, and of 1024 for -v.
constexpr const char* kShell = "/bin/sh";
constexpr const char* kShellScript =
    "ulimit -c 0 && ulimit -f 2048 && ulimit -t \"$1\" && ulimit -v \"$2\" && ulimit -n \"$3\" && shift 3 || exit 126; "
    "exec \"$@\"";
constexpr int kCannotRun = 126;  // and 127: what a shell ends with when it cannot run the program

ProbeResult cannot(std::string_view doing, int error) {
  return probe_failed(ProbeFailure::kLocal, fmt::format("{}: {}", doing, std::strerror(error)));
}

struct Actions {
  Actions() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~Actions() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
};

// Starts the program with its output going to `output`.
tl::expected<pid_t, ProbeResult> spawn(const ProbeSpec& spec, int output) {
  const ExecProbe& exec = std::get<ExecProbe>(spec.kind);
  std::vector<std::string> words = {kShell,
                                    "-c",
                                    kShellScript,
                                    "probe",
                                    std::to_string(exec.cpu_seconds),
                                    std::to_string(std::uint64_t{exec.memory_mebioctets} * 1024),
                                    std::to_string(exec.open_files)};
  words.insert(words.end(), exec.argv.begin(), exec.argv.end());
  std::vector<std::string> variables = {"PATH=/usr/bin:/bin",
                                        "LANG=C",
                                        "SDNS_ADDRESS=" + spec.address.text(),
                                        "SDNS_ANSWERED=" + exec.answered.text(),
                                        "SDNS_PORT=" + std::to_string(spec.port),
                                        "SDNS_TIMEOUT=" + seconds_text(spec.timeout)};
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  };
  Actions actions;
  ::posix_spawn_file_actions_addopen(&actions.files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions.files, output, 1);
  ::posix_spawn_file_actions_adddup2(&actions.files, output, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&actions.files, 3);
  ::posix_spawn_file_actions_addchdir_np(&actions.files, "/");
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&actions.attributes, &none);
  ::posix_spawnattr_setsigdefault(&actions.attributes, &all);
  ::posix_spawnattr_setflags(&actions.attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, kShell, &actions.files, &actions.attributes, pointers(words).data(),
                                  pointers(variables).data());
  if (error != 0) return tl::unexpected(cannot(fmt::format("cannot run {}", exec.argv.front()), error));
  return pid;
}

class ExecRun final : public ProbeRun, private ProbePoller::Watcher {
 public:
  ExecRun(ProbeWorld& world, const ProbeSpec& spec, ProbeSink& sink)
      : world_(world), spec_(spec), exec_(std::get<ExecProbe>(spec.kind)), sink_(sink) {}
  ~ExecRun() override {
    world_.poller.unwatch(output_.get());
    world_.poller.unwatch(process_.get());
    if (pid_ < 0) return;
    ::kill(-pid_, SIGKILL);
    world_.reaper.take_over(pid_, std::move(process_));
  }

  std::optional<ProbeResult> start() override {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return cannot("pipe", errno);
    output_ = Fd(ends[0]);
    const Fd write_end(ends[1]);
    // The program's end blocks, as programs expect.
    ::fcntl(write_end.get(), F_SETFL, ::fcntl(write_end.get(), F_GETFL) & ~O_NONBLOCK);
    auto pid = spawn(spec_, write_end.get());
    if (!pid) return std::move(pid.error());
    process_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
    if (!process_) {
      const int error = errno;
      ::kill(-*pid, SIGKILL);
      ::waitpid(*pid, nullptr, 0);
      return cannot("pidfd_open", error);
    }
    pid_ = *pid;
    int error = world_.poller.watch(output_.get(), EPOLLIN, *this);
    if (error == 0) error = world_.poller.watch(process_.get(), EPOLLIN, *this);
    if (error != 0) return socket_failure("epoll", error);
    return std::nullopt;
  }

  [[nodiscard]] std::string_view waiting_for() const override { return "the program did not end"; }

 private:
  void ready(int fd, std::uint32_t) override {
    const bool read = read_output();
    if (!read)
      return sink_.done(probe_failed(ProbeFailure::kTooLarge,
                                     fmt::format("the program wrote more than {} octets", exec_.output_octets)));
    if (fd != process_.get()) return;
    siginfo_t how{};
    // What it has left behind in its session goes first: its number is nobody else's until it has been waited for.
    if (::waitid(P_PID, static_cast<id_t>(pid_), &how, WEXITED | WNOHANG | WNOWAIT) != 0 || how.si_pid == 0) return;
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    const std::string_view first_line = std::string_view(text_).substr(0, text_.find('\n'));
    const bool exited = how.si_code == CLD_EXITED;
    if (exited && (how.si_status == kCannotRun || how.si_status == kCannotRun + 1))
      return sink_.done(probe_failed(ProbeFailure::kLocal, fmt::format("exit status {}: the program cannot be run: {}",
                                                                       how.si_status, first_line)));
    if (exited && how.si_status == 0) return sink_.done(probe_failed(ProbeFailure::kNone, first_line));
    sink_.done(
        probe_failed(ProbeFailure::kExit, fmt::format("{} {}{}{}", exited ? "exit status" : "ended by signal",
                                                      how.si_status, first_line.empty() ? "" : ": ", first_line)));
  }

  // False: more than the limit.
  bool read_output() {
    std::array<char, 4096> buffer;
    while (output_) {
      const ssize_t n = ::read(output_.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return true;
      if (n <= 0) {
        world_.poller.unwatch(output_.get());
        output_.reset();
        return true;
      }
      if (static_cast<std::size_t>(n) > exec_.output_octets - text_.size()) return false;
      text_.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return true;
  }

  ProbeWorld& world_;
  const ProbeSpec& spec_;
  const ExecProbe& exec_;
  ProbeSink& sink_;
  Fd output_;
  Fd process_;  // a pidfd: readable when the program has ended
  pid_t pid_ = -1;
  std::string text_;
};

}  // namespace

ProbeReaper::~ProbeReaper() {
  for (auto& [fd, killed] : killed_) {
    poller_.unwatch(fd);
    pollfd ended{fd, POLLIN, 0};
    while (::poll(&ended, 1, kKillWaitMs) < 0 && errno == EINTR) continue;
    ::waitpid(killed.pid, nullptr, WNOHANG);
  }
}

void ProbeReaper::take_over(pid_t pid, Fd process) {
  if (::waitpid(pid, nullptr, WNOHANG) != 0) return;
  const int fd = process.get();
  poller_.watch(fd, EPOLLIN, *this);  // without memory for that, the destructor waits for it
  killed_.insert({fd, Killed{pid, std::move(process)}});
}

void ProbeReaper::ready(int fd, std::uint32_t) {
  const auto at = killed_.find(fd);
  if (at == killed_.end() || ::waitpid(at->second.pid, nullptr, WNOHANG) == 0) return;
  poller_.unwatch(fd);
  killed_.erase(at);
}

std::unique_ptr<ProbeRun> make_exec_run(ProbeWorld& world, const ProbeSpec& spec, ProbeSink& sink) {
  return std::make_unique<ExecRun>(world, spec, sink);
}

}  // namespace sdns::health
