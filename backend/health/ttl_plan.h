// SPDX-License-Identifier: MIT
// The planned TTL of an answer that rests on health checks: short while a verdict may change soon.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "backend/base/clock.h"
#include "backend/health/verdict.h"

namespace sdns::health {

/// When a check is probed.
struct ProbeTimes {
  std::chrono::milliseconds until_next{};  ///< from now to the next result
  std::chrono::milliseconds interval{};    ///< between results after that
};

/// The shortest time in which the verdict of this check can change; nothing while it is solid: nothing speaks against
/// it, or it cannot change by itself. Solid are an up check that remembers no failure, a down one without a success
/// after its last failure, and a down one that waits for resume(). O(1).
[[nodiscard]] std::optional<std::chrono::milliseconds> next_change(const VerdictState& state,
                                                                   const Thresholds& thresholds, ProbeTimes times,
                                                                   SteadyTime now);
/// The earlier of two; nothing is later than anything. For answers that rest on several checks.
[[nodiscard]] std::optional<std::chrono::milliseconds> earlier(std::optional<std::chrono::milliseconds> a,
                                                               std::optional<std::chrono::milliseconds> b);
/// Half of the time to the next possible change, rounded down to 1, 2, 5, 10, 30 or 60 s (at least 1 s); 0 while
/// everything is solid. In steps, since cached answers are purged when the step changes: PowerDNS does not count TTLs
/// down in its packet cache.
[[nodiscard]] std::uint8_t ttl_step(std::optional<std::chrono::milliseconds> next_change);
/// From when on the time left until `change` is for a shorter step; nothing for the shortest, and for 0.
[[nodiscard]] std::optional<SteadyTime> end_of_step(std::uint8_t step, SteadyTime change);

}  // namespace sdns::health
