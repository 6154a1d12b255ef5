// SPDX-License-Identifier: MIT
#include "backend/daemon/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using test::address;
using test::name;
using test::small_zone;
using testing::ElementsAre;
using testing::HasSubstr;

class RecordingSink final : public PublicationSink {
 public:
  void published(zone::ZoneSetPtr before, const zone::Applied& applied) override {
    said.push_back("published " + std::to_string(before->revision()) + ">" + std::to_string(applied.set->revision()));
    for (const std::string& pool : applied.target_pools) said.back() += " ~" + pool;
  }
  void loaded(zone::ZoneSetPtr before, const zone::Applied& applied) override {
    std::string line = "loaded " + (before ? std::to_string(before->revision()) : "nothing") + ">" +
                       std::to_string(applied.set->revision());
    for (const zone::ZoneTouch& zone : applied.zones)
      line += (zone.what == zone::ZoneTouch::What::kCreated ? " +" : " -") + zone.apex.text();
    for (const std::string& pool : applied.target_pools) line += " ~" + pool;
    said.push_back(line);
  }
  void tick() override { ++ticks; }
  std::vector<std::string> said;
  int ticks = 0;
};

class PublisherTest : public testing::Test {
 protected:
  PublisherTest() { database_.zones = {small_zone(1, "example.")}; }
  Result<std::unique_ptr<zone::Source>> open() {
    ++opened_;
    if (open_error_) return fail(*open_error_);
    return std::make_unique<test::FakeSource>(database_);
  }
  zone::Revision served() const { return zones_.load()->revision(); }
  bool has(const std::string& owner) const {
    const zone::ZoneSetPtr set = zones_.load();
    const zone::Zone* zone = set->closest(name(owner).key());
    return zone != nullptr && zone->find(name(owner).key().substr(zone->apex_key().size())).exists;
  }

  static health::TargetPool pool(const std::string& name, const std::string& address) {
    health::PoolMember member;
    member.address = *dns::IpAddress::parse(address);
    member.name = address;
    return {name, {}, {member}, false};
  }
  static health::TargetPools configured(const std::string& address) {
    health::TargetPool made = pool("web", address);
    made.from_configuration = true;
    return *health::TargetPools::make({made});
  }
  std::string address_of(std::string_view pool) const {
    const health::TargetPool* found = zones_.load()->target_pools()->find(pool);
    return found == nullptr ? "none" : found->members.at(0).address.text();
  }

  test::FakeDatabase database_;
  std::optional<Error> open_error_;
  int opened_ = 0;
  test::ManualClock clock_;
  test::LogCapture log_;
  Metrics metrics_;
  ServingState state_{clock_};
  SnapshotCell<zone::ZoneSet> zones_{nullptr};
  RecordingSink sink_;
  Publisher publisher_{[this] { return open(); }, zones_, state_, sink_, clock_, log_.log(), metrics_};
};

TEST_F(PublisherTest, LoadsThenPublishesEachBatchInOrder) {
  database_.commit(address(1, "a.example.", "192.0.2.1"));
  database_.commit(address(1, "b.example.", "192.0.2.2"));
  database_.position = {1, zone::Chain{1}};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(publisher_.turn(), milliseconds(0));
  EXPECT_THAT(sink_.said, ElementsAre("loaded nothing>1 +example.", "published 1>2", "published 2>3"));
  EXPECT_EQ(served(), 3U);
  EXPECT_TRUE(has("a.example.") && has("b.example."));
  const auto view = state_.view();
  EXPECT_TRUE(view.ready);
  EXPECT_EQ(view.revision, 3U);
  EXPECT_EQ(view.chain, zone::Chain{3});
  EXPECT_EQ(view.zones, 1U);
  EXPECT_EQ(view.database_id, "db-1");
  EXPECT_EQ(view.database, DatabaseState::kUp);
  EXPECT_EQ(opened_, 1);
}

TEST_F(PublisherTest, WithoutADatabaseItTriesAgainWithBackOffAndSaysSoOnce) {
  open_error_ = Error{Errc::kUnavailable, "the file is gone", "put it back"};
  std::vector<long> pauses;
  for (int i = 0; i < 7; ++i) {
    pauses.push_back(publisher_.turn().count());
    clock_.advance(milliseconds(pauses.back()));
  }
  EXPECT_THAT(pauses, ElementsAre(100, 200, 400, 800, 1600, 2000, 2000));
  EXPECT_FALSE(state_.ready());
  EXPECT_EQ(state_.view().database, DatabaseState::kUnavailable);
  EXPECT_EQ(log_.count("database.unusable"), 1U);
  open_error_.reset();
  publisher_.turn();
  publisher_.turn();
  EXPECT_TRUE(state_.ready());
  EXPECT_EQ(log_.count("database.recovered"), 1U);
}

TEST_F(PublisherTest, DoesNotAskAgainBeforeTheBackOffIsOver) {
  open_error_ = Error{Errc::kUnavailable, "gone", ""};
  publisher_.turn();
  clock_.advance(milliseconds(40));
  EXPECT_EQ(publisher_.turn(), milliseconds(60));
  EXPECT_EQ(opened_, 1);
}

struct FailureCase {
  const char* what;
  Errc code;
  DatabaseState state;
};
class PublisherFailure : public PublisherTest, public testing::WithParamInterface<FailureCase> {};
TEST_P(PublisherFailure, KeepsServingAndRecoversWithoutALoad) {
  publisher_.turn();
  database_.changes_error = Error{GetParam().code, "trouble with the database", ""};
  publisher_.turn();
  EXPECT_EQ(state_.view().database, GetParam().state) << GetParam().what;
  EXPECT_THAT(state_.view().database_error, HasSubstr("trouble"));
  EXPECT_EQ(log_.count("database.unusable"), 1U);
  EXPECT_TRUE(state_.ready());
  EXPECT_EQ(served(), 1U);
  clock_.advance(seconds(5));
  EXPECT_EQ(state_.view().age, seconds(5));
  database_.changes_error.reset();
  database_.commit(address(1, "a.example.", "192.0.2.1"));
  publisher_.turn();
  EXPECT_EQ(served(), 2U);
  EXPECT_EQ(database_.loads, 1);
  EXPECT_EQ(log_.count("database.recovered"), 1U);
  EXPECT_EQ(state_.view().database, DatabaseState::kUp);
  EXPECT_EQ(state_.view().age, milliseconds(0));
}
INSTANTIATE_TEST_SUITE_P(Cases, PublisherFailure,
                         testing::Values(FailureCase{"gone", Errc::kUnavailable, DatabaseState::kUnavailable},
                                         FailureCase{"locked", Errc::kBusy, DatabaseState::kUnavailable},
                                         FailureCase{"damaged", Errc::kCorrupt, DatabaseState::kCorrupt},
                                         FailureCase{"another one", Errc::kForeign, DatabaseState::kReplaced}));

TEST_F(PublisherTest, ANewKindOfTroubleIsToldAndTheSameIsNot) {
  publisher_.turn();
  for (const Errc code : {Errc::kUnavailable, Errc::kUnavailable, Errc::kCorrupt, Errc::kCorrupt}) {
    database_.changes_error = Error{code, "trouble", ""};
    publisher_.turn();
    clock_.advance(seconds(3));
  }
  EXPECT_EQ(log_.count("database.unusable"), 2U);
}

TEST_F(PublisherTest, AfterHistoryDivergedItLoadsAndTellsTheZonesThatCameAndWent) {
  database_.zones = {small_zone(1, "example."), small_zone(2, "gone.")};
  publisher_.turn();
  database_.zones = {small_zone(1, "example."), small_zone(3, "new.")};
  database_.position = {9, zone::Chain{9}};
  database_.changes_error = Error{Errc::kDiverged, "the chain is another one", ""};
  publisher_.turn();
  EXPECT_EQ(served(), 1U);
  EXPECT_EQ(state_.view().database, DatabaseState::kDiverged);
  publisher_.turn();
  EXPECT_EQ(served(), 9U);
  EXPECT_THAT(sink_.said, ElementsAre("loaded nothing>1 +example. +gone.", "loaded 1>9 -gone. +new."));
  EXPECT_EQ(log_.count("database.diverged"), 1U);
  EXPECT_EQ(log_.count("zones.reloaded"), 1U);
  EXPECT_EQ(state_.view().database, DatabaseState::kUp);
}

TEST_F(PublisherTest, AnIdThatNowMeansAnotherApexIsAZoneGoneAndAZoneCome) {
  publisher_.turn();
  database_.zones = {small_zone(1, "other.")};
  database_.changes_error = Error{Errc::kDiverged, "the chain is another one", ""};
  publisher_.turn();
  publisher_.turn();
  EXPECT_EQ(sink_.said.back(), "loaded 1>1 -example. +other.");
}

TEST_F(PublisherTest, ARevisionThatFailsItsChecksIsNotPublishedAndIsToldOnce) {
  publisher_.turn();
  database_.commit(address(1, "outside.org.", "192.0.2.1"));
  const zone::Batch bad = database_.batches.front();
  for (int i = 0; i < 3; ++i) {
    publisher_.turn();
    clock_.advance(seconds(3));
    database_.batches = {bad};  // it is still there at the next look
  }
  EXPECT_EQ(served(), 1U);
  EXPECT_EQ(database_.loads, 1);
  EXPECT_EQ(log_.count("zones.rejected"), 1U);
  const auto view = state_.view();
  EXPECT_EQ(view.rejected, 2U);
  EXPECT_THAT(view.rejected_error, HasSubstr("outside.org."));
  EXPECT_EQ(view.age, seconds(9)) << "what is served is not what the database has";
}

TEST_F(PublisherTest, AfterARejectedRevisionANewerOneIsLoadedAsAWhole) {
  publisher_.turn();
  database_.commit(address(1, "outside.org.", "192.0.2.1"));
  publisher_.turn();
  clock_.advance(seconds(3));
  database_.zones = {small_zone(1, "example."), small_zone(2, "org.")};
  database_.position = {3, zone::Chain{3}};
  database_.batches = {{1, 3, zone::Chain{3}, {}}};
  publisher_.turn();
  database_.batches.clear();
  publisher_.turn();
  EXPECT_EQ(served(), 3U);
  EXPECT_EQ(database_.loads, 2);
  EXPECT_FALSE(state_.view().rejected);
  EXPECT_EQ(sink_.said.back(), "loaded 1>3 +org.");
}

TEST_F(PublisherTest, ANewerStateThatIsAlsoRejectedIsLoadedOnceOnly) {
  publisher_.turn();
  database_.commit(address(1, "outside.org.", "192.0.2.1"));
  publisher_.turn();
  database_.zones[0].records.push_back({name("outside.org."), dns::kA, dns::Ttl{60}, "192.0.2.1"});
  database_.position = {3, zone::Chain{3}};
  for (int i = 0; i < 5; ++i) {
    clock_.advance(seconds(30));
    database_.batches = {{1, 3, zone::Chain{3}, {}}};
    publisher_.turn();
  }
  EXPECT_EQ(database_.loads, 2);
  EXPECT_EQ(log_.count("zones.rejected"), 2U) << "once for each revision";
  EXPECT_EQ(state_.view().rejected, 3U);
  EXPECT_EQ(served(), 1U);
}

TEST_F(PublisherTest, ADivergedHistoryThatCannotBeLoadedIsToldOnceAndTriedUntilItCan) {
  publisher_.turn();
  database_.changes_error = Error{Errc::kDiverged, "the chain is another one", ""};
  database_.zones[0].records.push_back({name("outside.org."), dns::kA, dns::Ttl{60}, "192.0.2.1"});
  database_.position = {7, zone::Chain{7}};
  for (int i = 0; i < 4; ++i) {
    publisher_.turn();
    clock_.advance(seconds(30));
  }
  EXPECT_EQ(database_.loads, 4);
  EXPECT_EQ(log_.count("database.diverged"), 1U);
  EXPECT_EQ(log_.count("zones.rejected"), 1U);
  EXPECT_EQ(served(), 1U);
  database_.zones = {small_zone(1, "example.")};
  publisher_.turn();
  EXPECT_EQ(served(), 7U);
}

TEST_F(PublisherTest, AStateThatCannotBeLoadedLeavesTheNodeNotReadyWithAReason) {
  database_.zones[0].records.push_back({name("outside.org."), dns::kA, dns::Ttl{60}, "192.0.2.1"});
  publisher_.turn();
  EXPECT_FALSE(state_.ready());
  EXPECT_EQ(state_.view().rejected, 1U);
  EXPECT_GE(publisher_.turn(), seconds(1)) << "it is not tried again at once";
  clock_.advance(seconds(3));
  publisher_.turn();
  EXPECT_EQ(database_.loads, 2);
  EXPECT_EQ(log_.count("zones.rejected"), 1U);
  database_.zones = {small_zone(1, "example.")};
  clock_.advance(seconds(3));
  publisher_.turn();
  EXPECT_TRUE(state_.ready());
  EXPECT_FALSE(state_.view().rejected);
}

TEST_F(PublisherTest, AFailedResynchronisationKeepsTheFormerStateAndIsTriedAgain) {
  publisher_.turn();
  database_.changes_error = Error{Errc::kDiverged, "the chain is another one", ""};
  publisher_.turn();
  database_.load_error = Error{Errc::kCorrupt, "damaged", ""};
  publisher_.turn();
  EXPECT_EQ(served(), 1U);
  database_.load_error.reset();
  database_.position = {4, zone::Chain{4}};
  clock_.advance(seconds(3));
  publisher_.turn();
  EXPECT_EQ(served(), 4U);
}

TEST_F(PublisherTest, PublishesTheTargetPoolsOfTheDatabase) {
  database_.commit(zone::TargetPoolChanged{"web", pool("web", "192.0.2.2")});
  database_.commit(zone::TargetPoolChanged{"app", pool("app", "192.0.2.3")});
  database_.position = {1, zone::Chain{1}, {}, {pool("web", "192.0.2.1")}};
  for (int i = 0; i < 3; ++i) publisher_.turn();
  EXPECT_THAT(sink_.said, ElementsAre("loaded nothing>1 +example. ~web", "published 1>2 ~web", "published 2>3 ~app"));
  EXPECT_EQ(address_of("web"), "192.0.2.2");
  EXPECT_THAT(metrics_.render(), HasSubstr("sdns_target_pools 2"));
  EXPECT_EQ(log_.count("target_pool.hidden"), 0U);
}

TEST_F(PublisherTest, PutsTheConfigurationsTargetPoolsInFrontAndSaysOnceWhatTheyHide) {
  publisher_.set_target_pools(configured("192.0.2.9"));
  publisher_.turn();
  EXPECT_EQ(address_of("web"), "192.0.2.9");
  database_.commit(zone::TargetPoolChanged{"web", pool("web", "192.0.2.1")});
  publisher_.turn();
  EXPECT_EQ(address_of("web"), "192.0.2.9");
  EXPECT_EQ(log_.count("target_pool.hidden"), 1U);
  EXPECT_THAT(log_.text(), HasSubstr("event=target_pool.hidden pool=web"));
  database_.commit(zone::TargetPoolChanged{"web", pool("web", "192.0.2.2")});
  database_.commit(address(1, "a.example.", "192.0.2.1"));
  publisher_.turn();
  publisher_.turn();
  EXPECT_EQ(log_.count("target_pool.hidden"), 1U);
  database_.commit(zone::TargetPoolChanged{"web", std::nullopt});
  database_.commit(zone::TargetPoolChanged{"web", pool("web", "192.0.2.3")});
  publisher_.turn();
  publisher_.turn();
  EXPECT_EQ(log_.count("target_pool.hidden"), 2U) << "it had gone";
  EXPECT_THAT(sink_.said, ElementsAre("loaded nothing>1 +example. ~web", "published 1>2", "published 2>3",
                                      "published 3>4", "published 4>5", "published 5>6"));
}

TEST_F(PublisherTest, OtherConfiguredTargetPoolsAreInForceAtOnceAlsoWithoutADatabase) {
  database_.position.target_pools = {pool("web", "192.0.2.1")};
  publisher_.turn();
  database_.changes_error = Error{Errc::kUnavailable, "gone", ""};
  publisher_.turn();
  clock_.advance(seconds(1));
  const auto age = state_.view().age;
  publisher_.set_target_pools(configured("192.0.2.9"));
  publisher_.turn();
  EXPECT_EQ(address_of("web"), "192.0.2.9");
  EXPECT_EQ(log_.count("target_pool.hidden"), 1U);
  EXPECT_EQ(served(), 1U);
  EXPECT_EQ(state_.view().age, age) << "that says nothing of the database";
  publisher_.set_target_pools(configured("192.0.2.9"));
  publisher_.turn();
  publisher_.set_target_pools({});
  publisher_.turn();
  EXPECT_EQ(address_of("web"), "192.0.2.1");
  EXPECT_THAT(sink_.said, ElementsAre("loaded nothing>1 +example. ~web", "published 1>1 ~web", "published 1>1 ~web"));
}

TEST_F(PublisherTest, DoesNotPublishTargetPoolsThatBreakARule) {
  database_.position.target_pools = {{"web", {{"port", "http"}}, {}, false}};
  publisher_.turn();
  EXPECT_FALSE(state_.ready());
  EXPECT_EQ(state_.view().rejected, 1U);
  EXPECT_THAT(state_.view().rejected_error, HasSubstr("target pool web: port"));
  database_.position.target_pools.clear();
  clock_.advance(seconds(10));
  publisher_.turn();
  EXPECT_TRUE(state_.ready());
}

TEST_F(PublisherTest, AgeIsToldAtGrowingIntervals) {
  publisher_.turn();
  database_.changes_error = Error{Errc::kUnavailable, "gone", ""};
  for (int i = 0; i < 100; ++i) {
    clock_.advance(seconds(1));
    publisher_.turn();
  }
  EXPECT_EQ(log_.count("state.old"), 3U) << "after 10, 30 and 90 seconds\n" << log_.text();
}

TEST_F(PublisherTest, RunEndsWhenItIsToldToAndTicksInBetween) {
  open_error_ = Error{Errc::kUnavailable, "gone", ""};
  std::thread thread([this] { publisher_.run(); });
  publisher_.stop();
  thread.join();
  SUCCEED();
}

TEST_F(PublisherTest, AWaitEndsWithItsRevisionAndNotBefore) {
  publisher_.turn();
  EXPECT_TRUE(state_.wait_for(1, milliseconds(0)));
  EXPECT_FALSE(state_.wait_for(2, milliseconds(0)));
  bool reached = false;
  std::thread waiter([&] { reached = state_.wait_for(2, seconds(60)); });
  database_.commit(address(1, "a.example.", "192.0.2.1"));
  publisher_.turn();
  waiter.join();
  EXPECT_TRUE(reached);
  state_.interrupt();
  EXPECT_FALSE(state_.wait_for(3, seconds(60)));
}

}  // namespace
}  // namespace sdns::daemon
