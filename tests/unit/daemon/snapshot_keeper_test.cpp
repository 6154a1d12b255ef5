// SPDX-License-Identifier: MIT
// The state that is kept over restarts: when it is written, and what a start makes of it.
#include "backend/daemon/snapshot_keeper.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/daemon/fake_source.h"
#include "tests/unit/daemon/log_capture.h"

namespace sdns::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::address;
using test::small_zone;
using testing::ElementsAre;
using testing::HasSubstr;

zone::ZoneSetPtr set_at(zone::Revision revision) {
  zone::ZoneSetBuilder builder;
  if (!builder.add(small_zone(1, "example."))) ADD_FAILURE();
  return builder.finish(revision, zone::Chain{static_cast<std::uint8_t>(revision)});
}

class RestoreTest : public testing::Test, public PublicationSink {
 protected:
  void published(zone::ZoneSetPtr before, const zone::Applied& applied) override {
    said_.push_back(fmt::format("published {}>{}", before->revision(), applied.set->revision()));
  }
  void loaded(zone::ZoneSetPtr before, const zone::Applied& applied) override {
    said_.push_back(
        fmt::format("loaded {}>{}", before ? std::to_string(before->revision()) : "nothing", applied.set->revision()));
  }
  void tick() override {}

  // A database at revision 1 and two changes; what was kept is at `kept`.
  void begin(zone::Revision kept) {
    database_.zones = {small_zone(1, "example.")};
    database_.commit(address(1, "a.example.", "192.0.2.1"));
    database_.commit(address(1, "b.example.", "192.0.2.2"));
    while (!database_.batches.empty() && database_.batches.front().from < kept) database_.batches.pop_front();
    publisher_.set_restore([this, kept](zone::ZoneSetBuilder& zones, const std::string& id) {
      asked_.push_back(id);
      if (!zones.add(small_zone(1, "example."))) ADD_FAILURE();
      return KeptState{"db-1", {kept, zone::Chain{static_cast<std::uint8_t>(kept)}}, seconds(100)};
    });
  }
  Result<std::unique_ptr<zone::Source>> open() {
    if (away_) return fail(Errc::kUnavailable, "the file is gone");
    return std::make_unique<test::FakeSource>(database_);
  }
  std::int64_t metric(const std::string& name) {
    const std::string text = metrics_.render();
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stoll(text.substr(at + name.size() + 2));
  }

  test::FakeDatabase database_;
  bool away_ = false;
  std::vector<std::string> said_;
  std::vector<std::string> asked_;
  test::ManualClock clock_;
  test::LogCapture log_;
  Metrics metrics_;
  ServingState state_{clock_};
  SnapshotCell<zone::ZoneSet> zones_{nullptr};
  Publisher publisher_{[this] { return open(); }, zones_, state_, *this, clock_, log_.log(), metrics_};
};

TEST_F(RestoreTest, TheFirstStateThatIsServedIsTheDatabasesWithoutALoad) {
  begin(1);
  publisher_.turn();
  EXPECT_THAT(said_, ElementsAre("loaded nothing>2")) << "what was kept is behind, and never served";
  EXPECT_EQ(0, metric("sdns_serving_kept_state"));
  EXPECT_EQ(milliseconds(0), state_.view().age);
  publisher_.turn();
  EXPECT_THAT(said_, ElementsAre("loaded nothing>2", "published 2>3"));
  EXPECT_EQ(0, database_.loads);
  EXPECT_THAT(asked_, ElementsAre("db-1"));
}

TEST_F(RestoreTest, WithoutTheDatabaseItIsServedWithItsAgeAndFollowedFromThereLater) {
  begin(2);
  away_ = true;
  publisher_.turn();
  EXPECT_THAT(said_, ElementsAre("loaded nothing>2"));
  EXPECT_THAT(asked_, ElementsAre(""));
  auto view = state_.view();
  EXPECT_TRUE(view.ready);
  EXPECT_EQ("db-1", view.database_id);
  EXPECT_EQ(seconds(100), view.age);
  EXPECT_EQ(1, metric("sdns_serving_kept_state"));
  clock_.advance(seconds(7));
  publisher_.turn();
  EXPECT_EQ(seconds(107), state_.view().age);
  EXPECT_EQ(DatabaseState::kUnavailable, state_.view().database);
  EXPECT_EQ(1U, log_.count("state.old"));
  away_ = false;
  clock_.advance(seconds(7));
  publisher_.turn();
  EXPECT_THAT(said_, ElementsAre("loaded nothing>2", "published 2>3"));
  EXPECT_EQ(0, database_.loads);
  EXPECT_EQ(0, metric("sdns_serving_kept_state"));
  EXPECT_EQ(milliseconds(0), state_.view().age);
}

TEST_F(RestoreTest, AHistoryThatDoesNotFitIsLoadedWhileWhatWasKeptIsServed) {
  begin(2);
  database_.batches.front().from = 1;  // its chain at 2 is another one
  publisher_.turn();
  EXPECT_THAT(said_, ElementsAre("loaded nothing>2"));
  database_.batches.clear();
  database_.changes_error = Error{Errc::kDiverged, "it was pruned past that", {}};
  publisher_.turn();
  database_.changes_error.reset();
  publisher_.turn();
  EXPECT_THAT(said_, ElementsAre("loaded nothing>2", "loaded 2>3"));
  EXPECT_EQ(1, database_.loads);
}

TEST_F(RestoreTest, WithNothingToRestoreItLoads) {
  begin(1);
  publisher_.set_restore([](zone::ZoneSetBuilder&, const std::string&) { return std::nullopt; });
  publisher_.turn();
  EXPECT_TRUE(said_.empty());
  publisher_.turn();
  EXPECT_EQ(1, database_.loads);
}

class SnapshotKeeperTest : public testing::Test {
 protected:
  SnapshotKeeperTest() {
    config_.file = dir_ / "zones.snapshot";
    config_.interval = seconds(1);
  }
  void serve(zone::Revision revision) {
    const zone::ZoneSetPtr set = set_at(revision);
    zones_.publish(set);
    state_.set_database_id("db-1");
    state_.published(revision, set->chain(), set->size());
    state_.set_database(DatabaseState::kUp, {});
    state_.confirmed();
  }
  void start() {
    keeper_ = std::make_unique<SnapshotKeeper>(
        config_, SnapshotKeeper::Parts{zones_, state_, reclaimer_, key_file_, wall_, log_.log(), metrics_});
  }
  static void wait_for(const std::function<bool()>& done) {
    while (!done()) std::this_thread::sleep_for(milliseconds(2));
  }
  void wait_revision(zone::Revision revision) {
    wait_for([&] {
      const auto facts = store::read_snapshot_facts(config_.file);
      return facts && facts->revision == revision;
    });
  }
  std::optional<KeptState> restore(const std::string& database_id) {
    zone::ZoneSetBuilder builder;
    auto kept = restore_snapshot({config_, *key_file_, 2, wall_, log_.log()}, builder, database_id);
    restored_zones_ = builder.size();
    return kept;
  }

  test::TempDir dir_;
  Config::Snapshot config_;
  test::ManualClock clock_;
  test::ManualWallClock wall_;
  test::LogCapture log_;
  Metrics metrics_;
  ServingState state_{clock_};
  Reclaimer reclaimer_{metrics_};
  SnapshotCell<zone::ZoneSet> zones_{nullptr};
  store::KeyFilePtr key_file_ = std::make_shared<const store::KeyFile>();
  std::unique_ptr<SnapshotKeeper> keeper_;
  std::size_t restored_zones_ = 0;
};

TEST_F(SnapshotKeeperTest, WhatIsServedIsInTheFileAndSoIsTheNextState) {
  serve(3);
  start();
  wait_revision(3);
  serve(4);
  wait_revision(4);
  keeper_.reset();
  wall_.advance(seconds(30));
  const auto kept = restore("db-1");
  ASSERT_TRUE(kept);
  EXPECT_EQ(4U, kept->state.revision);
  EXPECT_EQ(zone::Chain{4}, kept->state.chain);
  EXPECT_EQ("db-1", kept->database_id);
  EXPECT_EQ(seconds(30), kept->age);
  EXPECT_EQ(1U, restored_zones_);
}

TEST_F(SnapshotKeeperTest, TheEndOfTheProgramWritesWhatTheFileLacks) {
  config_.interval = std::chrono::hours(1);
  serve(3);
  start();
  wait_revision(3);
  serve(4);
  keeper_->finish(seconds(60));
  EXPECT_EQ(4U, store::read_snapshot_facts(config_.file)->revision);
}

TEST_F(SnapshotKeeperTest, AWorkerThatHandsOverDoesNotWriteAnyMore) {
  config_.interval = std::chrono::hours(1);
  serve(3);
  start();
  wait_revision(3);
  serve(4);
  keeper_->stop();
  EXPECT_EQ(3U, store::read_snapshot_facts(config_.file)->revision);
}

TEST_F(SnapshotKeeperTest, WhileTheDatabaseIsAwayTheFileDoesNotLagForTheInterval) {
  config_.interval = std::chrono::hours(1);
  serve(3);
  start();
  wait_revision(3);
  serve(4);
  state_.set_database(DatabaseState::kUnavailable, "it is gone");
  wait_revision(4);
}

TEST_F(SnapshotKeeperTest, WhatCannotBeWrittenIsSaidOnce) {
  config_.file = dir_ / "none/zones.snapshot";
  serve(3);
  start();
  wait_for([&] { return log_.count("snapshot.not_written") != 0; });
  keeper_->finish(seconds(60));  // fails again
  EXPECT_EQ(1U, log_.count("snapshot.not_written"));
  EXPECT_THAT(log_.text(), HasSubstr("none/zones.snapshot.lock"));
}

TEST_F(SnapshotKeeperTest, AFileThatIsNotUsedIsSaidAndWhy) {
  EXPECT_FALSE(restore("db-1")) << "there is none";
  EXPECT_EQ("", log_.text());
  serve(3);
  start();
  wait_revision(3);
  keeper_.reset();
  EXPECT_TRUE(restore(""));
  EXPECT_FALSE(restore("db-2"));
  EXPECT_THAT(log_.text(), HasSubstr("is of another database: its id is db-1"));
  config_.warn_age = seconds(100);
  wall_.advance(seconds(101));
  EXPECT_TRUE(restore("db-1"));
  EXPECT_EQ(0U, log_.count("snapshot.old")) << "the database is there";
  EXPECT_TRUE(restore(""));
  EXPECT_EQ(1U, log_.count("snapshot.old"));
  config_.refuse_age = seconds(100);
  EXPECT_FALSE(restore(""));
  EXPECT_THAT(log_.text(), HasSubstr("more than snapshot.refuse_age = 100"));
  config_.refuse_age = seconds(102);
  EXPECT_TRUE(restore(""));
  std::filesystem::resize_file(config_.file, std::filesystem::file_size(config_.file) - 1);
  EXPECT_FALSE(restore(""));
  EXPECT_THAT(log_.text(), HasSubstr("is damaged"));
}

}  // namespace
}  // namespace sdns::daemon
