// SPDX-License-Identifier: MIT
#include "backend/health/history.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace sdns::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const WallTime kNow{seconds(1'767'323'045)};
constexpr std::uint64_t kFirst = 1'767'323'045'000'000;

Transition falls(std::string identity) {
  return {std::move(identity), Verdict::kUp, Verdict::kDown, Why::kFailuresInRow, ProbeFailure::kTimeout, "a test"};
}

std::vector<std::string> identities(const History::Page& page) {
  std::vector<std::string> found;
  for (const PastTransition& past : page.transitions) found.push_back(past.transition.check);
  return found;
}

std::vector<std::uint64_t> numbers(const History::Page& page) {
  std::vector<std::uint64_t> found;
  for (const PastTransition& past : page.transitions) found.push_back(past.sequence - kFirst);
  return found;
}

TEST(History, TellsWhatHappenedOldestFirst) {
  History history(kNow);
  EXPECT_TRUE(history.after(0, "").transitions.empty());
  EXPECT_EQ(history.after(0, "").last, kFirst);
  history.add(falls("tcp 192.0.2.1:443"), kNow + seconds(1));
  history.add(falls("tcp 192.0.2.2:80"), kNow + seconds(2));
  const auto page = history.after(0, "");
  EXPECT_EQ(page.last, kFirst + 2);
  EXPECT_THAT(identities(page), testing::ElementsAre("tcp 192.0.2.1:443", "tcp 192.0.2.2:80"));
  const PastTransition& first = page.transitions[0];
  EXPECT_EQ(first.sequence, kFirst + 1);
  EXPECT_EQ(first.time, kNow + seconds(1));
  EXPECT_EQ(first.transition.from, Verdict::kUp);
  EXPECT_EQ(first.transition.to, Verdict::kDown);
  EXPECT_EQ(first.transition.why, Why::kFailuresInRow);
  EXPECT_EQ(first.transition.failure, ProbeFailure::kTimeout);
  EXPECT_EQ(first.transition.text, "a test");
}

TEST(History, GivesWhatIsAskedFor) {
  History history(kNow);
  for (const char* identity : {"tcp 192.0.2.1:443", "tcp 192.0.2.2:80", "tcp 192.0.2.3:443", "tcp 192.0.2.1:443"})
    history.add(falls(identity), kNow);
  const struct {
    const char* what;
    std::uint64_t after;
    const char* part;
    std::size_t most;
    std::vector<std::uint64_t> found;
  } rows[] = {
      {"all", 0, "", 100, {1, 2, 3, 4}},
      {"those after one", kFirst + 2, "", 100, {3, 4}},
      {"nothing after the last one", kFirst + 4, "", 100, {}},
      {"all after a number of another history", kFirst + 5, "", 100, {1, 2, 3, 4}},
      {"those of a port", 0, ":443", 100, {1, 3, 4}},
      {"the newest", 0, ":443", 2, {3, 4}},
      {"none, but where to go on from", 0, "", 0, {}},
      {"those of a check that is not there", 0, "example", 100, {}},
  };
  for (const auto& row : rows) {
    const auto page = history.after(row.after, row.part, row.most);
    EXPECT_EQ(numbers(page), row.found) << row.what;
    EXPECT_EQ(page.last, kFirst + 4) << row.what;
  }
}

TEST(History, ACheckThatFlapsPushesOutItsOwnPastOnly) {
  History history(kNow, {.of_a_check = 3, .of_all = 100});
  history.add(falls("quiet"), kNow);
  for (int i = 0; i < 10; ++i) history.add(falls("flaps"), kNow);
  EXPECT_THAT(numbers(history.after(0, "")), testing::ElementsAre(1, 9, 10, 11));
}

TEST(History, IsBoundedAsAWhole) {
  History history(kNow, {.of_a_check = 3, .of_all = 5});
  for (int round = 0; round < 4; ++round)
    for (const char* identity : {"a", "b", "c"}) history.add(falls(identity), kNow);
  EXPECT_THAT(numbers(history.after(0, "")), testing::ElementsAre(8, 9, 10, 11, 12));
  for (int i = 0; i < 100; ++i) history.add(falls(fmt::format("new {}", i)), kNow);
  EXPECT_EQ(history.after(0, "").transitions.size(), 5U);
  for (int i = 0; i < 3; ++i) history.add(falls("a"), kNow);
  EXPECT_EQ(history.after(0, "a").transitions.size(), 3U);
}

TEST(History, TheNextProcessGoesOnCounting) {
  History before(kNow);
  for (int i = 0; i < 1000; ++i) before.add(falls("a"), kNow);
  History after(kNow + seconds(1));
  after.add(falls("b"), kNow + seconds(1));
  EXPECT_THAT(identities(after.after(before.after(0, "").last, "")), testing::ElementsAre("b"));
}

TEST(History, WhoWaitsHearsOfTheNextChangeOfItsChecks) {
  History history(kNow);
  history.add(falls("b"), kNow);
  EXPECT_TRUE(history.wait(0, "", milliseconds(0)));
  EXPECT_TRUE(history.wait(kFirst + 99, "", milliseconds(0))) << "another history";
  EXPECT_FALSE(history.wait(kFirst + 1, "", milliseconds(0)));
  EXPECT_FALSE(history.wait(0, "a", milliseconds(1)));
  bool heard = false;
  std::thread waiter([&] { heard = history.wait(kFirst + 1, "a", std::chrono::minutes(1)); });
  history.add(falls("b"), kNow);
  history.add(falls("a"), kNow);
  waiter.join();
  EXPECT_TRUE(heard);
}

}  // namespace
}  // namespace sdns::health
