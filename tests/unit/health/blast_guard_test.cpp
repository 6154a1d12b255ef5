// SPDX-License-Identifier: MIT
#include "backend/health/blast_guard.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/support/seeded_random.h"

namespace sdns::health {
namespace {

using namespace std::chrono_literals;
using sdns::test::SeededRandom;

constexpr SteadyTime kStart{1000h};

/// `count` targets of `targets` begin to fail, a millisecond apart; the last change that says something.
GuardChange fail_many(BlastGuard& guard, SteadyTime from, std::uint32_t count, std::uint32_t targets) {
  GuardChange said;
  for (std::uint32_t i = 0; i < count; ++i) {
    const GuardChange change = guard.began_to_fail(from + i * 1ms, targets);
    if (change.event != GuardEvent::kNone) said = change;
  }
  return said;
}

struct WaveCase {
  std::string behaviour;
  GuardLimits limits;
  std::uint32_t failing;
  std::uint32_t targets;
  bool freezes;
};
void PrintTo(const WaveCase& one, std::ostream* to) { *to << one.behaviour; }
class Wave : public testing::TestWithParam<WaveCase> {};

TEST_P(Wave, FreezesWhenItIsLargeEnough) {
  BlastGuard guard(GetParam().limits);
  const GuardChange said = fail_many(guard, kStart, GetParam().failing, GetParam().targets);
  EXPECT_EQ(GetParam().freezes, said.event == GuardEvent::kFrozen);
  EXPECT_EQ(GetParam().freezes, guard.falling(kStart + 1s) == Falling::kFrozen);
}

INSTANTIATE_TEST_SUITE_P(Health, Wave,
                         testing::Values(WaveCase{"half is not more than half", {}, 50, 100, false},
                                         WaveCase{"more than half is", {}, 51, 100, true},
                                         WaveCase{"few targets are no wave", {}, 9, 9, false},
                                         WaveCase{"ten are", {}, 10, 10, true},
                                         WaveCase{"a third", {.share_percent = 33}, 3301, 10'000, true},
                                         WaveCase{"not quite a third", {.share_percent = 33}, 3300, 10'000, false},
                                         WaveCase{"no guard with 0 %", {.share_percent = 0}, 100, 100, false},
                                         WaveCase{"nor with 100 %", {.share_percent = 100}, 100, 100, false},
                                         WaveCase{"nor without a freeze", {.freeze = 0ms}, 100, 100, false}));

TEST(BlastGuard, SaysWhatItSaw) {
  BlastGuard guard;
  const GuardChange frozen = fail_many(guard, kStart, 60, 100);
  EXPECT_EQ(51U, frozen.failing);
  EXPECT_EQ(100U, frozen.targets);
  const GuardChange over = guard.advance(guard.until());
  EXPECT_EQ(GuardEvent::kTimedOut, over.event);
  EXPECT_EQ(60U, over.failing);
  EXPECT_EQ(GuardEvent::kNone, guard.advance(kStart + 1h).event);
}

TEST(BlastGuard, CountsOnlyWhatBeganWithinTheWindow) {
  BlastGuard guard;
  for (std::uint32_t i = 0; i < 1000; ++i)
    ASSERT_EQ(GuardEvent::kNone, guard.began_to_fail(kStart + i * 1s, 100).event) << i;
  EXPECT_GE(guard.failing(), 30U);
  EXPECT_LE(guard.failing(), 32U);
  static_cast<void>(guard.advance(kStart + 24h));
  EXPECT_EQ(0U, guard.failing());
}

TEST(BlastGuard, CountsATargetOnceHoweverOftenItBlips) {
  BlastGuard guard;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const SteadyTime now = kStart + i * 20ms;
    ASSERT_EQ(GuardEvent::kNone, guard.began_to_fail(now, 20).event);
    ASSERT_EQ(GuardEvent::kNone, guard.stopped_failing(now, now + 10ms).event);
  }
  EXPECT_EQ(0U, guard.failing());
}

TEST(BlastGuard, LetsGoAfterItsTimeWhoeverAsks) {
  BlastGuard guard;
  fail_many(guard, kStart, 51, 100);
  const SteadyTime until = guard.until();
  EXPECT_EQ(kStart + 50ms + 120s, until);
  EXPECT_EQ(Falling::kFrozen, guard.falling(until - 1ns));
  EXPECT_EQ(Falling::kAllowed, guard.falling(until)) << "though nothing was called";
}

TEST(BlastGuard, DoesNotFreezeAgainBeforeItIsCalm) {
  BlastGuard guard;
  fail_many(guard, kStart, 51, 100);
  const SteadyTime over = guard.until();
  fail_many(guard, over - 1s, 49, 100);
  EXPECT_EQ(GuardEvent::kTimedOut, guard.advance(over).event);
  for (int i = 0; i < 2; ++i) {
    static_cast<void>(guard.stopped_failing(kStart, over + 1s));
    EXPECT_EQ(GuardEvent::kNone, guard.began_to_fail(over + 1s, 100).event);
  }
  EXPECT_EQ(51U, guard.failing()) << "enough for a wave";
  EXPECT_EQ(Falling::kAllowed, guard.falling(over + 2s));
}

// Somebody may make waves on purpose, and end each of them before its time.
TEST(BlastGuard, FreezesAFifthOfTheTimeAtMost) {
  BlastGuard guard;
  std::chrono::milliseconds frozen{0};
  SteadyTime now = kStart;
  for (; now < kStart + 10h; now += 1s) {
    if (guard.falling(now) == Falling::kFrozen) {
      frozen += 1s;
      if (guard.until() - now <= 1s)
        for (int i = 0; i < 60; ++i) static_cast<void>(guard.stopped_failing(now, now));
    } else {
      static_cast<void>(guard.advance(now + 40s));  // calm
      fail_many(guard, now + 40s, 60, 100);
      now += 40s;
    }
  }
  EXPECT_LE(frozen, (now - kStart) / 5 + 120s);
  EXPECT_GE(frozen, (now - kStart) / 10);
}

TEST(BlastGuard, IsReadyAgainOnceItIsCalm) {
  BlastGuard guard;
  fail_many(guard, kStart, 51, 100);
  const SteadyTime over = guard.until();
  EXPECT_EQ(GuardEvent::kTimedOut, guard.advance(over).event);
  EXPECT_EQ(GuardEvent::kNone, guard.advance(over + 1min).event);
  EXPECT_EQ(GuardEvent::kFrozen, fail_many(guard, over + 2min, 51, 100).event);
}

TEST(BlastGuard, LetsGoWhenMostOfTheWaveSucceedAgain) {
  BlastGuard guard;
  fail_many(guard, kStart, 51, 100);
  GuardChange change;
  for (int i = 0; i < 25; ++i) change = guard.stopped_failing(kStart + i * 1ms, kStart + 40s);
  EXPECT_EQ(GuardEvent::kNone, change.event);
  EXPECT_EQ(Falling::kFrozen, guard.falling(kStart + 40s));
  change = guard.stopped_failing(kStart + 25ms, kStart + 40s);
  EXPECT_EQ(GuardEvent::kRecovered, change.event);
  EXPECT_EQ(25U, change.failing);
  EXPECT_EQ(Falling::kAllowed, guard.falling(kStart + 40s));
  EXPECT_EQ(SteadyTime{}, guard.until());
}

TEST(BlastGuard, DoesNotLetGoForTargetsThatFailedLongBefore) {
  BlastGuard guard;
  for (int i = 0; i < 40; ++i) static_cast<void>(guard.began_to_fail(kStart - 1h, 100));
  fail_many(guard, kStart, 51, 100);
  for (int i = 0; i < 40; ++i) ASSERT_EQ(GuardEvent::kNone, guard.stopped_failing(kStart - 1h, kStart + 1s).event);
  EXPECT_EQ(Falling::kFrozen, guard.falling(kStart + 2s));
}

/// Targets with the default thresholds, probed every ten seconds, as a scheduler does it.
struct Fleet {
  explicit Fleet(std::uint32_t count, const Thresholds& with = {}) : thresholds(with) {
    for (std::uint32_t i = 0; i < count; ++i)
      states.push_back(step(initial_state(now, thresholds), ProbeOutcome::kSuccess, now, thresholds).state);
  }
  template <class Fails>
  void round(Fails fails) {
    for (std::size_t i = 0; i < states.size(); ++i) {
      now += std::chrono::nanoseconds(10s) / states.size();
      if (guard.until() != SteadyTime{} && now >= guard.until()) note(guard.advance(now));
      const ProbeOutcome outcome = fails(i) ? ProbeOutcome::kFailure : ProbeOutcome::kSuccess;
      VerdictState& state = states[i];
      const bool failing = state.failing;
      if (!failing && outcome == ProbeOutcome::kFailure)
        note(guard.began_to_fail(now, static_cast<std::uint32_t>(states.size())));
      if (failing && outcome == ProbeOutcome::kSuccess) note(guard.stopped_failing(state.failing_since, now));
      const Step next = step(state, outcome, now, thresholds, guard.falling(now));
      state = next.state;
      falls += next.changed && state.verdict == Verdict::kDown ? 1 : 0;
      rises += next.changed && state.verdict == Verdict::kUp ? 1 : 0;
    }
  }
  void note(const GuardChange& change) {
    if (change.event != GuardEvent::kNone) ++events[change.event];
  }
  Thresholds thresholds;
  SteadyTime now = kStart;
  BlastGuard guard;
  std::vector<VerdictState> states;
  std::map<GuardEvent, int> events;
  int falls = 0;
  int rises = 0;
};

TEST(GuardedFleet, LosesNothingWhenTheCheckerLosesItsNetworkForAMinute) {
  Fleet fleet(1000);
  for (int i = 0; i < 6; ++i) fleet.round([](std::size_t) { return true; });
  for (int i = 0; i < 20; ++i) fleet.round([](std::size_t) { return false; });
  EXPECT_EQ(0, fleet.falls);
  EXPECT_EQ(1, fleet.events[GuardEvent::kFrozen]);
  EXPECT_EQ(1, fleet.events[GuardEvent::kRecovered]);
}

TEST(GuardedFleet, FallsWhenItFailsForLongerThanTheFreeze) {
  Fleet fleet(1000);
  for (int i = 0; i < 12; ++i) fleet.round([](std::size_t) { return true; });
  EXPECT_EQ(0, fleet.falls);
  for (int i = 0; i < 3; ++i) fleet.round([](std::size_t) { return true; });
  EXPECT_EQ(1000, fleet.falls);
  EXPECT_EQ(1, fleet.events[GuardEvent::kFrozen]);
  EXPECT_EQ(1, fleet.events[GuardEvent::kTimedOut]);
}

TEST(GuardedFleet, FallsAtOnceWhenOneDataCentreOfThreeDies) {
  Fleet fleet(999);
  for (int i = 0; i < 3; ++i) fleet.round([](std::size_t target) { return target % 3 == 0; });
  EXPECT_EQ(333, fleet.falls);
  EXPECT_TRUE(fleet.events.empty());
}

TEST(GuardedFleet, LosesNoMoreThanTheShareWhenOneFailureIsEnough) {
  Fleet fleet(1000, Thresholds::power_dns(1));
  for (int i = 0; i < 6; ++i) fleet.round([](std::size_t) { return true; });
  EXPECT_EQ(500, fleet.falls);
}

TEST(GuardedFleet, RisesWhileItIsFrozen) {
  Fleet fleet(1000, Thresholds::power_dns(2));
  for (int i = 0; i < 3; ++i) fleet.round([](std::size_t target) { return target < 300; });
  ASSERT_EQ(300, fleet.falls);
  for (int i = 0; i < 3; ++i) fleet.round([](std::size_t target) { return target >= 300; });
  EXPECT_EQ(1, fleet.events[GuardEvent::kFrozen]);
  EXPECT_EQ(300, fleet.rises);
  EXPECT_EQ(300, fleet.falls);
}

TEST(GuardedFleet, FreezesOnceInANetworkThatStaysBad) {
  SeededRandom random(5);
  Fleet fleet(200);
  for (int i = 0; i < 360; ++i) fleet.round([&](std::size_t) { return random.below(100) < 80; });
  EXPECT_EQ(1, fleet.events[GuardEvent::kFrozen]);
  EXPECT_EQ(1, fleet.events[GuardEvent::kTimedOut]);
  EXPECT_GE(fleet.falls, 200);
}

TEST(BlastGuardProperty, IsBoundedAndAgreesWithALogOfAllTargets) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    BlastGuard guard;
    constexpr std::uint32_t kTargets = 40;
    std::vector<SteadyTime> since(kTargets);  // the epoch: does not fail
    SteadyTime now = kStart;
    SteadyTime frozen_at{};
    bool frozen = false;
    int freezes = 0;
    for (int i = 0; i < 4000; ++i) {
      now += 1ms * random.below(i / 500 % 2 == 0 ? 100 : 4000);
      SteadyTime& one = since[random.below(kTargets)];
      const bool failing = one != SteadyTime{};
      const GuardChange change = failing ? guard.stopped_failing(one, now) : guard.began_to_fail(now, kTargets);
      one = failing ? SteadyTime{} : now;
      std::uint32_t surely = 0;
      std::uint32_t perhaps = 0;
      for (const SteadyTime began : since) {
        surely += began != SteadyTime{} && now - began <= 30s ? 1 : 0;
        perhaps += began != SteadyTime{} && now - began <= 31s ? 1 : 0;  // a bucket is less than a second
      }
      ASSERT_GE(guard.failing(), surely);
      ASSERT_LE(guard.failing(), perhaps);
      if (change.event == GuardEvent::kFrozen) {
        ASSERT_FALSE(frozen);
        ASSERT_GT(guard.failing(), kTargets / 2);
        ++freezes;
        frozen_at = now;
      }
      if (change.event != GuardEvent::kNone) frozen = change.event == GuardEvent::kFrozen;
      ASSERT_EQ(frozen, guard.falling(now) == Falling::kFrozen);
      ASSERT_TRUE(!frozen || now - frozen_at < 120s);
    }
    EXPECT_GT(freezes, 0);
  }
}

}  // namespace
}  // namespace sdns::health
