// SPDX-License-Identifier: MIT
// The state machine of verdicts over long random sequences: against models, and what no sequence may do.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "backend/health/verdict.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/health/verdict_model.h"

namespace sdns::health {
namespace {

using namespace std::chrono_literals;
using sdns::test::SeededRandom;

constexpr SteadyTime kStart{1000h};
constexpr auto kInterval = 10s;
constexpr int kMonth = 30 * 24 * 360;  // probes

ProbeOutcome outcome(bool failed) { return failed ? ProbeOutcome::kFailure : ProbeOutcome::kSuccess; }

/// Loses probes by chance, at a rate that changes from time to time: nothing, a little, a fifth, half, all.
class Weather {
 public:
  explicit Weather(SeededRandom& random) : random_(random) {}
  bool fails() {
    if (left_-- == 0) {
      constexpr std::uint64_t kPercent[] = {0, 0, 2, 20, 50, 100};
      percent_ = kPercent[random_.below(std::size(kPercent))];
      left_ = random_.below(1 + (std::uint64_t{1} << random_.below(7)));
    }
    return random_.below(100) < percent_;
  }

 private:
  SeededRandom& random_;
  std::uint64_t percent_ = 0;
  std::uint64_t left_ = 0;
};

Thresholds any_thresholds(SeededRandom& random) {
  const auto up_to = [&](std::uint64_t most) { return static_cast<std::uint16_t>(random.below(most + 1)); };
  Thresholds t;
  t.fall = up_to(4);
  t.fall_remembered = up_to(6);
  if (t.fall == 0 && t.fall_remembered == 0) t.fall = 1;
  t.forget_after = static_cast<std::uint16_t>(1 + up_to(6));
  t.rise = static_cast<std::uint16_t>(1 + up_to(3));
  t.rise_after_loss = static_cast<std::uint16_t>(t.rise + up_to(3));
  t.rise_most = static_cast<std::uint16_t>(t.rise_after_loss + up_to(12));
  t.initial = static_cast<Initial>(random.below(4));
  t.resume = random.below(3) == 0 ? Resume::kManual : Resume::kAutomatic;
  t.storm_falls = static_cast<std::uint8_t>(up_to(4));
  t.hold_down = 20s * up_to(4);
  t.hold_most = t.hold_down + 50s * up_to(6);
  t.quiet_time = 100s * up_to(5);
  return t;
}

TEST(VerdictProperty, AgreesWithTheModelThatReadsTheWholeLog) {
  int falls = 0;
  int rises = 0;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    Weather weather(random);
    const Thresholds thresholds = any_thresholds(random);
    ASSERT_TRUE(check_thresholds(thresholds).has_value());
    SteadyTime now = kStart;
    test::VerdictModel model(now, thresholds);
    VerdictState state = initial_state(now, thresholds);
    for (int i = 0; i < 120; ++i) {
      now += 1s * random.below(20);
      const Verdict before = state.verdict;
      const std::uint64_t event = random.below(40);
      if (event == 0) {
        model.resume(now);
        state = resume(state, now, thresholds).state;
      } else if (event == 1) {
        state = step(state, ProbeOutcome::kNoResult, now, thresholds).state;
      } else {
        const bool failed = weather.fails();
        const bool frozen = event < 6;
        model.probe(failed, now, frozen);
        state = step(state, outcome(failed), now, thresholds, frozen ? Falling::kFrozen : Falling::kAllowed).state;
      }
      ASSERT_EQ(verdict_name(model.verdict()), verdict_name(state.verdict)) << "event " << i;
      falls += before == Verdict::kUp && state.verdict == Verdict::kDown ? 1 : 0;
      rises += before == Verdict::kDown && state.verdict == Verdict::kUp ? 1 : 0;
    }
  }
  EXPECT_GT(falls, 3000);
  EXPECT_GT(rises, 2000);
}

TEST(VerdictProperty, IsPowerDnsWithItsThresholds) {
  for (const std::uint32_t minimum : {0U, 1U, 2U, 3U, 10U, 70'000U}) {
    SCOPED_TRACE(minimum);
    const Thresholds thresholds = Thresholds::power_dns(minimum);
    SeededRandom random(minimum + 1);
    Weather weather(random);
    test::PowerDnsModel model{minimum};
    VerdictState state = initial_state(kStart, thresholds);
    EXPECT_EQ(Verdict::kUnknown, state.verdict) << "what PowerDNS calls the first check";
    for (int i = 1; i <= 150'000; ++i) {
      const bool failed = minimum == 70'000 ? i % 72'000 != 0 : weather.fails();
      model.probe(failed);
      const Verdict before = state.verdict;
      const Step next = step(state, outcome(failed), kStart + i * kInterval, thresholds);
      state = next.state;
      ASSERT_EQ(model.up ? Verdict::kUp : Verdict::kDown, state.verdict) << i;
      ASSERT_EQ(before != state.verdict, next.changed);
    }
  }
}

TEST(VerdictProperty, IsHaproxyWithItsThresholds) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SeededRandom random(seed);
    Weather weather(random);
    const int rise = static_cast<int>(1 + random.below(4));
    const int fall = static_cast<int>(1 + random.below(4));
    test::HaproxyModel model{rise, fall, rise};  // a server starts up, one failure from down
    Thresholds thresholds = Thresholds::power_dns(static_cast<std::uint32_t>(fall));
    thresholds.rise = thresholds.rise_after_loss = thresholds.rise_most = static_cast<std::uint16_t>(rise);
    thresholds.initial = Initial::kUnknown;
    VerdictState state = initial_state(kStart, thresholds);
    for (int i = 1; i <= 5000; ++i) {
      const bool failed = weather.fails();
      model.probe(failed);
      state = step(state, outcome(failed), kStart + i * kInterval, thresholds).state;
      ASSERT_EQ(model.up() ? Verdict::kUp : Verdict::kDown, state.verdict) << "seed " << seed << ", probe " << i;
    }
  }
}

TEST(VerdictProperty, IsGdnsdWithItsThresholds) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SeededRandom random(seed);
    Weather weather(random);
    test::GdnsdModel model;
    model.up_thresh = static_cast<unsigned>(1 + random.below(8));
    model.ok_thresh = static_cast<unsigned>(1 + random.below(8));
    model.down_thresh = static_cast<unsigned>(1 + random.below(8));
    Thresholds thresholds;
    thresholds.fall = 0;
    thresholds.fall_remembered = static_cast<std::uint16_t>(model.down_thresh);
    thresholds.forget_after = static_cast<std::uint16_t>(model.ok_thresh);
    thresholds.rise = thresholds.rise_after_loss = thresholds.rise_most = static_cast<std::uint16_t>(model.up_thresh);
    thresholds.initial = Initial::kUp;
    thresholds.storm_falls = 0;
    VerdictState state = initial_state(kStart, thresholds);
    for (int i = 1; i <= 5000; ++i) {
      const bool failed = weather.fails();
      model.probe(failed);
      state = step(state, outcome(failed), kStart + i * kInterval, thresholds).state;
      ASSERT_EQ(model.up ? Verdict::kUp : Verdict::kDown, state.verdict) << "seed " << seed << ", probe " << i;
    }
  }
}

/// What holds after each step, whatever came before.
void expect_invariants(const VerdictState& before, const Step& next, ProbeOutcome result, SteadyTime now,
                       const Thresholds& t, Falling falling, bool may_resume) {
  const VerdictState& state = next.state;
  ASSERT_NE(Verdict::kUnknown, state.verdict) << "falling is frozen only after the first result here";
  if (before.verdict == Verdict::kUp && state.verdict == Verdict::kDown) {
    ASSERT_EQ(ProbeOutcome::kFailure, result);
    ASSERT_EQ(Falling::kAllowed, falling);
    ASSERT_TRUE((t.fall != 0 && state.failures_in_row() >= t.fall) ||
                (t.fall_remembered != 0 && state.remembered >= t.fall_remembered));
    ASSERT_LE(state.held_until, now + t.hold_most);
  }
  if (before.verdict == Verdict::kDown && state.verdict == Verdict::kUp) {
    ASSERT_EQ(ProbeOutcome::kSuccess, result);
    ASSERT_GE(state.successes_in_row(), t.rise);
    ASSERT_GE(now, before.held_until);
    ASSERT_TRUE(t.resume == Resume::kAutomatic || may_resume);
    ASSERT_EQ(0U, state.remembered);
  }
  if (state.verdict == Verdict::kDown && result == ProbeOutcome::kSuccess && t.resume == Resume::kAutomatic) {
    ASSERT_TRUE(state.successes_in_row() < t.rise_most || now < before.held_until) << "it can always rise";
  }
  ASSERT_GE(successes_needed(state, t), t.rise);
  ASSERT_LE(successes_needed(state, t), t.rise_most);
  ASSERT_LE(held_until(state, t), state.changed + t.hold_most);
  ASSERT_EQ(state.failing, state.failing_since != SteadyTime{});
  ASSERT_LE(state.changed, now);
  ASSERT_EQ(next.changed, before.verdict != state.verdict);
  ASSERT_EQ(next.changed, state.changed != before.changed || (next.changed && now == before.changed));
}

TEST(VerdictProperty, NoSequenceLeavesTheInvariants) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    Weather weather(random);
    const Thresholds thresholds = any_thresholds(random);
    SteadyTime now = kStart;
    VerdictState state = step(initial_state(now, thresholds), ProbeOutcome::kSuccess, now, thresholds).state;
    bool may_resume = false;
    for (int i = 0; i < 2000; ++i) {
      now += 1s * (1 + random.below(20));
      const std::uint64_t event = random.below(40);
      if (event == 0) {
        const Step next = resume(state, now, thresholds);
        ASSERT_TRUE(!next.changed || next.state.successes_in_row() >= thresholds.rise);
        state = next.state;
        may_resume = state.verdict == Verdict::kDown;
        continue;
      }
      const Falling falling = event < 6 ? Falling::kFrozen : Falling::kAllowed;
      const ProbeOutcome result = event == 6 ? ProbeOutcome::kNoResult : outcome(weather.fails());
      if (result == ProbeOutcome::kFailure) may_resume = false;
      const Step next = step(state, result, now, thresholds, falling);
      if (result == ProbeOutcome::kNoResult) {
        ASSERT_EQ(state, next.state);
      } else {
        ASSERT_NO_FATAL_FAILURE(expect_invariants(state, next, result, now, thresholds, falling, may_resume));
      }
      if (next.changed && next.state.verdict == Verdict::kUp) may_resume = false;
      state = next.state;
    }
  }
}

/// What becomes of an up target that loses `percent` of its probes, over a month.
struct Fate {
  int first_fall = 0;  // which probe
  int rises = 0;
  int falls = 0;
};
Fate month_of_loss(std::uint64_t percent, std::uint64_t seed) {
  SeededRandom random(seed);
  Thresholds thresholds;
  thresholds.initial = Initial::kUp;
  VerdictState state = initial_state(kStart, thresholds);
  Fate fate;
  for (int i = 1; i <= kMonth; ++i) {
    const Step next = step(state, outcome(random.below(100) < percent), kStart + i * kInterval, thresholds);
    state = next.state;
    if (!next.changed) continue;
    ++(state.verdict == Verdict::kUp ? fate.rises : fate.falls);
    if (fate.first_fall == 0) fate.first_fall = i;
  }
  return fate;
}

TEST(Loss, OfAFifthTakesATargetDownAndKeepsItDown) {
  constexpr std::uint64_t kTargets = 100;
  std::vector<int> first_falls;
  int came_back = 0;
  int rises = 0;
  for (std::uint64_t seed = 1; seed <= kTargets; ++seed) {
    const Fate fate = month_of_loss(20, seed);
    first_falls.push_back(fate.first_fall);
    came_back += fate.rises > 0 ? 1 : 0;
    rises += fate.rises;
    EXPECT_EQ(fate.rises + 1, fate.falls) << "seed " << seed << " ends up";
  }
  std::ranges::sort(first_falls);
  RecordProperty("median_probes_to_fall", first_falls[kTargets / 2]);
  RecordProperty("most_probes_to_fall", first_falls.back());
  RecordProperty("came_back", came_back);
  EXPECT_GT(first_falls.front(), 2);
  EXPECT_LE(first_falls[kTargets / 2], 40);
  EXPECT_LE(first_falls.back(), 240);
  EXPECT_LE(came_back, 3) << "of 100 targets in a month";
  EXPECT_LE(rises, 4);
}

TEST(Loss, OfOneProbeInAHundredHardlyEverTakesATargetDown) {
  int falls = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) falls += month_of_loss(1, seed).falls;
  EXPECT_LE(falls, 20) << "of 20 targets in a month";
}

TEST(Loss, OfSingleProbesNeverFlaps) {
  Thresholds thresholds;
  VerdictState state = step(initial_state(kStart, thresholds), ProbeOutcome::kSuccess, kStart, thresholds).state;
  for (int i = 1; i <= kMonth; ++i) {
    const Step next = step(state, outcome(i % 11 == 0), kStart + i * kInterval, thresholds);
    ASSERT_FALSE(next.changed) << i;
    state = next.state;
  }
}

struct FlappingCase {
  int fails;     // probes in a row
  int succeeds;  // then
  int most_changes;
};
void PrintTo(const FlappingCase& one, std::ostream* to) { *to << one.fails << " fail, " << one.succeeds << " succeed"; }
class Flapping : public testing::TestWithParam<FlappingCase> {};

TEST_P(Flapping, ForAMonthIsDampedAndForgotten) {
  const auto& [fails, succeeds, most_changes] = GetParam();
  const Thresholds thresholds;
  VerdictState state = step(initial_state(kStart, thresholds), ProbeOutcome::kSuccess, kStart, thresholds).state;
  int changes = 0;
  SteadyTime now = kStart;
  for (int i = 0; i < kMonth; ++i) {
    now += kInterval;
    const Step next = step(state, outcome(i % (fails + succeeds) < fails), now, thresholds);
    changes += next.changed ? 1 : 0;
    state = next.state;
  }
  EXPECT_LE(changes, most_changes);
  state = step(state, outcome(true), now, thresholds).state;
  const SteadyTime mended = now;
  while (state.verdict != Verdict::kUp) {
    now += kInterval;
    state = step(state, outcome(false), now, thresholds).state;
    ASSERT_LE(now - mended, std::max<SteadyTime::duration>(thresholds.hold_most, thresholds.rise_most * kInterval));
  }
}

// The model reads its whole log for each probe: half an hour lies between two here, and times are as much longer.
TEST_P(Flapping, ForAMonthIsWhatTheModelSays) {
  const int fails = GetParam().fails;
  const int succeeds = GetParam().succeeds;
  Thresholds thresholds;
  thresholds.rise = 4;
  thresholds.rise_after_loss = 8;
  thresholds.rise_most = 24;
  thresholds.hold_down = 4h;
  thresholds.hold_most = 48h;
  thresholds.quiet_time = 24h;
  ASSERT_TRUE(check_thresholds(thresholds).has_value());
  SteadyTime now = kStart;
  test::VerdictModel model(now, thresholds);
  VerdictState state = initial_state(now, thresholds);
  int changes = 0;
  for (int i = 0; i < 30 * 48; ++i) {
    now += 30min;
    const bool failed = i % (fails + succeeds) < fails;
    model.probe(failed, now, false);
    const Step next = step(state, outcome(failed), now, thresholds);
    changes += next.changed ? 1 : 0;
    state = next.state;
    ASSERT_EQ(verdict_name(model.verdict()), verdict_name(state.verdict)) << "probe " << i;
  }
  EXPECT_GE(changes, 1);
}

// Without any damping the month has 21 600 changes of the first, 3 300 of the third.
INSTANTIATE_TEST_SUITE_P(Health, Flapping,
                         testing::Values(FlappingCase{6, 18, 10}, FlappingCase{3, 60, 20}, FlappingCase{6, 150, 1700},
                                         FlappingCase{1, 9, 1}, FlappingCase{6, 360, 1500}));

}  // namespace
}  // namespace sdns::health
