// SPDX-License-Identifier: MIT
#include "backend/purge/asked_names.h"

#include <thread>

#include "tests/unit/purge/zones.h"

namespace sdns::purge {
namespace {

using std::chrono::seconds;

constexpr const char* kZone = "*.w A 192.0.2.1\nh.w A 192.0.2.1\nd NS ns.d\nns.d A 192.0.2.1\n";

class Asked : public testing::Test {
 protected:
  explicit Asked(AskedLimits limits = {.names_per_group = 3, .names_per_generation = 8, .groups_per_generation = 4})
      : asked_(1, seconds(100), now_, limits, 1024) {}

  static std::string key(const std::string& relative) {
    return name(relative + ".example.").key().substr(name("example.").key().size());
  }
  void ask(const std::vector<std::string>& names) {
    for (const auto& n : names) asked_.ring(0).push(1, key(n));
    asked_.drain(*set_, *set_, now_);
  }
  std::set<std::string> below(const std::string& at) {
    return relative(asked_.at_or_below(1, at.empty() ? "" : key(at)));
  }
  std::set<std::string> from(const std::string& at) {
    return relative(asked_.answered_from(1, at.empty() ? "" : key(at)));
  }
  static std::set<std::string> relative(const AskedNames::Answer& answer) {
    std::set<std::string> names;
    if (!answer.complete) names.insert("$");
    for (const std::string& k : answer.relative_keys) names.insert(dns::key_to_relative_text(k));
    return names;
  }

  SteadyTime now_{};
  zone::ZoneSetPtr set_ = set_of({content(1, "example.", kZone)});
  AskedNames asked_;
};

using Names = std::set<std::string>;

TEST_F(Asked, AreFiledByTheCutOrTheClosestEncloser) {
  ask({"a.w", "b.c.w", "x.h.w", "y.d", "ns.d"});
  EXPECT_EQ(from("d"), (Names{"y.d", "ns.d"}));
  ask({"x.ns.d"});
  EXPECT_EQ(from("w"), (Names{"a.w", "b.c.w"}));
  EXPECT_EQ(from("h.w"), Names{"x.h.w"});
  EXPECT_EQ(from("d"), (Names{"y.d", "ns.d", "x.ns.d"})) << "the cut answers, not its glue";
  EXPECT_EQ(from(""), Names{});
  EXPECT_EQ(below("w"), (Names{"a.w", "b.c.w", "x.h.w"}));
  EXPECT_EQ(below("c.w"), Names{"b.c.w"}) << "below a name that does not exist";
  EXPECT_EQ(below("b.c.w"), Names{"b.c.w"});
  EXPECT_EQ(below("h.w"), Names{"x.h.w"});
  EXPECT_EQ(below("q"), Names{});
}

TEST_F(Asked, DoNotHoldNamesThatAnswerForThemselves) {
  ask({"h.w", "w", "d"});
  EXPECT_EQ(asked_.size().names, 0U);
}

TEST_F(Asked, OfAZoneThatIsNotServedAreDropped) {
  asked_.ring(0).push(7, "a");
  asked_.drain(*set_, *set_, now_);
  EXPECT_EQ(asked_.size().names, 0U);
}

TEST_F(Asked, StayForTheLifeOfACacheEntryAndAreThenForgotten) {
  ask({"a.w"});
  now_ += seconds(99);
  ask({"b.w"});
  now_ += seconds(1);
  ask({});
  EXPECT_EQ(from("w"), (Names{"a.w", "b.w"}));
  now_ += seconds(99);
  ask({});
  EXPECT_EQ(from("w"), (Names{"a.w", "b.w"})) << "b.w was asked 100 seconds ago";
  now_ += seconds(1);
  ask({"c.w"});
  EXPECT_EQ(from("w"), Names{"c.w"});
}

TEST_F(Asked, AreAllForgottenAfterALongSleep) {
  ask({"a.w"});
  now_ += seconds(200);
  ask({});
  EXPECT_EQ(from("w"), Names{});
}

TEST_F(Asked, BelowOneWildcardAreRememberedUpToALimit) {
  ask({"a.w", "b.w", "c.w"});
  ask({"a.w", "b.w"});
  EXPECT_EQ(from("w").size(), 3U) << "names count once";
  ask({"e.w", "y.d"});
  EXPECT_EQ(from("w"), Names{"$"});
  EXPECT_EQ(below("zzz.w"), Names{"$"}) << "one of those dropped may be there";
  EXPECT_EQ(below("d"), Names{"y.d"}) << "others are not concerned";
  EXPECT_EQ(asked_.size().names, 1U) << "the memory is free again";
  now_ += seconds(200);
  ask({"f.w"});
  EXPECT_EQ(from("w"), Names{"f.w"});
}

TEST_F(Asked, UseBoundedMemoryOverGroups) {
  ask({"a.w", "x.h.w", "nx"});
  ask({"y.d"});
  EXPECT_TRUE(asked_.size().complete);
  const zone::ZoneSetPtr two = set_of({content(1, "example.", kZone), content(2, "other.test.", "")});
  asked_.ring(0).push(2, "q");
  asked_.drain(*two, *two, now_);
  EXPECT_FALSE(asked_.size().complete);
  EXPECT_EQ(asked_.size().groups, 4U);
  EXPECT_EQ(from("w"), Names{"$"});
}

TEST_F(Asked, ARingThatIsFullSaysThatNamesAreMissing) {
  for (int i = 0; i < 200; ++i) asked_.ring(0).push(1, key("a.w"));
  ask({});
  EXPECT_FALSE(asked_.size().complete);
  EXPECT_EQ(from("d"), Names{"$"});
  now_ += seconds(200);
  ask({"a.w"});
  EXPECT_EQ(from("w"), Names{"a.w"});
}

TEST_F(Asked, AreFiledByBothSetsWhenEitherMayHaveAnswered) {
  const zone::Applied applied = apply_all(*set_, {rrset(1, "h.w.example.", dns::kA, {})});
  asked_.ring(0).push(1, key("x.h.w"));
  asked_.drain(*set_, *applied.set, now_);
  EXPECT_EQ(from("h.w"), Names{"x.h.w"});
  EXPECT_EQ(from("w"), Names{"x.h.w"});
}

TEST(AskedRing, GivesNamesOfAnyLengthBackInOrderOverItsEnd) {
  AskedRing ring(1024);
  std::string key;
  zone::ZoneId zone = 0;
  for (unsigned round = 0; round < 500; ++round) {
    const std::string a(round % 500, static_cast<char>('a' + round % 26));
    ring.push(round, a);
    ring.push(round + 1, "");
    ASSERT_TRUE(ring.pop(zone, key));
    EXPECT_EQ(zone, round);
    EXPECT_EQ(key, a);
    ASSERT_TRUE(ring.pop(zone, key));
    EXPECT_EQ(zone, round + 1);
    EXPECT_EQ(key, "");
    ASSERT_FALSE(ring.pop(zone, key));
  }
  EXPECT_FALSE(ring.take_incomplete());
}

TEST(AskedRing, LosesNothingBetweenTwoThreadsWithoutSayingSo) {
  AskedRing ring(4096);
  constexpr std::uint32_t kCount = 200'000;
  std::atomic<bool> done{false};
  std::thread producer([&ring, &done] {
    for (std::uint32_t i = 1; i <= kCount; ++i) {
      const std::string key(i % 40, static_cast<char>('a' + i % 26));
      ring.push(i, key);
    }
    done = true;
  });
  std::uint32_t last = 0;
  std::uint32_t seen = 0;
  bool incomplete = false;
  std::string key;
  zone::ZoneId zone = 0;
  const auto take = [&] {
    while (ring.pop(zone, key)) {
      ASSERT_GT(zone, last);
      ASSERT_EQ(key, std::string(zone % 40, static_cast<char>('a' + zone % 26)));
      last = zone;
      ++seen;
    }
    incomplete = ring.take_incomplete() || incomplete;
  };
  while (!done) take();
  producer.join();
  take();
  EXPECT_TRUE(incomplete || seen == kCount) << seen;
}

}  // namespace
}  // namespace sdns::purge
