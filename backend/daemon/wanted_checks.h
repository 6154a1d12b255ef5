// SPDX-License-Identifier: MIT
// Which health checks answers ask for, and for how long: what nobody asks any more is let go, and no zone can ask
// without end, or have one target probed without end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backend/base/clock.h"
#include "backend/zone/source.h"

namespace sdns::daemon {

/// Of all checks, and of one account's: the zones with the same account are one, a zone without is one by itself.
struct CheckLimits {
  std::chrono::seconds interval{5};  ///< of checks that do not say theirs
  std::size_t of_an_account = 10'000;
  std::size_t of_all = 200'000;
  std::size_t octets_of_a_check = std::size_t{8} << 10;  ///< of its identity
  std::size_t octets_of_an_account = std::size_t{4} << 20;
  std::size_t octets_of_all = std::size_t{128} << 20;
  std::uint32_t probes_of_an_account = 2'000;  ///< a second
  std::uint32_t probes_of_a_target = 1'000;    ///< a second, of which one account has at most half
};

/// Owned by the publisher's thread.
class WantedChecks {
 public:
  /// A check is kept for at least `life` after it was asked for last, and at most for twice that when turns are taken.
  WantedChecks(std::chrono::seconds life, SteadyTime now, const CheckLimits& limits = {})
      : life_(life), limits_(limits), turned_(now) {}

  /// Who asks.
  struct Asker {
    zone::ZoneId zone = 0;  ///< 0: target pools, which only the limits of all hold back
    std::string_view account{};
  };
  /// Adds to `fresh` those that are new and within the limits; they count for the one that asks first.
  void ask(const Asker& asker, const std::vector<std::string>& identities, std::vector<std::string>& fresh);
  /// Those that nothing has asked for since the turn before the last one; they are forgotten. Nothing when the last
  /// turn was less than a life ago.
  std::optional<std::vector<std::string>> turn(SteadyTime now);

  [[nodiscard]] std::size_t size() const { return checks_.size(); }

  /// Of new checks that were asked for.
  struct Refused {
    std::uint64_t times = 0;
    zone::ZoneId zone = 0;     ///< the last time
    std::string_view limit{};  ///< the last time: what was over
  };
  [[nodiscard]] const Refused& refused() const { return refused_; }

 private:
  struct Check {
    std::string account;  // as uses_ has it; "": target pools
    std::uint64_t generation = 0;
  };
  struct Use {
    std::size_t checks = 0;
    std::size_t octets = 0;
    std::uint64_t rate = 0;  // millionths of a probe a second
  };
  // What a check counts for.
  struct Load {
    std::string target;
    std::uint64_t rate = 0;
  };
  [[nodiscard]] Load load_of(const std::string& identity) const;
  [[nodiscard]] Use use(const std::string& key) const;
  [[nodiscard]] std::string_view limit_that_refuses(const std::string& account, const std::string& identity,
                                                    const Load& load) const;
  void count(const std::string& account, const std::string& identity, const Load& load, bool up);

  std::chrono::seconds life_;
  CheckLimits limits_;
  SteadyTime turned_;
  std::uint64_t generation_ = 1;
  std::size_t octets_ = 0;
  std::unordered_map<std::string, Check> checks_;
  std::unordered_map<std::string, Use> uses_;  // of accounts, of targets, and of accounts by target
  Refused refused_;
};

}  // namespace sdns::daemon
