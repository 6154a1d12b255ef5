// SPDX-License-Identifier: MIT
// Tells systemd about the service's state (sd_notify(3)) without its library.
#pragma once

#include <string>
#include <string_view>

namespace sdns::daemon {

class SdNotify {
 public:
  /// `socket` is what NOTIFY_SOCKET holds: a path, or '@' and an abstract name; empty: every call does nothing.
  explicit SdNotify(std::string socket) : socket_(std::move(socket)) {}

  /// Lines as in sd_notify(3), such as "READY=1\nSTATUS=serving". A manager that does not listen is no error.
  void send(std::string_view state) const;

 private:
  std::string socket_;
};

}  // namespace sdns::daemon
