// SPDX-License-Identifier: MIT
#include "backend/health/ttl_plan.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/seeded_random.h"

namespace sdns::health {
namespace {

using namespace std::chrono_literals;
using sdns::test::SeededRandom;
using std::chrono::milliseconds;

constexpr SteadyTime kStart{1000h};
constexpr ProbeTimes kTimes{4s, 10s};

struct Probed {
  VerdictState state;
  SteadyTime now;
};

/// From up, with the default thresholds and these results: `+` and `-`, ten seconds apart; `r` is resume().
Probed after(const std::string& results, const Thresholds& thresholds) {
  Probed probed{initial_state(kStart, thresholds), kStart};
  for (const char one : results) {
    if (one == 'r') {
      probed.state = resume(probed.state, probed.now, thresholds).state;
      continue;
    }
    probed.now += 10s;
    const ProbeOutcome outcome = one == '+' ? ProbeOutcome::kSuccess : ProbeOutcome::kFailure;
    probed.state = step(probed.state, outcome, probed.now, thresholds).state;
  }
  return probed;
}

Thresholds from_up() {
  Thresholds made;
  made.initial = Initial::kUp;
  return made;
}

Thresholds manual() {
  Thresholds made = from_up();
  made.resume = Resume::kManual;
  return made;
}

Thresholds long_hold() {
  Thresholds made = from_up();
  made.storm_falls = 1;
  made.hold_down = 300s;
  return made;
}

Thresholds only_remembered() {
  Thresholds made = from_up();
  made.fall = 0;
  return made;
}

struct ChangeCase {
  std::string behaviour;
  Thresholds thresholds;
  std::string results;
  std::optional<milliseconds> change;
};
void PrintTo(const ChangeCase& one, std::ostream* to) { *to << one.behaviour; }
class NextChange : public testing::TestWithParam<ChangeCase> {};

TEST_P(NextChange, IsTheShortestWay) {
  const Probed probed = after(GetParam().results, GetParam().thresholds);
  EXPECT_EQ(GetParam().change, next_change(probed.state, GetParam().thresholds, kTimes, probed.now));
}

INSTANTIATE_TEST_SUITE_P(
    Health, NextChange,
    testing::Values(ChangeCase{"the first result decides", Thresholds{}, "", 4s},
                    ChangeCase{"an up check without failures is solid", from_up(), "+++", std::nullopt},
                    ChangeCase{"after one failure two more do", from_up(), "-", 14s},
                    ChangeCase{"after two the next one does", from_up(), "--", 4s},
                    ChangeCase{"a success sets the run back", from_up(), "--+", 24s},
                    ChangeCase{"but not what is remembered", from_up(), "-+-+-+-+", 4s},
                    ChangeCase{"remembered alone", only_remembered(), "--", 24s},
                    ChangeCase{"forgotten failures leave it solid", from_up(), "--++++++++++", std::nullopt},
                    ChangeCase{"a down check that fails is solid", from_up(), "---", std::nullopt},
                    ChangeCase{"after one success nine more do", from_up(), "---+", 84s},
                    ChangeCase{"after nine the next one does", from_up(), "---+++++++++", 4s},
                    ChangeCase{"after a broken run it takes twice as many", from_up(), "---+-+", 184s},
                    ChangeCase{"it is not up before its hold ends", long_hold(), "---+++++++++", 210s},
                    ChangeCase{"not even when it has its successes", long_hold(), "---+++++++++++", 190s},
                    ChangeCase{"a check that waits for an operator is solid", manual(), "---++++++++++", std::nullopt},
                    ChangeCase{"one that was resumed is not", manual(), "---r+", 84s}));

struct StepCase {
  std::optional<milliseconds> change;
  int step;
};
void PrintTo(const StepCase& one, std::ostream* to) {
  *to << (one.change ? std::to_string(one.change->count()) + " ms" : "solid");
}
class TtlStep : public testing::TestWithParam<StepCase> {};

TEST_P(TtlStep, IsHalfOfTheTimeRoundedDown) { EXPECT_EQ(GetParam().step, ttl_step(GetParam().change)); }

INSTANTIATE_TEST_SUITE_P(Health, TtlStep,
                         testing::Values(StepCase{std::nullopt, 0}, StepCase{0ms, 1}, StepCase{1999ms, 1},
                                         StepCase{3999ms, 1}, StepCase{4000ms, 2}, StepCase{9999ms, 2},
                                         StepCase{10s, 5}, StepCase{19'999ms, 5}, StepCase{20s, 10},
                                         StepCase{59'999ms, 10}, StepCase{60s, 30}, StepCase{119'999ms, 30},
                                         StepCase{120s, 60}, StepCase{86'400s, 60}, StepCase{-5s, 1}));

TEST(TtlStep, EndsInTheFirstMillisecondInWhichItIsTooLong) {
  const SteadyTime change = kStart + 1000s;
  for (const int step : {2, 5, 10, 30, 60}) {
    const auto ends = end_of_step(static_cast<std::uint8_t>(step), change);
    ASSERT_TRUE(ends);
    const auto left = [&](SteadyTime at) { return std::chrono::duration_cast<milliseconds>(change - at); };
    EXPECT_LT(ttl_step(left(*ends)), step);
    EXPECT_EQ(ttl_step(left(*ends - 1ms)), step);
  }
  EXPECT_FALSE(end_of_step(1, change)) << "the shortest";
  EXPECT_FALSE(end_of_step(0, change));
}

TEST(Earlier, TakesTheShorterOfTwo) {
  EXPECT_EQ(std::nullopt, earlier(std::nullopt, std::nullopt));
  EXPECT_EQ(5ms, earlier(5ms, std::nullopt));
  EXPECT_EQ(5ms, earlier(std::nullopt, 5ms));
  EXPECT_EQ(5ms, earlier(7ms, 5ms));
  EXPECT_EQ(5ms, earlier(5ms, 7ms));
}

TEST(NextChangeProperty, IsExactlyWhenTheWorstResultsTakeTheVerdict) {
  int changes = 0;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    SeededRandom random(seed);
    Thresholds thresholds;
    thresholds.initial = static_cast<Initial>(random.below(4));
    thresholds.fall = static_cast<std::uint32_t>(random.below(5));
    thresholds.hold_down = 20s * random.below(10);
    SteadyTime now = kStart;
    VerdictState state = initial_state(now, thresholds);
    const std::uint64_t percent = random.below(101);
    for (std::uint64_t i = random.below(60); i > 0; --i) {
      now += 10s;
      const bool failed = random.below(100) < percent;
      state = step(state, failed ? ProbeOutcome::kFailure : ProbeOutcome::kSuccess, now, thresholds).state;
    }
    const auto change = next_change(state, thresholds, {3s, 10s}, now);
    if (!change || state.verdict == Verdict::kUnknown) continue;
    ++changes;
    // Only what speaks against the verdict from here on: no other results take it sooner.
    const ProbeOutcome against = state.verdict == Verdict::kUp ? ProbeOutcome::kFailure : ProbeOutcome::kSuccess;
    VerdictState probed = state;
    SteadyTime at = now + 3s;
    for (bool changed = false; !changed; at += 10s) {
      const Step next = step(probed, against, at, thresholds);
      probed = next.state;
      changed = next.changed;
      if (!changed) continue;
      ASSERT_LE(*change, at - now) << "seed " << seed;
      ASSERT_GT(*change, at - now - 10s) << "seed " << seed;
    }
  }
  EXPECT_GT(changes, 500);
}

}  // namespace
}  // namespace sdns::health
