// SPDX-License-Identifier: MIT
// Sets of zones for tests of the snapshot file: everything that one can hold, and how two are compared.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "backend/zone/digest.h"
#include "backend/zone/zone_set.h"

namespace sdns::store::test {

inline dns::Name dns_name(const std::string& text) { return dns::Name::parse(text).value(); }

inline zone::ZoneContent zone_of(zone::ZoneId id, const std::string& apex, int hosts) {
  zone::ZoneContent content;
  content.head.id = id;
  content.head.apex = dns_name(apex);
  const auto add = [&](const std::string& owner, dns::RrType type, const std::string& text, std::uint32_t ttl = 300) {
    content.records.push_back({dns_name(owner), type, dns::Ttl{ttl}, text});
  };
  add(apex, dns::kSOA, "ns1." + apex + " host." + apex + " 7 3600 600 604800 30");
  add(apex, dns::kNS, "ns1." + apex);
  for (int i = 0; i < hosts; ++i) add(fmt::format("h{}.deep.{}", i, apex), dns::kA, fmt::format("192.0.2.{}", i % 250));
  return content;
}

/// Two zones, a few hundred octets.
inline zone::ZoneSetPtr small_set() {
  zone::ZoneSetBuilder builder;
  if (!builder.add(zone_of(1, "a.example.", 1)) || !builder.add(zone_of(2, "b.example.", 0))) ADD_FAILURE();
  return builder.finish(7, zone::Chain{7});
}

/// Every kind of thing once, and one zone that takes several blocks.
inline zone::ZoneSetPtr full_set(int hosts_of_the_large_zone = 40'000) {
  zone::ZoneSetBuilder builder;
  zone::ZoneContent rich = zone_of(3, "rich.example.", 3);
  rich.head.kind = zone::Kind::kPrimary;
  rich.head.account = "acme";
  rich.head.notified_serial = 7;
  rich.metadata = {{"NSEC3PARAM", {"1 0 0 ab"}}, {"X-NOTE", {"one", "two \"quoted\"", ""}}};
  rich.keys = {{4, 257, true, true, "Private-key-format: v1.2\nkey four\n"}, {9, 256, false, true, "key nine"}};
  const auto add = [&](const std::string& owner, dns::RrType type, const std::string& text) {
    rich.records.push_back({dns_name(owner), type, dns::Ttl{60}, text});
  };
  add("sub.rich.example.", dns::kNS, "ns.sub.rich.example.");
  add("sub.rich.example.", dns::kDS, "1 13 2 00");
  add("ns.sub.rich.example.", dns::kA, "192.0.2.9");
  add("*.w.rich.example.", dns::kTXT, "\"a \\\"b\\\" \\\\ c\\009\"");
  add("\\000\\001\\.x.rich.example.", dns::kTXT, "\"odd owner\"");
  add("www.rich.example.", dns::kLUA, "A \"ifportup(443, {'192.0.2.1', '192.0.2.2'})\"");
  add("www.rich.example.", dns::kA, "192.0.2.1");
  add("www.rich.example.", dns::kA, "192.0.2.2");
  if (!builder.add(std::move(rich))) ADD_FAILURE();
  zone::ZoneContent secondary;
  secondary.head = {
      5, dns_name("secondary.example."), zone::Kind::kSecondary, "", {"192.0.2.1", "[2001:db8::1]:5353"}, 0, 99};
  if (!builder.add(std::move(secondary))) ADD_FAILURE();
  if (!builder.add(zone_of(1, "large.example.", hosts_of_the_large_zone))) ADD_FAILURE();
  for (zone::ZoneId id = 10; id < 40; ++id)
    if (!builder.add(zone_of(id, fmt::format("z{}.example.", id), 2))) ADD_FAILURE();

  health::PoolMember member;
  member.name = "first";
  member.address = dns::IpAddress::parse("192.0.2.1").value();
  member.weight = 7;
  member.latitude = 48.2;
  member.longitude = -16.25;
  health::PoolMember second = member;
  second.name = "second";
  second.address = dns::IpAddress::parse("2001:db8::2").value();
  second.latitude = second.longitude = std::nullopt;
  second.region = "eu";
  second.enabled = false;
  if (!builder.add_target_pools({{"web", {{"port", "443"}, {"selector", "pickwrandom"}}, {member, second}, false}}))
    ADD_FAILURE();
  health::Override forced;
  forced.target = "192.0.2.1:443";
  forced.reason = "maintenance";
  forced.who = "somebody";
  forced.since_seconds = 1'700'000'000;
  health::Override drained = forced;
  drained.target = "192.0.2.2";
  if (!health::say_of(drained, "drain")) ADD_FAILURE();
  builder.add_overrides({forced, drained});
  return builder.finish(42, zone::Chain{4, 2}, {{dns_name("key.example."), "hmac-sha256", "c2VjcmV0"}});
}

inline std::string digest_of(const zone::ZoneSet& zones) {
  zone::StateDigest state;
  zones.by_id().for_each([&state](const zone::ZoneItem& item) {
    zone::ZoneDigest digest(item.zone->head());
    item.zone->owners().for_each([&](const zone::OwnerItem& owner) {
      const dns::Name name = dns::Name::from_key(std::string(item.zone->apex_key()) + std::string(owner.owner->key()));
      for (const dns::Rrset& rrset : owner.owner->rrsets(name)) digest.add(rrset);
    });
    state.add(digest.finish(item.zone->settings().metadata, item.zone->settings().keys));
  });
  return zone::to_hex(state.finish(zones.tsig_keys(), zones.stored_target_pools().all(), *zones.overrides()));
}

/// What is derived: flags of owner names, NSEC3 hashes, serials, rendered answers.
inline std::string derived_of(const zone::ZoneSet& zones) {
  std::string text;
  zones.by_apex().for_each([&](const zone::ZoneItem& item) {
    const zone::Zone& zone = *item.zone;
    text += fmt::format("{} {} {} {}\n", zone.id_text(), zone.serial() ? zone.serial()->value : 0,
                        zone.settings().keys_json, zone.settings().metadata_json);
    zone.owners().for_each([&](const zone::OwnerItem& owner) {
      text += fmt::format("{} {}:", owner.owner->key(), owner.flags);
      for (std::size_t i = 0; i < owner.owner->rrset_count(); ++i) text += owner.owner->rrset(i).rows;
    });
    zone.hashes().for_each([&](const zone::HashItem& hash) {
      text.append(hash.hash.begin(), hash.hash.end());
      text += hash.key->view();
    });
  });
  return text;
}

}  // namespace sdns::store::test
