// SPDX-License-Identifier: MIT
#include "backend/purge/reverse_index.h"

#include "tests/support/seeded_random.h"
#include "tests/unit/purge/zones.h"

namespace sdns::purge {
namespace {

// Every target and who refers to it.
std::set<std::string> all_of(const ReverseIndex& index) {
  std::set<std::string> all;
  for (auto target = index.next_target(""); target;) {
    const std::string key(*target);
    const std::string to = dns::Name::from_key(key).text() + (index.has_dname_to(key) ? " (DNAME)" : "");
    const ReverseIndex::Referrers referrers = index.to(key);
    for (const auto& r : referrers.listed)
      all.insert(to + " <- " + std::to_string(r.zone) + " " + r.type.text() + " " +
                 dns::key_to_relative_text(r.relative_key));
    if (!referrers.complete) {
      std::string in = to + " <- many in";
      for (const auto zone : referrers.zones) in += " " + std::to_string(zone);
      all.insert(in);
    }
    target = index.next_target(key + '\0');
  }
  return all;
}

std::set<std::string> rebuilt(const zone::ZoneSet& set) {
  ReverseIndex index;
  index.load(set);
  return all_of(index);
}

TEST(ReverseIndex, KnowsTheReferrersOfEachFollowedType) {
  const auto set = set_of({content(1, "example.",
                                   "@ NS ns1\n@ NS ns.other.test.\nd NS ns.d\nd NS h\na CNAME h\nm MX 1 h\nm MX 2 h\n"
                                   "s SRV 1 1 1 h\ndn DNAME h\ntxt TXT \"h.example.\"\np PTR h\n")});
  EXPECT_EQ(rebuilt(*set), (std::set<std::string>{"h.example. (DNAME) <- 1 CNAME a", "h.example. (DNAME) <- 1 DNAME dn",
                                                  "h.example. (DNAME) <- 1 MX m", "h.example. (DNAME) <- 1 NS d",
                                                  "h.example. (DNAME) <- 1 SRV s", "ns.other.test. <- 1 NS "}))
      << "hosts at or below their own cut or apex are found without the index";
}

TEST(ReverseIndex, CountsReferrersAboveALimitAndForgetsThemAgain) {
  const auto before = set_of({content(1, "a.test.", "x CNAME h.test.\ny CNAME h.test.\n"),
                              content(2, "b.test.", "x CNAME h.test.\ny CNAME h.test.\n")});
  ReverseIndex index(3);
  index.load(*before);
  EXPECT_EQ(all_of(index), std::set<std::string>{"h.test. <- many in 1 2"});
  zone::Applied applied = apply_all(*before, {zone::ZoneDeleted{1}});
  index.remove(*before, applied);
  index.add(applied);
  EXPECT_EQ(all_of(index), std::set<std::string>{"h.test. <- many in 2"});
  const zone::ZoneSetPtr second = applied.set;
  applied = apply_all(*second, {zone::ZoneDeleted{2}});
  index.remove(*second, applied);
  index.add(applied);
  EXPECT_EQ(index.target_count(), 0U);
}

TEST(ReverseIndex, SaysNoZonesWhenTheReferrersAreInTooMany) {
  std::vector<zone::ZoneContent> zones;
  for (zone::ZoneId id = 1; id <= 20; ++id)
    zones.push_back(content(id, "z" + std::to_string(id) + ".test.", "@ NS ns.host.test.\n"));
  ReverseIndex index(10);
  index.load(*set_of(std::move(zones)));
  EXPECT_EQ(all_of(index), std::set<std::string>{"ns.host.test. <- many in"});
}

TEST(ReverseIndex, IsAfterAnyEditsWhatItWouldBeIfBuiltAnew) {
  constexpr std::uint64_t kSeed = 20260822;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  test::SeededRandom random(kSeed);
  zone::ZoneSetPtr set = set_of({content(1, "z1.test.", "@ NS h1.z1.test.\n")});
  ReverseIndex index;
  index.load(*set);
  zone::ZoneId next_id = 2;
  const auto host = [&] {
    return "h" + std::to_string(random.below(4)) + ".z" + std::to_string(random.below(4)) + ".test.";
  };
  const std::vector<dns::RrType> types{dns::kCNAME, dns::kNS, dns::kMX, dns::kSRV, dns::kDNAME, dns::kA, dns::kHTTPS};
  const auto contents = [&](dns::RrType type) {
    std::set<std::string> some;
    const std::uint64_t n = type == dns::kCNAME || type == dns::kDNAME ? random.below(2) : random.below(3);
    for (std::uint64_t i = 0; i < n; ++i) {
      const std::string prefix = type == dns::kMX      ? std::to_string(random.below(3)) + " "
                                 : type == dns::kSRV   ? "1 1 1 "
                                 : type == dns::kHTTPS ? "1 "
                                                       : "";
      some.insert(type == dns::kA ? "192.0.2." + std::to_string(random.below(250)) : prefix + host());
    }
    return std::vector<std::string>(some.begin(), some.end());
  };
  for (int round = 0; round < 1000; ++round) {
    std::vector<zone::Change> changes;
    std::set<std::string> done;
    std::vector<std::pair<zone::ZoneId, std::string>> zones;
    set->by_id().for_each([&](const zone::ZoneItem& i) { zones.emplace_back(i.zone->id(), i.zone->apex().text()); });
    if (random.below(10) == 0) {
      const std::string apex = "z" + std::to_string(random.below(4)) + ".test.";
      if (const zone::Zone* there = set->find_apex(name(apex).key())) changes.push_back(zone::ZoneDeleted{there->id()});
      if (random.below(2) == 0)
        changes.push_back(zone::ZoneCreated{content(next_id++, apex, "a CNAME " + host() + "\nd NS " + host() + "\n")});
    } else if (!zones.empty()) {
      for (std::uint64_t i = 0; i <= random.below(4); ++i) {
        const auto& [id, apex] = zones[random.below(zones.size())];
        const dns::RrType type = types[random.below(types.size())];
        const std::string owner = (random.below(4) == 0 ? "" : "h" + std::to_string(random.below(4)) + ".") + apex;
        if (!done.insert(owner + type.text()).second) continue;
        changes.push_back(rrset(id, owner, type, contents(type)));
      }
    }
    const zone::Applied applied = apply_all(*set, std::move(changes));
    index.remove(*set, applied);
    index.add(applied);
    set = applied.set;
    ASSERT_EQ(all_of(index), rebuilt(*set)) << "round " << round;
  }
  EXPECT_GT(index.target_count(), 3U) << "the edits left nothing to compare";
}

}  // namespace
}  // namespace sdns::purge
