// SPDX-License-Identifier: MIT
#include "pdm/allocations.h"

#include <gmock/gmock.h>

#include "tests/unit/pdm/pdm_fixture.h"

namespace sdns::pdm {
namespace {

using std::chrono::seconds;
using test::ok;
using testing::ElementsAre;
using testing::HasSubstr;

class AllocationsTest : public test::PdmTest {};

TEST_F(AllocationsTest, AReservationChangesNothingThatIsServed) {
  const std::string before = sql("SELECT max(revision) FROM journal");
  EXPECT_NE("", reserve("t42"));
  EXPECT_EQ(before, sql("SELECT max(revision) FROM journal"));
  EXPECT_EQ("", reserve("t42")) << "it is taken";
}

TEST_F(AllocationsTest, ACommitMakesASignedZoneAndItsDelegationInOneRevision) {
  const std::string token = reserve("t42");
  const std::string before = sql("SELECT max(revision) FROM journal");
  ASSERT_TRUE(commit("t42", token));
  EXPECT_EQ(std::to_string(std::stoi(before) + 1), sql("SELECT max(revision) FROM journal"));
  const std::string zone = "t42.pool.example.";
  EXPECT_THAT(records(zone, "console." + zone), ElementsAre("A 192.0.2.1"));
  EXPECT_THAT(records(zone, "*." + zone), ElementsAre("A 192.0.2.1"));
  EXPECT_THAT(records(zone, "_generation." + zone), ElementsAre("TXT \"1\""));
  EXPECT_THAT(records(zone, zone), ElementsAre("A 192.0.2.1", "NS ns1.pool.example.", "NS ns2.example.net.",
                                               "SOA ns1.pool.example. hostmaster.pool.example. 1 10800 3600 604800 4"));
  EXPECT_THAT(records("pool.example.", zone), ElementsAre("NS ns1.pool.example.", "NS ns2.example.net."));
  EXPECT_EQ("2", sql("SELECT count(*) FROM cryptokey WHERE active = 1"));
  EXPECT_EQ("INCEPTION-EPOCH", sql("SELECT value FROM zone_metadata WHERE kind = 'SOA-EDIT'"));
  EXPECT_EQ("publish", sql("SELECT kind FROM task"));
  EXPECT_EQ("t42.pool.example 1", sql("SELECT object FROM audit WHERE verb = 'commit'"));
}

TEST_F(AllocationsTest, AddressesOfBothFamiliesAndOfTheConsoleGoWhereTheyBelong) {
  auto call = commit_call("t42", reserve("t42"));
  call.addresses.main.push_back(*dns::IpAddress::parse("2001:db8::1"));
  call.addresses.console = *dns::IpAddress::parse("192.0.2.9");
  auto edit = ok(authority->edit());
  ASSERT_TRUE(ok(allocations().commit(*edit, {"us", "us"}, call)));
  ok(edit->commit("pdm"));
  const std::string zone = "t42.pool.example.";
  for (const char* label : {"console.", "api.", "marketplace."})
    EXPECT_THAT(records(zone, label + zone), ElementsAre("A 192.0.2.9")) << label;
  for (const char* label : {"gitea.", "harbor.", "*."})
    EXPECT_THAT(records(zone, label + zone), ElementsAre("A 192.0.2.1", "AAAA 2001:db8::1")) << label;
}

TEST_F(AllocationsTest, TheFirstDsWaitsUntilTheZoneIsServed) {
  ASSERT_TRUE(commit("t42", reserve("t42")));
  EXPECT_EQ(1U, step(Served::kNotYet));
  EXPECT_FALSE(has("t42.pool.example.", dns::kDS));
  EXPECT_NE("0", sql("SELECT revision FROM task")) << "what has to be served does not move away";
  clock.advance(seconds(1));
  EXPECT_EQ(1U, step());
  EXPECT_TRUE(has("t42.pool.example.", dns::kDS));
  EXPECT_EQ("0", sql("SELECT count(*) FROM task"));
}

TEST_F(AllocationsTest, ASilentNodeHoldsUpAFirstDsForATimeAndNoLonger) {
  ASSERT_TRUE(commit("t42", reserve("t42")));
  step(Served::kSilent);
  EXPECT_FALSE(has("t42.pool.example.", dns::kDS));
  clock.advance(seconds(15));
  step(Served::kSilent);
  EXPECT_TRUE(has("t42.pool.example.", dns::kDS));
}

TEST_F(AllocationsTest, ANodeThatSaysNotYetHoldsUpAFirstDsForEver) {
  ASSERT_TRUE(commit("t42", reserve("t42")));
  clock.advance(seconds(1000));
  step(Served::kNotYet);
  EXPECT_FALSE(has("t42.pool.example.", dns::kDS));
}

TEST_F(AllocationsTest, AReleaseTakesOutTheDsAndAfterItsTtlDelegationAndZoneAtOnce) {
  const std::string zone = "t42.pool.example.";
  ASSERT_TRUE(commit("t42", reserve("t42")));
  step();
  ASSERT_TRUE(release("t42")->withdraw);
  EXPECT_TRUE(has(zone, dns::kDS)) << "answered at once";
  step();
  EXPECT_FALSE(has(zone, dns::kDS));
  EXPECT_TRUE(has(zone, dns::kNS));
  step(Served::kNotYet);
  clock.advance(seconds(1));
  step();  // served without DS from here on: 6 s, and a second for resolvers that round
  EXPECT_EQ(0U, step());
  clock.advance(seconds(6));
  EXPECT_EQ(0U, step());
  EXPECT_FALSE(records(zone, zone).empty());
  clock.advance(seconds(1));
  const std::string before = sql("SELECT max(revision) FROM journal");
  EXPECT_EQ(1U, step());
  EXPECT_EQ(std::to_string(std::stoi(before) + 1), sql("SELECT max(revision) FROM journal")) << "in one revision";
  EXPECT_FALSE(has(zone, dns::kNS));
  EXPECT_TRUE(records(zone, zone).empty());
  const AllocationRow after = row("t42");
  EXPECT_EQ(Phase::kQuarantined, phase_of(&after, clock.wall_now().time_since_epoch() / std::chrono::milliseconds(1)));
  EXPECT_EQ("0", sql("SELECT count(*) FROM task"));
}

TEST_F(AllocationsTest, TheDsOfANewZoneWaitsUntilResolversHaveForgottenTheKeysOfTheOldOne) {
  ASSERT_TRUE(commit("t42", reserve("t42")));
  step();
  ASSERT_TRUE(release("t42"));
  step();
  step();
  clock.advance(seconds(7));
  EXPECT_EQ(1U, step());
  ASSERT_EQ(AllocationState::kQuarantined, row("t42").state);
  ASSERT_TRUE(commit("t42", reserve("t42")));
  clock.advance(seconds(100));
  EXPECT_EQ(1U, step());  // served from here on: 8 s, and one for resolvers that round
  EXPECT_FALSE(has("t42.pool.example.", dns::kDS));
  clock.advance(seconds(8));
  EXPECT_EQ(0U, step());
  clock.advance(seconds(1));
  EXPECT_EQ(1U, step());
  EXPECT_TRUE(has("t42.pool.example.", dns::kDS));
}

TEST_F(AllocationsTest, ASilentNodeHoldsUpAWithdrawalForEver) {
  ASSERT_TRUE(commit("t42", reserve("t42")));
  step();
  ASSERT_TRUE(release("t42"));
  step();
  for (int day = 0; day < 30; ++day) {
    clock.advance(seconds(86'400));
    step(Served::kSilent);
  }
  EXPECT_TRUE(has("t42.pool.example.", dns::kNS));
  EXPECT_THAT(sql("SELECT last_error FROM task"), HasSubstr("does not say"));
}

TEST_F(AllocationsTest, TakenBackOnItsWayOutANameKeepsZoneAndKeysAndLosesItsRecords) {
  const std::string zone = "t42.pool.example.";
  ASSERT_TRUE(commit("t42", reserve("t42")));
  step();
  const std::string id = sql("SELECT id FROM zone WHERE apex LIKE 't42%'");
  const std::string keys = sql("SELECT group_concat(content) FROM cryptokey");
  {
    auto edit = ok(authority->edit());
    const std::string owner = "left-over." + zone;
    ok(edit->replace_rrset(ok(edit->zone(test::name(zone)))->head.id, test::name(owner), dns::kA,
                           {store::test::rr(owner, dns::kA, "192.0.2.66")}));
    ok(edit->commit("test"));
  }
  ASSERT_TRUE(release("t42"));
  step();
  EXPECT_FALSE(has(zone, dns::kDS));
  const std::string token = reserve("t42");
  ASSERT_NE("", token) << "for its owner it is available at once";
  const auto back = commit("t42", token, "192.0.2.2");
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->kept_keys);
  EXPECT_EQ(id, sql("SELECT id FROM zone WHERE apex LIKE 't42%'"));
  EXPECT_EQ(keys, sql("SELECT group_concat(content) FROM cryptokey"));
  EXPECT_TRUE(records(zone, "left-over." + zone).empty());
  EXPECT_THAT(records(zone, "console." + zone), ElementsAre("A 192.0.2.2"));
  EXPECT_THAT(records(zone, "_generation." + zone), ElementsAre("TXT \"2\""));
  step();
  EXPECT_TRUE(has(zone, dns::kDS));
  clock.advance(seconds(1000));
  EXPECT_EQ(0U, step()) << "the withdrawal is over";
}

TEST_F(AllocationsTest, AStepThatAnotherTookIsNotTakenAgain) {
  ASSERT_TRUE(commit("t42", reserve("t42")));
  step();
  ASSERT_TRUE(release("t42"));
  const auto old = ok(ok(authority->read())->ledger().tasks(kWithdrawTask));
  ASSERT_EQ(1U, old.size());
  const std::string token = reserve("t42");
  ASSERT_TRUE(commit("t42", token));
  step();
  auto edit = ok(authority->edit());
  ok(allocations("two").step(*edit, old.front(), Served::kByAll, 100));
  ok(edit->commit("pdm"));
  EXPECT_TRUE(has("t42.pool.example.", dns::kDS)) << "a late runner must not take the DS of the new allocation out";
}

TEST_F(AllocationsTest, AZoneOfSomebodyElseAtTheNameIsAnErrorAndStays) {
  add_zone(*authority, "t42.pool.example.");
  const std::string token = reserve("t42");
  auto edit = ok(authority->edit());
  EXPECT_EQ(Errc::kExists, allocations().commit(*edit, {"us", "us"}, commit_call("t42", token)).error().code);
}

TEST_F(AllocationsTest, TheSweeperEndsWhatIsOverAndNothingElse) {
  const std::string token = reserve("gone");
  reserve("later");
  ASSERT_TRUE(commit("later", reserve("active").empty() ? "" : allocations().token(row("later"))));
  const auto sweep = [&] {
    auto edit = ok(authority->edit());
    const auto swept = ok(allocations().sweep(*edit, 100));
    ok(edit->commit("pdm"));
    return swept;
  };
  EXPECT_EQ(0, sweep());
  clock.advance(seconds(20));
  EXPECT_EQ(2, sweep());
  EXPECT_FALSE(row("gone").held);
  EXPECT_EQ(AllocationState::kActive, row("later").state);
  EXPECT_EQ(0, sweep());
  EXPECT_EQ(Refusal::kReservationExpired, commit("gone", token).error()) << "the sweeper changes no answer";
}

}  // namespace
}  // namespace sdns::pdm
