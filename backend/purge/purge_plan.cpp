// SPDX-License-Identifier: MIT
#include "backend/purge/purge_plan.h"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <unordered_set>

#include "backend/dns/dnssec_key.h"
#include "backend/dns/ldns_codec.h"
#include "backend/dns/soa.h"
#include "backend/zone/metadata.h"

namespace sdns::purge {
namespace {

using zone::RrsetView;
using zone::Zone;
using zone::ZoneId;
using zone::ZoneSet;
using zone::ZoneTouch;

bool is_cut(const Zone* zone, std::string_view key) { return zone && (zone->find(key).flags & zone::kCut) != 0; }

bool has_type(const Zone* zone, std::string_view key, dns::RrType type) {
  const zone::Owner* owner = zone->find(key).owner;
  return owner && owner->has(type);
}

bool is_signed(const Zone& zone) {
  const zone::ZoneSettings& settings = zone.settings();
  return !settings.keys.empty() || zone::is_presigned(settings.metadata);
}

bool opts_out(const Zone& zone) { return is_signed(zone) && zone.settings().denial.opt_out; }

// The name whose NSEC or NSEC3 reaches up to `key` or is its own: the relative key.
std::string denial_before(const Zone& zone, std::string_view key) {
  const zone::Denial& denial = zone.settings().denial;
  const std::string name = std::string(zone.apex_key()) + std::string(key);
  if (const auto hashed =
          zone.hash_neighbours(dns::nsec3_hash(dns::Name::from_key(name), denial.salt, denial.iterations)))
    return std::string(hashed->owner);
  return std::string(zone.nsec_neighbours(key).before);
}

// The empty non-terminals that the same NSEC denies types at: above the name that it reaches to.
std::vector<std::string> spanned_non_terminals(const Zone& zone, std::string_view key) {
  std::vector<std::string> keys;
  if (zone.settings().denial.mode == zone::Denial::Mode::kNsec3) return keys;
  const std::string after(zone.nsec_neighbours(key).after);
  for (std::string_view at = after; !at.empty(); at = dns::parent_key(at))
    if (!zone.find(at).owner) keys.emplace_back(at);
  return keys;
}

std::vector<std::string> contents_at(const Zone* zone, std::string_view key, dns::RrType type) {
  if (!zone) return {};
  const Zone::Found found = zone->find(key);
  RrsetView rrset;
  if (!found.owner || !found.owner->find(type, rrset)) return {};
  return zone::contents_of(rrset);
}

// The SOA without its serial. TTL in front.
std::string soa_without_serial(const Zone* zone) {
  if (!zone) return {};
  const Zone::Found found = zone->find("");
  RrsetView rrset;
  if (!found.owner || !found.owner->find(dns::kSOA, rrset)) return {};
  std::string result = std::to_string(rrset.ttl.seconds);
  for (const std::string& content : zone::contents_of(rrset)) {
    std::optional<dns::Soa> soa = dns::read_soa(content);
    if (soa) soa->serial = 0;
    result += ' ' + (soa ? soa->text() : content);
  }
  return result;
}

// What follows every key below `key` and `key` itself, in key order.
std::string past_subtree(std::string key) {
  key.back() = '\x01';
  return key;
}

// Makes one plan: names and regions are queued, each once, until nothing new is found.
class Maker {
 public:
  Maker(const ZoneSet& before, const ZoneSet& after, const ReverseIndex& index, const AskedNames& asked,
        const PlanLimits& limits, Regions* regions)
      : sets_{&before, &after}, index_(index), asked_(asked), limits_(limits), regions_(regions) {}

  void touched(const zone::Touched& touched);
  void settings(ZoneId zone);
  void came_or_went(const dns::Name& apex);
  void exact(std::string key) {
    if (!seen_names_.insert(key).second) return;
    if (seen_names_.size() > limits_.names) plan_.everything = true;
    name_queue_.push_back(std::move(key));
  }
  Plan finish();

 private:
  using Pair = std::array<const Zone*, 2>;  // before, after
  [[nodiscard]] Pair zones(ZoneId id) const { return {sets_[0]->find(id), sets_[1]->find(id)}; }
  [[nodiscard]] const Zone* either(ZoneId id) const {
    const Pair pair = zones(id);
    return pair[1] ? pair[1] : pair[0];
  }
  void exact(const Zone& zone, std::string_view relative_key) {
    exact(std::string(zone.apex_key()) + std::string(relative_key));
  }
  // Regions are queued as names are: what refers to what may be a chain as long as an operator likes.
  struct Region {
    enum class What { kAtOrBelow, kAnsweredFrom, kReferrersBelow, kDenied };
    What what;
    ZoneId zone;
    std::string key;  // relative, or absolute for kReferrersBelow
    friend auto operator<=>(const Region&, const Region&) = default;
  };
  void region(Region::What what, ZoneId zone, std::string_view key) {
    Region region{what, zone, std::string(key)};
    if (seen_regions_.insert(region).second) region_queue_.push_back(std::move(region));
  }
  void at_or_below(ZoneId id, std::string_view key) { region(Region::What::kAtOrBelow, id, key); }
  void answered_from(ZoneId id, std::string_view key) { region(Region::What::kAnsweredFrom, id, key); }
  void visit(const Region& region);
  void existence(const Zone& zone, const Pair& pair, std::string_view key);
  void denials(const Zone& zone, const Pair& pair, std::string_view key);
  void existing_below(const Pair& pair, const Zone& zone, std::string_view key);
  void whole_zone(const Zone& zone);
  void asked(const Zone& zone, std::string_view key, const AskedNames::Answer& answer);
  void referrers_below(std::string_view key);
  void referrers_answered_from(const Pair& pair, const Zone& zone, std::string_view key);
  void referrers(const ReverseIndex::Referrers& referrers, bool only_dname);
  void follow(const std::string& key);
  void apex_hosts(const std::string& key);
  void subtree(const Zone& zone, std::string_view key) {
    plan_.subtrees.insert(dns::Name::from_key(std::string(zone.apex_key()) + std::string(key)));
  }

  std::array<const ZoneSet*, 2> sets_;
  const ReverseIndex& index_;
  const AskedNames& asked_;
  const PlanLimits& limits_;
  Regions* regions_;
  Plan plan_;
  std::unordered_set<std::string> seen_names_;
  std::deque<std::string> name_queue_;
  std::set<Region> seen_regions_;
  std::deque<Region> region_queue_;
  std::map<ZoneId, std::unordered_set<std::string>> apex_hosts_;
};

void Maker::touched(const zone::Touched& touched) {
  const Pair pair = zones(touched.zone);
  if (!pair[0] || !pair[1]) return;  // the zone came or went as a whole
  const Zone& zone = *pair[1];
  const std::string key = touched.owner.key().substr(zone.apex_key().size());
  if (touched.type == dns::kSOA && key.empty() && soa_without_serial(pair[0]) == soa_without_serial(pair[1])) {
    plan_.names.insert(touched.owner);
    return;
  }
  if (touched.type == dns::kSOA && key.empty()) whole_zone(zone);
  exact(zone, key);
  existence(zone, pair, key);
  if (has_type(pair[0], key, touched.type) != has_type(pair[1], key, touched.type)) {
    denials(zone, pair, key);
    // With opt-out a referral shows the types of its closest encloser (RFC 5155 section 7.2.7).
    if (opts_out(*pair[0]) || opts_out(*pair[1])) {
      at_or_below(touched.zone, key);
      existing_below(pair, zone, key);
    }
  }
  if (dns::key_is_wildcard(key)) answered_from(touched.zone, dns::parent_key(key));
  for (const Zone* side : pair) {
    if (const auto cut = side->cut_above(key)) {
      exact(zone, *cut);
      at_or_below(touched.zone, *cut);
    }
  }
  const bool cut_toggled = is_cut(pair[0], key) != is_cut(pair[1], key);
  if (cut_toggled || touched.type == dns::kDNAME) {
    at_or_below(touched.zone, key);
    existing_below(pair, zone, key);
  }
}

void Maker::existence(const Zone& zone, const Pair& pair, std::string_view key) {
  std::string_view topmost;
  for (std::string_view at = key; !at.empty(); at = dns::parent_key(at)) {
    if (pair[0]->find(at).exists == pair[1]->find(at).exists) break;
    exact(zone, at);
    if (dns::key_is_wildcard(at)) answered_from(zone.id(), dns::parent_key(at));
    topmost = at;
  }
  if (!topmost.empty()) at_or_below(zone.id(), topmost);
}

void Maker::denials(const Zone& zone, const Pair& pair, std::string_view key) {
  if (!is_signed(*pair[0]) && !is_signed(*pair[1])) return;
  region(Region::What::kDenied, zone.id(), "");
  for (std::string_view at = key;;) {
    for (const Zone* side : pair) {
      const std::string before = denial_before(*side, at);
      exact(zone, before);
      if (is_cut(side, before)) at_or_below(zone.id(), before);
      for (const std::string& inside : spanned_non_terminals(*side, at)) exact(zone, inside);
    }
    if (at.empty()) return;
    // In an NSEC3 zone empty non-terminals come and go with what lies below them.
    at = dns::parent_key(at);
    if (pair[0]->find(at).exists == pair[1]->find(at).exists) return;
  }
}

void Maker::settings(ZoneId id) {
  const Pair pair = zones(id);
  if (!pair[0] || !pair[1]) return;
  plan_.names.insert(pair[1]->apex());
  const zone::ZoneSettings& old = pair[0]->settings();
  const zone::ZoneSettings& now = pair[1]->settings();
  if (old.metadata != now.metadata || old.keys != now.keys) whole_zone(*pair[1]);
}

void Maker::whole_zone(const Zone& zone) {
  plan_.subtrees.insert(zone.apex());
  region(Region::What::kReferrersBelow, 0, zone.apex_key());
}

void Maker::came_or_went(const dns::Name& apex) {
  plan_.names.insert(apex);
  plan_.announced.insert(apex);
  region(Region::What::kReferrersBelow, 0, apex.key());
}

void Maker::visit(const Region& region) {
  if (region.what == Region::What::kReferrersBelow) {
    referrers_below(region.key);
    return;
  }
  const Zone* zone = either(region.zone);
  if (!zone) return;
  if (region.what == Region::What::kDenied) {
    const Pair pair = zones(region.zone);
    const auto cut_in_both = [&](std::string_view key) { return is_cut(pair[0], key) && is_cut(pair[1], key); };
    asked(*zone, "", asked_.denied(region.zone, cut_in_both));
  } else if (region.what == Region::What::kAtOrBelow) {
    asked(*zone, region.key, asked_.at_or_below(region.zone, region.key));
    referrers_below(std::string(zone->apex_key()) + region.key);
  } else {
    asked(*zone, region.key, asked_.answered_from(region.zone, region.key));
    referrers_answered_from(zones(region.zone), *zone, region.key);
  }
}

void Maker::asked(const Zone& zone, std::string_view key, const AskedNames::Answer& answer) {
  if (regions_) regions_->emplace(zone.id(), std::string(key));
  if (!answer.complete) subtree(zone, key);
  for (const std::string& name : answer.relative_keys) exact(zone, name);
}

void Maker::existing_below(const Pair& pair, const Zone& zone, std::string_view key) {
  for (const Zone* side : pair) {
    std::size_t count = 0;
    side->owners().for_each_from(key, [&](const zone::OwnerItem& item) {
      std::string_view at = item.owner->key();
      if (!at.starts_with(key)) return false;
      if (++count > limits_.existing_below) return false;
      // Empty non-terminals between the two are names as well.
      for (; at.size() > key.size(); at = dns::parent_key(at)) {
        std::string name = std::string(zone.apex_key()) + std::string(at);
        if (seen_names_.contains(name)) break;
        exact(std::move(name));
      }
      return true;
    });
    if (count <= limits_.existing_below) continue;
    subtree(zone, key);
    return;
  }
}

// Targets at or below `key`, whatever zone they are in.
void Maker::referrers_below(std::string_view key) {
  std::size_t count = 0;
  for (auto target = index_.next_target(key); target && target->starts_with(key) && !plan_.everything;) {
    if (++count > limits_.scanned_targets) {
      plan_.everything = true;
      return;
    }
    const std::string current(*target);
    referrers(index_.to(current), false);
    target = index_.next_target(current + '\0');
  }
}

// Targets that do not exist and whose closest encloser is `key`, in either set.
void Maker::referrers_answered_from(const Pair& pair, const Zone& zone, std::string_view key) {
  const std::string apex(zone.apex_key());
  const std::string encloser = apex + std::string(key);
  std::size_t count = 0;
  std::string from = encloser + '\0';
  while (!plan_.everything) {
    const auto target = index_.next_target(from);
    if (!target || !target->starts_with(encloser)) return;
    if (++count > limits_.scanned_targets) {
      plan_.everything = true;
      return;
    }
    const std::string current(*target);
    const std::string next_closer = current.substr(0, current.find('\0', encloser.size()) + 1);
    const std::string_view relative = std::string_view(next_closer).substr(apex.size());
    bool missing = false;
    for (const Zone* side : pair) missing = missing || (side && !side->find(relative).exists);
    if (missing) {
      referrers(index_.to(current), false);
      from = current + '\0';
    } else {
      from = past_subtree(next_closer);
    }
  }
}

void Maker::referrers(const ReverseIndex::Referrers& referrers, bool only_dname) {
  if (!referrers.complete) {
    if (referrers.zones.empty()) plan_.everything = true;
    for (const ZoneId id : referrers.zones)
      if (const Zone* zone = either(id)) whole_zone(*zone);
    return;
  }
  for (const ReverseIndex::Referrer& referrer : referrers.listed) {
    if (plan_.everything) return;
    if (only_dname && referrer.type != dns::kDNAME) continue;
    const Zone* zone = either(referrer.zone);
    if (!zone) continue;
    const std::string key(referrer.relative_key);
    exact(*zone, key);
    if (dns::key_is_wildcard(key)) answered_from(referrer.zone, dns::parent_key(key));
    if ((referrer.type == dns::kNS && !key.empty()) || referrer.type == dns::kDNAME) at_or_below(referrer.zone, key);
  }
}

// Whoever's answer carries what stands at `key`.
void Maker::follow(const std::string& key) {
  referrers(index_.to(key), false);
  for (std::string_view above = key; !above.empty();) {
    above = dns::parent_key(above);
    if (index_.has_dname_to(above)) referrers(index_.to(above), true);
  }
  apex_hosts(key);
}

void Maker::apex_hosts(const std::string& key) {
  for (const ZoneSet* set : sets_) {
    const Zone* zone = set->closest(key);
    if (!zone) continue;
    auto at = apex_hosts_.find(zone->id());
    if (at == apex_hosts_.end()) {
      at = apex_hosts_.emplace(zone->id(), std::unordered_set<std::string>{}).first;
      for (const Zone* side : zones(zone->id()))
        for (const std::string& content : contents_at(side, "", dns::kNS))
          for (const dns::Name& host : dns::followed_targets(dns::kNS, content)) at->second.insert(host.key());
    }
    if (at->second.contains(key)) exact(*zone, "");
  }
}

Plan Maker::finish() {
  while (!plan_.everything && (!name_queue_.empty() || !region_queue_.empty())) {
    if (name_queue_.empty()) {
      const Region next = std::move(region_queue_.front());
      region_queue_.pop_front();
      visit(next);
      continue;
    }
    const std::string key = std::move(name_queue_.front());
    name_queue_.pop_front();
    plan_.names.insert(dns::Name::from_key(key));
    follow(key);
  }
  if (plan_.everything) {
    plan_.names.clear();
    plan_.subtrees.clear();
  }
  return std::move(plan_);
}

}  // namespace

void Plan::merge(Plan other) {
  everything = everything || other.everything;
  names.merge(other.names);
  subtrees.merge(other.subtrees);
  announced.merge(other.announced);
}

Plan make_plan(const ZoneSet& before, const zone::Applied& applied, const ReverseIndex& index, const AskedNames& asked,
               const PlanLimits& limits, Regions* regions) {
  Maker maker(before, *applied.set, index, asked, limits, regions);
  for (const ZoneTouch& touch : applied.zones) {
    if (touch.what == ZoneTouch::What::kSettings) maker.settings(touch.zone);
    else maker.came_or_went(touch.apex);
  }
  for (const zone::Touched& touched : applied.rrsets) maker.touched(touched);
  return maker.finish();
}

Plan plan_names(const ZoneSet& set, const std::vector<dns::Name>& names, const ReverseIndex& index,
                const AskedNames& asked, const PlanLimits& limits) {
  Maker maker(set, set, index, asked, limits, nullptr);
  for (const dns::Name& name : names) maker.exact(name.key());
  return maker.finish();
}

}  // namespace sdns::purge
