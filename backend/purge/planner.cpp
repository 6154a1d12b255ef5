// SPDX-License-Identifier: MIT
#include "backend/purge/planner.h"

#include <chrono>

namespace sdns::purge {

Plan Planner::plan(const zone::ZoneSet& before, const zone::Applied& applied, SteadyTime now) {
  std::vector<AskedNames::Asked> fresh;
  asked_->drain(before, *applied.set, now, regions_.empty() ? nullptr : &fresh);
  index_.remove(before, applied);
  Regions regions;
  Plan plan = make_plan(before, applied, index_, *asked_, limits_, &regions);
  index_.add(applied);
  plan.merge(late(*applied.set, fresh));
  forget_regions(now);

  // An answering thread lets go of a snapshot before its next request: names come late by scheduling only.
  constexpr std::chrono::milliseconds kLate{100};
  constexpr std::size_t kRegions = 10'000;
  for (const auto& region : regions)
    if (regions_.size() < kRegions) regions_.insert_or_assign(region, now + kLate);
  return plan;
}

Plan Planner::tick(const zone::ZoneSet& current, SteadyTime now) {
  std::vector<AskedNames::Asked> fresh;
  asked_->drain(current, current, now, regions_.empty() ? nullptr : &fresh);
  Plan plan = late(current, fresh);
  forget_regions(
      now);  // only after a look at what came in: the publisher may have been away for longer than a region lives
  return plan;
}

Plan Planner::late(const zone::ZoneSet& set, const std::vector<AskedNames::Asked>& fresh) const {
  std::vector<dns::Name> names;
  Plan plan;
  for (const AskedNames::Asked& asked : fresh) {
    const zone::Zone* zone = set.find(asked.zone);
    if (!zone) continue;
    for (std::string_view at = asked.relative_key;; at = dns::parent_key(at)) {
      if (regions_.contains({asked.zone, std::string(at)})) {
        const std::string apex(zone->apex_key());
        names.push_back(dns::Name::from_key(apex + asked.relative_key));
        plan.subtrees.insert(dns::Name::from_key(apex + std::string(at)));
        break;
      }
      if (at.empty()) break;
    }
  }
  constexpr std::size_t kExactNames = 4096;
  if (names.empty() || names.size() > kExactNames) return plan;
  return plan_names(set, names, index_, *asked_, limits_);
}

void Planner::forget_regions(SteadyTime now) {
  std::erase_if(regions_, [now](const auto& region) { return region.second < now; });
}

}  // namespace sdns::purge
