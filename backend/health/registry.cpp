// SPDX-License-Identifier: MIT
#include "backend/health/registry.h"

#include <utility>

namespace sdns::health {

State Registry::decided(CheckId id, std::int64_t now_seconds) const {
  const auto found = observed_.find(id);
  State state = found == observed_.end() ? State{} : found->second;
  if (const Override* override = overrides_.find(table_->identity(id), wanted_.at(id), now_seconds)) {
    state = State{.verdict = override->verdict, .forced = true, .weight = state.weight};
  }
  return state;
}

Changed Registry::decide(const std::vector<CheckId>& ids, std::int64_t now_seconds) {
  std::vector<StateChange> changes;
  Changed changed;
  for (const CheckId id : ids) {
    const State state = decided(id, now_seconds);
    const State& before = table_->state(id);
    if (state == before) continue;
    changes.push_back({id, state});
    if (state.verdict != before.verdict || state.forced != before.forced)
      changed.identities.emplace_back(table_->identity(id));
    if (state.ttl_step != before.ttl_step) changed.steps.emplace_back(table_->identity(id));
    if (state.weight != before.weight) changed.weights.emplace_back(table_->identity(id));
  }
  if (!changes.empty()) {
    table_ = HealthTableBuilder::set(*table_, changes);
    cell_.publish(table_);
  }
  changed.sequence = table_->sequence();
  return changed;
}

Changed Registry::decide_all(std::int64_t now_seconds) {
  std::vector<CheckId> ids;
  ids.reserve(wanted_.size());
  for (const auto& [id, subject] : wanted_) ids.push_back(id);
  return decide(ids, now_seconds);
}

Changed Registry::want(const std::vector<std::string>& identities, std::int64_t now_seconds) {
  std::vector<std::string> fresh;
  for (const std::string& identity : identities)
    if (table_->find(identity) == kNoCheck) fresh.push_back(identity);
  if (fresh.empty()) return unchanged();
  table_ = HealthTableBuilder::add(*table_, fresh);
  cell_.publish(table_);
  std::vector<CheckId> ids;
  for (const std::string& identity : fresh) {
    const CheckId id = table_->find(identity);
    if (wanted_.emplace(id, override_subject(identity)).second) ids.push_back(id);
  }
  return decide(ids, now_seconds);
}

void Registry::forget(const std::vector<std::string>& identities) {
  std::vector<CheckId> ids;
  for (const std::string& identity : identities)
    if (const CheckId id = table_->find(identity); id != kNoCheck) ids.push_back(id);
  for (const CheckId id : ids) {
    observed_.erase(id);
    wanted_.erase(id);
  }
  table_ = HealthTableBuilder::remove(*table_, ids);
  cell_.publish(table_);
}

Changed Registry::observe(const std::vector<std::pair<std::string, State>>& states, std::int64_t now_seconds) {
  std::vector<CheckId> ids;
  for (const auto& [identity, state] : states) {
    const CheckId id = table_->find(identity);
    if (id == kNoCheck) continue;
    observed_[id] = state;
    ids.push_back(id);
  }
  return decide(ids, now_seconds);
}

Changed Registry::set_overrides(Overrides overrides, const TargetPools& pools, std::int64_t now_seconds) {
  resumes_ = OverrideIndex(overrides, pools, OverrideIndex::Of::kResumes);
  overrides_ = OverrideIndex(std::move(overrides), pools);
  next_end_ = overrides_.next_end(now_seconds);
  return decide_all(now_seconds);
}

void Registry::add_resume(CheckId id, std::int64_t now_seconds, std::vector<ResumeOrder>& orders) const {
  const auto wanted = wanted_.find(id);
  if (wanted == wanted_.end()) return;
  const std::string_view identity = table_->identity(id);
  if (const Override* said = resumes_.newest(identity, wanted->second, now_seconds))
    orders.push_back({std::string(identity), said->since_seconds, said->who, said->reason});
}

std::vector<ResumeOrder> Registry::resumes(const std::vector<std::string>& identities, std::int64_t now_seconds) const {
  std::vector<ResumeOrder> orders;
  if (resumes_.empty()) return orders;
  for (const std::string& identity : identities) add_resume(table_->find(identity), now_seconds, orders);
  return orders;
}

std::vector<ResumeOrder> Registry::resumes(std::int64_t now_seconds) const {
  std::vector<ResumeOrder> orders;
  if (resumes_.empty()) return orders;
  for (const auto& [id, subject] : wanted_) add_resume(id, now_seconds, orders);
  return orders;
}

Changed Registry::expire(std::int64_t now_seconds) {
  if (next_end_ == 0 || next_end_ > now_seconds) return unchanged();
  next_end_ = overrides_.next_end(now_seconds);
  return decide_all(now_seconds);
}

}  // namespace sdns::health
