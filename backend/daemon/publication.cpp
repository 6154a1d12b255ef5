// SPDX-License-Identifier: MIT
#include "backend/daemon/publication.h"

#include <algorithm>
#include <utility>

namespace sdns::daemon {

void Publication::set_servers(std::vector<purge::ServerConfig> servers) {
  std::lock_guard lock(mutex_);
  servers_ = std::move(servers);
  if (purging_) parts_.purger.set_servers(servers_);
}

void Publication::published(zone::ZoneSetPtr before, const zone::Applied& applied) {
  on_published();
  submitted_ = std::max(submitted_, applied.set->revision());
  submit(planner_.plan(*before, applied, parts_.clock.now()));
  parts_.reclaimer.retire(std::move(before));
}

void Publication::loaded(zone::ZoneSetPtr before, const zone::Applied& applied) {
  on_published();
  if (!before) on_first(*applied.set);
  // Caches may hold anything, and PowerDNS's list of zones may be that of a former process of ours. First of all, for
  // the index of a large set takes its time.
  purge::Plan plan = purge::Plan::all();
  for (const zone::ZoneTouch& zone : applied.zones) plan.announced.insert(zone.apex);
  {
    std::lock_guard lock(mutex_);
    if (!std::exchange(purging_, true)) parts_.purger.set_servers(servers_);
  }
  const zone::Revision revision = applied.set->revision();
  if (revision < submitted_) parts_.purger.restart_history(revision);
  submitted_ = revision;
  submit(plan);
  planner_.load(*applied.set);
  parts_.reclaimer.retire(std::move(before));
}

void Publication::tick() {
  const zone::ZoneSetPtr current = parts_.zones.load();
  if (!current) return;
  const purge::Plan late = planner_.tick(*current, parts_.clock.now());
  if (!late.empty()) submit(late);
}

void Publication::submit(const purge::Plan& plan) { parts_.purger.submit(plan, submitted_); }

}  // namespace sdns::daemon
