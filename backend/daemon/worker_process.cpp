// SPDX-License-Identifier: MIT
#include "backend/daemon/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "backend/daemon/channel.h"
#include "backend/daemon/holder.h"

namespace sdns::daemon {
namespace {

constexpr std::array<std::string_view, 7> kHoldersVariables = {
    "LISTEN_PID=",   "LISTEN_FDS=",    "LISTEN_FDNAMES=",          "NOTIFY_SOCKET=",
    "WATCHDOG_PID=", "WATCHDOG_USEC=", "SOVEREIGN_WORKER_CHANNEL="};

std::vector<std::string> worker_environment(int channel, int busy_memory) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view variable(*entry);
    bool keep = true;
    for (const std::string_view own : kHoldersVariables) keep = keep && !variable.starts_with(own);
    if (keep) out.emplace_back(variable);
  }
  out.push_back(fmt::format("{}={}:{}:{}", kChannelVariable, kChannelVersion, channel, busy_memory));
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// In the child, between fork and exec: system calls only.
[[noreturn]] void become_worker(pid_t holder, int channel, int busy_memory, int report, char* const* argv,
                                char* const* environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != holder) ::_exit(0);  // the holder died before that took effect
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR2, SIGPIPE}) ::signal(number, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::fcntl(channel, F_SETFD, 0);
  ::fcntl(busy_memory, F_SETFD, 0);
  ::execve(argv[0], argv, environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(report, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

Result<WorkerProcess> start_worker(const std::vector<std::string>& argv, int busy_memory) {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(Errc::kIo, fmt::format("cannot create a worker's channel: {}", std::strerror(errno)));
  Fd mine(ends[0]);
  const Fd theirs(ends[1]);
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail(Errc::kIo, fmt::format("cannot create a worker's channel: {}", std::strerror(errno)));
  const Fd report_read(ends[0]);
  Fd report_write(ends[1]);
  const std::vector<std::string> environment = worker_environment(theirs.get(), busy_memory);
  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> environment_pointers = pointers(environment);
  const pid_t holder = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Errc::kIo, fmt::format("cannot fork a worker: {}", std::strerror(errno)));
  if (pid == 0)
    become_worker(holder, theirs.get(), busy_memory, report_write.get(), argv_pointers.data(),
                  environment_pointers.data());
  report_write.reset();
  int error = 0;
  if (::read(report_read.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
    ::waitpid(pid, nullptr, 0);
    return fail(Errc::kUnavailable, fmt::format("cannot run {}: {}", argv[0], std::strerror(error)),
                "reinstall the program; starting it is tried again");
  }
  return WorkerProcess{pid, std::move(mine)};
}

std::string describe_exit(int wait_status) {
  if (WIFEXITED(wait_status)) return fmt::format("status {}", WEXITSTATUS(wait_status));
  if (WIFSIGNALED(wait_status))
    return fmt::format("signal {} ({})", WTERMSIG(wait_status), ::strsignal(WTERMSIG(wait_status)));
  return fmt::format("wait status {}", wait_status);
}

Result<std::string> own_program(const char* argv0) {
  char running[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", running, sizeof running);
  if (length <= 0 || length == static_cast<ssize_t>(sizeof running))
    return fail(Errc::kIo, fmt::format("cannot read /proc/self/exe: {}", std::strerror(errno)), "mount /proc");
  const std::string resolved(running, static_cast<std::size_t>(length));
  struct stat own {};
  if (::stat("/proc/self/exe", &own) != 0) return resolved;
  const auto is_own = [&own](const std::string& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 && found.st_dev == own.st_dev && found.st_ino == own.st_ino;
  };
  const std::string name = argv0 ? argv0 : "";
  if (name.starts_with('/')) return is_own(name) ? name : resolved;
  if (name.find('/') != std::string::npos) {
    char directory[PATH_MAX];
    if (!::getcwd(directory, sizeof directory)) return resolved;
    const std::string path = std::string(directory) + "/" + name;
    return is_own(path) ? path : resolved;
  }
  const char* search = std::getenv("PATH");
  std::string_view left = search ? search : "";
  while (!left.empty()) {
    const auto colon = left.find(':');
    const std::string path = std::string(left.substr(0, colon)) + "/" + name;
    if (path.starts_with('/') && is_own(path)) return path;
    left = colon == std::string_view::npos ? "" : left.substr(colon + 1);
  }
  return resolved;
}

}  // namespace sdns::daemon
