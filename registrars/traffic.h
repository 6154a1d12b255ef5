// SPDX-License-Identifier: MIT
// How often and how many at a time: what all adapters of a process share.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "backend/base/clock.h"
#include "backend/dns/name.h"

namespace sdns::registrars {

/// What a registrar allows one credential.
struct Pace {
  std::chrono::milliseconds spacing{0};  ///< between the starts of calls
  std::size_t most = 0;                  ///< calls in `window`; 0: no limit
  std::chrono::milliseconds window{0};
  bool one_at_a_time = false;
};

/// Calls of each account and writes of each domain. Safe from any thread.
class Traffic {
 public:
  Traffic();

  /// Names an account without being able to tell its credential: a hash keyed with octets of this process.
  [[nodiscard]] std::string account_key(std::string_view registrar, std::string_view credential) const;

  /// Nothing: the call may start now, was counted, and leave() must follow. Else how long to wait before asking again.
  std::optional<std::chrono::milliseconds> enter(const std::string& account, const Pace& pace, SteadyTime now);
  void leave(const std::string& account);
  /// The registrar said to stay away: enter() waits until then.
  void hold_off(const std::string& account, SteadyTime until);

  /// The right to write for one domain at one registrar; gone with the object. False when another has it.
  class WriteLock {
   public:
    WriteLock(Traffic& traffic, std::string registrar, dns::Name domain);
    ~WriteLock();
    WriteLock(const WriteLock&) = delete;
    WriteLock& operator=(const WriteLock&) = delete;
    [[nodiscard]] bool held() const { return held_; }

   private:
    Traffic& traffic_;
    std::pair<std::string, dns::Name> key_;
    bool held_ = false;
  };

  /// Server time minus our steady clock, by API base, with when it was learned.
  struct ServerClock {
    std::chrono::seconds at{0};  ///< server's seconds since 1970 at `learned`
    SteadyTime learned{};
  };
  [[nodiscard]] std::optional<ServerClock> server_clock(const std::string& base) const;
  void set_server_clock(const std::string& base, ServerClock clock);
  void forget_server_clock(const std::string& base);

 private:
  struct Account {
    std::deque<SteadyTime> starts{};  // within the longest window asked for
    SteadyTime held_until{};
    bool held = false;
    std::size_t running = 0;
  };
  mutable std::mutex mutex_;
  std::array<unsigned char, 32> hash_key_{};
  std::map<std::string, Account> accounts_;
  std::set<std::pair<std::string, dns::Name>> writing_;
  std::map<std::string, ServerClock> clocks_;
};

}  // namespace sdns::registrars
