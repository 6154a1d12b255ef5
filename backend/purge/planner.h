// SPDX-License-Identifier: MIT
// The publisher's side of purging: what has to be remembered from one batch to the next.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "backend/purge/purge_plan.h"

namespace sdns::purge {

/// Keeps index and asked names in step with what is published. Owned by the publisher's thread.
class Planner {
 public:
  explicit Planner(AskedNames& asked, PlanLimits limits = {}) : asked_(&asked), limits_(limits) {}

  /// After a load from scratch. The plan for that is Plan::all() when PowerDNS may know another state.
  void load(const zone::ZoneSet& set) { index_.load(set); }

  /// To be called after `applied.set` was published in place of `before`, for every batch in order.
  Plan plan(const zone::ZoneSet& before, const zone::Applied& applied, SteadyTime now);

  /// To be called every few 10 ms with what is published: empties the rings. Gives what must be purged because it was
  /// answered from the snapshot before the last change and has only now arrived; mostly nothing.
  Plan tick(const zone::ZoneSet& current, SteadyTime now);

  [[nodiscard]] const ReverseIndex& index() const { return index_; }

 private:
  [[nodiscard]] Plan late(const zone::ZoneSet& set, const std::vector<AskedNames::Asked>& fresh) const;
  void forget_regions(SteadyTime now);

  AskedNames* asked_;
  PlanLimits limits_;
  ReverseIndex index_;
  std::map<std::pair<zone::ZoneId, std::string>, SteadyTime> regions_;  // with the time until which names may come late
};

}  // namespace sdns::purge
