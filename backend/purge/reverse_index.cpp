// SPDX-License-Identifier: MIT
#include "backend/purge/reverse_index.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "backend/dns/ldns_codec.h"

namespace sdns::purge {
namespace {

constexpr std::size_t kListedZones = 16;

struct PackedHeader {
  std::uint16_t type;
  std::uint16_t key_size;
  std::uint32_t zone;
};

std::string pack(const ReverseIndex::Referrer& referrer) {
  const PackedHeader header{referrer.type.value, static_cast<std::uint16_t>(referrer.relative_key.size()),
                            referrer.zone};
  std::string packed(sizeof(header), '\0');
  std::memcpy(packed.data(), &header, sizeof(header));
  packed.append(referrer.relative_key);
  return packed;
}

// The entry at `at`, which moves to the next one.
ReverseIndex::Referrer unpack(std::string_view packed, std::size_t& at) {
  PackedHeader header;
  std::memcpy(&header, packed.data() + at, sizeof(header));
  at += sizeof(header);
  const ReverseIndex::Referrer referrer{header.zone, dns::RrType{header.type}, packed.substr(at, header.key_size)};
  at += header.key_size;
  return referrer;
}

}  // namespace

bool is_followed(dns::RrType type) {
  return type == dns::kCNAME || type == dns::kDNAME || type == dns::kNS || type == dns::kMX || type == dns::kSRV ||
         type == dns::kNAPTR || type == dns::kSVCB || type == dns::kHTTPS || type == dns::kALIAS;
}

void ReverseIndex::load(const zone::ZoneSet& set) {
  targets_.clear();
  set.by_id().for_each([this](const zone::ZoneItem& item) {
    each_edge(*item.zone, [this](std::string_view target, const Referrer& referrer) { insert(target, referrer); });
  });
}

void ReverseIndex::remove(const zone::ZoneSet& before, const zone::Applied& applied) {
  each_touched_edge(before, applied, zone::ZoneTouch::What::kDeleted,
                    [this](std::string_view target, const Referrer& referrer) { erase(target, referrer); });
}

void ReverseIndex::add(const zone::Applied& applied) {
  each_touched_edge(*applied.set, applied, zone::ZoneTouch::What::kCreated,
                    [this](std::string_view target, const Referrer& referrer) { insert(target, referrer); });
}

void ReverseIndex::each_touched_edge(const zone::ZoneSet& set, const zone::Applied& applied,
                                     zone::ZoneTouch::What whole, const Edge& edge) const {
  std::set<zone::ZoneId> whole_zones;
  for (const zone::ZoneTouch& touch : applied.zones) {
    if (touch.what == zone::ZoneTouch::What::kSettings || !whole_zones.insert(touch.zone).second) continue;
    const zone::Zone* zone = touch.what == whole ? set.find(touch.zone) : nullptr;
    if (zone) each_edge(*zone, edge);
  }
  std::set<std::tuple<zone::ZoneId, dns::RrType, std::string>> seen;
  for (const zone::Touched& touched : applied.rrsets) {
    if (!is_followed(touched.type) || whole_zones.contains(touched.zone)) continue;
    const zone::Zone* zone = set.find(touched.zone);
    if (!zone || !touched.owner.at_or_below(zone->apex())) continue;
    const std::string key = touched.owner.key().substr(zone->apex_key().size());
    if (!seen.emplace(touched.zone, touched.type, key).second) continue;
    const zone::Zone::Found found = zone->find(key);
    zone::RrsetView rrset;
    if (found.owner && found.owner->find(touched.type, rrset)) each_edge(*zone, *found.owner, rrset, edge);
  }
}

void ReverseIndex::each_edge(const zone::Zone& zone, const Edge& edge) const {
  zone.owners().for_each([&](const zone::OwnerItem& item) {
    for (std::size_t i = 0; i < item.owner->rrset_count(); ++i)
      each_edge(zone, *item.owner, item.owner->rrset(i), edge);
  });
}

void ReverseIndex::each_edge(const zone::Zone& zone, const zone::Owner& owner, const zone::RrsetView& rrset,
                             const Edge& edge) const {
  if (!is_followed(rrset.type)) return;
  const std::string own = std::string(zone.apex_key()) + std::string(owner.key());
  std::vector<std::string> targets;
  for (const std::string& content : zone::contents_of(rrset))
    for (const dns::Name& target : dns::followed_targets(rrset.type, content)) targets.push_back(target.key());
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  for (const std::string& target : targets)
    if (rrset.type != dns::kNS || !target.starts_with(own)) edge(target, {zone.id(), rrset.type, owner.key()});
}

void ReverseIndex::insert(std::string_view target_key, const Referrer& referrer) {
  auto at = targets_.find(target_key);
  if (at == targets_.end()) at = targets_.emplace(std::string(target_key), Target{}).first;
  Target& target = at->second;
  ++target.count;
  target.dnames += referrer.type == dns::kDNAME ? 1 : 0;
  if (!target.many && target.count <= listed_referrers_) {
    target.packed += pack(referrer);
    return;
  }
  const auto count_in = [&target](zone::ZoneId zone) {
    if (!target.many->zones_listed) return;
    ++target.many->zones[zone];
    if (target.many->zones.size() <= kListedZones) return;
    target.many->zones.clear();
    target.many->zones_listed = false;
  };
  if (!target.many) {
    target.many = std::make_unique<Many>();
    for (std::size_t i = 0; i < target.packed.size();) count_in(unpack(target.packed, i).zone);
    target.packed = std::string();
  }
  count_in(referrer.zone);
}

void ReverseIndex::erase(std::string_view target_key, const Referrer& referrer) {
  const auto at = targets_.find(target_key);
  if (at == targets_.end()) return;
  Target& target = at->second;
  if (target.many) {
    if (target.many->zones_listed) {
      const auto zone = target.many->zones.find(referrer.zone);
      if (zone == target.many->zones.end()) return;
      if (--zone->second == 0) target.many->zones.erase(zone);
    }
  } else {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool found = false;
    while (!found && end < target.packed.size()) {
      begin = end;
      found = unpack(target.packed, end) == referrer;
    }
    if (!found) return;
    target.packed.erase(begin, end - begin);
  }
  target.dnames -= referrer.type == dns::kDNAME ? 1 : 0;
  if (--target.count == 0) targets_.erase(at);
}

ReverseIndex::Referrers ReverseIndex::to(std::string_view target_key) const {
  Referrers result;
  const auto at = targets_.find(target_key);
  if (at == targets_.end()) return result;
  const Target& target = at->second;
  if (target.many) {
    result.complete = false;
    for (const auto& [zone, count] : target.many->zones) result.zones.push_back(zone);
    return result;
  }
  result.listed.reserve(target.count);
  for (std::size_t i = 0; i < target.packed.size();) result.listed.push_back(unpack(target.packed, i));
  return result;
}

bool ReverseIndex::has_dname_to(std::string_view target_key) const {
  const auto at = targets_.find(target_key);
  return at != targets_.end() && at->second.dnames != 0;
}

std::optional<std::string_view> ReverseIndex::next_target(std::string_view key) const {
  const auto at = targets_.lower_bound(key);
  if (at == targets_.end()) return std::nullopt;
  return at->first;
}

}  // namespace sdns::purge
