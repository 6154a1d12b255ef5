// SPDX-License-Identifier: MIT
#include "backend/purge/purger.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "backend/base/owned.h"
#include "tests/support/manual_clock.h"

namespace sdns::purge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

dns::Name name(std::string_view text) { return dns::Name::parse(text).value(); }

// A PowerDNS that remembers what it was told, and fails or waits when a test says so.
class FakePdns {
 public:
  std::vector<std::string> log() const {
    std::lock_guard lock(mutex_);
    return log_;
  }
  // Waits until `word` was said `times` times; the log so far.
  std::vector<std::string> wait_for(const std::string& word, long times = 1) const {
    std::unique_lock lock(mutex_);
    const bool said =
        changed_.wait_for(lock, seconds(20), [&] { return std::count(log_.begin(), log_.end(), word) >= times; });
    EXPECT_TRUE(said) << word << " was not said " << times << " times: " << testing::PrintToString(log_);
    return log_;
  }
  void set_error(Errc error) {
    change([&] { error_ = error; });
  }
  void set_up(bool up) {
    change([&] { up_ = up; });
  }
  void set_api(bool up) {
    change([&] { api_ = up; });
  }
  // Calls wait, before they have an effect, until it is lifted.
  void hold(bool held) {
    change([&] { held_ = held; });
  }
  void hold_at(const std::string& word) {
    change([&] { hold_at_ = word; });
  }
  void wait_until_held() const {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, seconds(20), [&] { return waiting_ > 0; })) << testing::PrintToString(log_);
  }

  Result<void> say(const std::string& word, bool api = false) {
    std::unique_lock lock(mutex_);
    if (held_ || word == hold_at_) {
      ++waiting_;  // the calls of a former server may still end, too
      changed_.notify_all();
      changed_.wait(lock, [&] { return !held_ && word != hold_at_; });
      --waiting_;
    }
    const bool works = api ? api_ : up_;
    log_.push_back((works ? "" : "failed ") + word);
    changed_.notify_all();
    if (!works) return fail(error_, "nobody there");
    return {};
  }

 private:
  template <class Change>
  void change(Change&& change) {
    std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> log_;
  bool up_ = true;
  Errc error_ = Errc::kUnavailable;
  bool api_ = true;
  bool held_ = false;
  std::string hold_at_;
  int waiting_ = 0;
};

class FakeDoor final : public Door {
 public:
  explicit FakeDoor(FakePdns& pdns) : pdns_(pdns) {}
  Result<void> purge(const std::set<dns::Name>& names) override {
    std::string word = "purge";
    for (const auto& n : names) word += " " + n.text();
    return pdns_.say(word);
  }
  Result<void> announce(const dns::Name& n) override { return pdns_.say("announce " + n.text(), true); }
  Result<void> purge_subtree(const dns::Name& n) override { return pdns_.say("subtree " + n.text()); }
  Result<void> purge_everything() override { return pdns_.say("everything"); }
  Result<void> rediscover() override { return pdns_.say("rediscover"); }
  Result<void> ping() override { return pdns_.say("ping"); }

 private:
  FakePdns& pdns_;
};

Plan names(std::initializer_list<const char*> texts) {
  Plan plan;
  for (const char* text : texts) plan.names.insert(name(text));
  return plan;
}
Plan subtree(const char* text) {
  Plan plan;
  plan.subtrees.insert(name(text));
  return plan;
}
Plan announced(std::initializer_list<const char*> texts) {
  Plan plan;
  for (const char* text : texts) plan.announced.insert(name(text));
  return plan;
}

using Words = std::vector<std::string>;

class PurgerTest : public testing::Test {
 protected:
  // No second purges and no pings unless a test wants them.
  static PurgerOptions quiet() {
    return {.again_after = seconds(3600), .retry_after = milliseconds(10), .ping_every = seconds(3600)};
  }
  Purger& start(PurgerOptions options, std::initializer_list<const char*> servers = {"a"}) {
    purger_.emplace(
        log_, metrics_, [this](const ServerConfig& c) { return std::make_unique<FakeDoor>(pdns_[c.name]); }, options);
    purger_->set_servers(configs(servers));
    return *purger_;
  }
  std::vector<ServerConfig> configs(std::initializer_list<const char*> servers) {
    std::vector<ServerConfig> all;
    for (const char* s : servers) {
      pdns_[s];
      all.push_back({s, "/run/" + std::string(s), "", ""});
    }
    return all;
  }

  Fd null_{::open("/dev/null", O_WRONLY)};
  test::ManualWallClock clock_;
  Log log_{clock_, LogLevel::kDebug, LogFormat::kText, null_.get()};
  Metrics metrics_;
  std::map<std::string, FakePdns> pdns_;
  std::optional<Purger> purger_;  // last: ends first
};

TEST_F(PurgerTest, WithoutAnyServerHasPurgedWhatIsSubmitted) {
  Purger& purger = start(quiet(), {});
  purger.submit(names({"a.example"}), 7);
  EXPECT_EQ(purger.purged(), 7U);
  EXPECT_TRUE(purger.wait_purged(7, milliseconds(0)));
  EXPECT_FALSE(purger.wait_purged(8, milliseconds(1)));
}

TEST_F(PurgerTest, BeginsWithAPurgeOfEverything) {
  Purger& purger = start(quiet());
  purger.submit({}, 3);
  ASSERT_TRUE(purger.wait_purged(3, seconds(20)));
  EXPECT_EQ(pdns_["a"].log(), Words{"everything"});
  EXPECT_EQ(purger.status().at(0).state, ServerState::kPresent);
}

TEST_F(PurgerTest, ExecutesNamesThenSubtreesThenHasPurged) {
  Purger& purger = start(quiet());
  pdns_["a"].wait_for("everything");
  Plan plan = names({"a.example", "b.example"});
  plan.merge(subtree("w.example"));
  plan.merge(announced({"new.example"}));
  purger.submit(plan, 4);
  ASSERT_TRUE(purger.wait_purged(4, seconds(20)));
  EXPECT_EQ(pdns_["a"].log(),
            (Words{"everything", "purge a.example. b.example.", "announce new.example.", "announce w.example."}));
}

TEST_F(PurgerTest, MergesPlansThatWaitAndLosesNoName) {
  Purger& purger = start(quiet());
  pdns_["a"].wait_for("everything");
  pdns_["a"].hold(true);
  purger.submit(names({"first.example"}), 1);
  pdns_["a"].wait_until_held();
  for (int i = 2; i <= 9; ++i) purger.submit(names({("n" + std::to_string(i) + ".example").c_str()}), i);
  EXPECT_FALSE(purger.wait_purged(1, milliseconds(20))) << "nothing was executed";
  pdns_["a"].hold(false);
  ASSERT_TRUE(purger.wait_purged(9, seconds(20)));
  EXPECT_EQ(
      pdns_["a"].log(),
      (Words{"everything", "purge first.example.",
             "purge n2.example. n3.example. n4.example. n5.example. n6.example. n7.example. n8.example. n9.example."}));
}

TEST_F(PurgerTest, PurgesTheSameAgainALittleLater) {
  PurgerOptions options = quiet();
  options.again_after = milliseconds(30);
  Purger& purger = start(options);
  pdns_["a"].wait_for("everything", 2);
  Plan plan = names({"a.example"});
  plan.merge(subtree("w.example"));
  purger.submit(plan, 4);
  const Words log = pdns_["a"].wait_for("announce w.example.", 2);
  EXPECT_EQ(std::count(log.begin(), log.end(), "purge a.example."), 2);
  EXPECT_EQ(purger.purged(), 4U);
}

TEST_F(PurgerTest, ExecutesNewerPlansBeforeSecondPurgesAreDue) {
  Purger& purger = start(quiet());  // second purges are due in an hour
  purger.submit(names({"a.example"}), 1);
  ASSERT_TRUE(purger.wait_purged(1, seconds(20)));
  purger.submit(names({"b.example"}), 2);
  ASSERT_TRUE(purger.wait_purged(2, seconds(20)));
}

TEST_F(PurgerTest, LooksAtNewerNamesBetweenManySubtrees) {
  Purger& purger = start(quiet());
  pdns_["a"].wait_for("everything");
  pdns_["a"].hold(true);
  Plan many;
  for (int i = 0; i < 100; ++i) many.announced.insert(name("z" + std::to_string(i) + ".example"));
  many.names.insert(name("first.example"));
  purger.submit(many, 1);
  pdns_["a"].wait_until_held();
  purger.submit(names({"urgent.example"}), 2);
  pdns_["a"].hold(false);
  ASSERT_TRUE(purger.wait_purged(2, seconds(20)));
  const Words log = pdns_["a"].log();
  const auto urgent = std::find(log.begin(), log.end(), "purge urgent.example.");
  ASSERT_NE(urgent, log.end());
  EXPECT_LT(urgent - log.begin(), 20) << "the first purge, a slice of announcements, then this";
  EXPECT_EQ(log.size(), 103U);
}

TEST_F(PurgerTest, HasNotPurgedARevisionBeforeItsLastSubtree) {
  Purger& purger = start(quiet());
  purger.submit({}, 1);
  ASSERT_TRUE(purger.wait_purged(1, seconds(20)));
  pdns_["a"].hold_at("announce z50.example.");
  Plan many;
  for (int i = 10; i < 60; ++i) many.announced.insert(name("z" + std::to_string(i) + ".example"));
  purger.submit(many, 2);
  pdns_["a"].wait_until_held();
  EXPECT_EQ(purger.purged(), 1U);
  EXPECT_EQ(purger.status().at(0).purged.revision, 1U);
  pdns_["a"].hold_at("");
  EXPECT_TRUE(purger.wait_purged(2, seconds(20)));
}

TEST_F(PurgerTest, HasPurgedWhatRestsOnHealthWhenItsNamesAre) {
  Purger& purger = start(quiet(), {"a", "b"});
  purger.submit({}, 3, 40);
  ASSERT_TRUE(purger.wait_purged(3, seconds(20)));
  EXPECT_EQ(purger.purged_health(), 40U);
  pdns_["b"].hold(true);
  purger.submit(names({"www.example"}), 3, 41);
  pdns_["b"].wait_until_held();
  pdns_["a"].wait_for("purge www.example.");
  EXPECT_EQ(purger.purged_health(), 40U) << "the other one's caches still have it";
  pdns_["b"].hold(false);
  purger.submit({}, 4);  // of a change of zone data
  ASSERT_TRUE(purger.wait_purged(4, seconds(20)));
  EXPECT_EQ(purger.purged_health(), 41U);
  purger.restart_history(2);
  EXPECT_EQ(purger.purged(), 1U);
  EXPECT_EQ(purger.purged_health(), 41U) << "the database's history is not that of targets";
}

TEST_F(PurgerTest, AnAbsentServerHoldsUpNobodyAndIsPurgedWhenItReturns) {
  pdns_["gone"].set_up(false);
  Purger& purger = start(quiet(), {"a", "gone"});
  purger.submit(names({"a.example"}), 1);
  ASSERT_TRUE(purger.wait_purged(1, seconds(20)));
  pdns_["gone"].wait_for("failed everything", 3);
  EXPECT_EQ(purger.status().at(1).state, ServerState::kAbsent);
  EXPECT_NE(purger.status().at(1).last_error.find("nobody there"), std::string::npos);
  purger.submit(announced({"new.example"}), 2);
  ASSERT_TRUE(purger.wait_purged(2, seconds(20)));
  pdns_["gone"].set_up(true);
  const Words log = pdns_["gone"].wait_for("announce new.example.");
  const auto everything = std::find(log.begin(), log.end(), "everything");
  EXPECT_LT(everything, std::find(log.begin(), log.end(), "announce new.example."));
  EXPECT_EQ(std::count(log.begin(), log.end(), "purge a.example."), 0) << "was part of everything";
  purger.submit(names({"b.example"}), 3);
  ASSERT_TRUE(purger.wait_purged(3, seconds(20)));
  pdns_["gone"].wait_for("purge b.example.");
  EXPECT_EQ(purger.status().at(1).state, ServerState::kPresent);
  EXPECT_EQ(purger.status().at(1).last_error, "");
}

TEST_F(PurgerTest, AServerThatHasJustStartedMissesNoChange) {
  PurgerOptions options = quiet();
  options.retry_after = seconds(3600);
  pdns_["a"].set_up(false);
  Purger& purger = start(options);
  pdns_["a"].wait_for("failed everything");
  pdns_["a"].set_up(true);
  purger.submit(names({"a.example"}), 1);
  ASSERT_TRUE(purger.wait_purged(1, seconds(20)));
  EXPECT_EQ(pdns_["a"].log().back(), "everything");
}

TEST_F(PurgerTest, AHungServerIsNotWaitedForWhileItIsAskedAgain) {
  pdns_["a"].set_up(false);
  pdns_["a"].set_error(Errc::kTimeout);
  Purger& purger = start(quiet());
  purger.submit({}, 1);
  pdns_["a"].wait_for("failed everything");
  pdns_["a"].hold(true);  // the next attempt takes as long as it likes
  pdns_["a"].wait_until_held();
  purger.submit(names({"a.example"}), 2);
  EXPECT_TRUE(purger.wait_purged(2, seconds(0)));
  pdns_["a"].hold(false);
}

TEST_F(PurgerTest, AServerThatFailsInTheMiddleIsPurgedWholeBeforeAnythingElse) {
  Purger& purger = start(quiet());
  pdns_["a"].wait_for("everything");
  pdns_["a"].set_up(false);
  purger.submit(names({"a.example"}), 1);
  ASSERT_TRUE(purger.wait_purged(1, seconds(20))) << "absent servers do not count";
  pdns_["a"].set_up(true);
  pdns_["a"].wait_for("everything", 2);
  purger.submit(names({"b.example"}), 2);
  pdns_["a"].wait_for("purge b.example.");
  EXPECT_NE(metrics_.render().find("sdns_powerdns_up{powerdns=\"a\"} 1"), std::string::npos);
}

TEST_F(PurgerTest, NoticesThatAnIdleServerIsGone) {
  PurgerOptions options = quiet();
  options.ping_every = milliseconds(5);
  start(options);
  pdns_["a"].wait_for("ping", 2);
  pdns_["a"].set_up(false);
  pdns_["a"].wait_for("failed ping");
  pdns_["a"].set_up(true);
  pdns_["a"].wait_for("everything", 2);
}

TEST_F(PurgerTest, WithoutTheApiPurgesSubtreesOverTheSocketAndAnnouncesLater) {
  Purger& purger = start(quiet());
  pdns_["a"].wait_for("everything");
  pdns_["a"].set_api(false);
  Plan plan = announced({"new.example"});
  plan.merge(subtree("w.example"));
  purger.submit(plan, 1);
  ASSERT_TRUE(purger.wait_purged(1, seconds(20)));
  const Words log = pdns_["a"].log();
  EXPECT_EQ(std::count(log.begin(), log.end(), "subtree new.example."), 1);
  EXPECT_EQ(std::count(log.begin(), log.end(), "subtree w.example."), 1);
  EXPECT_EQ(purger.status().at(0).state, ServerState::kPresent);
  EXPECT_FALSE(purger.status().at(0).announcing);
  EXPECT_EQ(purger.status().at(0).unannounced, 1U);
  pdns_["a"].wait_for("failed announce new.example.", 2);
  pdns_["a"].set_api(true);
  pdns_["a"].wait_for("announce new.example.");
}

TEST_F(PurgerTest, MoreNamesThanTheLimitAreAPurgeOfEverything) {
  PurgerOptions options = quiet();
  options.waiting_names = 5;
  Purger& purger = start(options);
  pdns_["a"].wait_for("everything");
  pdns_["a"].hold(true);
  purger.submit(names({"first.example"}), 1);
  pdns_["a"].wait_until_held();
  for (int i = 0; i < 7; ++i) purger.submit(names({("n" + std::to_string(i) + ".example").c_str()}), 2);
  purger.submit(announced({"new.example"}), 3);
  pdns_["a"].hold(false);
  ASSERT_TRUE(purger.wait_purged(3, seconds(20)));
  EXPECT_EQ(pdns_["a"].log(), (Words{"everything", "purge first.example.", "everything", "announce new.example."}));
}

TEST_F(PurgerTest, MoreZonesThanTheLimitHaveTheListOfZonesReadAnew) {
  PurgerOptions options = quiet();
  options.waiting_announcements = 2;
  Purger& purger = start(options);
  pdns_["a"].wait_for("everything");
  purger.submit(announced({"a.example", "b.example", "c.example"}), 1);
  ASSERT_TRUE(purger.wait_purged(1, seconds(20)));
  EXPECT_EQ(pdns_["a"].log(), (Words{"everything", "rediscover", "everything"}));
}

TEST_F(PurgerTest, AReloadKeepsWhatIsUnchangedAndPurgesWhatIsNew) {
  Purger& purger = start(quiet(), {"a", "b"});
  purger.submit(names({"a.example"}), 1);
  ASSERT_TRUE(purger.wait_purged(1, seconds(20)));
  purger.set_servers(configs({"b", "c"}));
  purger.submit(names({"b.example"}), 2);
  ASSERT_TRUE(purger.wait_purged(2, seconds(20)));
  for (const std::string& word : pdns_["a"].log()) EXPECT_EQ(word.find("b.example"), std::string::npos);
  Words log = pdns_["b"].log();
  EXPECT_EQ(std::count(log.begin(), log.end(), "everything"), 1);
  log = pdns_["c"].log();
  EXPECT_EQ(log.at(0), "everything");
  EXPECT_EQ(purger.status().size(), 2U);
}

TEST_F(PurgerTest, AServerWhoseConfigurationIsCorrectedAnnouncesWhatFailedBefore) {
  Purger& purger = start(quiet());
  pdns_["a"].wait_for("everything");
  pdns_["a"].set_api(false);
  purger.submit(announced({"new.example"}), 1);
  ASSERT_TRUE(purger.wait_purged(1, seconds(20)));
  auto corrected = configs({"a"});
  corrected[0].api_key = "right";
  pdns_["a"].set_api(true);
  purger.set_servers(corrected);
  pdns_["a"].wait_for("announce new.example.");
}

TEST_F(PurgerTest, AServerWhoseConfigurationChangesInTheMiddleLosesNoAnnouncement) {
  Purger& purger = start(quiet());
  pdns_["a"].wait_for("everything");
  for (const char* at : {"purge first.example.", "announce one.example."}) {
    pdns_["a"].hold_at(at);
    Plan plan = announced({"one.example", "two.example"});
    plan.merge(names({"first.example"}));
    const zone::Revision revision = purger.purged() + 1;
    purger.submit(plan, revision);
    pdns_["a"].wait_until_held();
    purger.submit(announced({"three.example"}), revision + 1);
    auto changed = configs({"a"});
    changed[0].api_key = at;
    pdns_["a"].set_api(false);  // whatever the former server still tries fails
    purger.set_servers(changed);
    pdns_["a"].hold_at("");
    pdns_["a"].set_api(true);
    for (const char* zone : {"one", "two", "three"})
      pdns_["a"].wait_for("announce " + std::string(zone) + ".example.", *at == 'p' ? 1 : 2);
    ASSERT_TRUE(purger.wait_purged(revision + 1, seconds(20)));
  }
}

TEST_F(PurgerTest, AReloadDoesNotWaitForAServerThatHangs) {
  Purger& purger = start(quiet(), {"a", "b"});
  pdns_["a"].wait_for("everything");
  pdns_["a"].hold(true);
  purger.submit(names({"a.example"}), 1);
  pdns_["a"].wait_until_held();
  purger.set_servers(configs({"b"}));  // returns, although nothing lets the call to `a` go on
  purger.submit(names({"b.example"}), 2);
  EXPECT_TRUE(purger.wait_purged(2, seconds(20)));
  purger.set_servers(configs({}));
  EXPECT_EQ(purger.status().size(), 0U);
  pdns_["a"].hold(false);
  pdns_["a"].wait_for("purge a.example.");
}

TEST_F(PurgerTest, NoRevisionWaitsForTheAnnouncementsOfAStart) {
  pdns_["a"].hold_at("announce z5.example.");
  Purger& purger = start(quiet());
  Plan load = announced({"z1.example", "z2.example", "z5.example", "z7.example"});
  load.everything = true;
  purger.submit(load, 7);
  pdns_["a"].wait_until_held();
  EXPECT_TRUE(purger.wait_purged(7, seconds(20)));
  purger.submit(announced({"new.example"}), 8);
  pdns_["a"].hold_at("announce new.example.");
  pdns_["a"].wait_until_held();
  EXPECT_EQ(purger.purged(), 7U) << "a zone that came is waited for";
  pdns_["a"].hold_at("");
  EXPECT_TRUE(purger.wait_purged(8, seconds(20)));
  for (const char* zone : {"z1", "z2", "z5", "z7"}) pdns_["a"].wait_for("announce " + std::string(zone) + ".example.");
}

TEST_F(PurgerTest, NoRevisionWaitsForTheAnnouncementsOfAReturn) {
  pdns_["a"].set_up(false);
  Purger& purger = start(quiet());
  purger.submit({}, 1);
  pdns_["a"].wait_for("failed everything");
  Plan missed;
  for (int i = 10; i < 40; ++i) missed.announced.insert(name("z" + std::to_string(i) + ".example"));
  purger.submit(missed, 2);
  ASSERT_TRUE(purger.wait_purged(2, seconds(20)));
  pdns_["a"].hold_at("announce z10.example.");
  pdns_["a"].set_up(true);
  pdns_["a"].wait_until_held();
  purger.submit(names({"a.example"}), 3);
  pdns_["a"].hold_at("announce z30.example.");
  EXPECT_TRUE(purger.wait_purged(3, seconds(20)));
  pdns_["a"].hold_at("");
  pdns_["a"].wait_for("announce z39.example.");
}

TEST_F(PurgerTest, AfterHistoryWentBackHasPurgedNothingOfTheNewOne) {
  Purger& purger = start(quiet());
  purger.submit(names({"a.example"}), 10);
  ASSERT_TRUE(purger.wait_purged(10, seconds(20)));
  pdns_["a"].hold_at("purge former.example.");
  purger.submit(names({"former.example"}), 11);
  pdns_["a"].wait_until_held();
  purger.restart_history(5);
  EXPECT_EQ(purger.purged(), 4U);
  purger.submit(Plan::all(), 5);
  EXPECT_EQ(purger.purged(), 4U);
  pdns_["a"].hold_at("everything");  // the former history's plan ends
  pdns_["a"].wait_for("purge former.example.");
  pdns_["a"].wait_until_held();
  EXPECT_EQ(purger.purged(), 4U);
  EXPECT_EQ(purger.status().at(0).purged.revision, 4U);
  EXPECT_FALSE(purger.wait_purged(5, milliseconds(1)));
  pdns_["a"].hold_at("");
  ASSERT_TRUE(purger.wait_purged(5, seconds(20)));
  EXPECT_EQ(purger.purged(), 5U);
  purger.submit(names({"b.example"}), 6);
  ASSERT_TRUE(purger.wait_purged(6, seconds(20)));
  EXPECT_EQ(pdns_["a"].log().back(), "purge b.example.");
}

TEST_F(PurgerTest, EndsWhileAServerIsBusy) {
  Purger& purger = start(quiet());
  pdns_["a"].wait_for("everything");
  pdns_["a"].hold(true);
  purger.submit(names({"a.example"}), 1);
  pdns_["a"].wait_until_held();
  std::thread release([this] { pdns_["a"].hold(false); });
  purger_.reset();
  release.join();
}

TEST_F(PurgerTest, WakesEachWaiterWhenItsRevisionIsReached) {
  Purger& purger = start(quiet(), {"a", "b"});
  std::vector<std::thread> waiters;
  std::atomic<int> reached{0};
  for (zone::Revision r = 1; r <= 20; ++r)
    waiters.emplace_back([&, r] { reached += purger.wait_purged(r, seconds(20)) ? 1 : 0; });
  for (zone::Revision r = 1; r <= 20; ++r) purger.submit(names({("n" + std::to_string(r) + ".example").c_str()}), r);
  for (auto& waiter : waiters) waiter.join();
  EXPECT_EQ(reached, 20);
}

}  // namespace
}  // namespace sdns::purge
