// SPDX-License-Identifier: MIT
#include "backend/daemon/publication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/manual_clock.h"
#include "tests/unit/daemon/fake_source.h"
#include "tests/unit/daemon/log_capture.h"

namespace sdns::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::name;
using test::small_zone;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

class Calls {
 public:
  void add(const std::string& call) {
    std::lock_guard lock(mutex_);
    calls_.push_back(call);
  }
  std::vector<std::string> take() {
    std::lock_guard lock(mutex_);
    return std::exchange(calls_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> calls_;
};

class RecordingDoor final : public purge::Door {
 public:
  explicit RecordingDoor(Calls& calls) : calls_(calls) {}
  Result<void> purge(const std::set<dns::Name>& names) override {
    for (const dns::Name& one : names) calls_.add("purge " + one.text());
    return {};
  }
  Result<void> announce(const dns::Name& zone) override { return said("announce " + zone.text()); }
  Result<void> purge_subtree(const dns::Name& top) override { return said("subtree " + top.text()); }
  Result<void> purge_everything() override { return said("everything"); }
  Result<void> rediscover() override { return said("rediscover"); }
  Result<void> ping() override { return {}; }

 private:
  Result<void> said(const std::string& call) {
    calls_.add(call);
    return {};
  }
  Calls& calls_;
};

class PublicationTest : public testing::Test {
 protected:
  PublicationTest() {
    publication_.on_published = [this] { ++nudges_; };
    publication_.on_first = [this](const zone::ZoneSet& set) { first_.push_back(set.revision()); };
    publication_.set_servers({{"main", "/socket", "http://127.0.0.1:1", "key"}});
  }
  // As the publisher does.
  void load(std::vector<zone::ZoneContent> zones, zone::Revision revision) {
    zone::ZoneSetBuilder builder;
    for (zone::ZoneContent& zone : zones) ASSERT_TRUE(builder.add(std::move(zone)));
    zone::ZoneSetPtr before = zones_.load();
    const zone::Applied applied = difference(before.get(), builder.finish(revision, zone::Chain{}));
    zones_.publish(applied.set);
    publication_.loaded(std::move(before), applied);
  }
  void change(zone::Change change) {
    zone::ZoneSetPtr before = zones_.load();
    const auto applied = zone::apply(*before, {before->revision(), before->revision() + 1, {}, {std::move(change)}});
    ASSERT_TRUE(applied) << to_text(applied.error());
    zones_.publish(applied->set);
    publication_.published(std::move(before), *applied);
  }

  // What was there before is announced after the revision counts as purged.
  std::set<std::string> calls_until(const std::vector<std::string>& awaited) {
    std::set<std::string> calls;
    const auto missing = [&](const std::string& call) { return !calls.contains(call); };
    const auto deadline = std::chrono::steady_clock::now() + seconds(30);
    while (std::any_of(awaited.begin(), awaited.end(), missing)) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "still waiting for " << testing::PrintToString(awaited);
        return calls;
      }
      for (std::string& call : calls_.take()) calls.insert(std::move(call));
      std::this_thread::yield();
    }
    return calls;
  }

  Calls calls_;
  test::ManualClock clock_;
  test::LogCapture log_;
  Metrics metrics_;
  Reclaimer reclaimer_{metrics_};
  SnapshotCell<zone::ZoneSet> zones_{nullptr};
  purge::AskedNames asked_{1, seconds(60), clock_.now()};
  purge::Purger purger_{log_.log(), metrics_,
                        [this](const purge::ServerConfig&) { return std::make_unique<RecordingDoor>(calls_); },
                        purge::PurgerOptions{.again_after = milliseconds(60'000)}};
  health::HealthCell health_{std::make_shared<const health::HealthTable>()};
  lua::GeoCell geo_{lua::Geo::nowhere()};
  purge::ToldInbox told_;
  test::ManualWallClock wall_clock_;
  Publication publication_{Publication::Parts{.asked = asked_,
                                              .purger = purger_,
                                              .reclaimer = reclaimer_,
                                              .zones = zones_,
                                              .health = health_,
                                              .checker = nullptr,
                                              .rehearsal = nullptr,
                                              .geo = geo_,
                                              .told = {&told_},
                                              .cache_life = seconds(60),
                                              .check_limits = {},
                                              .clock = clock_,
                                              .wall_clock = wall_clock_,
                                              .log = log_.log()}};
  int nudges_ = 0;
  std::vector<zone::Revision> first_;
};

TEST_F(PublicationTest, NothingIsPurgedBeforeTheFirstState) {
  publication_.tick();
  EXPECT_TRUE(purger_.status().empty()) << "an older process may still answer";
}

TEST_F(PublicationTest, TheFirstStatePurgesEverythingAndAnnouncesEveryZone) {
  load({small_zone(1, "example."), small_zone(2, "org.")}, 5);
  ASSERT_TRUE(purger_.wait_purged(5, seconds(60)));
  const auto calls = calls_until({"announce example.", "announce org."});
  EXPECT_TRUE(calls.contains("everything"));
  EXPECT_THAT(first_, ElementsAre(5U));
}

TEST_F(PublicationTest, AHistoryThatWentBackIsPurgedAnewAndWaitedForAnew) {
  load({small_zone(1, "example.")}, 11);
  ASSERT_TRUE(purger_.wait_purged(11, seconds(60)));
  calls_.take();
  load({small_zone(1, "example.")}, 5);
  ASSERT_TRUE(purger_.wait_purged(5, seconds(60)));
  EXPECT_THAT(calls_.take(), Contains("everything"));
  EXPECT_EQ(purger_.purged(), 5U) << "not 11: edits of the new history are to be waited for";
  change(test::address(1, "www.example.", "192.0.2.1"));
  ASSERT_TRUE(purger_.wait_purged(6, seconds(60)));
  EXPECT_THAT(calls_.take(), Contains("purge www.example."));
}

TEST_F(PublicationTest, AChangePurgesItsNamesAndNothingElse) {
  load({small_zone(1, "example.")}, 5);
  ASSERT_TRUE(purger_.wait_purged(5, seconds(60)));
  calls_.take();
  change(test::address(1, "www.example.", "192.0.2.1"));
  ASSERT_TRUE(purger_.wait_purged(6, seconds(60)));
  const auto calls = calls_.take();
  EXPECT_THAT(calls, Contains("purge www.example."));
  EXPECT_THAT(calls, Not(Contains("everything")));
  EXPECT_EQ(nudges_, 2);
  EXPECT_EQ(first_.size(), 1U);
}

TEST_F(PublicationTest, WhoRefersToAChangedNameIsKnownFromTheLoadOn) {
  zone::ZoneContent referring = small_zone(1, "example.");
  referring.records.push_back({name("alias.example."), dns::kCNAME, dns::Ttl{60}, "www.org."});
  load({referring, small_zone(2, "org.")}, 5);
  ASSERT_TRUE(purger_.wait_purged(5, seconds(60)));
  calls_.take();
  change(test::address(2, "www.org.", "192.0.2.1"));
  ASSERT_TRUE(purger_.wait_purged(6, seconds(60)));
  EXPECT_THAT(calls_.take(), Contains("purge alias.example."));
}

TEST_F(PublicationTest, AfterHistoryDivergedEverythingIsPurgedAndZonesThatCameAndWentAreAnnounced) {
  load({small_zone(1, "example."), small_zone(2, "gone.")}, 5);
  calls_until({"everything", "announce example.", "announce gone."});
  load({small_zone(1, "example."), small_zone(3, "new.")}, 6);
  ASSERT_TRUE(purger_.wait_purged(6, seconds(60)));
  const auto calls = calls_.take();
  EXPECT_THAT(calls, Contains("everything"));
  EXPECT_THAT(calls, Contains("announce gone."));
  EXPECT_THAT(calls, Contains("announce new."));
  EXPECT_THAT(calls, Not(Contains("announce example.")));
  EXPECT_EQ(first_.size(), 1U);
}

TEST_F(PublicationTest, ANameThatWasAskedBelowAWildcardIsPurgedWithIt) {
  load({small_zone(1, "example.")}, 5);
  change(test::address(1, "*.example.", "192.0.2.1"));
  asked_.ring(0).push(1, name("a.example.").key().substr(name("example.").key().size()));
  publication_.tick();
  ASSERT_TRUE(purger_.wait_purged(6, seconds(60)));
  calls_.take();
  change(test::address(1, "*.example.", "192.0.2.2"));
  ASSERT_TRUE(purger_.wait_purged(7, seconds(60)));
  EXPECT_THAT(calls_.take(), Contains("purge a.example."));
}

// As an answering thread tells of an answer that PowerDNS may keep.
purge::Told told_of(const std::string& owner, const std::string& check, std::uint64_t health_sequence) {
  purge::Told told;
  told.zone = 1;
  told.owner = name(owner);
  told.health_sequence = health_sequence;
  told.revision = 5;
  told.cached = true;
  told.checks = {check};
  return told;
}

TEST_F(PublicationTest, AnOverridePurgesWhatRestsOnItInTheSameRevision) {
  load({small_zone(1, "example.")}, 5);
  ASSERT_TRUE(purger_.wait_purged(5, seconds(60)));  // else what follows may be part of "everything"
  told_.tell(told_of("www.example.", "tcp 192.0.2.1:443", 0));
  told_.tell(told_of("api.example.", "tcp 192.0.2.2:443", 0));
  publication_.tick();
  calls_.take();
  change(zone::OverrideChanged{"192.0.2.1", health::Override{.target = "192.0.2.1"}});
  ASSERT_TRUE(purger_.wait_purged(6, seconds(60)));
  const auto calls = calls_.take();
  EXPECT_THAT(calls, Contains("purge www.example."));
  EXPECT_THAT(calls, Not(Contains("purge api.example.")));
  const health::HealthTablePtr table = health_.load();
  EXPECT_EQ(table->state(table->find("tcp 192.0.2.1:443")).verdict, health::Verdict::kDown);
  EXPECT_TRUE(table->state(table->find("tcp 192.0.2.1:443")).forced);
}

TEST_F(PublicationTest, AnAnswerThatWasMadeBeforeAnOverrideAndToldAfterItIsPurged) {
  load({small_zone(1, "example.")}, 5);
  ASSERT_TRUE(purger_.wait_purged(5, seconds(60)));
  told_.tell(told_of("www.example.", "tcp 192.0.2.1:443", 0));
  publication_.tick();
  change(zone::OverrideChanged{"192.0.2.1", health::Override{.target = "192.0.2.1"}});
  calls_until({"purge www.example."});
  told_.tell(told_of("late.example.", "tcp 192.0.2.1:443", 0));
  publication_.tick();
  calls_until({"purge late.example."});
  told_.tell(told_of("first.example.", "tcp 192.0.2.1:80", 0));  // the check is new, and forced from the beginning
  publication_.tick();
  calls_until({"purge first.example."});
}

TEST_F(PublicationTest, AnOverrideThatEndsOrIsTakenBackPurgesAgain) {
  load({small_zone(1, "example.")}, 5);
  ASSERT_TRUE(purger_.wait_purged(5, seconds(60)));
  told_.tell(told_of("www.example.", "tcp 192.0.2.1:443", 0));
  publication_.tick();
  const auto now = std::chrono::duration_cast<seconds>(wall_clock_.wall_now().time_since_epoch()).count();
  change(zone::OverrideChanged{
      "192.0.2.1", health::Override{.target = "192.0.2.1", .since_seconds = now, .until_seconds = now + 60}});
  calls_until({"purge www.example."});
  wall_clock_.advance(seconds(60));
  publication_.tick();
  calls_until({"purge www.example."});
  const auto verdict = [this] {
    const health::HealthTablePtr table = health_.load();
    return table->state(table->find("tcp 192.0.2.1:443")).verdict;
  };
  EXPECT_EQ(verdict(), health::Verdict::kUnknown);
  change(zone::OverrideChanged{"192.0.2.1", health::Override{.target = "192.0.2.1"}});
  EXPECT_EQ(verdict(), health::Verdict::kDown);
  change(zone::OverrideChanged{"192.0.2.1", {}});
  EXPECT_EQ(verdict(), health::Verdict::kUnknown);
}

TEST_F(PublicationTest, ChangesOfHealthThatNobodyCachesCountAsPurged) {
  load({small_zone(1, "example.")}, 5);
  purge::Told told = told_of("www.example.", "tcp 192.0.2.1:443", 0);
  told.cached = false;
  told_.tell(std::move(told));
  publication_.tick();
  const auto now = std::chrono::duration_cast<seconds>(wall_clock_.wall_now().time_since_epoch()).count();
  change(zone::OverrideChanged{
      "192.0.2.1", health::Override{.target = "192.0.2.1", .since_seconds = now, .until_seconds = now + 60}});
  ASSERT_TRUE(purger_.wait_purged(6, seconds(60)));
  const std::uint64_t forced = health_.load()->sequence();
  EXPECT_EQ(purger_.purged_health(), forced);
  wall_clock_.advance(seconds(60));
  publication_.tick();
  const std::uint64_t ended = health_.load()->sequence();
  ASSERT_GT(ended, forced);
  const auto deadline = std::chrono::steady_clock::now() + seconds(60);
  while (purger_.purged_health() != ended && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(purger_.purged_health(), ended);
}

TEST_F(PublicationTest, AMemberThatComesIntoAForcedPoolIsForced) {
  load({small_zone(1, "example.")}, 5);
  ASSERT_TRUE(purger_.wait_purged(5, seconds(60)));
  told_.tell(told_of("www.example.", "tcp 192.0.2.1:443", 0));
  publication_.tick();
  change(zone::OverrideChanged{"pool:web", health::Override{.target = "pool:web"}});
  calls_.take();
  health::TargetPool pool;
  pool.name = "web";
  health::PoolMember member;
  member.name = "a";
  member.address = *dns::IpAddress::parse("192.0.2.1");
  pool.members = {member};
  change(zone::TargetPoolChanged{"web", pool});
  calls_until({"purge www.example."});
}

TEST_F(PublicationTest, AZoneThatComesOrGoesPurgesWhoReadItsNames) {
  load({small_zone(1, "example."), small_zone(2, "org.")}, 5);
  ASSERT_TRUE(purger_.wait_purged(5, seconds(60)));
  purge::Told told = told_of("www.example.", "tcp 192.0.2.1:443", 0);
  told.names = {name("a.org.")};
  told_.tell(purge::Told(told));
  told.owner = name("other.example.");
  told.names = {name("a.borg.")};
  told_.tell(std::move(told));
  publication_.tick();
  calls_.take();
  change(zone::ZoneDeleted{2});
  ASSERT_TRUE(purger_.wait_purged(6, seconds(60)));
  auto calls = calls_.take();
  EXPECT_THAT(calls, Contains("purge www.example."));
  EXPECT_THAT(calls, Not(Contains("purge other.example.")));
  change(zone::ZoneCreated{small_zone(3, "org.")});
  ASSERT_TRUE(purger_.wait_purged(7, seconds(60)));
  EXPECT_THAT(calls_.take(), Contains("purge www.example."));
}

TEST_F(PublicationTest, AZoneWithItsFirstOrLastLuaRecordHasOtherSettingsForPowerDns) {
  load({small_zone(1, "example.")}, 5);
  ASSERT_TRUE(purger_.wait_purged(5, seconds(60)));
  calls_.take();
  const auto lua = [&](std::vector<std::string> contents) {
    dns::Rrset rrset{name("www.example."), dns::kLUA, dns::Ttl{60}, std::move(contents)};
    change(zone::RrsetChanged{1, std::move(rrset)});
    EXPECT_TRUE(purger_.wait_purged(zones_.load()->revision(), seconds(60)));
    return calls_.take();
  };
  const auto whole = lua({"A \"'192.0.2.1'\""});
  const auto part = lua({"A \"'192.0.2.2'\""});
  const auto last = lua({});
  EXPECT_THAT(part, Contains("purge www.example."));
  EXPECT_THAT(whole, Contains("purge example.")) << "the zone's settings too";
  EXPECT_THAT(part, Not(Contains("purge example.")));
  EXPECT_THAT(last, Contains("purge example."));
}

TEST_F(PublicationTest, OtherLocationDataPurgesWhatRestsOnWhereAddressesAre) {
  load({small_zone(1, "example.")}, 5);
  ASSERT_TRUE(purger_.wait_purged(5, seconds(60)));
  purge::Told told = told_of("www.example.", "tcp 192.0.2.1:443", 0);
  told_.tell(purge::Told(told));
  told.owner = name("where.example.");
  told.places = geo_.load()->generation();
  told_.tell(purge::Told(told));
  publication_.tick();
  calls_.take();
  const std::uint64_t before = geo_.load()->generation();
  geo_.publish(lua::Geo::nowhere());
  publication_.tick();
  EXPECT_FALSE(calls_until({"purge where.example."}).contains("purge www.example."));
  told.owner = name("late.example.");
  told.places = before;
  told_.tell(std::move(told));
  publication_.tick();
  calls_until({"purge late.example."});
}

TEST_F(PublicationTest, OldSnapshotsAreFreedByTheReclaimer) {
  load({small_zone(1, "example.")}, 5);
  const std::weak_ptr<const zone::ZoneSet> old = zones_.load();
  change(test::address(1, "www.example.", "192.0.2.1"));
  reclaimer_.drain();
  EXPECT_TRUE(old.expired());
}

TEST(Reclaimer, AReaderPinsItsSnapshotUntilItsNextLook) {
  Metrics metrics;
  Reclaimer reclaimer(metrics);
  zone::ZoneSetPtr first = zone::ZoneSetBuilder().finish(1, {});
  const std::weak_ptr<const zone::ZoneSet> old = first;
  SnapshotCell<zone::ZoneSet> cell(std::move(first));
  SnapshotCell<zone::ZoneSet>::Reader reader(cell, &Reclaimer::retire_hook, &reclaimer);
  EXPECT_EQ(reader.get().revision(), 1U);
  cell.publish(zone::ZoneSetBuilder().finish(2, {}));
  reclaimer.drain();
  EXPECT_FALSE(old.expired());
  EXPECT_EQ(reader.get().revision(), 2U);
  reclaimer.drain();
  EXPECT_TRUE(old.expired());
}

}  // namespace
}  // namespace sdns::daemon
