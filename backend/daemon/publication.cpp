// SPDX-License-Identifier: MIT
#include "backend/daemon/publication.h"

#include <algorithm>
#include <utility>

namespace sdns::daemon {

namespace {

// Of each turn, every 10 ms or sooner.
constexpr std::chrono::microseconds kFirstRoundStep{5'000};
constexpr std::chrono::microseconds kRoundStep{500};
constexpr std::chrono::microseconds kChangeStep{2'000};  // before a change is purged
constexpr std::chrono::seconds kFirstLook{2};            // before anything is answered

// Steered names that answer something else now count as touched, as if their records had been edited.
void touch(const std::set<dns::Name>& owners, zone::Applied& applied) {
  for (const dns::Name& owner : owners)
    if (const zone::Zone* zone = applied.set->closest(owner.key()))
      applied.rrsets.push_back({zone->id(), owner, dns::kLUA});
}

// PowerDNS is told whether a zone has LUA records by its metadata, which it caches.
void touch_zones_with_other_lua(const zone::ZoneSet& before, zone::Applied& applied) {
  std::set<zone::ZoneId> seen;
  for (const zone::Touched& touched : applied.rrsets) {
    if (touched.type != dns::kLUA || !seen.insert(touched.zone).second) continue;
    const zone::Zone* was = before.find(touched.zone);
    const zone::Zone* is = applied.set->find(touched.zone);
    if (was && is && was->has_lua() != is->has_lua())
      applied.zones.push_back({zone::ZoneTouch::What::kSettings, is->id(), is->apex()});
  }
}

}  // namespace

void Publication::set_servers(std::vector<purge::ServerConfig> servers) {
  std::lock_guard lock(mutex_);
  servers_ = std::move(servers);
  if (purging_) parts_.purger.set_servers(servers_);
}

void Publication::published(zone::ZoneSetPtr before, const zone::Applied& applied) {
  on_published();
  submitted_ = std::max(submitted_, applied.set->revision());
  std::set<dns::Name> owners;
  rests_on_changed(before.get(), applied, owners);
  zone::Applied all = applied;  // in one plan: who waits for this revision to be purged waits for all of it
  touch_zones_with_other_lua(*before, all);
  touch(owners, all);
  submit(planner_.plan(*before, all, parts_.clock.now()));
  parts_.reclaimer.retire(std::move(before));
}

void Publication::loaded(zone::ZoneSetPtr before, const zone::Applied& applied) {
  on_published();
  std::set<dns::Name> owners;  // everything is purged
  if (!before) {
    // Answers begin with what the former process knew of targets.
    if (collector_) collector_->step(*applied.set, kFirstLook, asks());
    begin_checks(owners);
    on_first(*applied.set);
  }
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
  rests_on_changed(before.get(), applied, owners);
  submit(plan);
  planner_.load(*applied.set);
  parts_.reclaimer.retire(std::move(before));
}

void Publication::tick() {
  const zone::ZoneSetPtr current = parts_.zones.load();
  if (!current) return;
  const purge::Plan late = planner_.tick(*current, parts_.clock.now());
  if (!late.empty()) submit(late);

  keep_former_tables();
  std::set<dns::Name> owners;
  take_told(owners);
  if (collector_) collector_->step(*current, collector_->rounds() == 0 ? kFirstRoundStep : kRoundStep, asks());
  begin_checks(owners);
  say_refused();
  let_go_of_checks();
  if (parts_.checker) health_changed(registry_.observe(observed(), now_seconds()), owners);
  health_changed(registry_.expire(now_seconds()), owners);
  const std::uint64_t places = parts_.geo.load()->generation();
  if (std::exchange(places_, places) != places) dependents_.places_changed(places, owners);
  if (owners.empty()) {
    // Nothing that is cached rests on what changed: it counts as purged.
    if (registry_.table().sequence() != submitted_health_) submit({});
    return;
  }
  zone::Applied touched;
  touched.set = current;
  touch(owners, touched);
  submit(planner_.plan(*current, touched, parts_.clock.now()));
}

void Publication::take_told(std::set<dns::Name>& owners) {
  static const std::vector<std::string> kNone;
  told_.clear();
  for (purge::ToldInbox* inbox : parts_.told) inbox->take(told_);
  // What answers asked about has a place in the table before they are filed: what it says of them may be news.
  for (const purge::Told& note : told_) ask(note.zone, note.checks, note.steps ? note.checks : kNone);
  begin_checks(owners);
  dependents_.file(told_, parts_.clock.now(), owners);
}

void Publication::ask(zone::ZoneId zone, const std::vector<std::string>& checks,
                      const std::vector<std::string>& planned) {
  if (checks.empty()) return;
  const zone::ZoneSetPtr zones = parts_.zones.load();
  const zone::Zone* asks = zones ? zones->find(zone) : nullptr;
  wanted_.ask({zone, asks ? std::string_view(asks->head().account) : std::string_view()}, checks, fresh_);
  asked_planned_.insert(planned.begin(), planned.end());
}

CheckCollector::Asks Publication::asks() {
  return [this](zone::ZoneId zone, const answer::AskedChecks& asked) { ask(zone, asked.checks, asked.planned); };
}

// In one table: a table for each would cost as much as there are checks.
void Publication::begin_checks(std::set<dns::Name>& owners) {
  if (!fresh_.empty()) health_changed(registry_.want(fresh_, now_seconds()), owners);
  if (!fresh_.empty() && parts_.checker) {
    std::vector<std::pair<std::string, health::State>> known;
    for (const std::string& identity : fresh_) {
      const auto planning = asked_planned_.contains(identity) ? health::Planning::kYes : health::Planning::kNo;
      if (const health::State state = parts_.checker->begins_as(identity, planning); state != health::State{})
        known.emplace_back(identity, state);
    }
    if (parts_.shared) known = parts_.shared->begin(fresh_, known);
    health_changed(registry_.observe(known, now_seconds()), owners);
    parts_.checker->want(fresh_);
    resume_checks(registry_.resumes(fresh_, now_seconds()));
  }
  fresh_.clear();
  plan_checks();
}

// Those that are not checked, beyond a limit, have no step either.
void Publication::plan_checks() {
  if (asked_planned_.empty()) return;
  std::vector<std::string> fresh;
  for (const std::string& identity : asked_planned_)
    if (registry_.table().find(identity) != health::kNoCheck) planned_.ask(identity, fresh);
  asked_planned_.clear();
  if (parts_.checker && !fresh.empty()) parts_.checker->plan(std::move(fresh), health::Planning::kYes);
}

void Publication::resume_checks(std::vector<health::ResumeOrder> orders) {
  if (parts_.checker && !orders.empty()) parts_.checker->resume(std::move(orders));
}

// What our probes say anew, and with what others say.
SharedHealth::States Publication::observed() {
  SharedHealth::States states = parts_.checker->take();
  return parts_.shared ? parts_.shared->turn(states) : states;
}

void Publication::say_refused() {
  const WantedChecks::Refused& refused = wanted_.refused();
  if (refused.times == refused_ || !refused_events_.pass(parts_.clock.now())) return;
  parts_.log.warn("health.refused", {{"zone_id", refused.zone},
                                     {"limit", refused.limit},
                                     {"times", refused.times - refused_},
                                     {"hint",
                                      "LUA records ask for more health checks than they may; those are not probed and "
                                      "stay unknown. The limits are health.probes_per_target, "
                                      "health.probes_per_account and health.checks_per_account"}});
  refused_ = refused.times;
}

// What a round has not found again and no answer has asked for.
void Publication::let_go_of_checks() {
  if (collector_ && collector_->rounds() < rounds_ + 2) return;  // of these one began after the last time
  auto gone = wanted_.turn(parts_.clock.now());
  if (!gone) return;
  if (collector_) rounds_ = collector_->rounds();
  for (const std::string& identity : *gone) planned_.forget(identity);
  if (auto unplanned = planned_.turn(); parts_.checker && !unplanned.empty())
    parts_.checker->plan(std::move(unplanned), health::Planning::kNo);
  if (!gone->empty()) {
    registry_.forget(*gone);
    if (parts_.shared) parts_.shared->forget(*gone);
    if (parts_.checker) parts_.checker->forget(std::move(*gone));
  }
}

// An answering thread that looks away from a table last would free it.
void Publication::keep_former_tables() {
  std::erase_if(former_, [](const health::HealthTablePtr& table) { return table.use_count() == 1; });
  health::HealthTablePtr current = parts_.health.load();
  if (former_.empty() || former_.back() != current) former_.push_back(std::move(current));
}

void Publication::rests_on_changed(const zone::ZoneSet* before, const zone::Applied& applied,
                                   std::set<dns::Name>& owners) {
  // Before anything is purged: an answer that is made after the purge is made from this table.
  if (!before || before->overrides() != applied.set->overrides() || !applied.target_pools.empty()) {
    health_changed(registry_.set_overrides(*applied.set->overrides(), *applied.set->target_pools(), now_seconds()),
                   owners);
    resume_checks(registry_.resumes(now_seconds()));
  }
  if (collector_ && before) collector_->changed(applied, kChangeStep, asks());
  begin_checks(owners);
  if (dependents_.size() != 0) {
    std::vector<dns::Name> names;
    for (const zone::Touched& touched : applied.rrsets) names.push_back(touched.owner);
    dependents_.names_changed(names, applied.set->revision(), owners);
    dependents_.pools_changed(applied.target_pools, applied.set->revision(), owners);
    for (const zone::ZoneTouch& zone : applied.zones)
      if (zone.what != zone::ZoneTouch::What::kSettings)
        dependents_.zone_changed(zone.apex, applied.set->revision(), owners);
  }
}

void Publication::health_changed(const health::Changed& changed, std::set<dns::Name>& owners) {
  if (!changed.identities.empty()) dependents_.checks_changed(changed.identities, changed.sequence, owners);
  if (!changed.steps.empty()) dependents_.steps_changed(changed.steps, changed.sequence, owners);
  if (!changed.weights.empty()) dependents_.weights_changed(changed.weights, changed.sequence, owners);
}

std::int64_t Publication::now_seconds() const {
  return std::chrono::duration_cast<std::chrono::seconds>(parts_.wall_clock.wall_now().time_since_epoch()).count();
}

void Publication::submit(const purge::Plan& plan) {
  submitted_health_ = registry_.table().sequence();
  parts_.purger.submit(plan, submitted_, submitted_health_);
}

}  // namespace sdns::daemon
