// SPDX-License-Identifier: MIT
#include "backend/health/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "backend/health/check_question.h"

namespace sdns::health {
namespace {

class RegistryTest : public testing::Test {
 protected:
  Verdict verdict(const std::string& identity) {
    const HealthTablePtr table = cell_.load();
    return table->state(table->find(identity)).verdict;
  }
  HealthCell cell_{std::make_shared<const HealthTable>()};
  Registry registry_{cell_};
};

TEST_F(RegistryTest, AWantedCheckIsUnknownUntilItIsObserved) {
  EXPECT_TRUE(registry_.want({"tcp 192.0.2.1:443"}, 0).identities.empty());
  EXPECT_EQ(verdict("tcp 192.0.2.1:443"), Verdict::kUnknown);
  const Changed changed = registry_.observe({{"tcp 192.0.2.1:443", {Verdict::kUp, false, 3}}}, 0);
  EXPECT_EQ(changed.identities, std::vector<std::string>{"tcp 192.0.2.1:443"});
  EXPECT_EQ(changed.sequence, cell_.load()->sequence());
  EXPECT_EQ(verdict("tcp 192.0.2.1:443"), Verdict::kUp);
  EXPECT_TRUE(registry_.observe({{"tcp 192.0.2.1:443", {Verdict::kUp, false, 3}}}, 0).identities.empty());
  EXPECT_TRUE(registry_.observe({{"tcp 192.0.2.9:443", {Verdict::kUp, false, 1}}}, 0).identities.empty())
      << "nobody wants it";
}

TEST_F(RegistryTest, AnOverrideIsBelievedUntilItEnds) {
  registry_.want({"tcp 192.0.2.1:443", "url https://x/ from 192.0.2.1", "tcp 192.0.2.2:443"}, 0);
  Override down{.target = "192.0.2.1", .verdict = Verdict::kDown, .since_seconds = 0, .until_seconds = 100};
  EXPECT_EQ(registry_.set_overrides({down}, {}, 50).identities.size(), 2U);
  EXPECT_EQ(verdict("url https://x/ from 192.0.2.1"), Verdict::kDown);
  EXPECT_EQ(verdict("tcp 192.0.2.2:443"), Verdict::kUnknown);
  EXPECT_TRUE(registry_.expire(99).identities.empty());
  EXPECT_EQ(registry_.expire(100).identities.size(), 2U);
  EXPECT_EQ(verdict("tcp 192.0.2.1:443"), Verdict::kUnknown);
}

TEST_F(RegistryTest, TheCloserOverrideCounts) {
  TargetPool pool;
  pool.name = "web";
  PoolMember member;
  member.name = "a";
  member.region = "eu";
  member.address = *dns::IpAddress::parse("192.0.2.1");
  pool.members = {member};
  const TargetPools pools = *TargetPools::make({pool});
  registry_.want({"tcp 192.0.2.1:443"}, 0);
  const auto with = [&](Overrides overrides) {
    registry_.set_overrides(std::move(overrides), pools, 0);
    return verdict("tcp 192.0.2.1:443");
  };
  const Override region{.target = "region:eu", .verdict = Verdict::kDown};
  const Override in_pool{.target = "pool:web", .verdict = Verdict::kUp};
  const Override address{.target = "192.0.2.1", .verdict = Verdict::kDown};
  const Override endpoint{.target = "192.0.2.1:443", .verdict = Verdict::kUp};
  const Override check{.target = "tcp 192.0.2.1:443", .verdict = Verdict::kDown};
  EXPECT_EQ(with({region}), Verdict::kDown);
  EXPECT_EQ(with({region, in_pool}), Verdict::kUp);
  EXPECT_EQ(with({region, in_pool, address}), Verdict::kDown);
  EXPECT_EQ(with({address, endpoint}), Verdict::kUp);
  EXPECT_EQ(with({check, endpoint}), Verdict::kDown);
  EXPECT_EQ(with({}), Verdict::kUnknown);
}

TEST_F(RegistryTest, WhoIsAnsweredAndWhoIsProbedAreBothNamesOfACheck) {
  TargetPool pool;
  pool.name = "web";
  PoolMember member;
  member.name = "a";
  member.address = *dns::IpAddress::parse("192.0.2.1");
  member.probe = *dns::IpAddress::parse("10.0.0.1");
  pool.members = {member};
  const TargetPools pools = *TargetPools::make({pool});
  const std::string check = "tcp 10.0.0.1:443 for=192.0.2.1";
  registry_.want({check, "tcp 10.0.0.1:443", "tcp 192.0.2.1:443"}, 0);
  const auto with = [&](std::vector<std::pair<const char*, Verdict>> said) {
    Overrides overrides;
    for (const auto& [target, verdict] : said) overrides.push_back({.target = target, .verdict = verdict});
    registry_.set_overrides(std::move(overrides), pools, 0);
    return verdict(check);
  };
  EXPECT_EQ(with({{"192.0.2.1", Verdict::kDown}}), Verdict::kDown);
  EXPECT_EQ(verdict("tcp 10.0.0.1:443"), Verdict::kUnknown) << "others that are probed there are other targets";
  EXPECT_EQ(with({{"10.0.0.1", Verdict::kDown}}), Verdict::kDown);
  EXPECT_EQ(verdict("tcp 10.0.0.1:443"), Verdict::kDown);
  EXPECT_EQ(verdict("tcp 192.0.2.1:443"), Verdict::kUnknown) << "it is not probed there";
  EXPECT_EQ(with({{"192.0.2.1", Verdict::kDown}, {"10.0.0.1", Verdict::kUp}}), Verdict::kDown);
  EXPECT_EQ(with({{"192.0.2.1", Verdict::kDown}, {"10.0.0.1:443", Verdict::kUp}}), Verdict::kUp);
  EXPECT_EQ(with({{"192.0.2.1:443", Verdict::kDown}, {"10.0.0.1:443", Verdict::kUp}}), Verdict::kDown);
  EXPECT_EQ(with({{"10.0.0.1", Verdict::kUp}, {"pool:web", Verdict::kDown}}), Verdict::kUp);
  EXPECT_EQ(with({{"pool:web", Verdict::kDown}}), Verdict::kDown);
  EXPECT_EQ(verdict("tcp 10.0.0.1:443"), Verdict::kUnknown) << "a pool's members are those that it answers";
  EXPECT_EQ(with({{check.c_str(), Verdict::kUp}, {"192.0.2.1:443", Verdict::kDown}}), Verdict::kUp);
}

TEST_F(RegistryTest, AnEndedOverrideLeavesTheNextCloserOne) {
  TargetPool pool;
  pool.name = "web";
  PoolMember member;
  member.name = "a";
  member.address = *dns::IpAddress::parse("192.0.2.1");
  pool.members = {member};
  const TargetPools pools = *TargetPools::make({pool});
  registry_.want({"tcp 192.0.2.1:443", "url https://x/", "not a check"}, 0);
  registry_.set_overrides({{.target = "192.0.2.1", .verdict = Verdict::kUp, .until_seconds = 100},
                           {.target = "pool:web", .verdict = Verdict::kDown, .until_seconds = 200},
                           {.target = "region:", .verdict = Verdict::kDown}},
                          pools, 0);
  EXPECT_EQ(verdict("tcp 192.0.2.1:443"), Verdict::kUp);
  registry_.expire(100);
  EXPECT_EQ(verdict("tcp 192.0.2.1:443"), Verdict::kDown);
  registry_.expire(200);
  EXPECT_EQ(verdict("tcp 192.0.2.1:443"), Verdict::kUnknown);
  EXPECT_EQ(verdict("url https://x/"), Verdict::kUnknown) << "of no address";
}

TEST(Override, ATargetHasOneSpelling) {
  EXPECT_EQ(canonical_target("2001:DB8:0:0::1"), "2001:db8::1");
  EXPECT_EQ(canonical_target("[2001:DB8::1]:443"), "[2001:db8::1]:443");
  EXPECT_EQ(canonical_target("tcp 192.0.2.1:443"), "tcp 192.0.2.1:443");
  EXPECT_EQ(canonical_target("tcp 192.0.2.1:443 rise=9 fall=3"), "tcp 192.0.2.1:443 fall=3 rise=9");
  for (const char* text : {"", "pool:", "region:", "192.0.2", "0x1", "192.0.2.1:", "192.0.2.1: 53", "web", "pool:a\nb"})
    EXPECT_FALSE(canonical_target(text)) << text;
}

TEST_F(RegistryTest, ATableThatWasReadStaysAsItWas) {
  registry_.want({"a", "b"}, 0);
  const HealthTablePtr before = cell_.load();
  registry_.observe({{"a", {Verdict::kUp, false, 1}}}, 0);
  EXPECT_EQ(before->state(before->find("a")).verdict, Verdict::kUnknown);
  registry_.forget({"a"});
  EXPECT_EQ(cell_.load()->find("a"), kNoCheck);
  EXPECT_EQ(cell_.load()->size(), 1U);
}

TEST_F(RegistryTest, TellsVerdictsAndWeightsApart) {
  registry_.want({"a", "b"}, 0);
  const Changed both = registry_.observe({{"a", {Verdict::kUp, false, 7}}, {"b", {Verdict::kUp, false, 1}}}, 0);
  EXPECT_EQ(both.identities, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(both.weights, std::vector<std::string>{"a"});
  const Changed heavier = registry_.observe({{"a", {Verdict::kUp, false, 8}}}, 0);
  EXPECT_TRUE(heavier.identities.empty());
  EXPECT_EQ(heavier.weights, std::vector<std::string>{"a"});
  EXPECT_EQ(cell_.load()->state(cell_.load()->find("a")).weight, 8U);
}

TEST_F(RegistryTest, TellsStepsApart) {
  registry_.want({"a", "b"}, 0);
  const State solid{.verdict = Verdict::kUp};
  const State soon{.verdict = Verdict::kUp, .ttl_step = 5};
  EXPECT_TRUE(registry_.observe({{"a", solid}, {"b", solid}}, 0).steps.empty());
  const Changed changed = registry_.observe({{"a", soon}, {"b", solid}}, 0);
  EXPECT_EQ(changed.steps, std::vector<std::string>{"a"});
  EXPECT_TRUE(changed.identities.empty());
  const std::uint64_t sequence = cell_.load()->sequence();
  EXPECT_EQ(changed.sequence, sequence);
  registry_.observe({{"a", soon}}, 0);
  EXPECT_EQ(cell_.load()->sequence(), sequence) << "the same step is no new table";
}

TEST_F(RegistryTest, WhatIsForcedIsSolidAndWasNotUp) {
  registry_.want({"tcp 192.0.2.1:443"}, 0);
  registry_.observe(
      {{"tcp 192.0.2.1:443", {.verdict = Verdict::kUp, .ttl_step = 5, .last_up = SteadyTime(std::chrono::hours(1))}}},
      0);
  const Changed forced = registry_.set_overrides({{.target = "192.0.2.1", .verdict = Verdict::kDown}}, {}, 0);
  EXPECT_EQ(forced.steps.size(), 1U);
  const HealthTablePtr table = cell_.load();
  EXPECT_EQ(table->state(table->find("tcp 192.0.2.1:443")), (State{.verdict = Verdict::kDown, .forced = true}));
  EXPECT_EQ(registry_.set_overrides({}, {}, 0).steps.size(), 1U) << "and then what its probes say";
}

TEST_F(RegistryTest, TheLastWordAboutRisingCountsAndForcesNothing) {
  const Override endpoint{.target = "192.0.2.1:443",
                          .verdict = Verdict::kUnknown,
                          .who = "ann",
                          .since_seconds = 20,
                          .until_seconds = 100,
                          .resumes = true};
  const Override address{.target = "192.0.2.1",
                         .verdict = Verdict::kUnknown,
                         .reason = "mended",
                         .who = "ben",
                         .since_seconds = 30,
                         .until_seconds = 110,
                         .resumes = true};
  const std::vector<std::string> checks = {"tcp 192.0.2.1:443", "tcp 192.0.2.2:443"};
  registry_.want(checks, 0);
  EXPECT_TRUE(registry_.set_overrides({address, endpoint}, {}, 50).identities.empty());
  EXPECT_EQ(verdict("tcp 192.0.2.1:443"), Verdict::kUnknown);
  const auto orders = registry_.resumes(50);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].identity, "tcp 192.0.2.1:443");
  EXPECT_EQ(orders[0].seconds, 30);
  EXPECT_EQ(orders[0].who, "ben");
  EXPECT_EQ(orders[0].reason, "mended");
  EXPECT_EQ(registry_.resumes(checks, 50).size(), 1U);
  EXPECT_TRUE(registry_.resumes({"tcp 192.0.2.2:443", "tcp 192.0.2.9:443"}, 50).empty());
  EXPECT_TRUE(registry_.resumes(110).empty()) << "it has ended";
  Override down{.target = "192.0.2.1", .verdict = Verdict::kDown};
  registry_.set_overrides({down, endpoint}, {}, 50);
  EXPECT_EQ(verdict("tcp 192.0.2.1:443"), Verdict::kDown) << "what was resumed does not stand before what is forced";
}

// A record whose checks are made of the query name may ask for new ones for ever.
TEST_F(RegistryTest, NumbersOfChecksThatAreForgottenAreUsedAgain) {
  registry_.want({"a", "b"}, 0);
  registry_.observe({{"a", {Verdict::kUp, false, 7}}}, 0);
  const CheckId former = cell_.load()->find("a");
  registry_.forget({"a"});
  registry_.want({"c"}, 0);
  EXPECT_EQ(cell_.load()->find("c"), former);
  EXPECT_EQ(cell_.load()->state(former), State{}) << "nothing of the one before is left";
  EXPECT_EQ(cell_.load()->identity(former), "c");
  EXPECT_EQ(cell_.load()->size(), 2U);
}

class Identity : public testing::TestWithParam<const char*> {};
TEST_P(Identity, IsReadBackAsItWasWritten) {
  const auto question = CheckQuestion::parse(GetParam());
  ASSERT_TRUE(question) << to_text(question.error());
  EXPECT_EQ(question->identity(), GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    Checks, Identity,
    testing::Values("tcp 192.0.2.1:443", "tcp [2001:db8::1]:80 timeout=5 source=192.0.2.9",
                    "url https://x.example/ from 192.0.2.1", "url http://x/ from 2001:db8::1 interval=7",
                    "url https://x/%20y", "url https://x/ from 192.0.2.1 stringmatch=all%20is%20well httpcode=204",
                    "url https://x/ from 192.0.2.1 header:X-A=1%25", "url https://x/ codes=200-299 redirects=same",
                    "dns x.example. from [2001:db8::1]:53 fall=2 source=2001:db8::9", "exec raid.sh from 192.0.2.1",
                    "exec a from [2001:db8::1]:443 interval=7 fall=3", "tcp 10.0.0.1:443 for=192.0.2.1",
                    "url https://x/ from 10.0.0.1 timeout=5 header:for=a for=2001:db8::1"));

TEST(CheckQuestion, RefusesWhatNamesNoCheck) {
  for (const char* text : {"",
                           "tcp",
                           "tcp 192.0.2",
                           "ping 192.0.2.1",
                           "tcp 192.0.2.1:80 nosuch=1",
                           "url",
                           "tcp 192.0.2.1:80 timeout",
                           "dns",
                           "dns x.",
                           "dns x. 192.0.2.1",
                           "dns a..b from 192.0.2.1:53",
                           "tcp 192.0.2.1:80 fall=0",
                           "tcp 192.0.2.1:80 codes=%zz",
                           "exec",
                           "exec a",
                           "exec a/b from 192.0.2.1",
                           "exec  from 192.0.2.1",
                           "exec a at 192.0.2.1",
                           "tcp 192.0.2.1:80 for=x",
                           "tcp 192.0.2.1:80 for=192.0.2.1",
                           "url https://x/ for=192.0.2.1"})
    EXPECT_FALSE(CheckQuestion::parse(text)) << text;
  EXPECT_EQ(CheckQuestion::parse("dns X.Example from 192.0.2.1")->identity(), "dns x.example. from 192.0.2.1:53");
}

TEST(ShownCheck, HidesWhatNobodyNeedsToSee) {
  const auto shown = [](std::string_view identity) { return shown_check(identity); };
  for (const char* as_it_is :
       {"", "tcp 192.0.2.1:443", "tcp 192.0.2.1:443 expect=220 timeout=3", "url http://h/a@b from 192.0.2.1",
        "url http://h/?q=a:b@c stringmatch=header:x=y", "url h from 192.0.2.1", "dns a. from 192.0.2.1:53"})
    EXPECT_EQ(shown(as_it_is), as_it_is);
  const std::string token =
      shown("url http://h/ from 192.0.2.1 header:Authorization=Bearer%20tGzv3 header:B=c httpcode=204");
  EXPECT_THAT(token,
              testing::MatchesRegex("url http://h/ from 192\\.0\\.2\\.1 header:Authorization=\\(hidden:[0-9a-f]{4}\\) "
                                    "header:B=\\(hidden:[0-9a-f]{4}\\) httpcode=204"));
  EXPECT_THAT(shown("tcp 192.0.2.1:6379 send=AUTH%20secret%0d%0a expect=%2bOK"),
              testing::MatchesRegex("tcp 192\\.0\\.2\\.1:6379 send=\\(hidden:[0-9a-f]{4}\\) expect=%2bOK"));
  EXPECT_THAT(shown("url https://me:pass@word@h:8443/a from 192.0.2.1"),
              testing::MatchesRegex("url https://\\(hidden:[0-9a-f]{4}\\)@h:8443/a from 192\\.0\\.2\\.1"));
  EXPECT_EQ(shown(token), token) << "what is hidden stays so";
  EXPECT_NE(shown("tcp 192.0.2.1:1 send=a"), shown("tcp 192.0.2.1:1 send=b")) << "they are told apart";
}

TEST(ShownCheck, IsANameThatOverridesMayUse) {
  const std::string identity = "url http://h/ from 192.0.2.1 header:Authorization=Bearer%20tGzv3";
  const auto target = canonical_target(shown_check(identity));
  ASSERT_TRUE(target) << to_text(target.error());
  Override override{.target = *target, .reason = "a test"};
  const OverrideIndex index({override}, TargetPools());
  const Override* found = index.find(identity, override_subject(identity), 1);
  ASSERT_NE(found, nullptr);
  const std::string other = "url http://h/ from 192.0.2.1 header:Authorization=Bearer%20other";
  EXPECT_EQ(index.find(other, override_subject(other), 1), nullptr);
}

}  // namespace
}  // namespace sdns::health
