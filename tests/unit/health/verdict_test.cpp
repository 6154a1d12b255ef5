// SPDX-License-Identifier: MIT
#include "backend/health/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/seeded_random.h"
#include "tests/unit/health/verdict_model.h"

namespace sdns::health {
namespace {

using namespace std::chrono_literals;
using sdns::test::SeededRandom;
using testing::HasSubstr;

constexpr SteadyTime kStart{1000h};
constexpr auto kInterval = 10s;

ProbeOutcome outcome(bool failed) { return failed ? ProbeOutcome::kFailure : ProbeOutcome::kSuccess; }

/// One check, probed every ten seconds.
struct Check {
  Thresholds thresholds{};
  SteadyTime now = kStart;
  VerdictState state = initial_state(now, thresholds);
  Why why = Why::kNothing;
  int changes = 0;

  bool probe(ProbeOutcome result, Falling falling = Falling::kAllowed) {
    now += kInterval;
    return take(step(state, result, now, thresholds, falling));
  }
  bool resumed() { return take(resume(state, now, thresholds)); }
  /// `+` a success, `-` a failure, `^` and `*` the same while falling is frozen, `.` no result, `r` an operator's
  /// resume.
  void play(const std::string& results) {
    for (const char one : results) {
      if (one == 'r') {
        resumed();
      } else if (one == '.') {
        probe(ProbeOutcome::kNoResult);
      } else {
        const bool frozen = one == '^' || one == '*';
        probe(outcome(one == '-' || one == '*'), frozen ? Falling::kFrozen : Falling::kAllowed);
      }
    }
  }

 private:
  bool take(const Step& next) {
    EXPECT_EQ(next.changed, next.state.verdict != state.verdict);
    state = next.state;
    why = next.why;
    changes += next.changed ? 1 : 0;
    return next.changed;
  }
};

std::string times(std::size_t count, const std::string& what) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += what;
  return all;
}

Thresholds initially(Initial initial, Resume resume = Resume::kAutomatic) {
  Thresholds made;
  made.initial = initial;
  made.resume = resume;
  return made;
}

struct VerdictCase {
  std::string behaviour;
  Thresholds thresholds;
  std::string probes;
  Verdict end;
  Why why;  // of the last
};
void PrintTo(const VerdictCase& one, std::ostream* to) { *to << one.behaviour << ": " << one.probes; }
class VerdictTest : public testing::TestWithParam<VerdictCase> {};

TEST_P(VerdictTest, EndsAsTheRulesSay) {
  Check check{GetParam().thresholds};
  check.play(GetParam().probes);
  EXPECT_EQ(verdict_name(GetParam().end), verdict_name(check.state.verdict));
  EXPECT_EQ(why_name(GetParam().why), why_name(check.why));
}

const Thresholds kDefault{};
const Thresholds kFromUp = initially(Initial::kUp);
const Thresholds kManual = initially(Initial::kUp, Resume::kManual);
const std::string kMended = times(10, "+");
const std::string kThreeFalls = times(3, "---" + kMended).substr(0, 3 * 13 - 10);  // the third one is held down

INSTANTIATE_TEST_SUITE_P(
    Health, VerdictTest,
    testing::Values(
        VerdictCase{"nothing is known before the first result", kDefault, ".", Verdict::kUnknown, Why::kNoResult},
        VerdictCase{"the first failure decides", kDefault, "-", Verdict::kDown, Why::kFirstResult},
        VerdictCase{"the first success decides", kDefault, "+", Verdict::kUp, Why::kFirstResult},
        VerdictCase{"a target that counts as up takes all failures", kFromUp, "--", Verdict::kUp, Why::kNothing},
        VerdictCase{"a target that counts as down takes all successes", initially(Initial::kDown), times(9, "+"),
                    Verdict::kDown, Why::kNothing},
        VerdictCase{"and then is up", initially(Initial::kDown), kMended, Verdict::kUp, Why::kSuccesses},
        VerdictCase{"PowerDNS: one failure takes it down", Thresholds::power_dns(1), "+-", Verdict::kDown,
                    Why::kFailuresInRow},
        VerdictCase{"PowerDNS: one success brings it up", Thresholds::power_dns(3), "---+", Verdict::kUp,
                    Why::kSuccesses},
        VerdictCase{"PowerDNS: too few first failures are up", Thresholds::power_dns(3), "--", Verdict::kUp,
                    Why::kNothing},
        VerdictCase{"PowerDNS: enough first failures are down", Thresholds::power_dns(3), "---", Verdict::kDown,
                    Why::kFailuresInRow},
        VerdictCase{"PowerDNS: nothing is remembered", Thresholds::power_dns(3), "--+--+--+--+--+--", Verdict::kUp,
                    Why::kNothing},
        VerdictCase{"three failures in a row take it down", kFromUp, "---", Verdict::kDown, Why::kFailuresInRow},
        VerdictCase{"failures that are ours are none", kFromUp, "--.........", Verdict::kUp, Why::kNoResult},
        VerdictCase{"and break no run", kFromUp, "--..-", Verdict::kDown, Why::kFailuresInRow},
        VerdictCase{"four lost probes are remembered", kFromUp, "-++-++-++-", Verdict::kUp, Why::kNothing},
        VerdictCase{"the fifth takes it down", kFromUp, "-++-++-++-++-", Verdict::kDown, Why::kLostProbes},
        VerdictCase{"nine successes forget nothing", kFromUp, "-++-++-++-" + times(9, "+") + "-", Verdict::kDown,
                    Why::kLostProbes},
        VerdictCase{"ten forget all", kFromUp, "-++-++-++-" + kMended + "-++-++-++-", Verdict::kUp, Why::kNothing},
        VerdictCase{"a dead target takes ten successes", kFromUp, "-----" + times(9, "+"), Verdict::kDown,
                    Why::kNothing},
        VerdictCase{"with the tenth it is back", kFromUp, "-----" + kMended, Verdict::kUp, Why::kSuccesses},
        VerdictCase{"a run that breaks doubles what is needed", kFromUp, "---+-" + times(19, "+"), Verdict::kDown,
                    Why::kNothing},
        VerdictCase{"and twenty do", kFromUp, "---+-" + times(20, "+"), Verdict::kUp, Why::kSuccesses},
        VerdictCase{"but not over the most", kFromUp, "---" + times(50, "+-") + times(119, "+"), Verdict::kDown,
                    Why::kNothing},
        VerdictCase{"which is 120", kFromUp, "---" + times(50, "+-") + times(120, "+"), Verdict::kUp, Why::kSuccesses},
        VerdictCase{"a target that lost probes takes thirty", kFromUp, "-+-+-+-+-" + times(29, "+"), Verdict::kDown,
                    Why::kNothing},
        VerdictCase{"and then is back", kFromUp, "-+-+-+-+-" + times(30, "+"), Verdict::kUp, Why::kSuccesses},
        VerdictCase{"what was lost before it died counts", kFromUp, "-+---" + kMended, Verdict::kDown, Why::kNothing},
        VerdictCase{"what failed before it rose is forgotten", kFromUp, "-----" + kMended + "--", Verdict::kUp,
                    Why::kNothing},
        VerdictCase{"the third fall in a short time is held", kFromUp, kThreeFalls + kMended, Verdict::kUp,
                    Why::kSuccesses},  // 60 s are over before ten successes are there
        VerdictCase{"frozen, it stays up", kFromUp, "--****", Verdict::kUp, Why::kFrozen},
        VerdictCase{"then it falls if it still fails", kFromUp, "--****-", Verdict::kDown, Why::kFailuresInRow},
        VerdictCase{"and does not when it succeeds", kFromUp, "--****+", Verdict::kUp, Why::kNothing},
        VerdictCase{"frozen, an unknown target stays unknown", kDefault, "*", Verdict::kUnknown, Why::kFrozen},
        VerdictCase{"rising is never frozen", kDefault, "-*" + times(10, "^"), Verdict::kUp, Why::kSuccesses},
        VerdictCase{"in manual mode it waits", kManual, "---" + times(100, "+"), Verdict::kDown, Why::kWaitsForResume},
        VerdictCase{"resumed after its successes it is up", kManual, "---" + kMended + "r", Verdict::kUp,
                    Why::kResumed},
        VerdictCase{"resumed before, it takes them first", kManual, "---r" + times(9, "+"), Verdict::kDown,
                    Why::kNothing},
        VerdictCase{"and is up with the last", kManual, "---r" + kMended, Verdict::kUp, Why::kResumed},
        VerdictCase{"a failure takes the permission back", kManual, "---r++-" + times(100, "+"), Verdict::kDown,
                    Why::kWaitsForResume},
        VerdictCase{"a permission is used once", kManual, "---r" + kMended + "---" + kMended, Verdict::kDown,
                    Why::kWaitsForResume},
        VerdictCase{"resume forgets broken runs", kFromUp, "---" + times(50, "+-") + "r" + kMended, Verdict::kUp,
                    Why::kResumed},
        VerdictCase{"resume of an up target changes nothing", kFromUp, "--r", Verdict::kUp, Why::kNothing}));

TEST(VerdictState, IsSmallEnoughForTenThousandChecks) { EXPECT_EQ(40U, sizeof(VerdictState)); }

TEST(VerdictState, KnowsSinceWhenItFails) {
  Check check{kFromUp};
  check.play("+-");
  const SteadyTime since = check.now;
  EXPECT_EQ(since, check.state.failing_since);
  check.play("-.--");
  EXPECT_EQ(since, check.state.failing_since);
  EXPECT_EQ(4U, check.state.failures_in_row());
  check.play("+");
  EXPECT_EQ(SteadyTime{}, check.state.failing_since);
  EXPECT_EQ(1U, check.state.successes_in_row());
}

TEST(Hold, DoublesWithEachFallUpToTheMostAndIsForgottenAfterAQuietTime) {
  Check check{kFromUp};
  const std::vector<std::chrono::seconds> holds{0s, 0s, 60s, 120s, 240s, 480s, 960s, 1800s, 1800s, 1800s};
  for (const auto hold : holds) {
    check.play("---");
    ASSERT_EQ(Verdict::kDown, check.state.verdict);
    const SteadyTime fell = check.now;
    EXPECT_EQ(hold == 0s ? SteadyTime{} : fell + hold, check.state.held_until);
    while (check.state.verdict != Verdict::kUp) {
      check.play("+");
      ASSERT_LE(check.now - fell, 1800s);
      const bool waits = check.state.successes_in_row() >= 10 && check.state.verdict == Verdict::kDown;
      EXPECT_EQ(waits, check.why == Why::kHeldDown);
    }
    EXPECT_EQ(std::max(hold, std::chrono::seconds(100s)), check.now - fell);
  }
  check.now += 1769s;  // it fell 1799 s after it rose
  check.play("---");
  EXPECT_EQ(check.now + 1800s, check.state.held_until);
  while (check.state.verdict != Verdict::kUp) check.play("+");
  check.now += 1770s;
  check.play("---");
  EXPECT_EQ(SteadyTime{}, check.state.held_until);
  EXPECT_EQ(1U, check.state.falls);
}

TEST(Hold, IsNoLongerThanThresholdsThatWereReloadedSay) {
  Check check{kFromUp};
  check.thresholds.hold_down = 1800s;
  check.play(kThreeFalls);
  ASSERT_EQ(check.now + 1800s, held_until(check.state, check.thresholds));
  check.thresholds.hold_down = check.thresholds.hold_most = 120s;
  EXPECT_EQ(check.now + 120s, held_until(check.state, check.thresholds));
  check.thresholds.storm_falls = 0;
  EXPECT_LE(held_until(check.state, check.thresholds), check.now);
}

TEST(Hold, EndsWithResume) {
  Check check{kFromUp};
  check.thresholds.hold_down = 1800s;
  check.play(kThreeFalls + kMended);
  ASSERT_EQ(Why::kHeldDown, check.why);
  EXPECT_TRUE(check.resumed());
  EXPECT_EQ(Why::kResumed, check.why);
}

TEST(Counters, StopAtTheirLargestValue) {
  Check check{kFromUp};
  check.thresholds.storm_falls = 3;
  check.state.falls = 255;
  check.state.remembered = 65'535;
  check.state.run = 0xFFFF'FFFF;
  check.state.failing = true;
  check.play("-");
  EXPECT_EQ(Verdict::kDown, check.state.verdict);
  EXPECT_EQ(255U, check.state.falls);
  EXPECT_EQ(65'535U, check.state.remembered);
  EXPECT_EQ(0xFFFF'FFFF, check.state.run);
  EXPECT_EQ(check.now + 1800s, check.state.held_until);
}

TEST(ThresholdRules, NameTheThresholdAndTheRule) {
  const auto broken = [](auto change) {
    Thresholds thresholds;
    change(thresholds);
    const auto checked = check_thresholds(thresholds);
    return checked ? std::string() : to_text(checked.error());
  };
  EXPECT_EQ("", broken([](Thresholds&) {}));
  EXPECT_EQ("", broken([](Thresholds& t) { t = Thresholds::power_dns(0); }));
  EXPECT_EQ("", broken([](Thresholds& t) { t.fall = 0; }));
  EXPECT_THAT(broken([](Thresholds& t) { t.fall = t.fall_remembered = 0; }), HasSubstr("never fall"));
  EXPECT_THAT(broken([](Thresholds& t) { t.forget_after = 0; }), HasSubstr("forget_after = 0"));
  EXPECT_THAT(broken([](Thresholds& t) { t.rise = 0; }), HasSubstr("rise = 0"));
  EXPECT_THAT(broken([](Thresholds& t) { t.rise = 31; }), HasSubstr("rise_after_loss = 30"));
  EXPECT_THAT(broken([](Thresholds& t) { t.rise_most = 29; }), HasSubstr("rise_most = 29"));
  EXPECT_THAT(broken([](Thresholds& t) { t.hold_down = 1801s; }), HasSubstr("hold_most = 1800s"));
  EXPECT_THAT(broken([](Thresholds& t) { t.hold_down = -1s; }), HasSubstr("hold_down = -1s"));
  EXPECT_THAT(broken([](Thresholds& t) { t.hold_most = 604'801s; }), HasSubstr("hold_most = 604801s"));
  EXPECT_THAT(broken([](Thresholds& t) { t.quiet_time = -1s; }), HasSubstr("quiet_time = -1s"));
}

TEST(Record, SurvivesARestart) {
  Check check{kFromUp};
  check.thresholds.hold_down = 600s;
  check.play(kThreeFalls);
  check.now += 5s;
  const VerdictRecord record = to_record(check.state, check.now);
  EXPECT_EQ(5s, record.changed_ago);
  EXPECT_EQ(25s, record.failing_for);
  EXPECT_EQ(595s, record.held_for);

  const SteadyTime other_clock{30s};  // a host that has just booted
  VerdictState again = from_record(record, other_clock, 95s);
  EXPECT_EQ(other_clock - 100s, again.changed);
  EXPECT_EQ(other_clock - 120s, again.failing_since);
  EXPECT_EQ(other_clock + 500s, again.held_until);
  again.changed = check.state.changed;
  again.failing_since = check.state.failing_since;
  again.held_until = check.state.held_until;
  EXPECT_EQ(check.state, again);

  EXPECT_EQ(SteadyTime{}, from_record(record, other_clock, 595s).held_until);
  EXPECT_EQ(check.state, from_record(record, check.now, -1h)) << "a wall clock that was set back";
}

TEST(Record, ThatIsAbsurdIsBounded) {
  constexpr auto kMost = std::chrono::milliseconds::max();
  constexpr auto kLeast = std::chrono::milliseconds::min();
  const SteadyTime now = kStart;
  const VerdictState late = from_record({.changed_ago = kMost, .failing_for = kMost, .failing = true}, now, kMost);
  EXPECT_LT(late.changed, now - 24h * 365);
  EXPECT_LT(late.failing_since, now - 24h * 365);
  const VerdictState early = from_record({.changed_ago = kLeast, .failing_for = kLeast, .failing = true}, now, kLeast);
  EXPECT_EQ(now, early.changed);
  EXPECT_EQ(now, early.failing_since);
  VerdictState held = from_record({.held_for = kMost, .verdict = Verdict::kDown}, now, 0ms);
  EXPECT_EQ(now + 1800s, held_until(held, Thresholds{}));
}

TEST(Record, GoesOnAsIfNothingHadHappened) {
  SeededRandom random(20);
  Check check{kFromUp};
  Check restarted{kFromUp};
  for (int i = 0; i < 20'000; ++i) {
    const bool failed = random.below(60) == 0 || i / 300 % 3 == 1;
    check.probe(outcome(failed));
    restarted.probe(outcome(failed));
    restarted.state = from_record(to_record(restarted.state, restarted.now), restarted.now, 0ms);
    ASSERT_EQ(check.state, restarted.state) << i;
  }
  EXPECT_GT(check.changes, 10);
}

}  // namespace
}  // namespace sdns::health
