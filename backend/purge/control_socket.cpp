// SPDX-License-Identifier: MIT
#include "backend/purge/control_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "backend/base/owned.h"

namespace sdns::purge {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Emptying a cache of a million entries takes longer than looking for a name.
constexpr milliseconds kSlowCommand{5'000};
constexpr std::size_t kMaxReplyOctets = 64 * 1024;

tl::unexpected<Error> broken(const std::string& path, const char* doing, int error) {
  const Errc code = error == ENOENT || error == ECONNREFUSED ? Errc::kUnavailable
                    : error == EACCES || error == EPERM      ? Errc::kPermission
                                                             : Errc::kIo;
  return fail(code, fmt::format("control socket {}: {}: {}", path, doing, std::strerror(error)),
              code == Errc::kPermission    ? "set setgid= in pdns.conf to a group of this process, or run as user pdns"
              : code == Errc::kUnavailable ? "start pdns_server, or correct powerdns.control_socket"
                                           : "");
}

tl::unexpected<Error> too_late(const std::string& path, const char* doing, milliseconds timeout) {
  return fail(Errc::kTimeout,
              fmt::format("control socket {}: {}: no progress within {} ms", path, doing, timeout.count()),
              "pdns_server's control thread is busy or stopped");
}

// Waits for `events`; false when the time is over.
bool ready(int fd, short events, Steady::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Steady::now());
    if (left.count() <= 0) return false;
    pollfd poll_fd{fd, events, 0};
    const int n = ::poll(&poll_fd, 1, static_cast<int>(left.count()));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
  }
}

Result<Fd> connect_to(const std::string& path, milliseconds timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path))
    return fail(Errc::kInvalidArgument,
                fmt::format("control socket \"{}\": a path has 1 to {} octets", path, sizeof(address.sun_path) - 1));
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return broken(path, "socket", errno);
  // A full backlog makes connect() wait; for unix sockets the send timeout bounds that.
  const timeval limit{timeout.count() / 1000, timeout.count() % 1000 * 1000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return too_late(path, "connect", timeout);
    return broken(path, "connect", errno);
  }
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  return fd;
}

}  // namespace

Result<std::string> ControlSocket::command(const std::string& line, milliseconds timeout) const {
  auto fd = connect_to(path_, timeout);
  if (!fd) return fail(fd.error());
  return exchange(fd->get(), line, timeout);
}

Result<bool> ControlSocket::quit(pid_t process) const {
  auto fd = connect_to(path_, timeout_);
  if (!fd) return fail(fd.error());
  ucred peer{};  // of whoever called listen(2)
  socklen_t length = sizeof peer;
  if (::getsockopt(fd->get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return broken(path_, "peer", errno);
  if (peer.pid != process) return false;
  if (auto reply = exchange(fd->get(), "QUIT", timeout_); !reply) return fail(reply.error());
  return true;
}

Result<std::string> ControlSocket::exchange(int fd, const std::string& line, milliseconds timeout) const {
  const auto deadline = Steady::now() + timeout;
  const std::string out = line + '\n';
  for (std::size_t sent = 0; sent < out.size();) {
    const ssize_t n = ::send(fd, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      if (!ready(fd, POLLOUT, deadline)) return too_late(path_, "send", timeout);
    } else if (errno != EINTR) {
      return broken(path_, "send", errno);
    }
  }
  ::shutdown(fd, SHUT_WR);

  std::string reply;
  char buffer[4096];
  for (;;) {
    if (!ready(fd, POLLIN, deadline)) return too_late(path_, "answer", timeout);
    const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
    if (n == 0) break;
    if (n < 0) {
      if (errno == EAGAIN || errno == EINTR) continue;
      return broken(path_, "answer", errno);
    }
    reply.append(buffer, static_cast<std::size_t>(n));
    if (reply.size() > kMaxReplyOctets)
      return fail(Errc::kProtocol,
                  fmt::format("control socket {}: the answer is over {} octets", path_, kMaxReplyOctets));
  }
  if (reply.empty()) return fail(Errc::kProtocol, fmt::format("control socket {}: closed without an answer", path_));
  return reply;
}

Result<std::uint64_t> ControlSocket::counted(const std::string& line, milliseconds timeout) const {
  auto reply = command(line, timeout);
  if (!reply) return fail(reply.error());
  while (!reply->empty() && (reply->back() == '\n' || reply->back() == ' ')) reply->pop_back();
  std::uint64_t count = 0;
  const char* end = reply->data() + reply->size();
  const auto parsed = std::from_chars(reply->data(), end, count);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    return fail(
        Errc::kProtocol,
        fmt::format("control socket {}: a purge was answered with \"{:.100}\", not with a number", path_, *reply));
  return count;
}

Result<std::uint64_t> ControlSocket::purge(const std::set<dns::Name>& names) const {
  std::uint64_t removed = 0;
  std::string line = "PURGE";
  const std::size_t empty_line = line.size();
  const auto flush = [&]() -> Result<void> {
    // PowerDNS takes about 20 µs a name, and writes a log line for each if it is let.
    const milliseconds more(line.size() / 500);
    auto count = counted(line, timeout_ + more);
    if (!count) return fail(count.error());
    removed += *count;
    line.resize(empty_line);
    return {};
  };
  for (const dns::Name& name : names) {
    // Name::text() ends with a dot and has neither blanks nor control characters: one word, never a `$` purge.
    const std::string word = name.text();
    if (line.size() + 1 + word.size() > kMaxLineOctets) {
      if (auto ok = flush(); !ok) return fail(ok.error());
    }
    line += ' ';
    line += word;
  }
  if (line.size() > empty_line) {
    if (auto ok = flush(); !ok) return fail(ok.error());
  }
  return removed;
}

Result<std::uint64_t> ControlSocket::purge_subtree(const dns::Name& top) const {
  return counted("PURGE " + top.text() + '$', std::max(timeout_, kSlowCommand));
}

Result<std::uint64_t> ControlSocket::purge_everything() const {
  return counted("PURGE", std::max(timeout_, kSlowCommand));
}

Result<void> ControlSocket::rediscover() const {
  auto reply = command("REDISCOVER", std::max(timeout_, kSlowCommand));
  if (!reply) return fail(reply.error());
  return {};
}

Result<void> ControlSocket::ping() const {
  auto reply = command("RPING", timeout_);
  if (!reply) return fail(reply.error());
  return {};
}

}  // namespace sdns::purge
