// SPDX-License-Identifier: MIT
// What a check book says besides verdicts: how soon they may change, when a check was up last, what operators resume.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "backend/health/check_book.h"

namespace sdns::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SteadyTime kStart{seconds(100'000)};
const std::string kWeb = "tcp 192.0.2.1:443 interval=60 fall=3 rise=2 forgetafter=1";
const std::string kManual = "tcp 192.0.2.1:443 fall=1 rise=2 resume=manual";

CheckBookOptions options() {
  CheckBookOptions made;
  made.interval = seconds(5);
  made.guard.share_percent = 0;
  return made;
}

class CheckBookPlan : public testing::Test {
 protected:
  // The next probe that is due, and what it comes to.
  CheckBook::Result probe(ProbeFailure failure) {
    now_ = book_.next().value();
    const auto due = book_.take(now_);
    return book_.result(*due, failure == ProbeFailure::kNone ? ProbeResult{} : probe_failed(failure, "a test"), now_);
  }
  CheckBook::Result succeed() { return probe(ProbeFailure::kNone); }
  CheckBook::Result lose() { return probe(ProbeFailure::kTimeout); }
  CheckReport report() { return book_.report("", now_).at(0); }

  KeptChecks kept_;
  CheckBook book_{options(), 1, kept_};
  SteadyTime now_ = kStart;
};

TEST_F(CheckBookPlan, AStepIsKnownOnlyWhereItIsAskedFor) {
  book_.add(kWeb, kStart);
  succeed();
  EXPECT_FALSE(lose().state) << "a failure that changes nothing is nobody's business";
  EXPECT_FALSE(book_.step_ends());
  const auto known = book_.plan(kWeb, Planning::kYes, now_);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->first, kWeb);
  EXPECT_EQ(known->second.ttl_step, 60) << "two more failures: 120 s";
  EXPECT_EQ(known->second.verdict, Verdict::kUp);
  EXPECT_FALSE(book_.plan(kWeb, Planning::kYes, now_)) << "that is known";
  EXPECT_EQ(book_.plan(kWeb, Planning::kNo, now_)->second.ttl_step, 0);
  EXPECT_FALSE(book_.step_ends());
  EXPECT_FALSE(book_.plan("tcp 192.0.2.9:443", Planning::kYes, now_)) << "it is not there";
}

TEST_F(CheckBookPlan, AStepEndsWithTimeAndWithResults) {
  book_.add(kWeb, kStart);
  EXPECT_EQ(book_.plan(kWeb, Planning::kYes, kStart)->second.ttl_step, 1) << "it is probed at once, and unknown";
  EXPECT_EQ(succeed().state->second.ttl_step, 0);
  EXPECT_EQ(lose().state->second.ttl_step, 60);
  const SteadyTime failed = now_;
  const std::vector<std::pair<seconds, int>> expected = {{seconds(0), 30}, {seconds(60), 10}, {seconds(100), 5}};
  for (const auto& [after, step] : expected) {
    ASSERT_EQ(book_.step_ends(), failed + after + milliseconds(1)) << step;
    EXPECT_FALSE(book_.next_step(failed + after));
    const auto known = book_.next_step(failed + after + milliseconds(1));
    ASSERT_TRUE(known);
    EXPECT_EQ(known->second.ttl_step, step);
    EXPECT_FALSE(book_.next_step(failed + after + milliseconds(1))) << "once";
  }
  EXPECT_EQ(succeed().state->second.ttl_step, 0) << "it is forgotten: solid again";
  EXPECT_FALSE(book_.step_ends());
}

TEST_F(CheckBookPlan, ACheckThatGoesLeavesNoStepBehind) {
  book_.add(kWeb, kStart);
  book_.plan(kWeb, Planning::kYes, kStart);
  succeed();
  lose();
  ASSERT_TRUE(book_.step_ends());
  book_.remove(kWeb, now_);
  EXPECT_FALSE(book_.step_ends());
}

TEST_F(CheckBookPlan, WhatCannotBeProbedIsSolid) {
  book_.add(kWeb, kStart);
  book_.plan(kWeb, Planning::kYes, kStart);
  const auto forbidden = probe(ProbeFailure::kForbidden);
  ASSERT_TRUE(forbidden.state);
  EXPECT_EQ(forbidden.state->second.ttl_step, 0);
}

TEST_F(CheckBookPlan, ADownCheckIsKnownToHaveBeenUpUntilItFell) {
  book_.add("tcp 192.0.2.1:443", kStart);
  const auto rose = succeed();
  EXPECT_EQ(rose.state->second.last_up, now_) << "since then";
  const auto fell = lose();
  EXPECT_EQ(fell.state->second.last_up, std::chrono::floor<milliseconds>(now_));
  const SteadyTime until = fell.state->second.last_up;
  lose();
  EXPECT_EQ(report().last_up, until);
  const auto again = succeed();
  EXPECT_EQ(again.state->second.last_up, std::chrono::floor<milliseconds>(now_));
}

TEST_F(CheckBookPlan, ACheckThatWasNeverUpIsNotKnownToHaveBeen) {
  book_.add("tcp 192.0.2.1:443 fall=1", kStart);
  EXPECT_EQ(lose().state->second.last_up, SteadyTime{});
  EXPECT_FALSE(book_.keep(now_).at(0).up_ago);
}

// So that the same targets are the last that were up, before and after.
TEST_F(CheckBookPlan, WhenTheyWereUpLastIsTheSameToTheMillisecondAfterARestart) {
  const std::vector<std::string> checks = {"tcp 192.0.2.1:443", "tcp 192.0.2.2:443", "tcp 192.0.2.3:443"};
  std::vector<KeptCheck> kept;
  for (int i = 0; i < 3; ++i)
    kept.push_back({.identity = checks[static_cast<std::size_t>(i)],
                    .record = {.run = 1, .verdict = Verdict::kDown, .failing = true},
                    .up_ago = milliseconds(i == 0 ? 500 : 700)});
  KeptChecks known(kept, kStart + std::chrono::nanoseconds(999'999), milliseconds(40));
  std::vector<SteadyTime> last;
  for (int i = 0; i < 3; ++i)
    last.push_back(first_state(checks[static_cast<std::size_t>(i)], known, seconds(5), Planning::kNo,
                               kStart + i * std::chrono::nanoseconds(700'001))
                       .last_up);
  EXPECT_EQ(last[0] - last[1], milliseconds(200));
  EXPECT_EQ(last[1], last[2]);
  CheckBook book(options(), 1, known);
  book.add(checks[2], kStart + std::chrono::nanoseconds(1'234'567));
  EXPECT_EQ(book.report("", kStart).at(0).last_up, last[2]);
}

TEST_F(CheckBookPlan, AfterARestartACheckIsAsCloseToAChangeAsBefore) {
  KeptCheck check{.identity = kWeb, .record = {.run = 2, .remembered = 2, .verdict = Verdict::kUp, .failing = true}};
  KeptChecks known({check}, kStart, milliseconds(0));
  EXPECT_EQ(first_state(kWeb, known, seconds(5), Planning::kYes, kStart).ttl_step, 1);
  EXPECT_EQ(first_state(kWeb, known, seconds(5), Planning::kNo, kStart).ttl_step, 0);
}

TEST_F(CheckBookPlan, ACheckWaitsForAnOperatorAndRisesOnItsWord) {
  book_.add(kManual, kStart);
  succeed();
  ASSERT_TRUE(lose().transition);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(succeed().transition) << "it waits";
  const auto resumed = book_.resume({kManual, 1000, "ann", "disk replaced"}, now_);
  EXPECT_TRUE(resumed.resumed);
  ASSERT_TRUE(resumed.transition);
  EXPECT_EQ(resumed.transition->why, Why::kResumed);
  EXPECT_EQ(resumed.transition->text, "by ann: disk replaced");
  ASSERT_TRUE(resumed.state);
  EXPECT_EQ(resumed.state->second.verdict, Verdict::kUp);
  EXPECT_EQ(resumed.state->second.last_up, std::chrono::floor<milliseconds>(now_));
}

TEST_F(CheckBookPlan, OneThatIsResumedTooEarlyRisesOnceItHasItsSuccesses) {
  book_.add(kManual, kStart);
  succeed();
  lose();
  const auto early = book_.resume({kManual, 1000, "ann", ""}, now_);
  EXPECT_TRUE(early.resumed);
  EXPECT_FALSE(early.transition);
  EXPECT_FALSE(succeed().transition);
  const auto second = succeed();
  ASSERT_TRUE(second.transition);
  EXPECT_EQ(second.transition->why, Why::kResumed);
  EXPECT_EQ(second.transition->text, "by ann");
}

// Each node is told again at each change of overrides, and after each start.
TEST_F(CheckBookPlan, AnOrderCountsOnce) {
  book_.add(kManual, kStart);
  succeed();
  lose();
  EXPECT_TRUE(book_.resume({kManual, 1000, "ann", ""}, now_).resumed);
  lose();  // takes it back
  succeed();
  EXPECT_FALSE(book_.resume({kManual, 1000, "ann", ""}, now_).resumed) << "that was said before the failure";
  EXPECT_FALSE(book_.resume({kManual, 999, "ann", ""}, now_).resumed);
  KeptChecks kept(book_.keep(now_), now_, milliseconds(0));
  CheckBook next(options(), 1, kept);
  next.add(kManual, now_);
  EXPECT_FALSE(next.resume({kManual, 1000, "ann", ""}, now_).resumed) << "nor after a restart";
  EXPECT_TRUE(next.resume({kManual, 1001, "ann", ""}, now_).resumed);
}

TEST_F(CheckBookPlan, AnOrderIsForWhatIsDown) {
  const std::string down = kManual + " initial=down";
  book_.add(down, kStart);
  EXPECT_FALSE(book_.resume({down, 1000, "ann", ""}, kStart).resumed)
      << "there was no result yet: it is of a former time";
  succeed();
  EXPECT_FALSE(succeed().transition);
  EXPECT_TRUE(book_.resume({down, 1001, "ann", ""}, now_).transition);
  EXPECT_FALSE(book_.resume({down, 1002, "ann", ""}, now_).resumed) << "it is up";
  EXPECT_FALSE(book_.resume({"tcp 192.0.2.9:443", 1000, "ann", ""}, now_).resumed);
}

}  // namespace
}  // namespace sdns::health
