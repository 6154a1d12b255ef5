// SPDX-License-Identifier: MIT
#include "backend/purge/asked_names.h"

#include "backend/dns/name.h"
#include "backend/zone/zone_set.h"

namespace sdns::purge {

std::string_view answering_name(const zone::Zone& zone, std::string_view relative_key) {
  if (const auto cut = zone.cut_above(relative_key)) return *cut;
  std::string_view encloser = relative_key;
  while (!encloser.empty()) {
    encloser = dns::parent_key(encloser);
    if (encloser.empty() || zone.find(encloser).exists) break;
  }
  return encloser;
}

AskedNames::AskedNames(std::size_t threads, std::chrono::seconds life, SteadyTime now, AskedLimits limits,
                       std::size_t ring_octets)
    : life_(life), limits_(limits), rotated_(now) {
  for (std::size_t i = 0; i < threads; ++i) rings_.push_back(std::make_unique<AskedRing>(ring_octets));
}

void AskedNames::drain(const zone::ZoneSet& before, const zone::ZoneSet& after, SteadyTime now,
                       std::vector<Asked>* fresh) {
  rotate(now);
  bury_some();
  zone::ZoneId zone = 0;
  std::string key;
  for (const auto& ring : rings_) {
    // Looked at after the names: a name dropped between the two looks is said at the next drain.
    while (ring->pop(zone, key)) {
      add(before, after, zone, key);
      if (fresh) fresh->push_back({zone, key});
    }
    if (ring->take_incomplete()) young_.incomplete = true;
  }
}

void AskedNames::add(const zone::ZoneSet& before, const zone::ZoneSet& after, zone::ZoneId zone,
                     std::string_view relative_key) {
  std::string_view filed;
  bool is_filed = false;
  for (const zone::ZoneSet* set : {&before, &after}) {
    const zone::Zone* in = set->find(zone);
    if (!in) continue;
    const zone::Zone::Found found = in->find(relative_key);
    if (found.exists && (found.flags & zone::kBelowCut) == 0) continue;  // answers for itself
    const std::string_view group = answering_name(*in, relative_key);
    if (!is_filed || group != filed) file(zone, group, relative_key);
    filed = group;
    is_filed = true;
    if (&before == &after) break;
  }
}

void AskedNames::file(zone::ZoneId zone, std::string_view group_key, std::string_view relative_key) {
  GroupKey wanted{zone, std::string(group_key)};
  auto at = young_.groups.find(wanted);
  if (at == young_.groups.end()) {
    if (young_.incomplete) return;
    if (young_.groups.size() >= limits_.groups_per_generation) {
      young_.incomplete = true;
      return;
    }
    at = young_.groups.emplace(std::move(wanted), Group{}).first;
  }
  Group& group = at->second;
  if (group.overflow) return;
  if (!group.suffixes.emplace(relative_key.substr(group_key.size())).second) return;
  ++young_.names;
  if (group.suffixes.size() <= limits_.names_per_group && young_.names <= limits_.names_per_generation) return;
  young_.names -= group.suffixes.size();
  group.suffixes.clear();
  group.overflow = true;
}

void AskedNames::rotate(SteadyTime now) {
  if (now - rotated_ < life_) return;
  const bool slept = now - rotated_ >= 2 * life_;
  dying_ = std::move(old_);
  old_ = slept ? Generation{} : std::move(young_);
  young_ = Generation{};
  rotated_ = now;
}

void AskedNames::bury_some() {
  constexpr std::size_t kEnough = 2000;
  for (std::size_t freed = 0; freed < kEnough && !dying_.groups.empty();) {
    const auto first = dying_.groups.begin();
    freed += 1 + first->second.suffixes.size();
    dying_.groups.erase(first);
  }
}

void AskedNames::take(const Group& group, std::string_view group_key, std::string_view prefix, Answer& answer) const {
  if (group.overflow) {
    answer.complete = false;
    return;
  }
  for (auto at = group.suffixes.lower_bound(std::string(prefix)); at != group.suffixes.end(); ++at) {
    if (!at->starts_with(prefix)) return;
    if (answer.relative_keys.size() >= limits_.names_per_group) {
      answer.complete = false;
      return;
    }
    answer.relative_keys.insert(std::string(group_key) + *at);
  }
}

AskedNames::Answer AskedNames::at_or_below(zone::ZoneId zone, std::string_view relative_key) const {
  Answer answer;
  for (const Generation* generation : {&young_, &old_}) {
    if (generation->incomplete) answer.complete = false;
    for (std::string_view above = relative_key; answer.complete && !above.empty();) {
      above = dns::parent_key(above);
      const auto at = generation->groups.find(GroupKey{zone, std::string(above)});
      if (at != generation->groups.end()) take(at->second, above, relative_key.substr(above.size()), answer);
    }
    for (auto at = generation->groups.lower_bound(GroupKey{zone, std::string(relative_key)});
         answer.complete && at != generation->groups.end() && at->first.first == zone; ++at) {
      if (!at->first.second.starts_with(relative_key)) break;
      take(at->second, at->first.second, "", answer);
    }
    if (!answer.complete) break;
  }
  if (!answer.complete) answer.relative_keys.clear();
  return answer;
}

AskedNames::Answer AskedNames::denied(zone::ZoneId zone, const std::function<bool(std::string_view)>& is_cut) const {
  Answer answer;
  for (const Generation* generation : {&young_, &old_}) {
    if (generation->incomplete) answer.complete = false;
    for (auto at = generation->groups.lower_bound(GroupKey{zone, ""});
         answer.complete && at != generation->groups.end() && at->first.first == zone; ++at)
      if (!is_cut(at->first.second)) take(at->second, at->first.second, "", answer);
  }
  if (!answer.complete) answer.relative_keys.clear();
  return answer;
}

AskedNames::Answer AskedNames::answered_from(zone::ZoneId zone, std::string_view relative_key) const {
  Answer answer;
  for (const Generation* generation : {&young_, &old_}) {
    if (generation->incomplete) answer.complete = false;
    if (!answer.complete) break;
    const auto at = generation->groups.find(GroupKey{zone, std::string(relative_key)});
    if (at != generation->groups.end()) take(at->second, relative_key, "", answer);
  }
  if (!answer.complete) answer.relative_keys.clear();
  return answer;
}

AskedNames::Size AskedNames::size() const {
  return {young_.names + old_.names, young_.groups.size() + old_.groups.size(), !young_.incomplete && !old_.incomplete};
}

}  // namespace sdns::purge
