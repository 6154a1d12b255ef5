// SPDX-License-Identifier: MIT
// Which health checks answers ask for, and for how long: what nobody asks any more is let go, and no zone can ask
// without end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/base/clock.h"
#include "backend/zone/source.h"

namespace sdns::daemon {

struct CheckLimits {
  std::size_t of_one_zone = 10'000;
  std::size_t of_all = 200'000;
};

/// Owned by the publisher's thread.
class WantedChecks {
 public:
  /// A check is kept for at least `life` after it was asked for last, and at most for twice that when turns are taken.
  WantedChecks(std::chrono::seconds life, SteadyTime now, CheckLimits limits = {})
      : life_(life), limits_(limits), turned_(now) {}

  /// Adds to `fresh` those that are new and within the limits; they count for the zone that asks first. Zone 0 (target
  /// pools) has no limit of its own.
  void ask(zone::ZoneId zone, const std::vector<std::string>& identities, std::vector<std::string>& fresh);
  /// Those that nothing has asked for since the turn before the last one; they are forgotten. Nothing when the last
  /// turn was less than a life ago.
  std::optional<std::vector<std::string>> turn(SteadyTime now);

  [[nodiscard]] std::size_t size() const { return checks_.size(); }
  /// Requests for new checks that were over a limit, and the zone of the last.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] zone::ZoneId refused_zone() const { return refused_zone_; }

 private:
  struct Check {
    zone::ZoneId zone = 0;
    std::uint64_t generation = 0;
  };
  const std::chrono::seconds life_;
  const CheckLimits limits_;
  SteadyTime turned_;
  std::uint64_t generation_ = 1;
  std::unordered_map<std::string, Check> checks_;
  std::unordered_map<zone::ZoneId, std::size_t> counts_;
  std::uint64_t refused_ = 0;
  zone::ZoneId refused_zone_ = 0;
};

}  // namespace sdns::daemon
