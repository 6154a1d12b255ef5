// SPDX-License-Identifier: MIT
#include "backend/health/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace sdns::health {
namespace {

using std::chrono::milliseconds;

constexpr SteadyTime kNever{};
constexpr milliseconds kLongestRecorded = std::chrono::hours(24 * 3653);  // ten years: steady times hold 292

template <class Count>
void count(Count& counter) {
  if (counter != std::numeric_limits<Count>::max()) ++counter;
}

Step turn(VerdictState state, Verdict verdict, Why why, SteadyTime now) {
  const bool changed = state.verdict != verdict;
  state.verdict = verdict;
  if (changed) state.changed = now;
  return {state, changed, why};
}

/// How long the fall number `falls` is held.
std::chrono::seconds hold_of(std::uint8_t falls, const Thresholds& thresholds) {
  std::chrono::seconds hold = thresholds.hold_down;
  for (std::uint8_t i = thresholds.storm_falls; i < falls && hold < thresholds.hold_most; ++i) hold *= 2;
  return std::min(hold, thresholds.hold_most);
}

Step fall(VerdictState state, Why why, SteadyTime now, const Thresholds& thresholds) {
  if (now - state.changed >= thresholds.quiet_time) {
    state.falls = 0;
    state.needed = 0;
  }
  const bool lost_some = state.remembered > state.run;  // not all of its failures were in a row
  state.needed = std::max(state.needed, lost_some ? thresholds.rise_after_loss : thresholds.rise);
  count(state.falls);
  const bool storm = thresholds.storm_falls != 0 && state.falls >= thresholds.storm_falls;
  state.held_until = storm ? now + hold_of(state.falls, thresholds) : kNever;
  return turn(state, Verdict::kDown, why, now);
}

Step rise(VerdictState state, Why why, SteadyTime now) {
  state.remembered = 0;
  state.held_until = kNever;
  state.resumed = false;
  return turn(state, Verdict::kUp, why, now);
}

Step rise_if_allowed(const VerdictState& state, SteadyTime now, const Thresholds& thresholds) {
  if (state.successes_in_row() < successes_needed(state, thresholds)) return {state, false, Why::kNothing};
  if (thresholds.resume == Resume::kManual && !state.resumed) return {state, false, Why::kWaitsForResume};
  if (now < held_until(state, thresholds)) return {state, false, Why::kHeldDown};
  return rise(state, state.resumed ? Why::kResumed : Why::kSuccesses, now);
}

Step after_success(VerdictState state, SteadyTime now, const Thresholds& thresholds) {
  switch (state.verdict) {
    case Verdict::kUnknown:
      return rise(state, Why::kFirstResult, now);
    case Verdict::kDown:
      return rise_if_allowed(state, now, thresholds);
    case Verdict::kUp:
      break;
  }
  if (state.run >= thresholds.forget_after) state.remembered = 0;
  return {state, false, Why::kNothing};
}

Step after_failure(VerdictState state, std::uint32_t run_broken, SteadyTime now, const Thresholds& thresholds,
                   Falling falling) {
  state.resumed = false;
  if (state.verdict == Verdict::kDown) {
    if (run_broken > 0) {
      const std::uint32_t doubled = 2 * successes_needed(state, thresholds);
      state.needed = static_cast<std::uint16_t>(std::min<std::uint32_t>(doubled, thresholds.rise_most));
    }
    return {state, false, Why::kNothing};
  }
  count(state.remembered);
  const bool first_decides = state.verdict == Verdict::kUnknown && thresholds.initial != Initial::kUnknownThenUp;
  Why why = Why::kNothing;
  if (thresholds.fall_remembered != 0 && state.remembered >= thresholds.fall_remembered) why = Why::kLostProbes;
  if (thresholds.fall != 0 && state.run >= thresholds.fall) why = Why::kFailuresInRow;
  if (first_decides) why = Why::kFirstResult;
  if (why == Why::kNothing) {
    if (state.verdict == Verdict::kUnknown) return turn(state, Verdict::kUp, Why::kFirstResult, now);
    return {state, false, why};
  }
  if (falling == Falling::kFrozen) return {state, false, Why::kFrozen};
  if (state.verdict == Verdict::kUp) return fall(state, why, now, thresholds);
  state.needed = thresholds.rise;  // it was never up: no fall
  return turn(state, Verdict::kDown, Why::kFirstResult, now);
}

Result<void> broken(std::string_view name, std::uint64_t value, std::string_view rule, std::string hint) {
  return fail(Errc::kInvalidArgument, fmt::format("{} = {}: {}", name, value, rule), std::move(hint));
}

}  // namespace

std::string_view why_name(Why why) {
  switch (why) {
    case Why::kNoResult:
      return "no-result";
    case Why::kFirstResult:
      return "first-result";
    case Why::kFailuresInRow:
      return "failures-in-row";
    case Why::kLostProbes:
      return "lost-probes";
    case Why::kSuccesses:
      return "successes";
    case Why::kResumed:
      return "resumed";
    case Why::kFrozen:
      return "frozen";
    case Why::kHeldDown:
      return "held-down";
    case Why::kWaitsForResume:
      return "waits-for-resume";
    case Why::kMajority:
      return "majority";
    case Why::kAnyDown:
      return "any-down";
    case Why::kCutOff:
      return "cut-off";
    case Why::kNothing:
      break;
  }
  return "nothing";
}

Thresholds Thresholds::power_dns(std::uint32_t minimum_failures) {
  Thresholds made;
  made.fall = std::max<std::uint32_t>(minimum_failures, 1);
  made.fall_remembered = 0;
  made.rise = made.rise_after_loss = made.rise_most = 1;
  made.initial = Initial::kUnknownThenUp;
  made.storm_falls = 0;
  return made;
}

Result<void> check_thresholds(const Thresholds& t) {
  if (t.fall == 0 && t.fall_remembered == 0)
    return broken("fall", 0, "the target would never fall", "set fall or fall_remembered to 1 or more");
  if (t.forget_after == 0) return broken("forget_after", 0, "must be at least 1", "1: only failures in a row count");
  if (t.rise == 0) return broken("rise", 0, "must be at least 1", "1: the first success brings it up");
  if (t.rise_after_loss < t.rise)
    return broken("rise_after_loss", t.rise_after_loss, "is less than rise",
                  fmt::format("set it to {} at least", t.rise));
  if (t.rise_most < t.rise_after_loss)
    return broken("rise_most", t.rise_most, "is less than rise_after_loss",
                  fmt::format("set it to {} at least", t.rise_after_loss));
  constexpr std::chrono::hours kLongest{24 * 7};
  const auto in_range = [&](std::string_view name, std::chrono::seconds value) -> Result<void> {
    if (value >= std::chrono::seconds(0) && value <= kLongest) return {};
    return fail(Errc::kInvalidArgument, fmt::format("{} = {}s: must be 0 s to 7 days", name, value.count()));
  };
  if (auto good = in_range("hold_down", t.hold_down); !good) return good;
  if (auto good = in_range("hold_most", t.hold_most); !good) return good;
  if (auto good = in_range("quiet_time", t.quiet_time); !good) return good;
  if (t.hold_most < t.hold_down)
    return fail(Errc::kInvalidArgument, fmt::format("hold_most = {}s: is less than hold_down", t.hold_most.count()),
                fmt::format("set it to {}s at least", t.hold_down.count()));
  return {};
}

VerdictState initial_state(SteadyTime now, const Thresholds& thresholds) {
  VerdictState state;
  state.changed = now;
  state.needed = thresholds.rise;
  if (thresholds.initial == Initial::kUp) state.verdict = Verdict::kUp;
  if (thresholds.initial == Initial::kDown) state.verdict = Verdict::kDown;
  return state;
}

Step step(const VerdictState& before, ProbeOutcome outcome, SteadyTime now, const Thresholds& thresholds,
          Falling falling) {
  if (outcome == ProbeOutcome::kNoResult) return {before, false, Why::kNoResult};
  VerdictState state = before;
  state.failing = outcome == ProbeOutcome::kFailure;
  if (state.failing != before.failing) {
    state.run = 0;
    state.failing_since = state.failing ? now : kNever;
  }
  count(state.run);
  return state.failing ? after_failure(state, before.successes_in_row(), now, thresholds, falling)
                       : after_success(state, now, thresholds);
}

Step resume(const VerdictState& before, SteadyTime now, const Thresholds& thresholds) {
  VerdictState state = before;
  state.falls = 0;
  state.needed = thresholds.rise;
  state.held_until = kNever;
  if (state.verdict != Verdict::kDown) return {state, false, Why::kNothing};
  state.resumed = true;
  return rise_if_allowed(state, now, thresholds);
}

std::uint32_t successes_needed(const VerdictState& state, const Thresholds& thresholds) {
  return std::clamp(state.needed, thresholds.rise, std::max(thresholds.rise, thresholds.rise_most));
}

SteadyTime held_until(const VerdictState& state, const Thresholds& thresholds) {
  if (thresholds.storm_falls == 0) return kNever;
  return std::min(state.held_until, state.changed + thresholds.hold_most);
}

VerdictRecord to_record(const VerdictState& state, SteadyTime now) {
  const auto since = [&](SteadyTime time) { return std::chrono::round<milliseconds>(now - time); };
  VerdictRecord record;
  record.changed_ago = since(state.changed);
  if (state.failing) record.failing_for = since(state.failing_since);
  if (state.held_until > now) record.held_for = -since(state.held_until);
  record.run = state.run;
  record.remembered = state.remembered;
  record.needed = state.needed;
  record.falls = state.falls;
  record.verdict = state.verdict;
  record.failing = state.failing;
  record.resumed = state.resumed;
  return record;
}

VerdictState from_record(const VerdictRecord& record, SteadyTime now, milliseconds elapsed) {
  const auto bounded = [](milliseconds value) { return std::clamp(value, milliseconds(0), kLongestRecorded); };
  elapsed = bounded(elapsed);
  VerdictState state;
  state.run = record.run;
  state.remembered = record.remembered;
  state.needed = record.needed;
  state.falls = record.falls;
  state.verdict = record.verdict;
  state.failing = record.failing;
  state.resumed = record.resumed;
  state.changed = now - elapsed - bounded(record.changed_ago);
  if (state.failing) state.failing_since = now - elapsed - bounded(record.failing_for);
  const milliseconds held_for = bounded(record.held_for);
  if (held_for > elapsed) state.held_until = now + (held_for - elapsed);
  return state;
}

}  // namespace sdns::health
