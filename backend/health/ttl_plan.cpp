// SPDX-License-Identifier: MIT
#include "backend/health/ttl_plan.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace sdns::health {
namespace {

using std::chrono::milliseconds;

/// Of an up check: the least number of failures after which it is down.
std::uint32_t failures_left(const VerdictState& state, const Thresholds& thresholds) {
  std::uint32_t left = std::numeric_limits<std::uint32_t>::max();
  const auto at_most = [&left](std::uint32_t threshold, std::uint32_t have) {
    if (threshold != 0) left = std::min(left, threshold > have ? threshold - have : 1);
  };
  at_most(thresholds.fall, state.failures_in_row());
  at_most(thresholds.fall_remembered, state.remembered);
  return left;
}

milliseconds after(std::uint32_t results, ProbeTimes times) {
  return times.until_next + times.interval * (std::int64_t{results} - 1);
}

}  // namespace

std::optional<milliseconds> next_change(const VerdictState& state, const Thresholds& thresholds, ProbeTimes times,
                                        SteadyTime now) {
  switch (state.verdict) {
    case Verdict::kUnknown:
      return times.until_next;
    case Verdict::kUp:
      if (state.remembered == 0) return std::nullopt;
      return after(failures_left(state, thresholds), times);
    case Verdict::kDown:
      break;
  }
  if (state.successes_in_row() == 0) return std::nullopt;
  if (thresholds.resume == Resume::kManual && !state.resumed) return std::nullopt;
  const std::uint32_t needed = successes_needed(state, thresholds);
  const std::uint32_t have = state.successes_in_row();
  const auto hold = std::chrono::ceil<milliseconds>(held_until(state, thresholds) - now);
  return std::max(after(needed > have ? needed - have : 1, times), hold);
}

std::optional<milliseconds> earlier(std::optional<milliseconds> a, std::optional<milliseconds> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

std::uint8_t ttl_step(std::optional<milliseconds> next_change) {
  if (!next_change) return 0;
  constexpr std::array<std::uint8_t, 6> kSteps{60, 30, 10, 5, 2, 1};
  const milliseconds half = *next_change / 2;
  const auto* const fits = std::find_if(kSteps.begin(), kSteps.end(),
                                        [half](std::uint8_t step) { return half >= std::chrono::seconds(step); });
  return fits == kSteps.end() ? kSteps.back() : *fits;
}

std::optional<SteadyTime> end_of_step(std::uint8_t step, SteadyTime change) {
  if (step <= 1) return std::nullopt;
  return change - 2 * std::chrono::seconds(step) + milliseconds(1);
}

}  // namespace sdns::health
