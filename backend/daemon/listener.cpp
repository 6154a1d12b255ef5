// SPDX-License-Identifier: MIT
#include "backend/daemon/listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace sdns::daemon {
namespace {

constexpr int kBacklog = 4096;  // PowerDNS connects without a time limit: a full backlog blocks one of its threads
constexpr int kFirstPassedFd = 3;

Result<sockaddr_un> address_of(const std::string& setting, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail(Errc::kInvalidArgument,
                fmt::format("{} \"{}\" has {} octets; a socket path has 1 to {}", setting, path, path.size(),
                            sizeof address.sun_path - 1),
                "use a shorter path");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int int_option(int fd, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

// The socket that systemd passes (sd_listen_fds(3)), if it passes any.
Result<Fd> passed_socket(int type) {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (!pid || !count || std::strtol(pid, nullptr, 10) != ::getpid()) return Fd();
  const long fds = std::strtol(count, nullptr, 10);
  for (int fd = kFirstPassedFd; fd < kFirstPassedFd + fds; ++fd) {
    if (int_option(fd, SO_DOMAIN) != AF_UNIX || int_option(fd, SO_TYPE) != type || int_option(fd, SO_ACCEPTCONN) != 1)
      continue;
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    return Fd(fd);
  }
  if (type != SOCK_STREAM) return Fd();
  return fail(Errc::kConfig, fmt::format("LISTEN_FDS={}: none of them is a listening unix stream socket", fds),
              "use ListenStream= with a path in the .socket unit, or start the service without it");
}

Result<void> refuse_if_taken(const ListenerOptions& options, const sockaddr_un& address) {
  const std::string& path = options.path;
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return fail(Errc::kIo, fmt::format("{} {}: {}", options.setting, path, std::strerror(errno)));
  }
  if (!S_ISSOCK(found.st_mode))
    return fail(Errc::kExists, fmt::format("{} {} exists and is not a socket", options.setting, path),
                "nothing was changed; remove it or choose another path");
  const Fd probe(::socket(AF_UNIX, options.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int refused =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  if (refused == ECONNREFUSED || refused == ENOENT) return {};
  return fail(Errc::kExists, fmt::format("{} {}: another process is listening there", options.setting, path),
              "stop it, or choose another path");
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(const ListenerOptions& options, const Log& log) {
  std::unique_ptr<Listener> made(new Listener);
  auto passed = passed_socket(options.type);
  if (!passed) return fail(passed.error());
  if (*passed) {
    made->socket_ = std::move(*passed);
    log.info("listen.passed", {{"from", "systemd"}, {"fd", made->socket_.get()}});
  } else if (auto bound = made->bind(options); !bound) {
    return fail(bound.error());
  }
  if (::listen(made->socket_.get(), kBacklog) != 0)
    return fail(Errc::kIo, fmt::format("cannot listen on {}: {}", options.path, std::strerror(errno)));
  if (!made->path_.empty()) log.info("listen.bound", {{"socket", made->path_}});
  made->allowed_ = options.allowed_uids;
  made->allowed_.push_back(::geteuid());
  made->reserve_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return made;
}

Result<void> Listener::bind(const ListenerOptions& options) {
  auto address = address_of(options.setting, options.path);
  if (!address) return fail(address.error());
  const auto slash = options.path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : options.path.substr(0, slash);
  const auto failed = [&](const std::string& what, const std::string& path) {
    const int error = errno;
    return fail(error == EACCES || error == EPERM ? Errc::kPermission : Errc::kIo,
                fmt::format("{} {}: cannot {} {}: {}", options.setting, options.path, what, path, std::strerror(error)),
                error == ENOENT ? "create the directory" : "the directory must be writable for the daemon's user");
  };
  // Two that start at the same time take turns between looking and binding.
  const Fd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock) return failed("open", directory);
  if (::flock(lock.get(), LOCK_EX) != 0) return failed("lock", directory);
  if (auto free = refuse_if_taken(options, *address); !free) return free;

  // Bound under another name without permissions, and renamed when mode and group are right: it is never too open.
  const std::string temporary = fmt::format("{}/.sdns-{}", directory, ::getpid());
  auto temporary_address = address_of(options.setting, temporary);
  if (!temporary_address) return fail(temporary_address.error());
  ::unlink(temporary.c_str());
  socket_ = Fd(::socket(AF_UNIX, options.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) return failed("create", "a socket");
  const mode_t umask = ::umask(0777);
  const int bound =
      ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&*temporary_address), sizeof *temporary_address);
  ::umask(umask);
  if (bound != 0) return failed("bind", temporary);
  struct stat mine {};
  const auto undo = [&](const std::string& what) {
    auto error = failed(what, temporary);
    ::unlink(temporary.c_str());
    return error;
  };
  if (options.group && ::chown(temporary.c_str(), static_cast<uid_t>(-1), *options.group) != 0)
    return undo("set the group of");
  if (::chmod(temporary.c_str(), options.mode) != 0) return undo("set the mode of");
  if (::listen(socket_.get(), kBacklog) != 0) return undo("listen on");  // before the name: who finds it can connect
  if (::lstat(temporary.c_str(), &mine) != 0) return undo("look at");
  if (::rename(temporary.c_str(), options.path.c_str()) != 0) return undo("rename");
  path_ = options.path;
  device_ = mine.st_dev;
  inode_ = mine.st_ino;
  return {};
}

Listener::~Listener() {
  struct stat found {};
  if (!path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_)
    ::unlink(path_.c_str());
}

Listener::Accepted Listener::accept() {
  using What = Accepted::What;
  Fd socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) {
    if (errno != EMFILE && errno != ENFILE) return {What::kNothing, Fd()};
    reserve_.reset();
    socket = Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    socket.reset();
    reserve_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return {What::kNoDescriptors, Fd()};
  }
  ucred peer{};
  socklen_t length = sizeof peer;
  const bool known = ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;
  const bool allowed = known && std::find(allowed_.begin(), allowed_.end(), peer.uid) != allowed_.end();
  if (!allowed) return {What::kRefused, Fd(), peer.uid, peer.pid};
  return {What::kConnection, std::move(socket), peer.uid, peer.pid};
}

}  // namespace sdns::daemon
