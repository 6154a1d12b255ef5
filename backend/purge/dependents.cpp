// SPDX-License-Identifier: MIT
#include "backend/purge/dependents.h"

#include <iterator>
#include <utility>

namespace sdns::purge {
namespace {

constexpr std::chrono::seconds kChangesKept{10};  // at least: far longer than a note is on its way

std::string check_key(std::string_view identity) { return std::string("c:").append(identity); }
std::string weight_key(std::string_view identity) { return std::string("w:").append(identity); }
std::string step_key(std::string_view identity) { return std::string("t:").append(identity); }
std::string pool_key(std::string_view pool) { return std::string("p:").append(pool); }
constexpr const char* kPlacesKey = "g";
constexpr std::string_view kNamePrefix = "n:";
std::string name_key(const dns::Name& name) { return std::string(kNamePrefix).append(name.wire()); }

}  // namespace

void ToldInbox::tell(Told&& told) {
  kept_.push_back(std::move(told));
  flush();
}

void ToldInbox::flush() {
  if (kept_.empty()) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  handed_.insert(handed_.end(), std::make_move_iterator(kept_.begin()), std::make_move_iterator(kept_.end()));
  kept_.clear();
}

void ToldInbox::take(std::vector<Told>& out) {
  std::vector<Told> came;
  {
    std::lock_guard lock(mutex_);
    came.swap(handed_);
  }
  out.insert(out.end(), std::make_move_iterator(came.begin()), std::make_move_iterator(came.end()));
}

void Dependents::rotate(SteadyTime now) {
  now_ = now;
  if (now - swept_ >= kChangesKept) {
    std::erase_if(changes_, [&](const auto& change) { return now - change.second.when > kChangesKept; });
    swept_ = now;
  }
  if (now - rotated_ < life_) return;
  old_ = std::exchange(young_, {});
  rotated_ = now;
}

bool Dependents::changed_since(const std::string& key, std::uint64_t at) const {
  const auto found = changes_.find(key);
  return found != changes_.end() && found->second.at > at;
}

void Dependents::file(const std::vector<Told>& told, SteadyTime now, std::set<dns::Name>& late) {
  rotate(now);
  for (const Told& note : told) {
    if (!note.cached) continue;
    const auto add = [&](const std::string& key, std::uint64_t at) {
      young_[key].insert(note.owner);
      if (changed_since(key, at)) late.insert(note.owner);
    };
    for (const std::string& check : note.checks) {
      add(check_key(check), note.health_sequence);
      if (note.steps) add(step_key(check), note.health_sequence);
      if (note.weights) add(weight_key(check), note.health_sequence);
    }
    for (const std::string& pool : note.pools) add(pool_key(pool), note.revision);
    for (const dns::Name& name : note.names) add(name_key(name), note.revision);
    if (note.places != 0) add(kPlacesKey, note.places);
  }
}

void Dependents::changed(const std::string& key, std::uint64_t at, std::set<dns::Name>& owners) {
  changes_[key] = {at, now_};
  for (const Index* index : {&young_, &old_})
    if (const auto found = index->find(key); found != index->end())
      owners.insert(found->second.begin(), found->second.end());
}

void Dependents::checks_changed(const std::vector<std::string>& identities, std::uint64_t sequence,
                                std::set<dns::Name>& owners) {
  for (const std::string& identity : identities) changed(check_key(identity), sequence, owners);
}

void Dependents::weights_changed(const std::vector<std::string>& identities, std::uint64_t sequence,
                                 std::set<dns::Name>& owners) {
  for (const std::string& identity : identities) changed(weight_key(identity), sequence, owners);
}

void Dependents::steps_changed(const std::vector<std::string>& identities, std::uint64_t sequence,
                               std::set<dns::Name>& owners) {
  for (const std::string& identity : identities) changed(step_key(identity), sequence, owners);
}

void Dependents::pools_changed(const std::vector<std::string>& pools, zone::Revision revision,
                               std::set<dns::Name>& owners) {
  for (const std::string& pool : pools) changed(pool_key(pool), revision, owners);
}

void Dependents::names_changed(const std::vector<dns::Name>& names, zone::Revision revision,
                               std::set<dns::Name>& owners) {
  for (const dns::Name& name : names) changed(name_key(name), revision, owners);
}

void Dependents::zone_changed(const dns::Name& apex, zone::Revision revision, std::set<dns::Name>& owners) {
  std::vector<std::string> keys;
  for (const Index* index : {&young_, &old_})
    for (const auto& [key, readers] : *index) {
      if (!key.starts_with(kNamePrefix)) continue;
      std::size_t at = kNamePrefix.size();  // of a label in the name's wire format
      while (at < key.size() && std::string_view(key).substr(at) != apex.wire())
        at += 1U + static_cast<unsigned char>(key[at]);
      if (at < key.size()) keys.push_back(key);
    }
  for (const std::string& key : keys) changed(key, revision, owners);
}

void Dependents::places_changed(std::uint64_t generation, std::set<dns::Name>& owners) {
  changed(kPlacesKey, generation, owners);
}

}  // namespace sdns::purge
