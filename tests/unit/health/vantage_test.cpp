// SPDX-License-Identifier: MIT
#include "backend/health/vantage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"

namespace sdns::health {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kUp = Verdict::kUp;
constexpr auto kDown = Verdict::kDown;
constexpr auto kUnknown = Verdict::kUnknown;
const std::string kCheck = "tcp 192.0.2.1:443";

class VantageTest : public testing::Test {
 protected:
  void ours(Verdict verdict, const std::string& check = kCheck) { vantage_.own(check, {.verdict = verdict}); }
  void theirs(const std::string& node, Verdict verdict, const std::string& check = kCheck) {
    vantage_.heard(node, clock_.now());
    vantage_.view(node, check, verdict, wall_.wall_now());
  }
  std::vector<Vantage::Change> settle() { return vantage_.settle(clock_.now()); }

  test::ManualClock clock_;
  test::ManualWallClock wall_;
  Vantage vantage_{VantageRule::kMajority, 30s};
};

TEST_F(VantageTest, ANodeAloneGoesByItsOwnView) {
  ours(kDown);
  const auto changes = settle();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(kDown, changes[0].state.verdict);
  EXPECT_EQ(kUnknown, changes[0].before);
  EXPECT_FALSE(vantage_.cut_off());
  EXPECT_THAT(settle(), IsEmpty()) << "told once";
}

TEST_F(VantageTest, OthersOutvoteUs) {
  ours(kDown);
  settle();
  theirs("b", kUp);
  auto changes = settle();
  ASSERT_THAT(changes, SizeIs(1)) << "they disagree, and ours breaks the tie";
  EXPECT_EQ(kDown, changes[0].state.verdict);
  EXPECT_TRUE(changes[0].now.disagree);
  EXPECT_FALSE(changes[0].disagreed);
  EXPECT_EQ(1U, vantage_.disagreements());
  theirs("c", kUp);
  changes = settle();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(kUp, changes[0].state.verdict);
  EXPECT_EQ(kDown, changes[0].before);
  EXPECT_EQ(2U, changes[0].now.up);
  ours(kUp);
  changes = settle();
  ASSERT_THAT(changes, SizeIs(1)) << "they agree again";
  EXPECT_FALSE(changes[0].now.disagree);
  EXPECT_EQ(0U, vantage_.disagreements());
}

TEST_F(VantageTest, TheWeightIsOurs) {
  vantage_.own(kCheck, {.verdict = kUp, .weight = 7});
  theirs("b", kUp);
  EXPECT_EQ(7U, settle().at(0).state.weight);
  vantage_.own(kCheck, {.verdict = kUp, .weight = 8});
  EXPECT_EQ(8U, settle().at(0).state.weight);
}

TEST_F(VantageTest, WhoIsNotHeardOfHasNoSayUntilItIs) {
  ours(kUp);
  theirs("b", kDown);
  theirs("c", kDown);
  EXPECT_EQ(kDown, settle().at(0).state.verdict);
  clock_.advance(30s);
  vantage_.heard("c", clock_.now());
  EXPECT_THAT(settle(), IsEmpty()) << "30 s are not too old";
  clock_.advance(1ms);
  auto changes = settle();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(kUp, changes[0].state.verdict) << "one against one: ours";
  EXPECT_EQ(1U, changes[0].now.stale);
  EXPECT_FALSE(vantage_.cut_off());
  clock_.advance(31s);
  changes = settle();
  ASSERT_THAT(changes, SizeIs(1)) << "nobody disagrees any more";
  EXPECT_TRUE(changes[0].now.cut_off);
  EXPECT_TRUE(vantage_.cut_off());
  vantage_.heard("b", clock_.now());
  vantage_.heard("c", clock_.now());
  changes = settle();
  ASSERT_THAT(changes, SizeIs(1)) << "what they said counts again";
  EXPECT_EQ(kDown, changes[0].state.verdict);
  EXPECT_FALSE(vantage_.cut_off());
}

TEST_F(VantageTest, OnlyWhatWeHaveIsKept) {
  theirs("b", kDown);
  EXPECT_THAT(settle(), IsEmpty());
  EXPECT_FALSE(vantage_.report(kCheck));
  ours(kUp);
  EXPECT_EQ(kUp, settle().at(0).state.verdict) << "what was said before it was ours is to be told again";
  theirs("b", kDown);
  EXPECT_THAT(settle(), SizeIs(1));
  vantage_.forget(kCheck);
  EXPECT_EQ(0U, vantage_.disagreements());
  theirs("b", kDown);
  EXPECT_THAT(settle(), IsEmpty());
}

TEST_F(VantageTest, ANodeThatHasNoSuchCheckAnyMoreHasNoSay) {
  ours(kUp);
  theirs("b", kDown);
  theirs("c", kDown);
  EXPECT_EQ(kDown, settle().at(0).state.verdict);
  theirs("b", kUnknown);
  EXPECT_EQ(kUp, settle().at(0).state.verdict);
  EXPECT_THAT(vantage_.report(kCheck)->views, SizeIs(1));
  vantage_.clear("c");
  settle();
  EXPECT_THAT(vantage_.report(kCheck)->views, IsEmpty());
  EXPECT_THAT(vantage_.nodes(), SizeIs(2)) << "it is there, and is to tell all again";
  theirs("c", kDown);
  vantage_.drop("c");
  EXPECT_THAT(settle(), IsEmpty()) << "it came and went";
  vantage_.drop("b");
  settle();
  EXPECT_FALSE(vantage_.cut_off()) << "there is nobody to be cut off from";
}

TEST_F(VantageTest, AReportNamesTheNodes) {
  ours(kUp);
  theirs("c", kUp);
  theirs("b", kDown);
  settle();
  const auto report = vantage_.report(kCheck);
  ASSERT_TRUE(report);
  EXPECT_EQ(kUp, report->own);
  ASSERT_THAT(report->views, SizeIs(2));
  EXPECT_EQ("b", report->views[0].node);
  EXPECT_EQ(kDown, report->views[0].verdict);
  EXPECT_EQ(wall_.wall_now(), report->views[0].changed);
  EXPECT_TRUE(report->views[0].fresh);
}

TEST(VantageProperty, ComesToWhatAllThatIsKnownComesTo) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    test::SeededRandom random(seed);
    test::ManualClock clock;
    const auto rule = static_cast<VantageRule>(random.below(3));
    Vantage vantage(rule, 30s);
    struct Model {
      Verdict own = kUnknown;
      std::map<std::string, Verdict> views;
      Verdict told = kUnknown;
    };
    std::map<std::string, Model> checks;
    std::map<std::string, SteadyTime> heard;
    for (int step = 0; step < 60; ++step) {
      const std::string check = std::string(1, static_cast<char>('a' + random.below(3)));
      const std::string node = std::string(1, static_cast<char>('A' + random.below(4)));
      const auto verdict = static_cast<Verdict>(random.below(3));
      switch (random.below(7)) {
        case 0:
        case 1:
          vantage.own(check, {.verdict = verdict});
          checks[check].own = verdict;
          break;
        case 2:
        case 3:
          vantage.view(node, check, verdict, {});
          if (!checks.contains(check) || !heard.contains(node)) break;
          if (verdict == kUnknown) checks[check].views.erase(node);
          else checks[check].views[node] = verdict;
          break;
        case 4:
          vantage.heard(node, clock.now());
          heard[node] = clock.now();
          break;
        case 5:
          clock.advance(std::chrono::seconds(random.below(25)));
          break;
        default:
          if (random.below(2) == 0) {
            vantage.forget(check);
            checks.erase(check);
          } else {
            vantage.drop(node);
            heard.erase(node);
            for (auto& [name, model] : checks) model.views.erase(node);
          }
      }
      for (const Vantage::Change& change : vantage.settle(clock.now())) {
        ASSERT_EQ(checks.at(change.identity).told, change.before) << "seed " << seed;
        checks.at(change.identity).told = change.state.verdict;
      }
      std::size_t disagreements = 0;
      for (const auto& [name, model] : checks) {
        std::vector<View> views;
        for (const auto& [from, said] : model.views)
          views.push_back({said, std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - heard.at(from))});
        const VantageVerdict all = combine_views(rule, model.own, views, 30s);
        ASSERT_EQ(verdict_name(all.verdict), verdict_name(model.told)) << "seed " << seed << " step " << step;
        ASSERT_EQ(all, vantage.report(name)->now) << "seed " << seed << " step " << step;
        disagreements += all.disagree ? 1 : 0;
      }
      ASSERT_EQ(disagreements, vantage.disagreements()) << "seed " << seed;
    }
  }
}

TEST(VantageRules, HaveNames) {
  for (const auto rule : {VantageRule::kLocal, VantageRule::kMajority, VantageRule::kAnyDown})
    EXPECT_EQ(rule, *parse_vantage_rule(vantage_rule_name(rule)));
  EXPECT_EQ(Errc::kInvalidArgument, parse_vantage_rule("most").error().code);
}

}  // namespace
}  // namespace sdns::health
