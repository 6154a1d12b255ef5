// SPDX-License-Identifier: MIT
// The blast-radius guard: when very many targets begin to fail at once, the checker itself has lost its network.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "backend/base/clock.h"
#include "backend/health/verdict.h"

namespace sdns::health {

/// What a wave is. A data centre that dies must not look like one: its share of the targets has to be below
/// `share_percent`. Half is Envoy's `healthy_panic_threshold`, where it stops to believe its health checks, too.
struct GuardLimits {
  std::uint32_t share_percent = 50;           ///< more than so many of all targets; 0 or 100: no guard
  std::uint32_t least = 10;                   ///< and at least so many
  std::chrono::milliseconds window{30'000};   ///< that began to fail within this: the longest interval and its timeout
  std::chrono::milliseconds freeze{120'000};  ///< for so long at most nothing falls; 0: no guard
  friend bool operator==(const GuardLimits&, const GuardLimits&) = default;
};

enum class GuardEvent : std::uint8_t {
  kNone,
  kFrozen,     ///< a wave: nothing falls; raise the alarm
  kRecovered,  ///< most of the wave succeed again: what fails, falls
  kTimedOut,   ///< they do not: what fails, falls
};
struct GuardChange {
  GuardEvent event = GuardEvent::kNone;
  std::uint32_t failing = 0;  ///< of the wave, or that began to fail within the window
  std::uint32_t targets = 0;  ///< of how many, as given with the last failure
};

/// Counts targets that begin to fail, not those that fall: with two failures or more to fall nothing has fallen when
/// the wave is seen. With one, up to `share_percent` have.
///
/// For each result: began_to_fail(), stopped_failing() or advance(), then step() with falling(). A freeze ends with its
/// time, and the next one needs that less than half as many as make a wave began to fail within the window: a network
/// that stays bad freezes once. Freezes are paid for: of any long time no more than a fifth is frozen, and `freeze` on
/// top of that, whoever makes waves on purpose. O(1) amortised, 200 octets or so.
class BlastGuard {
 public:
  explicit BlastGuard(const GuardLimits& limits = {});

  /// A target that worked begins to fail; `targets` are all that have worked.
  GuardChange began_to_fail(SteadyTime now, std::uint32_t targets);
  /// The first success after failures since `since`, or nobody asks for this target any more.
  GuardChange stopped_failing(SteadyTime since, SteadyTime now);
  /// Time passed: to be called at until() when nothing else is.
  GuardChange advance(SteadyTime now);

  /// Whether verdicts may fall. kAllowed from until() on, whatever was called. Rising is always allowed.
  [[nodiscard]] Falling falling(SteadyTime now) const;
  /// When the freeze ends at the latest; the epoch when there is none.
  [[nodiscard]] SteadyTime until() const { return until_; }
  /// Targets that began to fail within the window and still do.
  [[nodiscard]] std::uint32_t failing() const { return in_window_; }

 private:
  static constexpr std::int64_t kBuckets = 32;  // the window, and the part of a bucket that now is in

  [[nodiscard]] std::int64_t tick(SteadyTime time) const;
  std::uint32_t& bucket(std::int64_t tick);
  void slide(SteadyTime now);
  GuardChange thaw(GuardEvent event, SteadyTime now);
  [[nodiscard]] std::chrono::nanoseconds used(SteadyTime now) const;

  GuardLimits limits_;
  std::chrono::nanoseconds width_;
  std::array<std::uint32_t, kBuckets> buckets_{};  // targets by the tick in which they began to fail, modulo
  std::int64_t newest_ = 0;                        // tick
  std::uint32_t in_window_ = 0;                    // sum of buckets
  SteadyTime until_{};
  SteadyTime since_{};                // frozen
  SteadyTime thawed_{};               // the last time
  std::chrono::nanoseconds used_{0};  // of `freeze`, at that time; a quarter of the time since then is paid back
  std::int64_t wave_from_ = 0;        // tick: who began to fail since then belongs to the wave
  std::uint32_t wave_ = 0;            // who of it still fails
  std::uint32_t wave_needed_ = 0;     // how many made it a wave
  std::uint32_t targets_ = 0;
  bool frozen_ = false;
  bool spent_ = false;  // timed out, and it is not calm yet
};

}  // namespace sdns::health
