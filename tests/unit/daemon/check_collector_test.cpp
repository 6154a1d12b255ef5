// SPDX-License-Identifier: MIT
#include "backend/daemon/check_collector.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/manual_clock.h"
#include "tests/unit/daemon/fake_source.h"

namespace sdns::daemon {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;
using testing::Pair;
using testing::UnorderedElementsAre;

class CheckCollectorTest : public testing::Test {
 protected:
  static zone::ZoneContent zone(zone::ZoneId id, const std::string& apex,
                                const std::vector<std::pair<std::string, std::string>>& lua) {
    zone::ZoneContent content = test::small_zone(id, apex);
    for (const auto& [owner, code] : lua)
      content.records.push_back({test::name(owner), dns::kLUA, dns::Ttl{60}, "A \"" + code + "\""});
    return content;
  }
  void serve(std::vector<zone::ZoneContent> zones) {
    zone::ZoneSetBuilder builder;
    for (zone::ZoneContent& content : zones) ASSERT_TRUE(builder.add(std::move(content)));
    auto pools = health::TargetPools::make(pools_);
    ASSERT_TRUE(pools) << to_text(pools.error());
    builder.configure(std::move(*pools));
    zones_ = builder.finish(++revision_, {});
  }
  CheckCollector::Asks asks() {
    return [this](zone::ZoneId zone, const answer::AskedChecks& asked) {
      found_[zone].insert(asked.checks.begin(), asked.checks.end());
      planned_.insert(asked.planned.begin(), asked.planned.end());
      ++asked_;
    };
  }
  void step(int milliseconds = 1000) { collector_.step(*zones_, microseconds(milliseconds * 1000), asks()); }
  std::map<zone::ZoneId, std::set<std::string>> found() { return std::exchange(found_, {}); }

  std::vector<health::TargetPool> pools_;
  zone::Revision revision_ = 0;
  zone::ZoneSetPtr zones_;
  answer::SteeringSettings settings_;
  health::HealthCell health_{std::make_shared<const health::HealthTable>()};
  lua::GeoCell geo_{lua::Geo::nowhere()};
  test::ManualClock clock_;
  answer::Rehearsal rehearsal_{{.settings = settings_, .health = health_, .geo = geo_, .clock = clock_, .seed = 1}};
  CheckCollector collector_{rehearsal_, seconds(60), clock_};
  std::map<zone::ZoneId, std::set<std::string>> found_;
  std::set<std::string> planned_;
  int asked_ = 0;
};

TEST_F(CheckCollectorTest, FindsWhatRecordsAskWhateverTheClient) {
  serve({zone(1, "example.",
              {{"run.example.", "ifportup(443, {'192.0.2.1', '192.0.2.2'})"},
               {"made.example.", "ifportup(400 + 43, {'192.0.2.' .. 3})"},
               {"branch.example.", ";if country('NL') then return ifportup(80, {'192.0.2.4'}) end return '192.0.2.5'"},
               {"*.wild.example.", "ifurlup('http://w.example/', {{'192.0.2.6'}})"},
               {"broken.example.", "ifportup(443,"},
               {"fails.example.", "error('no')"},
               {"plain.example.", "'192.0.2.7'"}}),
         zone(2, "org.", {}), zone(3, "net.", {{"net.", "ifportup(25, {'192.0.2.8'})"}})});
  step();
  EXPECT_THAT(found(), UnorderedElementsAre(
                           Pair(1U, UnorderedElementsAre("tcp 192.0.2.1:443", "tcp 192.0.2.2:443", "tcp 192.0.2.3:443",
                                                         "tcp 192.0.2.4:80", "url http://w.example/ from 192.0.2.6")),
                           Pair(3U, ElementsAre("tcp 192.0.2.8:25"))));
  EXPECT_EQ(collector_.rounds(), 1U);
}

TEST_F(CheckCollectorTest, FindsWhatTargetPoolsAskThoughNoRecordNamesThem) {
  health::TargetPool pool;
  pool.name = "web";
  pool.options = {{"port", "443"}};
  for (const std::uint32_t group : {1U, 2U}) {
    health::PoolMember& member = pool.members.emplace_back();
    member.name = fmt::format("192.0.2.{}", group);
    member.address = *dns::IpAddress::parse(member.name);
    member.group = group;
  }
  pools_.push_back(pool);
  serve({});
  step();
  EXPECT_THAT(found(), ElementsAre(Pair(0U, UnorderedElementsAre("tcp 192.0.2.1:443", "tcp 192.0.2.2:443"))));
}

TEST_F(CheckCollectorTest, FindsByWhichAPlannedTtlGoes) {
  serve({zone(1, "example.",
              {{"plans.example.", "ifportup(443, {'192.0.2.1'}, {plannedttl=true})"},
               {"branch.example.",
                ";if country('NL') then return ifportup(80, {'192.0.2.4'}, {plannedttl=true}) end return 'x'"},
               {"not.example.", "ifportup(443, {'192.0.2.2'})"}})});
  step();
  EXPECT_EQ(planned_, (std::set<std::string>{"tcp 192.0.2.1:443", "tcp 192.0.2.4:80"}));
}

TEST_F(CheckCollectorTest, ARoundGoesOnWhereItWasLeft) {
  std::vector<zone::ZoneContent> zones;
  for (zone::ZoneId id = 1; id <= 4; ++id) {
    const std::string apex = fmt::format("z{}.", id);
    zones.push_back(zone(id, apex,
                         {{"a." + apex, fmt::format("ifportup(1, {{'192.0.2.{}'}})", id)},
                          {"b." + apex, fmt::format("ifportup(2, {{'192.0.2.{}'}})", id)}}));
  }
  serve(std::move(zones));
  for (int owner = 1; owner <= 8; ++owner) {
    step(0);
    EXPECT_EQ(asked_, owner);
    EXPECT_EQ(collector_.rounds(), 0U);
  }
  step(0);
  EXPECT_EQ(collector_.rounds(), 1U);
  EXPECT_EQ(found().size(), 4U);
  clock_.advance(seconds(59));
  step();
  EXPECT_EQ(collector_.rounds(), 1U);
  EXPECT_THAT(found(), IsEmpty());
  clock_.advance(seconds(1));
  step();
  EXPECT_EQ(collector_.rounds(), 2U);
  EXPECT_EQ(found().size(), 4U);
}

// A name may have very many LUA records: one of them is the least that is looked at.
TEST_F(CheckCollectorTest, ARoundGoesOnWithinAName) {
  serve({zone(1, "example.",
              {{"a.example.", "ifportup(1, {'192.0.2.1'})"},
               {"a.example.", "ifportup(2, {'192.0.2.1'})"},
               {"a.example.", "ifportup(3, {'192.0.2.1'})"},
               {"b.example.", "ifportup(4, {'192.0.2.1'})"}})});
  for (int record = 1; record <= 4; ++record) {
    step(0);
    EXPECT_EQ(asked_, record);
  }
  EXPECT_THAT(found(), ElementsAre(Pair(1U, UnorderedElementsAre("tcp 192.0.2.1:1", "tcp 192.0.2.1:2",
                                                                 "tcp 192.0.2.1:3", "tcp 192.0.2.1:4"))));
  EXPECT_EQ(collector_.rounds(), 0U);
  step(0);
  EXPECT_EQ(collector_.rounds(), 1U);
}

// Purges wait for it.
TEST_F(CheckCollectorTest, AChangeThatTakesLongIsForTheNextRound) {
  serve({});
  step();
  serve({zone(1, "example.",
              {{"a.example.", "ifportup(1, {'192.0.2.1'})"},
               {"a.example.", "ifportup(2, {'192.0.2.1'})"},
               {"b.example.", "ifportup(3, {'192.0.2.1'})"}})});
  zone::Applied applied;
  applied.set = zones_;
  applied.zones = {{zone::ZoneTouch::What::kCreated, 1, test::name("example.")}};
  collector_.changed(applied, microseconds(10), [&](zone::ZoneId, const answer::AskedChecks&) {
    ++asked_;
    clock_.advance(microseconds(11));
  });
  EXPECT_EQ(asked_, 1);
  step();
  EXPECT_EQ(asked_, 4);
}

TEST_F(CheckCollectorTest, WhatIsChangedIsLookedAtAtOnce) {
  serve({zone(1, "example.", {{"a.example.", "ifportup(1, {'192.0.2.1'})"}}),
         zone(2, "org.", {{"b.org.", "ifportup(1, {'192.0.2.2'})"}})});
  zone::Applied applied;
  applied.set = zones_;
  applied.rrsets = {{1, test::name("a.example."), dns::kLUA},
                    {1, test::name("a.example."), dns::kA},
                    {1, test::name("gone.example."), dns::kLUA}};
  applied.zones = {{zone::ZoneTouch::What::kCreated, 2, test::name("org.")},
                   {zone::ZoneTouch::What::kDeleted, 9, test::name("net.")}};
  collector_.changed(applied, seconds(1), asks());
  EXPECT_EQ(asked_, 2);
  EXPECT_THAT(found(), UnorderedElementsAre(Key(1U), Key(2U)));
}

TEST_F(CheckCollectorTest, ALargeChangeIsForTheNextRoundWhichBeginsAtOnce) {
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 0; i < 300; ++i) many.emplace_back(fmt::format("n{}.example.", i), "ifportup(1, {'192.0.2.1'})");
  serve({});
  step();
  serve({zone(1, "example.", many)});
  zone::Applied applied;
  applied.set = zones_;
  applied.zones = {{zone::ZoneTouch::What::kCreated, 1, test::name("example.")}};
  collector_.changed(applied, seconds(1), asks());
  EXPECT_EQ(asked_, 200);
  step();
  EXPECT_EQ(asked_, 500);
  EXPECT_EQ(collector_.rounds(), 2U);
}

}  // namespace
}  // namespace sdns::daemon
