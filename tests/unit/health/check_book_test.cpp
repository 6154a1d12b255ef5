// SPDX-License-Identifier: MIT
#include "backend/health/check_book.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "tests/support/seeded_random.h"

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
  const auto first = [](const char* identity) {
    return first_state(identity, nothing_kept, seconds(5), Planning::kNo, kStart).verdict;
  };
  EXPECT_EQ(first(kWeb), Verdict::kUnknown);
  EXPECT_EQ(first("tcp 192.0.2.1:443 fall=3"), Verdict::kUnknown);
  EXPECT_EQ(first("tcp 192.0.2.1:443 fall=3 initial=up"), Verdict::kUp);
  EXPECT_EQ(first("tcp 192.0.2.1:443 fall=3 initial=down"), Verdict::kDown);
  EXPECT_EQ(first("no check"), Verdict::kUnknown);
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
  EXPECT_EQ(book.remove(kWeb, kStart).ticket, due->ticket);
  EXPECT_EQ(book.remove(kWeb, kStart).ticket, 0U);
  book.add("tcp 192.0.2.2:443", kStart);  // has its number
  EXPECT_EQ(book.in_flight(), 0U);
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

TEST(CheckBook, ACheckThatIsGoneHasNoPlaceInFlight) {
  CheckBook book(options(1), 1, nothing_kept);
  book.add(kWeb, kStart);
  const auto gone = book.take(kStart);
  ASSERT_TRUE(gone);
  book.add("tcp 192.0.2.2:443", kStart);
  EXPECT_FALSE(book.take(kStart));
  (void)book.remove(kWeb, kStart);
  const auto next = book.take(kStart);
  ASSERT_TRUE(next);
  (void)book.result(*gone, ProbeResult{}, kStart);
  EXPECT_EQ(book.in_flight(), 1U) << "it is told of all the same, and has left already";
  (void)book.remove("tcp 192.0.2.2:443", kStart);
  EXPECT_EQ(book.in_flight(), 0U);
}

TEST(CheckBook, NoTimeoutIsLongerThanAProbeMayBe) {
  CheckBookOptions made = options();
  made.longest_probe = seconds(7);
  CheckBook book(made, 1, nothing_kept);
  for (const auto& [identity, timeout] : {std::pair{"tcp 192.0.2.1:443 timeout=3600", seconds(7)},
                                          {"tcp 192.0.2.1:443 timeout=7", seconds(7)},
                                          {"tcp 192.0.2.1:443", seconds(2)}}) {
    book.add(identity, kStart);
    const auto due = book.take(kStart);
    ASSERT_TRUE(due);
    EXPECT_EQ(book.spec(due->check)->timeout, timeout);
    EXPECT_EQ(book.report(identity, kStart).size(), 1U) << "it is shown as it was asked";
    (void)book.remove(identity, kStart);
  }
}

TEST(CheckBook, AProgramHasItsOwnTime) {
  CheckBookOptions made = options();
  made.longest_probe = seconds(7);
  made.programs["raid"].command = {"/bin/true"};
  made.programs["raid"].timeout = seconds(90);
  CheckBook book(made, 1, nothing_kept);
  book.add("exec raid from 192.0.2.1", kStart);
  const auto due = book.take(kStart);
  ASSERT_TRUE(due);
  EXPECT_EQ(book.spec(due->check)->timeout, seconds(90));
}

std::vector<CheckBook::Due> take_all(CheckBook& book, SteadyTime now) {
  std::vector<CheckBook::Due> taken;
  while (const auto due = book.take(now)) taken.push_back(*due);
  return taken;
}

ProbeResult slow_failure() {
  ProbeResult result = found(ProbeFailure::kTimeout);
  result.total = seconds(1);
  return result;
}

TEST(CheckBook, SlowAndNewChecksHaveHalfOfThePlaces) {
  CheckBook book(options(40), 1, nothing_kept);
  for (int i = 0; i < 10; ++i) book.add(fmt::format("tcp 198.51.100.{}:443", i), kStart);
  for (const auto& due : take_all(book, kStart)) (void)book.result(due, ProbeResult{}, kStart);
  for (int i = 0; i < 100; ++i) book.add(fmt::format("tcp 192.0.2.{}:443", i), kStart);
  auto silent = take_all(book, kStart);
  EXPECT_EQ(silent.size(), 20U) << "new ones";
  const SteadyTime later = kStart + seconds(60);
  EXPECT_EQ(take_all(book, later).size(), 10U) << "those that were quick";
  (void)book.result(silent[0], slow_failure(), later);
  EXPECT_EQ(book.next(), kStart) << "one that waits has its place";
  EXPECT_EQ(take_all(book, later).size(), 1U);
  for (std::size_t i = 1; i < silent.size(); ++i) (void)book.result(silent[i], slow_failure(), later);
  EXPECT_EQ(take_all(book, later).size(), 19U);
  EXPECT_EQ(book.in_flight(), 30U);
}

// Checks of one target: an address, the /64 of an IPv6 address, a host that is looked up.
TEST(CheckBook, TheChecksOfOneTargetHaveAQuarterOfThePlaces) {
  const auto expect_places = [](const char* what, auto&& identity, std::size_t places) {
    CheckBook book(options(40), 1, nothing_kept);
    for (int i = 0; i < 18; ++i) book.add(identity(i), kStart);
    for (const auto& due : take_all(book, kStart)) (void)book.result(due, ProbeResult{}, kStart);
    EXPECT_EQ(take_all(book, kStart + seconds(60)).size(), places) << what;
  };
  expect_places(
      "address", [](int i) { return fmt::format("tcp 192.0.2.1:{}", 100 + i); }, 10);
  expect_places(
      "addresses", [](int i) { return fmt::format("tcp 192.0.2.{}:443", i); }, 18);
  expect_places(
      "/64", [](int i) { return fmt::format("tcp [2001:db8::{:x}]:443", i + 1); }, 10);
  expect_places(
      "many /64", [](int i) { return fmt::format("tcp [2001:db8:0:{:x}::1]:443", i + 1); }, 18);
  expect_places(
      "host", [](int i) { return fmt::format("url https://www.example/{}", i); }, 10);
  expect_places(
      "hosts", [](int i) { return fmt::format("url https://www{}.example/?x=1", i); }, 18);
}

TEST(CheckBook, ChecksByAProgramHaveItsPlacesAndNoOthers) {
  CheckBookOptions made = options(40);
  made.programs["raid"].at_once = 3;
  made.programs["ssh"].at_once = 2;
  CheckBook book(made, 1, nothing_kept);
  for (int i = 0; i < 10; ++i) {
    book.add(fmt::format("exec raid from 192.0.2.{}", i), kStart);
    book.add(fmt::format("exec ssh from 192.0.2.{}:22", i), kStart);
  }
  auto running = take_all(book, kStart);
  EXPECT_EQ(running.size(), 5U);
  for (int i = 0; i < 30; ++i) book.add(fmt::format("tcp 198.51.100.{}:443", i), kStart);
  EXPECT_EQ(take_all(book, kStart).size(), 20U) << "the places of new checks are all there";
  for (const auto& due : running) (void)book.result(due, ProbeResult{}, kStart);
  running = take_all(book, kStart);
  EXPECT_EQ(running.size(), 5U) << "those that waited, in turn";
  (void)book.remove("exec raid from 192.0.2.9", kStart);
  for (const auto& due : running) (void)book.result(due, slow_failure(), kStart);
  EXPECT_EQ(take_all(book, kStart).size(), 5U) << "whether they are quick or not";
}

TEST(CheckBook, PlacesOfChecksThatAreRemovedWhileTheyWaitAreOthers) {
  CheckBook book(options(10), 1, nothing_kept);  // 8 of them for new ones
  const auto identity = [](int i) { return fmt::format("tcp 192.0.2.{}:443", i); };
  for (int i = 0; i < 8; ++i) book.add(identity(i), kStart);
  const auto first = take_all(book, kStart);
  ASSERT_EQ(first.size(), 8U);
  for (int i = 8; i < 30; ++i) book.add(identity(i), kStart);
  EXPECT_TRUE(take_all(book, kStart).empty());
  for (const auto& due : first) (void)book.result(due, slow_failure(), kStart);
  // Eight of those that wait have a place by now, and some of these and of the others go.
  for (int i = 8; i < 30; i += 2) (void)book.remove(identity(i), kStart);
  EXPECT_EQ(take_all(book, kStart).size(), 8U);
}

// Whatever comes and goes: no place is lost, and no check waits for ever.
TEST(CheckBook, NoPlaceIsLost) {
  CheckBook book(options(20), 1, nothing_kept);
  test::SeededRandom random(7);
  const auto identity = [](std::uint64_t i) { return fmt::format("tcp 192.0.2.{}:{}", i % 3, 1 + i); };
  std::vector<CheckBook::Due> flying;
  SteadyTime now = kStart;
  for (int step = 0; step < 20'000; ++step) {
    now += milliseconds(50);
    const std::uint64_t one = random.next() % 120;
    switch (random.next() % 4) {
      case 0:
        book.add(identity(one), now);
        break;
      case 1: {
        const std::uint64_t ticket = book.remove(identity(one), now).ticket;
        std::erase_if(flying, [&](const CheckBook::Due& due) { return due.ticket == ticket; });
        break;
      }
      default:
        if (flying.empty()) break;
        std::swap(flying[one % flying.size()], flying.back());
        (void)book.result(flying.back(), one % 2 == 0 ? ProbeResult{} : slow_failure(), now);
        flying.pop_back();
    }
    if (random.next() % 3 == 0)
      for (const auto& due : take_all(book, now)) flying.push_back(due);
    ASSERT_EQ(book.in_flight(), flying.size());
    ASSERT_LE(flying.size(), 20U);
  }
  for (std::uint64_t i = 0; i < 120; ++i) book.add(identity(i), now);
  std::unordered_map<std::uint32_t, int> probed;
  for (int round = 0; round < 200; ++round) {
    now += seconds(1);
    for (const auto& due : flying) (void)book.result(due, slow_failure(), now);
    flying = take_all(book, now);
    if (round >= 100) {
      EXPECT_EQ(flying.size(), 10U) << "all are slow by now, and more than that are due";
    }
    for (const auto& due : flying) ++probed[due.check];
  }
  EXPECT_EQ(probed.size(), 120U);
  for (const auto& [check, times] : probed) EXPECT_GE(times, 10) << check;
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
  for (int i = 0; i < kChecks; ++i) ended += book.remove(identity(i), last).guard.event == GuardEvent::kRecovered;
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
  EXPECT_EQ(book.report("", kStart)[0].latencies, (LatencyCounts{0, 1, 1, 0, 0, 0, 0}));
}

TEST(CheckBook, WhatSaysNothingOfATargetTakesNoTime) {
  CheckBook book(options(), 1, nothing_kept);
  book.add(kWeb, kStart);
  probe(book, ProbeFailure::kForbidden);
  EXPECT_EQ(book.report("", kStart)[0].latencies, LatencyCounts{});
  EXPECT_EQ(book.report("", kStart)[0].last_error, ProbeFailure::kForbidden);
}

TEST(CheckBook, TheLastErrorStaysWhenProbesSucceedAgain) {
  CheckBook book(options(), 1, nothing_kept);
  book.add(kWeb, kStart);
  EXPECT_EQ(book.report("", kStart)[0].last_error, ProbeFailure::kNone);
  const SteadyTime failed = *book.next();
  probe(book, ProbeFailure::kTimeout);
  probe(book, ProbeFailure::kNone);
  const CheckReport report = book.report("", kStart)[0];
  EXPECT_EQ(report.last_failure, ProbeFailure::kNone);
  EXPECT_EQ(report.last_error, ProbeFailure::kTimeout);
  EXPECT_EQ(report.last_error_text, "a test");
  EXPECT_EQ(report.last_error_at, failed);
}

TEST(CheckBook, ALatencyIsCountedWithItsBound) {
  EXPECT_EQ(latency_bucket(std::chrono::microseconds(0)), 0U);
  EXPECT_EQ(latency_bucket(std::chrono::microseconds(1'000)), 0U);
  EXPECT_EQ(latency_bucket(std::chrono::microseconds(1'001)), 1U);
  EXPECT_EQ(latency_bucket(seconds(10)), kLatencyBounds.size());
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
    ASSERT_TRUE(expected.up_ago);
    *expected.up_ago += seconds(10);
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
