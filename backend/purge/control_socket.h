// SPDX-License-Identifier: MIT
// PowerDNS's control socket: a unix stream on which one line is one command, answered until the peer closes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <string>

#include "backend/base/error.h"
#include "backend/dns/name.h"

namespace sdns::purge {

/// Client of one pdns_server. Each command is a connection of its own, written and half-closed at once: PowerDNS has
/// one thread for the socket and waits for a silent client without a limit. Value; blocks its caller for at most
/// `timeout` a line. Errors: kUnavailable (nobody listens), kPermission, kTimeout, kIo, kProtocol (an answer that is
/// not a number).
class ControlSocket {
 public:
  /// PowerDNS reads lines of at most 1 024 000 octets; longer lists of names go in several.
  static constexpr std::size_t kMaxLineOctets = 1'000'000;

  explicit ControlSocket(std::string path, std::chrono::milliseconds timeout = std::chrono::milliseconds(2000))
      : path_(std::move(path)), timeout_(timeout) {}

  /// Forgets answers and records of exactly these names, and keys and metadata of zones with such an apex. The number
  /// of entries that were removed. 40 to 400 µs for a few names.
  [[nodiscard]] Result<std::uint64_t> purge(const std::set<dns::Name>& names) const;

  /// Forgets everything at or below `top`, and keys and metadata of all zones. Holds up PowerDNS's control thread.
  [[nodiscard]] Result<std::uint64_t> purge_subtree(const dns::Name& top) const;

  /// Forgets everything but the list of zones.
  [[nodiscard]] Result<std::uint64_t> purge_everything() const;

  /// Has the list of zones read anew: about a second for 300 000 zones, during which no purge gets through.
  [[nodiscard]] Result<void> rediscover() const;

  /// Whether somebody answers.
  [[nodiscard]] Result<void> ping() const;

  /// Whether the pdns_server that listens there is this process; if it is, it is told to end.
  [[nodiscard]] Result<bool> quit(pid_t process) const;

  /// Sends one line (without its end) and gives what came back. Requires `line` without control characters.
  [[nodiscard]] Result<std::string> command(const std::string& line, std::chrono::milliseconds timeout) const;

 private:
  [[nodiscard]] Result<std::string> exchange(int fd, const std::string& line, std::chrono::milliseconds timeout) const;
  [[nodiscard]] Result<std::uint64_t> counted(const std::string& line, std::chrono::milliseconds timeout) const;

  std::string path_;
  std::chrono::milliseconds timeout_;
};

}  // namespace sdns::purge
