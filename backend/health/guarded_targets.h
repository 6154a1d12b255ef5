// SPDX-License-Identifier: MIT
// What the blast-radius guard is told: of targets, not of checks, and only of those that have worked.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/base/clock.h"
#include "backend/health/blast_guard.h"

namespace sdns::health {

/// A target counts once, however many checks it has: it fails while one of them does. Checks count from their first
/// success on. So a zone with very many checks of one target that is down, or of targets that never were up, is no
/// wave. Used by one thread. O(1) each.
class GuardedTargets {
 public:
  explicit GuardedTargets(const GuardLimits& limits) : guard_(limits) {}

  /// What this keeps of a check.
  struct Hold {
    std::uint32_t target = 0;
    bool proven = false;   ///< it has succeeded
    bool failing = false;  ///< it has not since, and was proven
  };
  /// A check of this target. `proven`: it succeeded in the process before.
  Hold add(const std::string& target, bool proven);
  GuardChange remove(const Hold& hold, SteadyTime now);

  GuardChange succeeded(Hold& hold, SteadyTime now);
  GuardChange failed(Hold& hold, SteadyTime now);
  /// Time passed.
  GuardChange advance(SteadyTime now) { return guard_.advance(now); }
  [[nodiscard]] Falling falling(SteadyTime now) const { return guard_.falling(now); }

 private:
  struct Target {
    std::string name;
    std::uint32_t checks = 0;
    std::uint32_t proven = 0;
    std::uint32_t failing = 0;
    SteadyTime since{};  // failing
  };
  GuardChange one_less_fails(Target& target, SteadyTime now);

  BlastGuard guard_;
  std::vector<Target> targets_;
  std::vector<std::uint32_t> unused_;  // numbers
  std::unordered_map<std::string, std::uint32_t> by_name_;
  std::uint32_t proven_ = 0;  // targets with a check that is
};

}  // namespace sdns::health
