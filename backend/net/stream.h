// SPDX-License-Identifier: MIT
// The descriptors of one connection: a socket, or a pipe for each direction.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <span>
#include <string_view>
#include <utility>

#include "backend/base/owned.h"

namespace sdns::net {

/// Owns its descriptors, which do not block. Used by one thread.
class Stream {
 public:
  Stream() = default;
  explicit Stream(Fd socket) : in_(std::move(socket)) {}
  /// Two pipes: requests are read from `in`, replies written to `out`.
  Stream(Fd in, Fd out) : in_(std::move(in)), out_(std::move(out)) {}

  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(in_); }
  [[nodiscard]] bool is_pipes() const { return static_cast<bool>(out_); }
  [[nodiscard]] int in() const { return in_.get(); }
  [[nodiscard]] int out() const { return out_ ? out_.get() : in_.get(); }

  /// As recv(2).
  ssize_t receive(std::span<char> buffer) {
    return is_pipes() ? ::read(in(), buffer.data(), buffer.size())
                      : ::recv(in(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  }
  /// As recv(2) with MSG_PEEK; of a socket.
  ssize_t peek(std::span<char> buffer) { return ::recv(in(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_PEEK); }
  /// As send(2) with MSG_NOSIGNAL; with pipes the process ignores SIGPIPE.
  ssize_t send(std::string_view octets) {
    return is_pipes() ? ::write(out(), octets.data(), octets.size())
                      : ::send(in(), octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  /// Ends a socket for every process that has a duplicate of it. Pipes end when the last duplicate is closed.
  void shut_down() {
    if (!is_pipes()) ::shutdown(in(), SHUT_RDWR);
  }
  void close() {
    in_.reset();
    out_.reset();
  }

 private:
  Fd in_;
  Fd out_;  // none: `in_` is a socket
};

}  // namespace sdns::net
