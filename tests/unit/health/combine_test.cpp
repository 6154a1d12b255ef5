// SPDX-License-Identifier: MIT
#include "backend/health/combine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/seeded_random.h"

namespace sdns::health {
namespace {

using namespace std::chrono_literals;
using sdns::test::SeededRandom;

constexpr CheckRule kAll{CheckRule::Kind::kAll};
constexpr CheckRule kAny{CheckRule::Kind::kAny};
constexpr CheckRule at_least(std::uint32_t least) { return {CheckRule::Kind::kAtLeast, least}; }

Verdict verdict_of(char letter) {
  return letter == 'U' ? Verdict::kUp : letter == 'D' ? Verdict::kDown : Verdict::kUnknown;
}

TEST(CheckRule, IsReadAndWritten) {
  EXPECT_EQ(*parse_check_rule("all", 9), kAll);
  EXPECT_EQ(parse_check_rule("any", 9)->kind, CheckRule::Kind::kAny);
  EXPECT_EQ(*parse_check_rule("9", 9), at_least(9));
  for (const char* bad : {"", "0", "10", "-1", "2 of 3", "ALL", "50%"}) {
    const auto read = parse_check_rule(bad, 9);
    ASSERT_FALSE(read) << bad;
    EXPECT_NE(read.error().hint.find("1 to 9"), std::string::npos);
  }
  EXPECT_EQ(rule_text(kAll, 3), "all");
  EXPECT_EQ(rule_text(kAny, 3), "any");
  EXPECT_EQ(rule_text(at_least(2), 3), "2 of 3");
}

struct CheckCase {
  CheckRule rule;
  std::string checks;  // U, D, ?
  Verdict end;
};
void PrintTo(const CheckCase& one, std::ostream* to) { *to << one.checks; }
class CombineChecks : public testing::TestWithParam<CheckCase> {};

std::vector<Verdict> verdicts_of(const std::string& letters) {
  std::vector<Verdict> all;
  for (const char letter : letters) all.push_back(verdict_of(letter));
  return all;
}

TEST_P(CombineChecks, CountsThoseThatAreUp) {
  EXPECT_EQ(verdict_name(GetParam().end),
            verdict_name(combine_checks(GetParam().rule, verdicts_of(GetParam().checks))));
}

INSTANTIATE_TEST_SUITE_P(
    Health, CombineChecks,
    testing::Values(CheckCase{kAll, "UUU", Verdict::kUp}, CheckCase{kAll, "UUD", Verdict::kDown},
                    CheckCase{kAll, "UU?", Verdict::kUnknown}, CheckCase{kAll, "?D?", Verdict::kDown},
                    CheckCase{kAny, "DDU", Verdict::kUp}, CheckCase{kAny, "DDD", Verdict::kDown},
                    CheckCase{kAny, "DD?", Verdict::kUnknown}, CheckCase{kAny, "?U?", Verdict::kUp},
                    CheckCase{at_least(2), "UUDD", Verdict::kUp}, CheckCase{at_least(2), "UDDD", Verdict::kDown},
                    CheckCase{at_least(2), "UD?D", Verdict::kUnknown}, CheckCase{at_least(2), "UU??", Verdict::kUp},
                    CheckCase{at_least(0), "D", Verdict::kDown}, CheckCase{at_least(0), "UD", Verdict::kUp},
                    CheckCase{at_least(9), "UUU", Verdict::kUp}, CheckCase{at_least(9), "UUD", Verdict::kDown},
                    CheckCase{kAll, "", Verdict::kUnknown}, CheckCase{kAny, "", Verdict::kUnknown},
                    CheckCase{at_least(1), "", Verdict::kUnknown}));

TEST(CombineChecksProperty, IsUnknownExactlyWhenTheUnknownOnesDecide) {
  for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
    SeededRandom random(seed);
    std::vector<Verdict> checks(1 + random.below(6));
    for (Verdict& check : checks) check = static_cast<Verdict>(random.below(3));
    const CheckRule rule{static_cast<CheckRule::Kind>(random.below(3)), static_cast<std::uint32_t>(random.below(8))};
    const auto with_unknown_as = [&](Verdict verdict) {
      std::vector<Verdict> known = checks;
      for (Verdict& check : known)
        if (check == Verdict::kUnknown) check = verdict;
      return combine_checks(rule, known);
    };
    const Verdict at_best = with_unknown_as(Verdict::kUp);
    const Verdict at_worst = with_unknown_as(Verdict::kDown);
    ASSERT_EQ(at_best == at_worst ? at_best : Verdict::kUnknown, combine_checks(rule, checks)) << "seed " << seed;
  }
}

struct ViewCase {
  std::string behaviour;
  VantageRule rule;
  char own;
  std::string others;  // lower case: too old
  VantageVerdict end;
};
void PrintTo(const ViewCase& one, std::ostream* to) { *to << one.behaviour; }
class CombineViews : public testing::TestWithParam<ViewCase> {};

std::vector<View> views_of(const std::string& letters) {
  std::vector<View> all;
  for (const char letter : letters) {
    const bool old = letter == 'u' || letter == 'd';
    all.push_back({verdict_of(old ? static_cast<char>(letter - 'a' + 'A') : letter), old ? 30'001ms : 30'000ms});
  }
  return all;
}

TEST_P(CombineViews, AsTheRuleSays) {
  const auto& [behaviour, rule, own, others, end] = GetParam();
  const VantageVerdict got = combine_views(rule, verdict_of(own), views_of(others), 30s);
  EXPECT_EQ(verdict_name(end.verdict), verdict_name(got.verdict));
  EXPECT_EQ(end.up, got.up);
  EXPECT_EQ(end.down, got.down);
  EXPECT_EQ(end.stale, got.stale);
  EXPECT_EQ(end.disagree, got.disagree);
  EXPECT_EQ(end.cut_off, got.cut_off);
}

constexpr Verdict kUp = Verdict::kUp;
constexpr Verdict kDown = Verdict::kDown;
constexpr Verdict kUnknown = Verdict::kUnknown;

INSTANTIATE_TEST_SUITE_P(
    Health, CombineViews,
    testing::Values(
        ViewCase{"local: others are not asked", VantageRule::kLocal, 'U', "DD", {kUp, 1, 2, 0, true, false}},
        ViewCase{
            "local: not even while ours is unknown", VantageRule::kLocal, '?', "UU", {kUnknown, 2, 0, 0, false, false}},
        ViewCase{"majority: two of three", VantageRule::kMajority, 'U', "DD", {kDown, 1, 2, 0, true, false}},
        ViewCase{"majority: the other two of three", VantageRule::kMajority, 'D', "UU", {kUp, 2, 1, 0, true, false}},
        ViewCase{"majority: ours breaks a tie", VantageRule::kMajority, 'D', "U", {kDown, 1, 1, 0, true, false}},
        ViewCase{"majority: either way", VantageRule::kMajority, 'U', "D", {kUp, 1, 1, 0, true, false}},
        ViewCase{
            "majority: unknown views have no say", VantageRule::kMajority, 'U', "??D?U", {kUp, 2, 1, 0, true, false}},
        ViewCase{"majority: while ours is unknown others decide",
                 VantageRule::kMajority,
                 '?',
                 "UUD",
                 {kUp, 2, 1, 0, true, false}},
        ViewCase{"majority: a tie of others is not known",
                 VantageRule::kMajority,
                 '?',
                 "UD",
                 {kUnknown, 1, 1, 0, true, false}},
        ViewCase{"majority: old views do not count", VantageRule::kMajority, 'U', "ddd", {kUp, 1, 0, 3, false, true}},
        ViewCase{
            "majority: one that is not old does", VantageRule::kMajority, 'U', "ddDD", {kDown, 1, 2, 2, true, false}},
        ViewCase{"any-down: one is enough", VantageRule::kAnyDown, 'U', "UUUD", {kDown, 4, 1, 0, true, false}},
        ViewCase{"any-down: ours too", VantageRule::kAnyDown, 'D', "UUU", {kDown, 3, 1, 0, true, false}},
        ViewCase{"any-down: up when nobody says down", VantageRule::kAnyDown, '?', "U?", {kUp, 1, 0, 0, false, false}},
        ViewCase{"any-down: cut off, our own decides", VantageRule::kAnyDown, 'U', "dd", {kUp, 1, 0, 2, false, true}},
        ViewCase{"nobody knows", VantageRule::kAnyDown, '?', "?", {kUnknown, 0, 0, 0, false, false}},
        ViewCase{"a node alone is not cut off", VantageRule::kMajority, 'D', "", {kDown, 0, 1, 0, false, false}}));

TEST(CombineViewsProperty, AgreesWithTheRulesWrittenOut) {
  for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
    SeededRandom random(seed);
    const Verdict own = static_cast<Verdict>(random.below(3));
    std::vector<View> others(random.below(6));
    std::vector<Verdict> known;
    if (own != kUnknown) known.push_back(own);
    bool any_fresh = false;
    for (View& view : others) {
      view = {static_cast<Verdict>(random.below(3)), 1ms * random.below(21)};
      if (view.age > 10ms) continue;
      any_fresh = true;
      if (view.verdict != kUnknown) known.push_back(view.verdict);
    }
    const auto ups = static_cast<std::size_t>(std::count(known.begin(), known.end(), kUp));
    Verdict majority = own;
    if (2 * ups > known.size()) majority = kUp;
    if (2 * (known.size() - ups) > known.size()) majority = kDown;
    const Verdict any_down = ups < known.size() ? kDown : ups > 0 ? kUp : kUnknown;
    ASSERT_EQ(own, combine_views(VantageRule::kLocal, own, others, 10ms).verdict) << "seed " << seed;
    const VantageVerdict got = combine_views(VantageRule::kMajority, own, others, 10ms);
    ASSERT_EQ(majority, got.verdict) << "seed " << seed;
    ASSERT_EQ(any_down, combine_views(VantageRule::kAnyDown, own, others, 10ms).verdict) << "seed " << seed;
    ASSERT_EQ(ups > 0 && ups < known.size(), got.disagree) << "seed " << seed;
    ASSERT_EQ(!others.empty() && !any_fresh, got.cut_off) << "seed " << seed;
    ASSERT_TRUE(!got.cut_off || got.verdict == own) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sdns::health
