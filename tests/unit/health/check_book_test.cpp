// SPDX-License-Identifier: MIT
#include "backend/health/check_book.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace sdns::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SteadyTime kStart{seconds(100'000)};
KeptChecks nothing_kept;
constexpr const char* kWeb = "tcp 192.0.2.1:443";

CheckBookOptions options(std::size_t most_in_flight = 100) {
  CheckBookOptions made;
  made.interval = seconds(5);
  made.most_in_flight = most_in_flight;
  made.guard.share_percent = 0;
  return made;
}

ProbeResult found(ProbeFailure failure) {
  return failure == ProbeFailure::kNone ? ProbeResult{} : probe_failed(failure, "a test");
}

// What the next probe that is due comes to.
CheckBook::Result probe(CheckBook& book, ProbeFailure failure) {
  const auto next = book.next();
  if (!next) {
    ADD_FAILURE() << "nothing is due";
    return {};
  }
  const auto due = book.take(*next);
  if (!due) {
    ADD_FAILURE() << "what is due is not given";
    return {};
  }
  return book.result(*due, found(failure), *next);
}

TEST(CheckBook, ANewCheckIsProbedAtOnceAndItsFirstResultCounts) {
  CheckBook book(options(), 1, nothing_kept);
  book.add(kWeb, kStart);
  EXPECT_EQ(book.next(), kStart);
  const auto due = book.take(kStart);
  ASSERT_TRUE(due);
  const ProbeSpec& spec = *book.spec(due->check);
  EXPECT_EQ(spec.address.text(), "192.0.2.1");
  EXPECT_EQ(spec.port, 443);
  EXPECT_TRUE(std::holds_alternative<TcpProbe>(spec.kind));
  const auto result = book.result(*due, ProbeResult{}, kStart);
  ASSERT_TRUE(result.transition);
  EXPECT_EQ(result.transition->check, kWeb);
  EXPECT_EQ(result.transition->from, Verdict::kUnknown);
  EXPECT_EQ(result.transition->to, Verdict::kUp);
  ASSERT_TRUE(result.state);
  EXPECT_EQ(result.state->first, kWeb);
  EXPECT_EQ(result.state->second.verdict, Verdict::kUp);
}

TEST(CheckBook, AnIdentityIsOneCheckHoweverOftenItIsAdded) {
  CheckBook book(options(), 1, nothing_kept);
  book.add(kWeb, kStart);
  (void)probe(book, ProbeFailure::kNone);
  const auto next = book.next();
  book.add(kWeb, kStart + seconds(1));
  EXPECT_EQ(book.next(), next);
  EXPECT_EQ(book.size(), 1U);
}

TEST(CheckBook, OptionsOfTheIdentityCount) {
  CheckBook book(options(), 1, nothing_kept);
  book.add("tcp 192.0.2.1:443 interval=60 minimumFailures=3", kStart);
  EXPECT_TRUE(probe(book, ProbeFailure::kNone).transition);
  EXPECT_EQ(book.report("", kStart)[0].thresholds, Thresholds::power_dns(3));
  EXPECT_FALSE(probe(book, ProbeFailure::kTimeout).transition);
  EXPECT_FALSE(probe(book, ProbeFailure::kRefused).transition);
  const auto third = probe(book, ProbeFailure::kTimeout);
  ASSERT_TRUE(third.transition);
  EXPECT_EQ(third.transition->to, Verdict::kDown);
  EXPECT_EQ(third.transition->failure, ProbeFailure::kTimeout);
  EXPECT_EQ(third.transition->text, "a test");
  EXPECT_GE(*book.next(), kStart + seconds(120));
}

TEST(CheckBook, ThresholdsOfTheIdentityCount) {
  CheckBook book(options(), 1, nothing_kept);
  book.add("tcp 192.0.2.1:443 fall=2 rise=2", kStart);
  EXPECT_TRUE(probe(book, ProbeFailure::kNone).transition);
  EXPECT_FALSE(probe(book, ProbeFailure::kTimeout).transition);
  EXPECT_FALSE(probe(book, ProbeFailure::kNone).transition);
  EXPECT_FALSE(probe(book, ProbeFailure::kTimeout).transition);
  const auto fourth = probe(book, ProbeFailure::kTimeout);
  ASSERT_TRUE(fourth.transition);
  EXPECT_EQ(fourth.transition->why, Why::kFailuresInRow);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(probe(book, ProbeFailure::kNone).transition) << "it had lost one before";
  EXPECT_TRUE(probe(book, ProbeFailure::kNone).transition);
}

TEST(CheckBook, ACheckBeginsAsItsOptionsSay) {
  EXPECT_EQ(first_state(kWeb).verdict, Verdict::kUnknown);
  EXPECT_EQ(first_state("tcp 192.0.2.1:443 fall=3").verdict, Verdict::kUnknown);
  EXPECT_EQ(first_state("tcp 192.0.2.1:443 fall=3 initial=up").verdict, Verdict::kUp);
  EXPECT_EQ(first_state("tcp 192.0.2.1:443 fall=3 initial=down").verdict, Verdict::kDown);
  EXPECT_EQ(first_state("no check").verdict, Verdict::kUnknown);
  CheckBook book(options(), 1, nothing_kept);
  book.add("tcp 192.0.2.1:443 fall=2 initial=up", kStart);
  EXPECT_FALSE(probe(book, ProbeFailure::kTimeout).transition);
  const auto second = probe(book, ProbeFailure::kTimeout);
  ASSERT_TRUE(second.transition);
  EXPECT_EQ(second.transition->from, Verdict::kUp);
}

TEST(CheckBook, WhatCouldNotBeProbedSaysNothing) {
  for (const auto failure : {ProbeFailure::kLocal, ProbeFailure::kForbidden, ProbeFailure::kInvalid}) {
    CheckBook book(options(), 1, nothing_kept);
    book.add(kWeb, kStart);
    const auto result = probe(book, failure);
    EXPECT_FALSE(result.transition);
    EXPECT_FALSE(result.state);
    const auto reports = book.report("", kStart);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].state.verdict, Verdict::kUnknown);
    EXPECT_EQ(reports[0].last_failure, failure);
    EXPECT_EQ(reports[0].last_text, "a test");
  }
}

TEST(CheckBook, ACheckThatIsGoneHearsNothingMore) {
  CheckBook book(options(), 1, nothing_kept);
  book.add(kWeb, kStart);
  const auto due = book.take(kStart);
  ASSERT_TRUE(due);
  book.remove(kWeb, kStart);
  book.remove(kWeb, kStart);
  book.add("tcp 192.0.2.2:443", kStart);  // has its number
  EXPECT_EQ(book.in_flight(), 1U);
  const auto result = book.result(*due, ProbeResult{}, kStart);
  EXPECT_FALSE(result.state);
  EXPECT_EQ(book.in_flight(), 0U);
  EXPECT_EQ(book.report("", kStart)[0].probes, 0U);
}

TEST(CheckBook, NoMoreProbesAreInFlightThanMayBe) {
  CheckBook book(options(3), 1, nothing_kept);
  for (int i = 0; i < 10; ++i) book.add(fmt::format("tcp 192.0.2.{}:443", i), kStart);
  std::vector<CheckBook::Due> taken;
  while (const auto due = book.take(kStart)) taken.push_back(*due);
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_FALSE(book.next());
  (void)book.result(taken[0], ProbeResult{}, kStart);
  EXPECT_EQ(book.next(), kStart);
  EXPECT_TRUE(book.take(kStart));
  EXPECT_FALSE(book.take(kStart));
}

TEST(CheckBook, ASlowProbeIsNotOvertakenByItsOwnNext) {
  CheckBook book(options(), 1, nothing_kept);
  book.add(kWeb, kStart);
  const auto due = book.take(kStart);
  ASSERT_TRUE(due);
  for (int second = 1; second < 60; ++second) EXPECT_FALSE(book.take(kStart + seconds(second)));
  (void)book.result(*due, ProbeResult{}, kStart + seconds(60));
  EXPECT_TRUE(book.take(kStart + seconds(70)));
}

TEST(CheckBook, WhatIsNoIdentityIsNotProbed) {
  CheckBook book(options(), 1, nothing_kept);
  book.add("tcp nowhere", kStart);
  EXPECT_FALSE(book.next());
  EXPECT_EQ(book.size(), 0U);
}

TEST(CheckBook, AWeightIsNewsByItself) {
  CheckBook book(options(), 1, nothing_kept);
  book.add("url http://www.example/ from 192.0.2.1", kStart);
  (void)probe(book, ProbeFailure::kNone);
  const auto next = book.next();
  const auto due = book.take(*next);
  ProbeResult heavier;
  heavier.weight = 7;
  const auto result = book.result(*due, heavier, *next);
  EXPECT_FALSE(result.transition);
  ASSERT_TRUE(result.state);
  EXPECT_EQ(result.state->second.weight, 7U);
}

// The daemon has lost its own network: nothing falls while the guard freezes.
TEST(CheckBook, AWaveOfFailuresFreezesVerdicts) {
  CheckBookOptions guarded = options();
  guarded.guard = {};
  CheckBook book(guarded, 1, nothing_kept);
  constexpr int kChecks = 40;
  for (int i = 0; i < kChecks; ++i) book.add(fmt::format("tcp 192.0.2.{}:443 minimumFailures=2", i), kStart);
  for (int i = 0; i < kChecks; ++i) (void)probe(book, ProbeFailure::kNone);
  int frozen = 0;
  int fallen = 0;
  for (int i = 0; i < 3 * kChecks; ++i) {
    const auto result = probe(book, ProbeFailure::kTimeout);
    frozen += result.guard.event == GuardEvent::kFrozen;
    fallen += result.transition.has_value();
  }
  EXPECT_EQ(frozen, 1);
  EXPECT_LT(fallen, kChecks / 2);
}

// Nobody's zone is the network of this host.
struct NoWaveCase {
  const char* what;
  bool worked;           // before
  const char* identity;  // of its checks, for the number
};
class NoWave : public testing::TestWithParam<NoWaveCase> {};
TEST_P(NoWave, FreezesNothing) {
  CheckBookOptions guarded = options();
  guarded.guard = {};
  CheckBook book(guarded, 1, nothing_kept);
  constexpr int kOthers = 12;
  constexpr int kMany = 100;
  for (int i = 0; i < kOthers; ++i) book.add(fmt::format("tcp 192.0.2.{}:443", i), kStart);
  for (int i = 0; i < kOthers; ++i) (void)probe(book, ProbeFailure::kNone);
  for (int i = 0; i < kMany; ++i) book.add(fmt::format(fmt::runtime(GetParam().identity), i), kStart);
  const auto round = [&](bool works) {
    int frozen = 0;
    for (int i = 0; i < 2 * (kOthers + kMany); ++i) {
      const auto next = book.next();
      const auto due = book.take(*next);
      const bool of_others = book.spec(due->check)->address.text().starts_with("192.0.2.");
      ProbeResult result;
      if (!works && !of_others) result.failure = ProbeFailure::kRefused;
      frozen += book.result(*due, result, *next).guard.event == GuardEvent::kFrozen;
    }
    return frozen;
  };
  EXPECT_EQ(round(GetParam().worked), 0);
  EXPECT_EQ(round(false), 0);
}
INSTANTIATE_TEST_SUITE_P(CheckBook, NoWave,
                         testing::Values(NoWaveCase{"one target's many checks", true,
                                                    "url http://x/{} from 198.51.100.1"},
                                         NoWaveCase{"targets that never were up", false, "tcp 198.51.100.{}:25"}),
                         [](const auto& info) { return info.index == 0 ? "OfOneTarget" : "OfTargetsNeverUp"; });

TEST(CheckBook, WhatWasKeptIsOfNoUseOnceTheCheckWasProbed) {
  KeptCheck down{.identity = kWeb, .record = {}};
  down.record.verdict = Verdict::kDown;
  KeptChecks kept({down}, kStart, seconds(1));
  CheckBook book(options(), 1, kept);
  book.add(kWeb, kStart);
  book.remove(kWeb, kStart);
  book.add(kWeb, kStart);
  EXPECT_EQ(book.report("", kStart)[0].state.verdict, Verdict::kDown) << "it was not probed";
  (void)probe(book, ProbeFailure::kNone);
  book.remove(kWeb, kStart);
  book.add(kWeb, kStart);
  EXPECT_EQ(book.report("", kStart)[0].state.verdict, Verdict::kUnknown);
}

TEST(CheckBook, AFreezeMayEndWithTheTargetsThatMadeIt) {
  CheckBookOptions guarded = options();
  guarded.guard = {};
  CheckBook book(guarded, 1, nothing_kept);
  constexpr int kChecks = 40;
  const auto identity = [](int i) { return fmt::format("tcp 192.0.2.{}:443", i); };
  for (int i = 0; i < kChecks; ++i) book.add(identity(i), kStart);
  for (int i = 0; i < kChecks; ++i) (void)probe(book, ProbeFailure::kNone);
  SteadyTime last;
  for (int i = 0; i < kChecks; ++i) last = *book.next(), (void)probe(book, ProbeFailure::kTimeout);
  int ended = 0;
  for (int i = 0; i < kChecks; ++i) ended += book.remove(identity(i), last).event == GuardEvent::kRecovered;
  EXPECT_EQ(ended, 1);
}

TEST(CheckBook, TheTimeOfProbesAddsUp) {
  CheckBook book(options(), 1, nothing_kept);
  book.add(kWeb, kStart);
  for (const int milliseconds_taken : {5, 7}) {
    const auto next = book.next();
    const auto due = book.take(*next);
    ProbeResult slow;
    slow.total = milliseconds(milliseconds_taken);
    (void)book.result(*due, slow, *next);
  }
  EXPECT_EQ(book.report("", kStart)[0].all_totals, milliseconds(12));
  EXPECT_EQ(book.report("", kStart)[0].last_total, milliseconds(7));
}

TEST(CheckBook, ReportsAreInOrderAndByPart) {
  CheckBook book(options(), 1, nothing_kept);
  for (const char* identity : {"tcp 192.0.2.9:80", "tcp 192.0.2.1:443", "tcp 192.0.2.5:443"})
    book.add(identity, kStart);
  const auto all = book.report("", kStart);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].identity, "tcp 192.0.2.1:443");
  EXPECT_FALSE(all[0].probed);
  EXPECT_EQ(book.report(":443", kStart).size(), 2U);
  EXPECT_EQ(book.report("example", kStart).size(), 0U);
}

TEST(CheckBook, GoesOnFromWhatWasKept) {
  CheckBook before(options(), 1, nothing_kept);
  before.add("tcp 192.0.2.1:443 minimumFailures=3", kStart);
  before.add("tcp 192.0.2.2:443", kStart);
  before.add("tcp 192.0.2.3:443 interval=3600", kStart);  // stays unknown
  for (int i = 0; i < 2; ++i) (void)probe(before, ProbeFailure::kNone);
  (void)before.take(kStart);
  EXPECT_FALSE(probe(before, ProbeFailure::kTimeout).transition && probe(before, ProbeFailure::kTimeout).transition);
  const auto kept = before.keep(kStart + seconds(60));
  ASSERT_EQ(kept.size(), 2U);

  const SteadyTime later{seconds(5'000'000)};
  KeptChecks checks(kept, later, seconds(10));
  CheckBook after(options(), 1, checks);
  for (const KeptCheck& check : kept) after.add(check.identity, later);
  for (const KeptCheck& check : after.keep(later)) {
    const auto same =
        std::find_if(kept.begin(), kept.end(), [&](const KeptCheck& one) { return one.identity == check.identity; });
    ASSERT_NE(same, kept.end());
    KeptCheck expected = *same;
    expected.record.changed_ago += seconds(10);
    if (expected.record.failing) expected.record.failing_for += seconds(10);
    EXPECT_EQ(check, expected);
  }
  EXPECT_FALSE(after.report("", later)[0].probed) << "by this process";
}

TEST(CheckBook, WhatWasKeptAnHourAgoIsOfNoUse) {
  KeptCheck up;
  up.identity = kWeb;
  up.record.verdict = Verdict::kUp;
  for (const auto& [age, verdict] :
       {std::pair{seconds(3500), Verdict::kUp}, {seconds(3700), Verdict::kUnknown}, {seconds(-50), Verdict::kUp}}) {
    KeptChecks checks({up}, kStart, age);
    CheckBook book(options(), 1, checks);
    book.add(kWeb, kStart);
    EXPECT_EQ(book.report("", kStart)[0].state.verdict, verdict) << age.count();
  }
}

}  // namespace
}  // namespace sdns::health
