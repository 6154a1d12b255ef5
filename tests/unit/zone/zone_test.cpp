// SPDX-License-Identifier: MIT
#include "backend/zone/zone.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "backend/dns/dnssec_key.h"
#include "backend/zone/zone_edit.h"

namespace sdns::zone {
namespace {

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }
std::string key_in(const Zone& zone, std::string_view text) { return name(text).key().substr(zone.apex_key().size()); }
std::string name_in(const Zone& zone, std::string_view key) {
  return dns::Name::from_key(std::string(zone.apex_key()) + std::string(key)).text();
}

struct Line {
  std::string owner;
  std::string type;
  std::string content;
};

ZoneContent content_of(const std::string& apex, const std::vector<Line>& lines, std::vector<Metadata> metadata = {}) {
  ZoneContent content;
  content.head.id = 7;
  content.head.apex = name(apex);
  content.metadata = std::move(metadata);
  for (const Line& line : lines)
    content.records.push_back({name(line.owner), *dns::RrType::parse(line.type), dns::Ttl{300}, line.content});
  return content;
}

ZoneRef build(const std::string& apex, const std::vector<Line>& lines, std::vector<Metadata> metadata = {}) {
  return *ZoneEditor::build(content_of(apex, lines, std::move(metadata)), 1);
}

const std::vector<Line> kExample{
    {"example.", "SOA", "ns1.example. host.example. 17 3600 600 86400 300"},
    {"example.", "NS", "ns1.example."},
    {"ns1.example.", "A", "192.0.2.1"},
    {"a.b.c.example.", "TXT", "\"deep\""},
    {"*.w.example.", "A", "192.0.2.2"},
    {"sub.example.", "NS", "ns.sub.example."},
    {"sub.example.", "NS", "ns1.example."},
    {"ns.sub.example.", "A", "192.0.2.3"},
    {"x.y.sub.example.", "A", "192.0.2.4"},
    {"safe.example.", "NS", "ns1.example."},
    {"safe.example.", "DS", "1 13 2 00"},
    {"safe.example.", "A", "192.0.2.5"},
    {"only.glue.sub.example.", "AAAA", "2001:db8::1"},
};

TEST(Zone, FindsOwnersAndEmptyNonTerminalsAndNothingElse) {
  const ZoneRef zone = build("example.", kExample);
  const auto find = [&](std::string_view text) { return zone->find(key_in(*zone, text)); };
  EXPECT_NE(find("example.").owner, nullptr);
  EXPECT_NE(find("a.b.c.example.").owner, nullptr);
  for (const char* ent : {"b.c.example.", "c.example.", "w.example."}) {
    EXPECT_TRUE(find(ent).exists) << ent;
    EXPECT_EQ(find(ent).owner, nullptr) << ent;
    EXPECT_EQ(find(ent).flags, kAuthoritative) << ent;
  }
  EXPECT_TRUE(find("y.sub.example.").exists);
  EXPECT_EQ(find("y.sub.example.").flags, kBelowCut);
  for (const char* no : {"d.example.", "x.a.b.c.example.", "a.c.example.", "ww.example.", "q.w.example."})
    EXPECT_FALSE(find(no).exists) << no;
  EXPECT_EQ(zone->serial(), dns::Serial{17});
}

TEST(Zone, AuthIsFalseForDelegationsAndWhatLiesBelowThemButNotForTheirDs) {
  const ZoneRef zone = build("example.", kExample);
  const auto auth = [&](std::string_view text, dns::RrType type) {
    return authoritative(zone->find(key_in(*zone, text)).flags, type);
  };
  EXPECT_TRUE(auth("example.", dns::kNS));
  EXPECT_TRUE(auth("ns1.example.", dns::kA));
  EXPECT_FALSE(auth("sub.example.", dns::kNS));
  EXPECT_FALSE(auth("ns.sub.example.", dns::kA));
  EXPECT_FALSE(auth("safe.example.", dns::kNS));
  EXPECT_FALSE(auth("safe.example.", dns::kA));
  EXPECT_TRUE(auth("safe.example.", dns::kDS));
}

TEST(Zone, NsecNeighboursSkipGlueAndEmptyNonTerminalsAndWrap) {
  const ZoneRef zone = build("example.", kExample);
  // The chain: example. a.b.c. ns1. safe. sub. *.w.
  struct Case {
    const char* asked;
    const char* before;
    const char* after;
  };
  for (const Case& c :
       {Case{"example.", "example.", "a.b.c.example."}, Case{"a.example.", "example.", "a.b.c.example."},
        Case{"a.b.c.example.", "a.b.c.example.", "ns1.example."}, Case{"ns1.example.", "ns1.example.", "safe.example."},
        Case{"ns.sub.example.", "sub.example.", "*.w.example."},
        Case{"zz.sub.example.", "sub.example.", "*.w.example."}, Case{"zz.example.", "*.w.example.", "example."}}) {
    const Zone::Neighbours n = zone->nsec_neighbours(key_in(*zone, c.asked));
    EXPECT_EQ(name_in(*zone, n.before), c.before) << c.asked;
    EXPECT_EQ(name_in(*zone, n.after), c.after) << c.asked;
  }
}

TEST(Zone, WildcardsAreFoundBelowTheClosestEncloserOnly) {
  const ZoneRef zone = build("example.", {{"example.", "SOA", "a. b. 1 1 1 1 1"},
                                          {"*.example.", "A", "192.0.2.1"},
                                          {"x.example.", "A", "192.0.2.2"},
                                          {"a.ent.example.", "A", "192.0.2.3"}});
  std::string wildcard;
  EXPECT_TRUE(zone->wildcard_for(key_in(*zone, "no.example."), wildcard));
  EXPECT_EQ(name_in(*zone, wildcard), "*.example.");
  EXPECT_TRUE(zone->wildcard_for(key_in(*zone, "a.b.no.example."), wildcard));
  EXPECT_FALSE(zone->wildcard_for(key_in(*zone, "no.x.example."), wildcard));
  EXPECT_FALSE(zone->wildcard_for(key_in(*zone, "no.ent.example."), wildcard));
}

TEST(Zone, RejectsOwnersOutsideOfTheZone) {
  EXPECT_FALSE(ZoneEditor::build(content_of("example.", {{"example.org.", "A", "192.0.2.1"}}), 1).has_value());
}

TEST(Zone, RendersMetadataAndKeysOnce) {
  ZoneContent content = content_of("example.", kExample, {{"X-B", {"q\"uote", "2"}}, {"ALSO-NOTIFY", {"192.0.2.9"}}});
  content.keys.push_back({3, 257, true, false, "Private-key-format: v1.2\nAlgorithm: 13\n"});
  const ZoneRef zone = *ZoneEditor::build(std::move(content), 1);
  EXPECT_EQ(zone->settings().metadata_json, R"({"ALSO-NOTIFY":["192.0.2.9"],"X-B":["q\"uote","2"]})");
  EXPECT_EQ(zone->settings().keys_json, R"([{"id":3,"flags":257,"active":true,"published":false,)"
                                        R"("content":"Private-key-format: v1.2\u000aAlgorithm: 13\u000a"}])");
  EXPECT_EQ(build("example.", kExample)->settings().keys_json, "false");
}

// A written-out model of a zone: what is derived there by looking at everything, the tree must know by itself.
class Model {
 public:
  explicit Model(const Zone& zone) {
    zone.owners().for_each([&](const OwnerItem& item) {
      std::set<std::uint16_t> types;
      for (std::size_t i = 0; i < item.owner->rrset_count(); ++i) types.insert(item.owner->rrset(i).type.value);
      owners_[std::string(item.owner->key())] = types;
    });
  }
  bool cut(const std::string& key) const {
    return !key.empty() && owners_.contains(key) && owners_.at(key).contains(dns::kNS.value) && !below_cut(key);
  }
  bool below_cut(const std::string& key) const {
    for (std::string up = key; !up.empty();) {
      up = dns::parent_key(up);
      if (cut(up)) return true;
    }
    return false;
  }
  OwnerFlags flags(const std::string& key) const {
    if (below_cut(key)) return kBelowCut;
    if (cut(key)) return kCut | kInNsec | (owners_.at(key).contains(dns::kDS.value) ? kInOptOut : 0);
    if (owners_.at(key) == std::set<std::uint16_t>{dns::kRRSIG.value}) return kAuthoritative;
    return kAuthoritative | kInNsec | kInOptOut;
  }
  std::set<std::string> hash_chain(bool opt_out) const {
    std::set<std::string> names{""};
    for (const auto& [key, types] : owners_) {
      if ((flags(key) & kInNsec) == 0)
        continue;  // with opt-out too: empty non-terminals of insecure cuts are in the chain
      for (std::string up = key; !up.empty(); up = dns::parent_key(up)) names.insert(up);
    }
    if (opt_out)  // an insecure cut is not in the chain, also not as an ancestor
      for (const auto& [key, types] : owners_)
        if (cut(key) && !types.contains(dns::kDS.value)) names.erase(key);
    for (const auto& [key, types] : owners_)  // where an NSEC3 record is, or its signature alone
      if (types == std::set<std::uint16_t>{dns::kRRSIG.value}) names.erase(key);
    return names;
  }
  const std::map<std::string, std::set<std::uint16_t>>& owners() const { return owners_; }

 private:
  std::map<std::string, std::set<std::uint16_t>> owners_;
};

void expect_derived_state_is_right(const Zone& zone) {
  const Model model(zone);
  zone.owners().for_each([&](const OwnerItem& item) {
    EXPECT_EQ(item.flags, model.flags(std::string(item.owner->key()))) << name_in(zone, item.owner->key());
  });
  const Denial& denial = zone.settings().denial;
  if (denial.mode != Denial::Mode::kNsec3) return;
  std::set<std::string> names;
  zone.hashes().for_each([&](const HashItem& item) {
    const std::string key(item.key->view());
    names.insert(key);
    EXPECT_EQ(item.hash, dns::nsec3_hash(name(name_in(zone, key)), denial.salt, denial.iterations));
  });
  std::set<std::string> wanted = model.hash_chain(denial.opt_out);
  EXPECT_EQ(names.size(), wanted.size());
  for (const std::string& key : wanted) EXPECT_TRUE(names.contains(key)) << name_in(zone, key) << " is missing";
  for (const std::string& key : names) EXPECT_TRUE(wanted.contains(key)) << name_in(zone, key) << " is too much";
}

class ZoneEditProperty : public testing::TestWithParam<std::vector<Metadata>> {};

TEST_P(ZoneEditProperty, AuthAndHashesAreKeptTrueOverRandomEdits) {
  const unsigned seed = 4711;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  ZoneRef zone =
      build("example.", {{"example.", "SOA", "a. b. 1 1 1 1 1"}, {"example.", "NS", "ns.example."}}, GetParam());
  const char* labels[] = {"a", "b", "*", "c"};
  const dns::RrType types[] = {dns::kA, dns::kNS, dns::kNS, dns::kDS, dns::kRRSIG};
  for (int round = 0; round < 3'000; ++round) {
    std::string owner = "example.";
    for (int depth = static_cast<int>(random() % 4) + 1; depth > 0; --depth)
      owner = std::string(labels[random() % 4]) + "." + owner;
    ZoneEditor editor(*zone);
    const dns::RrType type = types[random() % 5];
    dns::Rrset rrset{name(owner), type, dns::Ttl{60}, {}};
    if (random() % 2 == 0) rrset.contents = {"1"};
    ASSERT_TRUE(editor.set_rrset(rrset).has_value());
    zone = editor.finish(static_cast<Revision>(round + 2));
    if (round % 10 == 0 || round < 200) expect_derived_state_is_right(*zone);
    if (HasFailure()) FAIL() << "round " << round << " changed " << owner << " " << type.text();
  }
  // The same from scratch.
  ZoneContent content;
  content.head = zone->head();
  content.metadata = zone->settings().metadata;
  zone->owners().for_each([&](const OwnerItem& item) {
    for (const dns::Rrset& rrset : item.owner->rrsets(name(name_in(*zone, item.owner->key()))))
      for (const std::string& text : rrset.contents)
        content.records.push_back({rrset.owner, rrset.type, rrset.ttl, text});
  });
  const ZoneRef again = *ZoneEditor::build(std::move(content), 1);
  expect_derived_state_is_right(*again);
  EXPECT_EQ(again->owners().size(), zone->owners().size());
  EXPECT_EQ(again->hashes().size(), zone->hashes().size());
}

INSTANTIATE_TEST_SUITE_P(Denial, ZoneEditProperty,
                         testing::Values(std::vector<Metadata>{}, std::vector<Metadata>{{"NSEC3PARAM", {"1 0 0 -"}}},
                                         std::vector<Metadata>{{"NSEC3PARAM", {"1 1 2 abcd"}}},
                                         std::vector<Metadata>{{"NSEC3PARAM", {"1 0 0 -"}}, {"NSEC3NARROW", {"1"}}}));

TEST(ZoneEdit, ChangedNsec3ParametersRebuildTheHashIndex) {
  const ZoneRef zone = build("example.", kExample);
  EXPECT_FALSE(zone->hash_neighbours({}).has_value());
  ZoneEditor editor(*zone);
  editor.set_metadata({{"NSEC3PARAM", {"1 0 0 -"}}});
  const ZoneRef hashed = editor.finish(2);
  expect_derived_state_is_right(*hashed);
  EXPECT_EQ(hashed->hashes().size(), 9U);  // the six of the NSEC chain and c. b.c. w.
  const Nsec3Hash apex = dns::nsec3_hash(name("example."), "", 0);
  EXPECT_EQ(hashed->hash_neighbours(apex)->before, apex);
  EXPECT_EQ(hashed->hash_neighbours(apex)->owner, "");
  Nsec3Hash lowest{};
  EXPECT_EQ(hashed->hash_neighbours(lowest)->before, hashed->hashes().last()->hash) << "before the first wraps around";
}

TEST(ZoneEdit, OwnerNamesOfNsec3RecordsAndTheirSignaturesAreInNoChain) {
  const std::string hash = "0la2up0js0g7hcaq5c1pvh41ar7tfrsl.example.";
  for (const char* type : {"RRSIG", "NSEC3"}) {
    SCOPED_TRACE(type);
    std::vector<Line> lines = kExample;
    lines.push_back({hash, type, "content"});
    const ZoneRef zone = build("example.", lines, {{"NSEC3PARAM", {"1 0 0 -"}}, {"PRESIGNED", {"1"}}});
    expect_derived_state_is_right(*build("example.", kExample, {{"NSEC3PARAM", {"1 0 0 -"}}}));
    EXPECT_EQ(zone->hashes().size(), 9U);
    EXPECT_TRUE(zone->find(key_in(*zone, hash)).exists);
    EXPECT_TRUE(authoritative(zone->find(key_in(*zone, hash)).flags, dns::kRRSIG));
    ZoneEditor editor(*zone);
    ASSERT_TRUE(editor.set_rrset({name(hash), dns::kA, dns::Ttl{1}, {"192.0.2.1"}}).has_value());
    EXPECT_EQ(editor.finish(2)->hashes().size(), 10U) << "a name that owns more is a name like others";
  }
}

TEST(ZoneEdit, WithOptOutTheChainOfAPresignedZoneLeavesOutWhatIsAboveInsecureCutsAlone) {
  const std::vector<Line> lines = {{"example.", "SOA", "ns.example. host.example. 1 3600 600 86400 300"},
                                   {"a.b.example.", "NS", "ns.test."},
                                   {"a.c.example.", "DS", "1 13 2 00"},
                                   {"a.c.example.", "NS", "ns.test."}};
  const auto chain = [&](std::vector<Metadata> metadata) {
    std::set<std::string> names;
    const ZoneRef zone = build("example.", lines, std::move(metadata));
    zone->hashes().for_each([&](const HashItem& item) { names.insert(name_in(*zone, item.key->view())); });
    return names;
  };
  const std::set<std::string> signers{"example.", "c.example.", "a.c.example."};
  EXPECT_EQ(chain({{"NSEC3PARAM", {"1 1 0 -"}}, {"PRESIGNED", {"1"}}}), signers);
  std::set<std::string> ours = signers;
  ours.insert("b.example.");
  EXPECT_EQ(chain({{"NSEC3PARAM", {"1 1 0 -"}}}), ours);
}

TEST(ZoneEdit, LeavesTheFormerZoneAsItWas) {
  const ZoneRef zone = build("example.", kExample);
  ZoneEditor editor(*zone);
  ASSERT_TRUE(editor.set_rrset({name("sub.example."), dns::kNS, dns::Ttl{1}, {}}).has_value());
  ASSERT_TRUE(editor.set_rrset({name("example."), dns::kSOA, dns::Ttl{1}, {"a. b. 18 1 1 1 1"}}).has_value());
  const ZoneRef after = editor.finish(2);
  EXPECT_EQ(zone->serial(), dns::Serial{17});
  EXPECT_EQ(after->serial(), dns::Serial{18});
  EXPECT_EQ(zone->find(key_in(*zone, "ns.sub.example.")).flags, kBelowCut);
  EXPECT_EQ(after->find(key_in(*zone, "ns.sub.example.")).flags, kAuthoritative | kInNsec | kInOptOut);
  EXPECT_EQ(zone->find(key_in(*zone, "sub.example.")).owner->rrset_count(), 1U);
  EXPECT_EQ(after->find(key_in(*zone, "sub.example.")).owner, nullptr) << "an empty non-terminal now";
}

TEST(Owner, GivesBackWhatItRendered) {
  const std::vector<dns::Rrset> rrsets{{name("w.example."), dns::kTXT, dns::Ttl{5}, {"\"a\\\"b\" \"\\200\"", "\"\""}},
                                       {name("w.example."), dns::kA, dns::Ttl{60}, {"192.0.2.1"}}};
  const Ref<Owner> owner = Owner::build("w", rrsets);
  EXPECT_EQ(owner->rrset(0).rows, "\"qtype\":\"A\",\"content\":\"192.0.2.1\",\"ttl\":60\n");
  const std::vector<dns::Rrset> back = owner->rrsets(name("w.example."));
  ASSERT_EQ(back.size(), 2U);
  EXPECT_EQ(back[0], rrsets[1]);
  EXPECT_EQ(back[1], rrsets[0]);
}

}  // namespace
}  // namespace sdns::zone
