// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "backend/health/probe_run.h"

namespace sdns::health {
namespace {

struct Sockaddr {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Sockaddr sockaddr_of(const dns::IpAddress& address, std::uint16_t port) {
  Sockaddr out;
  if (address.is_v4()) {
    auto& in = reinterpret_cast<sockaddr_in&>(out.storage);
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::ranges::copy(address.octets(), reinterpret_cast<std::uint8_t*>(&in.sin_addr));
    out.size = sizeof in;
  } else {
    auto& in = reinterpret_cast<sockaddr_in6&>(out.storage);
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::ranges::copy(address.octets(), reinterpret_cast<std::uint8_t*>(&in.sin6_addr));
    out.size = sizeof in;
  }
  return out;
}

}  // namespace

ProbeSocket open_probe_socket(bool v4, int type, const std::optional<dns::IpAddress>& source) {
  ProbeSocket out;
  Fd fd(::socket(v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) {
    out.failure = probe_failed(ProbeFailure::kLocal, fmt::format("socket: {}", std::strerror(errno)));
    return out;
  }
  if (source) {
    // The port is chosen when the destination is known, so that one port serves many destinations.
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const Sockaddr from = sockaddr_of(*source, 0);
    if (::bind(fd.get(), from.get(), from.size) != 0) {
      out.failure = probe_failed(ProbeFailure::kLocal,
                                 fmt::format("cannot probe from {}: {}", source->text(), std::strerror(errno)));
      return out;
    }
  }
  out.fd = std::move(fd);
  return out;
}

std::optional<ProbeResult> begin_connect(int fd, const dns::IpAddress& address, std::uint16_t port) {
  const Sockaddr to = sockaddr_of(address, port);
  if (::connect(fd, to.get(), to.size) == 0 || errno == EINPROGRESS || errno == EINTR) return std::nullopt;
  return socket_failure("connect", errno);
}

std::optional<ProbeResult> connect_failure(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error == 0) return std::nullopt;
  return socket_failure("connect", error);
}

ProbeResult socket_failure(std::string_view doing, int error) {
  ProbeFailure failure = ProbeFailure::kUnreachable;
  switch (error) {
    case ECONNREFUSED:
      failure = ProbeFailure::kRefused;
      break;
    case ECONNRESET:
    case EPIPE:
      failure = ProbeFailure::kReset;
      break;
    case ETIMEDOUT:
      failure = ProbeFailure::kTimeout;
      break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL:  // no port left
    case EAGAIN:
    case EPERM:  // this host's own packet filter; ICMPv6 that prohibits is EACCES
      failure = ProbeFailure::kLocal;
      break;
    default:
      break;
  }
  return probe_failed(failure, fmt::format("{}: {}", doing, std::strerror(error)));
}

}  // namespace sdns::health
