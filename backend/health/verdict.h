// SPDX-License-Identifier: MIT
// From the outcomes of one health check's probes to its verdict: a pure state machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/health/health_table.h"

namespace sdns::health {

/// What one probe says of its target. Why it failed is ProbeFailure (probe.h); all of them count alike.
enum class ProbeOutcome : std::uint8_t {
  kSuccess,
  kFailure,
  kNoResult,  ///< we could not probe (no file descriptors, no memory): says nothing about the target
};

/// What a check is before its first result.
enum class Initial : std::uint8_t {
  kUnknown,        ///< unknown; the first result decides
  kUnknownThenUp,  ///< unknown; then the first failure counts like one of an up target (PowerDNS)
  kUp,             ///< up: it takes all the failures to fall
  kDown,           ///< down: it takes all the successes to rise
};

enum class Resume : std::uint8_t {
  kAutomatic,
  kManual,  ///< down becomes up only after resume()
};

/// When a verdict changes. An up target remembers its failures until `forget_after` successes in a row, and falls after
/// `fall` failures in a row or `fall_remembered` remembered ones. A down target rises after a run of successes: of
/// `rise` when all that it failed was in a row (it died), of `rise_after_loss` when it lost one probe here and there.
/// Each run that breaks off while it is down doubles what the next one takes, up to `rise_most`. So a target that loses
/// a fifth of its probes falls and stays down, one that dies and returns is back soon, and one that loses a single
/// probe does not change.
///
/// The defaults, at 10 s between probes: a dead target falls after 20 to 30 s, one that lost 20 % after some 4 minutes;
/// a mended one is back after 100 s, after 5 to 20 minutes when it had been losing probes.
/// - `fall`: HAProxy's `fall 3`.
/// - `fall_remembered`, `forget_after`: the idea and the 10 are gdnsd's `down_thresh` and `ok_thresh`, both 10 there;
///   5 is Envoy's `consecutive_5xx`. With `fall` beside it, it is only for targets that lose some.
/// - `rise`: the run that also makes failures forgotten, between HAProxy's `rise 2` and gdnsd's `up_thresh` of 20.
/// - `rise_after_loss`, `rise_most`: a target that loses 20 % has 30 successes in a row with 0.8^30 = 0.1 %, 120 with
///   2·10^-12.
/// - `storm_falls`, `hold_down`: Envoy ejects for 30 s times the number of ejections; a third fall is a storm here, and
///   each further one doubles the time, since caches of resolvers make a change of a DNS answer dearer.
struct Thresholds {
  std::uint32_t fall = 3;             ///< failures in a row; 0: these alone never make it fall
  std::uint16_t fall_remembered = 5;  ///< failures remembered; 0: these alone never make it fall
  std::uint16_t forget_after = 10;    ///< successes in a row
  std::uint16_t rise = 10;            ///< successes in a row
  std::uint16_t rise_after_loss = 30;
  std::uint16_t rise_most = 120;
  Initial initial = Initial::kUnknown;
  Resume resume = Resume::kAutomatic;
  std::uint8_t storm_falls = 3;           ///< the fall from which on the target is held down; 0: never
  std::chrono::seconds hold_down{60};     ///< for so long at least, from that fall; doubled by each further one
  std::chrono::seconds hold_most{1800};   ///< the longest hold
  std::chrono::seconds quiet_time{1800};  ///< falls and broken runs are forgotten after being up for so long

  /// PowerDNS's: down after `minimum_failures` (0 counts as 1) in a row, up after one success, at once; before the
  /// first result unknown, and up while the first failures are too few (IsUpOracle::setStatus in lua-record.cc).
  [[nodiscard]] static Thresholds power_dns(std::uint32_t minimum_failures);
  friend bool operator==(const Thresholds&, const Thresholds&) = default;
};
/// Errors (kInvalidArgument) name the threshold, its value and the rule.
Result<void> check_thresholds(const Thresholds& thresholds);

/// All that is kept of one check. 40 octets; allocates nothing; counters stop at their largest value.
struct VerdictState {
  SteadyTime changed{};          ///< when the verdict became what it is
  SteadyTime failing_since{};    ///< the first of the failures in a row; the epoch when it does not fail
  SteadyTime held_until{};       ///< no earlier does it rise; the epoch when it is not held
  std::uint32_t run = 0;         ///< results in a row that are all successes, or all failures
  std::uint16_t remembered = 0;  ///< failures since the last run of `forget_after` successes, or since it rose
  std::uint16_t needed = 0;      ///< the run of successes that it takes to rise; see successes_needed()
  std::uint8_t falls = 0;        ///< since it was last up for `quiet_time`
  Verdict verdict = Verdict::kUnknown;
  bool failing = false;  ///< the last result was a failure
  bool resumed = false;  ///< an operator allows it to rise; a failure ends that

  [[nodiscard]] std::uint32_t successes_in_row() const { return failing ? 0 : run; }
  [[nodiscard]] std::uint32_t failures_in_row() const { return failing ? run : 0; }
  friend bool operator==(const VerdictState&, const VerdictState&) = default;
};
static_assert(sizeof(VerdictState) <= 40);

/// Why a verdict changed, or did not although the counters say so.
enum class Why : std::uint8_t {
  kNothing,         ///< no threshold was reached
  kNoResult,        ///< the probe says nothing about the target; the state is as before
  kFirstResult,     ///< the first result decided
  kFailuresInRow,   ///< fell: `fall`
  kLostProbes,      ///< fell: `fall_remembered`
  kSuccesses,       ///< rose
  kResumed,         ///< rose, and an operator had allowed it
  kFrozen,          ///< stays up: falling is frozen (blast_guard.h)
  kHeldDown,        ///< stays down: held after many falls
  kWaitsForResume,  ///< stays down: an operator must allow it to rise
  kMajority,        ///< what more than half of the nodes say changed (combine.h)
  kAnyDown,         ///< a node began to say down, or none says so any more
  kCutOff,          ///< other nodes are not heard of any more: our own view
};
[[nodiscard]] std::string_view why_name(Why why);  ///< "failures-in-row", "held-down" …

enum class Falling : std::uint8_t { kAllowed, kFrozen };

struct Step {
  VerdictState state;
  bool changed = false;  ///< the verdict is another than before
  Why why = Why::kNothing;
};

/// Before the first result.
[[nodiscard]] VerdictState initial_state(SteadyTime now, const Thresholds& thresholds);
/// After one more probe. Its time must not be earlier than those before. O(1).
///
/// While falling is frozen counters go on, so what still fails afterwards falls with its next failure. Thresholds may
/// be other ones than before (a reload): counters stay, limits are those given now.
[[nodiscard]] Step step(const VerdictState& before, ProbeOutcome outcome, SteadyTime now, const Thresholds& thresholds,
                        Falling falling = Falling::kAllowed);
/// An operator says that it is mended: falls, broken runs and the hold are forgotten, and it may rise once it has
/// `rise` successes in a row: now, when it has them. The next failure takes the permission back.
[[nodiscard]] Step resume(const VerdictState& before, SteadyTime now, const Thresholds& thresholds);

/// The run of successes that a down target needs, within `rise` and `rise_most`.
[[nodiscard]] std::uint32_t successes_needed(const VerdictState& state, const Thresholds& thresholds);
/// When the hold ends, at the latest `hold_most` after the fall; a time that is over when it is not held.
[[nodiscard]] SteadyTime held_until(const VerdictState& state, const Thresholds& thresholds);

/// A state without a clock: what survives a restart. Steady times become distances from the moment of saving.
struct VerdictRecord {
  std::chrono::milliseconds changed_ago{};
  std::chrono::milliseconds failing_for{};  ///< counts only while `failing`
  std::chrono::milliseconds held_for{};     ///< from then on; 0: not held
  std::uint32_t run = 0;
  std::uint16_t remembered = 0;
  std::uint16_t needed = 0;
  std::uint8_t falls = 0;
  Verdict verdict = Verdict::kUnknown;
  bool failing = false;
  bool resumed = false;
  friend bool operator==(const VerdictRecord&, const VerdictRecord&) = default;
};
[[nodiscard]] VerdictRecord to_record(const VerdictState& state, SteadyTime now);
/// `elapsed` is the time since it was saved, by the wall clock. Durations below 0 (the clock was set back) count as 0,
/// those over ten years as ten years.
[[nodiscard]] VerdictState from_record(const VerdictRecord& record, SteadyTime now, std::chrono::milliseconds elapsed);

}  // namespace sdns::health
