// SPDX-License-Identifier: MIT
#include "backend/daemon/check_collector.h"

namespace sdns::daemon {
namespace {

constexpr std::size_t kMostAtOnce = 200;  // records, after one change

std::vector<std::string> lua_contents(const zone::Owner& owner) {
  zone::RrsetView rrset;
  return owner.find(dns::kLUA, rrset) ? zone::contents_of(rrset) : std::vector<std::string>();
}

}  // namespace

void CheckCollector::look(const zone::ZoneSet& zones, const zone::Zone& zone, const zone::Owner& owner,
                          const std::string& content, const Asks& asks) {
  found_.clear();
  rehearsal_.record(zones, zone, owner, content, found_);
  if (!found_.checks.empty()) asks(zone.id(), found_);
}

void CheckCollector::look_at_pools(const zone::ZoneSet& zones, const Asks& asks) {
  for (const health::TargetPool& pool : zones.target_pools()->all()) {
    found_.clear();
    rehearsal_.pool(zones, pool.name, found_);
    if (!found_.checks.empty()) asks(0, found_);
  }
}

// The next LUA record after the last one; false: there is none.
bool CheckCollector::next_record(const zone::ZoneSet& zones, const Asks& asks) {
  for (;;) {
    const zone::ZoneItem* item = zones.by_id().first_ge(zone_);
    if (!item) return false;
    const zone::Zone& zone = *item->zone;
    if (zone.id() != zone_) in_zone_ = false;
    zone_ = zone.id();
    if (!in_zone_) {
      in_zone_ = true;
      owner_.clear();
      record_ = 0;
    }
    const zone::OwnerItem* owner = zone.has_lua() ? zone.owners().first_ge(owner_, zone::kHasLua) : nullptr;
    while (owner) {
      if (owner->owner->key() != owner_) record_ = 0;
      owner_ = owner->owner->key();
      const std::vector<std::string> contents = lua_contents(*owner->owner);
      if (record_ < contents.size()) {
        look(zones, zone, *owner->owner, contents[record_++], asks);
        return true;
      }
      owner = zone.owners().first_gt(owner_, zone::kHasLua);
    }
    ++zone_;
    in_zone_ = false;
  }
}

void CheckCollector::step(const zone::ZoneSet& zones, std::chrono::microseconds most, const Asks& asks) {
  const SteadyTime now = clock_.now();
  if (!under_way_) {
    if (now < begins_) return;
    begins_ = now + every_;
    under_way_ = true;
    zone_ = 0;
    in_zone_ = false;
    look_at_pools(zones, asks);
  }
  do {
    if (next_record(zones, asks)) continue;
    under_way_ = false;
    ++rounds_;
    return;
  } while (clock_.now() - now < most);
}

void CheckCollector::changed(const zone::Applied& applied, std::chrono::microseconds most, const Asks& asks) {
  if (!applied.target_pools.empty()) look_at_pools(*applied.set, asks);
  const SteadyTime until = clock_.now() + most;
  std::size_t left = kMostAtOnce;
  // False: that is enough.
  const auto look_at = [&](const zone::Zone& zone, const zone::Owner& owner) {
    for (const std::string& content : lua_contents(owner)) {
      if (left-- == 0 || clock_.now() > until) return false;
      look(*applied.set, zone, owner, content, asks);
    }
    return true;
  };
  for (const zone::ZoneTouch& touched : applied.zones) {
    const zone::Zone* zone = applied.set->find(touched.zone);
    if (!zone) continue;
    for (const zone::OwnerItem* owner = zone->owners().first(zone::kHasLua); owner;
         owner = zone->owners().first_gt(owner->owner->key(), zone::kHasLua))
      if (!look_at(*zone, *owner->owner)) return restart();
  }
  for (const zone::Touched& touched : applied.rrsets) {
    const zone::Zone* zone = touched.type == dns::kLUA ? applied.set->find(touched.zone) : nullptr;
    if (!zone) continue;
    const std::string key = touched.owner.key();
    const auto found = zone->find(std::string_view(key).substr(zone->apex_key().size()));
    if (found.owner && !look_at(*zone, *found.owner)) return restart();
  }
}

}  // namespace sdns::daemon
