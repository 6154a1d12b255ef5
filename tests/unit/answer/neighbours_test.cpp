// SPDX-License-Identifier: MIT
#include "backend/answer/neighbours.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "backend/dns/dnssec_key.h"
#include "tests/support/seeded_random.h"

namespace sdns::answer {
namespace {

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

const dns::Name kApex = name("Zone.example.");

// Relative to the apex, as PowerDNS asks for it: with a final dot.
std::string relative(const dns::Name& owner) {
  const std::string text = owner.text();
  return owner == kApex ? "." : text.substr(0, text.size() - kApex.text().size());
}

// Few letters, so that names are above, below and beside each other; some octets need escapes, one sorts first.
dns::Name random_name(test::SeededRandom& random) {
  static const std::vector<std::string> kLabels{"a",     "b",     "aa",     "*", "-",   "a\\.b",
                                                "\\000", "\\255", "\\001z", "m", "\\\\"};
  std::string text;
  for (std::uint64_t labels = 1 + random.below(3); labels > 0; --labels)
    text += kLabels[random.below(kLabels.size())] + ".";
  return name(text + kApex.text());
}

struct World {
  std::set<dns::Name> owners;  // authoritative, with the apex
  zone::ZoneSetPtr zones;
};

World make_world(test::SeededRandom& random, const char* nsec3param) {
  World world;
  world.owners = {kApex};
  for (std::uint64_t n = random.below(12); n > 0; --n) world.owners.insert(random_name(random));
  zone::ZoneContent content;
  content.head.id = 7;
  content.head.apex = kApex;
  content.records.push_back({kApex, dns::kSOA, {300}, "ns.example. h.example. 5 3600 600 86400 300"});
  for (const dns::Name& owner : world.owners) content.records.push_back({owner, dns::kTXT, {300}, "\"x\""});
  if (nsec3param) content.metadata.push_back({"NSEC3PARAM", {nsec3param}});
  zone::ZoneSetBuilder builder;
  EXPECT_TRUE(builder.add(std::move(content)));
  world.zones = builder.finish(1, {});
  return world;
}

protocol::Neighbours ask(const World& world, const std::string& qname, Scratch& scratch) {
  const protocol::Reply reply = answer(protocol::GetBeforeAndAfterNamesAbsolute{7, qname}, *world.zones, scratch);
  const auto* neighbours = std::get_if<protocol::Neighbours>(&reply);
  EXPECT_TRUE(neighbours) << qname;
  return neighbours ? *neighbours : protocol::Neighbours{};
}

TEST(Neighbours, OfNamesAreThoseOfACompleteSearch) {
  const std::uint64_t seed = 4034;
  SCOPED_TRACE(seed);
  test::SeededRandom random(seed);
  Scratch scratch;
  for (int round = 0; round < 300; ++round) {
    const World world = make_world(random, nullptr);
    const auto without_dot = [](std::string text) {
      text.pop_back();
      return text;
    };
    for (int question = 0; question < 30; ++question) {
      const dns::Name asked = question == 0 ? kApex : random_name(random);
      auto after = world.owners.upper_bound(asked);
      const dns::Name before = *std::prev(after);
      if (after == world.owners.end()) after = world.owners.begin();
      const protocol::Neighbours found = ask(world, relative(asked), scratch);
      ASSERT_EQ(found.before, without_dot(relative(before))) << asked.text();
      ASSERT_EQ(found.after, without_dot(relative(*after))) << asked.text();
      ASSERT_EQ(found.unhashed, "");
    }
  }
}

TEST(Neighbours, OfHashesAreThoseOfACompleteSearch) {
  const std::uint64_t seed = 5155;
  SCOPED_TRACE(seed);
  test::SeededRandom random(seed);
  Scratch scratch;
  for (int round = 0; round < 300; ++round) {
    const World world = make_world(random, "1 0 3 aabbcc");
    std::map<std::string, dns::Name> hashes;  // base32hex keeps the order of what it encodes
    for (dns::Name owner : world.owners)
      for (;; owner = owner.parent()) {  // empty non-terminals are members too
        hashes.emplace(dns::base32hex(dns::nsec3_hash(owner, "\xAA\xBB\xCC", 3)), owner);
        if (owner == kApex) break;
      }
    for (int question = 0; question < 30; ++question) {
      const dns::Name asked = question == 0 ? kApex : random_name(random);
      std::string hash = dns::base32hex(dns::nsec3_hash(asked, "\xAA\xBB\xCC", 3));
      auto after = hashes.upper_bound(hash);
      const auto before = after == hashes.begin() ? std::prev(hashes.end()) : std::prev(after);
      if (after == hashes.end()) after = hashes.begin();
      if (question % 2 == 0)
        for (char& c : hash) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      const protocol::Neighbours found = ask(world, hash + ".", scratch);
      ASSERT_EQ(found.before, before->first) << asked.text();
      ASSERT_EQ(found.after, after->first) << asked.text();
      ASSERT_EQ(found.unhashed, before->second.text()) << asked.text();
    }
  }
}

TEST(Neighbours, OfAZoneAtTheRootHaveAbsoluteOwners) {
  zone::ZoneContent content;
  content.head.id = 7;
  content.records = {{dns::Name(), dns::kSOA, {300}, "ns. h. 5 3600 600 86400 300"}};
  content.metadata.push_back({"NSEC3PARAM", {"1 0 0 -"}});
  zone::ZoneSetBuilder builder;
  ASSERT_TRUE(builder.add(std::move(content)));
  World world;
  world.zones = builder.finish(1, {});
  Scratch scratch;
  EXPECT_EQ(ask(world, "00000000000000000000000000000000.", scratch).unhashed, ".");
}

}  // namespace
}  // namespace sdns::answer
