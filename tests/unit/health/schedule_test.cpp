// SPDX-License-Identifier: MIT
#include "backend/health/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace sdns::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SteadyTime kStart{seconds(1000)};

// Everything that is due until `end`, taken the moment that it is due.
std::vector<Schedule::Due> run_until(Schedule& schedule, SteadyTime end) {
  std::vector<Schedule::Due> taken;
  for (auto next = schedule.next(); next && *next <= end; next = schedule.next()) {
    const auto due = schedule.take(*next);
    if (!due || taken.size() == 1'000'000) {
      ADD_FAILURE() << (due ? "there is no end" : "what is due is not given");
      return taken;
    }
    taken.push_back(*due);
  }
  return taken;
}

TEST(Schedule, ANewCheckIsDueAtOnce) {
  Schedule schedule(1);
  EXPECT_FALSE(schedule.next());
  EXPECT_FALSE(schedule.take(kStart));
  schedule.add(7, seconds(5), kStart);
  EXPECT_EQ(schedule.next(), kStart);
  const auto due = schedule.take(kStart);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->check, 7U);
  EXPECT_EQ(due->since, kStart);
  EXPECT_FALSE(schedule.take(kStart));
}

TEST(Schedule, EveryCheckComesOnceInEachInterval) {
  Schedule schedule(2);
  const milliseconds intervals[] = {milliseconds(1), milliseconds(500), seconds(5), seconds(60)};
  for (std::uint32_t check = 0; check < std::size(intervals); ++check) schedule.add(check, intervals[check], kStart);
  std::map<std::uint32_t, std::vector<SteadyTime>> times;
  for (const Schedule::Due& due : run_until(schedule, kStart + seconds(600))) times[due.check].push_back(due.since);
  for (std::uint32_t check = 0; check < std::size(intervals); ++check) {
    const std::chrono::nanoseconds interval = intervals[check];
    const auto expected = static_cast<std::int64_t>(seconds(600) / interval);
    EXPECT_NEAR(static_cast<double>(times[check].size()), static_cast<double>(expected), 2) << check;
    for (std::size_t i = 2; i < times[check].size(); ++i) {
      const auto gap = times[check][i] - times[check][i - 1];
      EXPECT_GE(gap, interval * 9 / 10) << check;
      EXPECT_LE(gap, interval * 11 / 10) << check;
    }
    const auto first = times[check][1] - times[check][0];
    EXPECT_GE(first, interval * 4 / 10);
    EXPECT_LE(first, interval * 16 / 10);
  }
}

TEST(Schedule, ChecksThatBeginTogetherAreSpread) {
  constexpr std::uint32_t kChecks = 10'000;
  constexpr int kParts = 100;
  Schedule schedule(3);
  for (std::uint32_t check = 0; check < kChecks; ++check) schedule.add(check, seconds(10), kStart);
  std::vector<int> counts(kParts);
  for (const Schedule::Due& due : run_until(schedule, kStart + seconds(50)))
    if (due.since >= kStart + seconds(20) && due.since < kStart + seconds(30))
      ++counts[static_cast<std::size_t>((due.since - kStart - seconds(20)) / milliseconds(100))];
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  EXPECT_GE(*least, 50);
  EXPECT_LE(*most, 150);
}

TEST(Schedule, WhatIsRemovedNeverComesAgain) {
  Schedule schedule(4);
  for (std::uint32_t check = 0; check < 1000; ++check) schedule.add(check, seconds(1), kStart);
  (void)run_until(schedule, kStart + seconds(3));
  for (std::uint32_t check = 0; check < 1000; check += 2) schedule.remove(check);
  schedule.remove(0);
  schedule.remove(5000);
  EXPECT_EQ(schedule.size(), 500U);
  std::set<std::uint32_t> seen;
  for (const Schedule::Due& due : run_until(schedule, kStart + seconds(6))) seen.insert(due.check);
  EXPECT_EQ(seen.size(), 500U);
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](std::uint32_t check) { return check % 2 == 1; }));
  for (std::uint32_t check = 0; check < 1000; ++check) schedule.remove(check);
  EXPECT_FALSE(schedule.next());
}

TEST(Schedule, ANumberThatIsUsedAgainIsANewCheck) {
  Schedule schedule(5);
  schedule.add(1, seconds(1), kStart);
  (void)run_until(schedule, kStart + seconds(3));
  schedule.remove(1);
  schedule.add(1, seconds(60), kStart + seconds(4));
  const auto taken = run_until(schedule, kStart + seconds(30));
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].since, kStart + seconds(4));
}

TEST(Schedule, ALongDelayIsNotMadeUpFor) {
  Schedule schedule(6);
  schedule.add(1, seconds(1), kStart);
  ASSERT_TRUE(schedule.take(kStart));
  const SteadyTime late = kStart + seconds(3600);
  int taken = 0;
  while (schedule.take(late)) ++taken;
  EXPECT_EQ(taken, 1);
  EXPECT_GT(*schedule.next(), late);
  EXPECT_LE(*schedule.next(), late + milliseconds(1600));
}

// The oldest first, whatever was added and removed between.
TEST(Schedule, GivesWhatHasBeenDueForLongest) {
  Schedule schedule(7);
  QuickRandom random(8);
  SteadyTime now = kStart;
  for (int turn = 0; turn < 20'000; ++turn) {
    const auto check = static_cast<std::uint32_t>(random.next() % 300);
    if (random.next() % 3 == 0) schedule.remove(check);
    else schedule.add(check, milliseconds(1 + random.next() % 5000), now);
    now += milliseconds(random.next() % 20);
    SteadyTime last{};
    for (auto due = schedule.take(now); due; due = schedule.take(now)) {
      ASSERT_GE(due->since, last);
      ASSERT_LE(due->since, now);
      last = due->since;
    }
    const auto next = schedule.next();
    ASSERT_TRUE(!next || *next > now);
  }
}

}  // namespace
}  // namespace sdns::health
