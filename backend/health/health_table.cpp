// SPDX-License-Identifier: MIT
#include "backend/health/health_table.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

namespace sdns::health {

// Identities change when zones load; states change all the time: a page of states is what a change of state copies.
struct HealthTable::Index {
  std::unordered_map<std::string_view, CheckId> by_identity;   // views into `identities`
  std::vector<std::shared_ptr<const std::string>> identities;  // by id; null when it was removed
  std::vector<CheckId> unused;                                 // were removed
};
struct HealthTable::Page {
  static constexpr std::size_t kStates = 64;
  std::array<State, kStates> states{};
};

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kUp:
      return "up";
    case Verdict::kDown:
      return "down";
    case Verdict::kUnknown:
      break;
  }
  return "unknown";
}

HealthTable::HealthTable() {
  auto index = std::make_shared<Index>();
  index->identities.emplace_back();  // kNoCheck
  index_ = std::move(index);
  pages_.push_back(std::make_shared<const Page>());
}
HealthTable::~HealthTable() = default;

CheckId HealthTable::find(std::string_view identity) const {
  const auto found = index_->by_identity.find(identity);
  return found == index_->by_identity.end() ? kNoCheck : found->second;
}

const State& HealthTable::state(CheckId id) const {
  const std::size_t page = id / Page::kStates;
  return page < pages_.size() ? pages_[page]->states[id % Page::kStates] : pages_[0]->states[0];
}

std::string_view HealthTable::identity(CheckId id) const {
  if (id >= index_->identities.size() || !index_->identities[id]) return {};
  return *index_->identities[id];
}

std::size_t HealthTable::size() const { return index_->by_identity.size(); }

std::vector<CheckId> HealthTable::ids() const {
  std::vector<CheckId> ids;
  ids.reserve(size());
  for (const auto& [identity, id] : index_->by_identity) ids.push_back(id);
  std::sort(ids.begin(), ids.end(), [&](CheckId a, CheckId b) { return identity(a) < identity(b); });
  return ids;
}

HealthTablePtr HealthTableBuilder::add(const HealthTable& before, const std::vector<std::string>& identities) {
  auto after = std::make_shared<HealthTable>(before);
  auto index = std::make_shared<HealthTable::Index>(*before.index_);
  for (const std::string& identity : identities) {
    if (index->by_identity.contains(identity)) continue;
    auto id = static_cast<CheckId>(index->identities.size());
    if (index->unused.empty()) {
      index->identities.emplace_back();
    } else {
      id = index->unused.back();
      index->unused.pop_back();
    }
    index->identities[id] = std::make_shared<const std::string>(identity);
    index->by_identity.emplace(*index->identities[id], id);
    if (id / HealthTable::Page::kStates >= after->pages_.size())
      after->pages_.push_back(std::make_shared<const HealthTable::Page>());
  }
  after->index_ = std::move(index);
  return after;
}

HealthTablePtr HealthTableBuilder::remove(const HealthTable& before, const std::vector<CheckId>& ids) {
  std::vector<StateChange> unknown;
  unknown.reserve(ids.size());
  for (const CheckId id : ids) unknown.push_back({id, State{}});
  auto after = std::make_shared<HealthTable>(*set(before, unknown));
  auto index = std::make_shared<HealthTable::Index>(*before.index_);
  for (const CheckId id : ids) {
    if (id == kNoCheck || id >= index->identities.size() || !index->identities[id]) continue;
    index->by_identity.erase(*index->identities[id]);
    index->identities[id].reset();
    index->unused.push_back(id);
  }
  after->index_ = std::move(index);
  return after;
}

HealthTablePtr HealthTableBuilder::set(const HealthTable& before, const std::vector<StateChange>& changes) {
  auto after = std::make_shared<HealthTable>(before);
  ++after->sequence_;
  std::vector<std::pair<std::size_t, std::shared_ptr<HealthTable::Page>>> copied;
  for (const StateChange& change : changes) {
    const std::size_t number = change.id / HealthTable::Page::kStates;
    if (change.id == kNoCheck || number >= after->pages_.size()) continue;
    auto page = std::find_if(copied.begin(), copied.end(), [&](const auto& entry) { return entry.first == number; });
    if (page == copied.end()) {
      copied.emplace_back(number, std::make_shared<HealthTable::Page>(*after->pages_[number]));
      page = std::prev(copied.end());
      after->pages_[number] = page->second;
    }
    page->second->states[change.id % HealthTable::Page::kStates] = change.state;
  }
  return after;
}

}  // namespace sdns::health
