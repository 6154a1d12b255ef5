// SPDX-License-Identifier: MIT
#include "backend/zone/zone_set.h"

#include <gtest/gtest.h>

namespace sdns::zone {
namespace {

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

ZoneContent simple_zone(ZoneId id, const std::string& apex) {
  ZoneContent content;
  content.head.id = id;
  content.head.apex = name(apex);
  content.records = {{name(apex), dns::kSOA, dns::Ttl{300}, "ns. host. 1 3600 600 86400 300"},
                     {name(apex), dns::kNS, dns::Ttl{300}, "ns.example."}};
  return content;
}

ZoneSetPtr set_of(std::initializer_list<const char*> apexes) {
  ZoneSetBuilder builder;
  ZoneId id = 1;
  for (const char* apex : apexes) EXPECT_TRUE(builder.add(simple_zone(id++, apex)).has_value());
  return builder.finish(5, Chain{});
}

TEST(ZoneSet, FindsByIdByApexAndByTheLongestMatch) {
  const ZoneSetPtr set = set_of({"example.", "sub.example.", "org."});
  EXPECT_EQ(set->find(2)->apex(), name("sub.example."));
  EXPECT_EQ(set->find(9), nullptr);
  EXPECT_EQ(set->find_apex(name("example.").key())->id(), 1U);
  EXPECT_EQ(set->find_apex(name("www.example.").key()), nullptr);
  EXPECT_EQ(set->closest(name("a.sub.example.").key())->id(), 2U);
  EXPECT_EQ(set->closest(name("asub.example.").key())->id(), 1U);
  EXPECT_EQ(set->closest(name("net.").key()), nullptr);
}

TEST(ZoneSet, AppliesABatchAndTellsWhatItTouched) {
  const ZoneSetPtr before = set_of({"example.", "sub.example.", "org."});
  Batch batch{5, 8, Chain{1}, {}};
  batch.changes.push_back(RrsetChanged{1, {name("www.example."), dns::kA, dns::Ttl{60}, {"192.0.2.1"}}});
  batch.changes.push_back(ZoneDeleted{3});
  batch.changes.push_back(ZoneCreated{simple_zone(4, "org.")});
  batch.changes.push_back(KeysChanged{2, {{1, 257, true, true, "secret"}}});
  const Result<Applied> applied = apply(*before, batch);
  ASSERT_TRUE(applied.has_value());
  const ZoneSet& after = *applied->set;
  EXPECT_EQ(after.revision(), 8U);
  EXPECT_EQ(after.chain(), Chain{1});
  EXPECT_EQ(after.size(), 3U);
  EXPECT_EQ(after.find(3), nullptr);
  EXPECT_EQ(after.find_apex(name("org.").key())->id(), 4U);
  EXPECT_TRUE(after.find(1)->find(std::string("www\0", 4)).exists);
  EXPECT_FALSE(before->find(1)->find(std::string("www\0", 4)).exists);
  EXPECT_EQ(after.find(2)->settings().keys.size(), 1U);
  ASSERT_EQ(applied->rrsets.size(), 1U);
  EXPECT_EQ(applied->rrsets[0].owner, name("www.example."));
  ASSERT_EQ(applied->zones.size(), 3U);
}

TEST(ZoneSet, CarriesTheTsigKeysUntilABatchChangesThem) {
  const TsigKey a{name("a.example."), "hmac-sha256", "c2VjcmV0"};
  const TsigKey b{name("b.example."), "hmac-md5", "b3RoZXI="};
  ZoneSetBuilder builder;
  ASSERT_TRUE(builder.add(simple_zone(1, "example.")).has_value());
  const ZoneSetPtr first = builder.finish(5, Chain{}, {b, a});
  EXPECT_EQ(first->tsig_keys(), (std::vector<TsigKey>{a, b})) << "in order of their names";
  EXPECT_EQ(*first->find_tsig_key(name("B.example.")), b);
  EXPECT_EQ(first->find_tsig_key(name("c.example.")), nullptr);
  EXPECT_EQ(ZoneSet().find_tsig_key(name("a.example.")), nullptr);

  const auto other = apply(*first, Batch{5, 6, Chain{}, {ZoneDeleted{1}}});
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(other->set->tsig_keys().size(), 2U);
  const auto changed = apply(*other->set, Batch{6, 7, Chain{}, {TsigKeysChanged{{b}}}});
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ(changed->set->tsig_keys(), std::vector<TsigKey>{b});
  EXPECT_EQ(first->tsig_keys().size(), 2U) << "the one before is as it was";
}

health::TargetPool target_pool(const std::string& name, const std::string& address = "192.0.2.1") {
  health::PoolMember member;
  member.address = *dns::IpAddress::parse(address);
  member.name = "a";
  return {name, {}, {member}, false};
}
health::TargetPools target_pools(std::vector<health::TargetPool> pools) {
  for (health::TargetPool& pool : pools) pool.from_configuration = true;
  return *health::TargetPools::make(std::move(pools));
}
std::string first_address(const ZoneSet& set, std::string_view pool) {
  const health::TargetPool* found = set.target_pools()->find(pool);
  return found == nullptr ? "none" : found->members[0].address.text();
}

TEST(ZoneSet, CarriesTheTargetPoolsUntilABatchChangesThem) {
  ZoneSetBuilder builder;
  ASSERT_TRUE(builder.add(simple_zone(1, "example.")).has_value());
  ASSERT_TRUE(builder.add_target_pools({target_pool("web"), target_pool("app"), target_pool("gone")}).has_value());
  const ZoneSetPtr first = builder.finish(5, Chain{});
  EXPECT_EQ(first->target_pools()->all().size(), 3U);
  EXPECT_EQ(*first->target_pools(), first->stored_target_pools());

  const auto other = apply(*first, Batch{5, 6, Chain{}, {ZoneDeleted{1}}});
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(other->set->target_pools(), first->target_pools()) << "shared";
  EXPECT_TRUE(other->target_pools.empty());
  const auto changed = apply(
      *other->set,
      Batch{6,
            7,
            Chain{},
            {TargetPoolChanged{"gone", std::nullopt}, TargetPoolChanged{"new", target_pool("new")},
             TargetPoolChanged{"web", target_pool("web", "192.0.2.2")}, TargetPoolChanged{"app", target_pool("app")}}});
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ(changed->target_pools, (std::vector<std::string>{"gone", "new", "web"})) << "app is as it was";
  EXPECT_EQ(first_address(*changed->set, "web"), "192.0.2.2");
  EXPECT_EQ(first_address(*changed->set, "gone"), "none");
  EXPECT_EQ(first_address(*changed->set, "app"), "192.0.2.1");
  EXPECT_EQ(changed->set->stored_target_pools().all().size(), 3U);
  EXPECT_EQ(first_address(*first, "web"), "192.0.2.1") << "the one before is as it was";
}

TEST(ZoneSet, ShowsTheConfigurationsTargetPoolsInFrontOfTheDatabases) {
  ZoneSetBuilder builder;
  ASSERT_TRUE(builder.add_target_pools({target_pool("web"), target_pool("app")}).has_value());
  builder.configure(target_pools({target_pool("web", "192.0.2.9")}));
  const ZoneSetPtr first = builder.finish(5, Chain{});
  EXPECT_EQ(first_address(*first, "web"), "192.0.2.9");
  EXPECT_EQ(first_address(*first, "app"), "192.0.2.1");
  EXPECT_EQ(first->hidden_target_pools(), std::vector<std::string>{"web"});
  EXPECT_EQ(first->stored_target_pools().find("web")->members[0].address.text(), "192.0.2.1");

  const auto hidden = apply(*first, Batch{5, 6, Chain{}, {TargetPoolChanged{"web", target_pool("web", "192.0.2.2")}}});
  ASSERT_TRUE(hidden.has_value());
  EXPECT_TRUE(hidden->target_pools.empty()) << "nobody sees it";
  EXPECT_EQ(first_address(*hidden->set, "web"), "192.0.2.9");

  const Applied bare = configure(*hidden->set, target_pools({target_pool("mine")}));
  EXPECT_EQ(bare.target_pools, (std::vector<std::string>{"mine", "web"}));
  EXPECT_TRUE(bare.zones.empty() && bare.rrsets.empty());
  EXPECT_EQ(bare.set->revision(), 6U);
  EXPECT_EQ(first_address(*bare.set, "web"), "192.0.2.2") << "as it was changed while it was hidden";
  EXPECT_TRUE(bare.set->hidden_target_pools().empty());
}

TEST(ZoneSet, RefusesTargetPoolsThatBreakARule) {
  const health::TargetPool bad{"web", {{"port", "http"}}, {}, false};
  ZoneSetBuilder builder;
  EXPECT_EQ(builder.add_target_pools({bad}).error().code, Errc::kInvalidZone);
  EXPECT_EQ(builder.add_target_pools({target_pool("a"), target_pool("a")}).error().code, Errc::kInvalidZone);
  const auto refused = apply(*set_of({"example."}), Batch{5, 6, Chain{}, {TargetPoolChanged{"web", bad}}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kInvalidZone);
  EXPECT_NE(refused.error().what.find("target pool web: port"), std::string::npos);
}

TEST(ZoneSet, RefusesABatchThatItCannotServeAndStaysAsItWas) {
  const ZoneSetPtr before = set_of({"example.", "org."});
  const auto refused = [&](Change change, Revision from = 5) {
    const auto applied = apply(*before, Batch{from, 9, Chain{}, {std::move(change)}});
    return !applied.has_value();
  };
  EXPECT_TRUE(refused(RrsetChanged{1, {name("example."), dns::kSOA, dns::Ttl{1}, {}}})) << "no SOA is left";
  EXPECT_TRUE(
      refused(RrsetChanged{1, {name("example."), dns::kSOA, dns::Ttl{1}, {"a. b. 1 1 1 1 1", "a. b. 2 1 1 1 1"}}}));
  EXPECT_TRUE(refused(RrsetChanged{1, {name("www.org."), dns::kA, dns::Ttl{1}, {"192.0.2.1"}}})) << "outside";
  EXPECT_TRUE(refused(RrsetChanged{7, {name("www.org."), dns::kA, dns::Ttl{1}, {"192.0.2.1"}}})) << "unknown zone";
  EXPECT_TRUE(refused(ZoneDeleted{7}));
  EXPECT_TRUE(refused(ZoneCreated{simple_zone(2, "net.")})) << "id in use";
  EXPECT_TRUE(refused(ZoneCreated{simple_zone(3, "org.")})) << "apex in use";
  EXPECT_TRUE(refused(ZoneDeleted{2}, 4)) << "does not start where the set is";
  EXPECT_FALSE(refused(ZoneDeleted{2}));
  EXPECT_EQ(before->size(), 2U);
}

}  // namespace
}  // namespace sdns::zone
