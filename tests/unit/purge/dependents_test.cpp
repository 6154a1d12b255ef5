// SPDX-License-Identifier: MIT
#include "backend/purge/dependents.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace sdns::purge {
namespace {

using std::chrono::seconds;

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

class DependentsTest : public testing::Test {
 protected:
  Told note(const char* owner, std::vector<std::string> checks, std::uint64_t sequence = 0) {
    Told told;
    told.zone = 7;
    told.owner = name(owner);
    told.cached = true;
    told.health_sequence = sequence;
    told.checks = std::move(checks);
    return told;
  }
  std::set<dns::Name> file(const std::vector<Told>& told) {
    std::set<dns::Name> late;
    dependents_.file(told, now_, late);
    return late;
  }
  std::set<dns::Name> change(const std::string& check, std::uint64_t sequence) {
    std::set<dns::Name> owners;
    dependents_.checks_changed({check}, sequence, owners);
    return owners;
  }

  SteadyTime now_ = SteadyTime{} + seconds(1000);
  Dependents dependents_{seconds(120), now_};
};

TEST_F(DependentsTest, WhoRestsOnAChangedCheckIsNamed) {
  EXPECT_TRUE(file({note("a.", {"x", "y"}), note("b.", {"y"})}).empty());
  EXPECT_EQ(change("x", 1), std::set<dns::Name>{name("a.")});
  EXPECT_EQ(change("y", 2), (std::set<dns::Name>{name("a."), name("b.")}));
  EXPECT_TRUE(change("z", 3).empty());
}

TEST_F(DependentsTest, OnlyWhoReadsStepsRestsOnThem) {
  Told plans = note("a.", {"x"});
  plans.steps = true;
  file({plans, note("b.", {"x"})});
  std::set<dns::Name> owners;
  dependents_.steps_changed({"x"}, 1, owners);
  EXPECT_EQ(owners, std::set<dns::Name>{name("a.")});
  EXPECT_EQ(file({plans}), std::set<dns::Name>{name("a.")}) << "made from the table before";
}

// A status page that begins with a number may say another one each time.
TEST_F(DependentsTest, OnlyWhoReadsWeightsRestsOnThem) {
  Told weighs = note("a.", {"x"});
  weighs.weights = true;
  file({weighs, note("b.", {"x"})});
  std::set<dns::Name> owners;
  dependents_.weights_changed({"x"}, 1, owners);
  EXPECT_EQ(owners, std::set<dns::Name>{name("a.")});
  EXPECT_EQ(change("x", 2).size(), 2U);
  weighs.health_sequence = 0;
  EXPECT_EQ(file({weighs}), std::set<dns::Name>{name("a.")}) << "made from the table before";
}

TEST_F(DependentsTest, WhatComesLateIsNamedWhenItIsFiled) {
  change("x", 5);
  EXPECT_EQ(file({note("a.", {"x"}, 4)}), std::set<dns::Name>{name("a.")}) << "made from the table before";
  EXPECT_TRUE(file({note("b.", {"x"}, 5)}).empty());
}

TEST_F(DependentsTest, WhatPowerDnsMayNotKeepIsNotFiled) {
  Told told = note("a.", {"x"});
  told.cached = false;
  file({told});
  EXPECT_TRUE(change("x", 1).empty());
}

TEST_F(DependentsTest, ANameIsKeptForALifeAtLeast) {
  file({note("a.", {"x"})});
  now_ += seconds(130);
  file({});
  EXPECT_EQ(change("x", 1).size(), 1U);
  now_ += seconds(130);
  file({});
  EXPECT_TRUE(change("x", 2).empty());
  EXPECT_EQ(dependents_.size(), 0U);
}

TEST_F(DependentsTest, PoolsAndNamesAreKeptApartFromChecks) {
  Told told = note("a.", {"x"});
  told.pools = {"web"};
  told.names = {name("config.example.")};
  file({told});
  std::set<dns::Name> owners;
  dependents_.pools_changed({"x"}, 1, owners);
  EXPECT_TRUE(owners.empty());
  dependents_.pools_changed({"web"}, 1, owners);
  EXPECT_EQ(owners.size(), 1U);
  owners.clear();
  dependents_.names_changed({name("config.example.")}, 2, owners);
  EXPECT_EQ(owners.size(), 1U);
}

TEST(ToldInbox, GivesWhatWasToldInOrder) {
  ToldInbox inbox;
  for (const char* owner : {"a.", "b."}) {
    Told told;
    told.owner = name(owner);
    inbox.tell(std::move(told));
  }
  std::vector<Told> out;
  inbox.take(out);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[1].owner, name("b."));
  out.clear();
  inbox.take(out);
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace sdns::purge
