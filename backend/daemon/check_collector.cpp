// SPDX-License-Identifier: MIT
#include "backend/daemon/check_collector.h"

namespace sdns::daemon {
namespace {

constexpr std::size_t kMostAtOnce = 200;  // owners, after one change

}  // namespace

void CheckCollector::look(const zone::ZoneSet& zones, const zone::Zone& zone, const zone::Owner& owner,
                          const Asks& asks) {
  found_.clear();
  rehearsal_.owner(zones, zone, owner, found_);
  if (!found_.empty()) asks(zone.id(), found_);
}

void CheckCollector::look_at_pools(const zone::ZoneSet& zones, const Asks& asks) {
  for (const health::TargetPool& pool : zones.target_pools()->all()) {
    found_.clear();
    rehearsal_.pool(zones, pool.name, found_);
    if (!found_.empty()) asks(0, found_);
  }
}

// The next owner with LUA records after the last one; false: there is none.
bool CheckCollector::next_owner(const zone::ZoneSet& zones, const Asks& asks) {
  for (;;) {
    const zone::ZoneItem* item = zones.by_id().first_ge(zone_);
    if (!item) return false;
    const zone::Zone& zone = *item->zone;
    if (zone.id() != zone_) in_zone_ = false;
    zone_ = zone.id();
    const zone::OwnerItem* owner = nullptr;
    if (zone.has_lua())
      owner = in_zone_ ? zone.owners().first_gt(after_, zone::kHasLua) : zone.owners().first(zone::kHasLua);
    if (owner) {
      in_zone_ = true;
      after_ = owner->owner->key();
      look(zones, zone, *owner->owner, asks);
      return true;
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
    if (next_owner(zones, asks)) continue;
    under_way_ = false;
    ++rounds_;
    return;
  } while (clock_.now() - now < most);
}

void CheckCollector::changed(const zone::Applied& applied, const Asks& asks) {
  if (!applied.target_pools.empty()) look_at_pools(*applied.set, asks);
  std::size_t left = kMostAtOnce;
  for (const zone::ZoneTouch& touched : applied.zones) {
    const zone::Zone* zone = applied.set->find(touched.zone);
    if (!zone) continue;
    const zone::OwnerItem* owner = zone->owners().first(zone::kHasLua);
    for (; owner && left > 0; owner = zone->owners().first_gt(owner->owner->key(), zone::kHasLua), --left)
      look(*applied.set, *zone, *owner->owner, asks);
    if (owner) return restart();
  }
  for (const zone::Touched& touched : applied.rrsets) {
    const zone::Zone* zone = touched.type == dns::kLUA ? applied.set->find(touched.zone) : nullptr;
    if (!zone) continue;
    if (left-- == 0) return restart();
    const std::string key = touched.owner.key();
    const auto found = zone->find(std::string_view(key).substr(zone->apex_key().size()));
    if (found.owner) look(*applied.set, *zone, *found.owner, asks);
  }
}

}  // namespace sdns::daemon
