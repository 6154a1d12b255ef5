// SPDX-License-Identifier: MIT
#include "backend/answer/synthesised_names.h"

#include <utility>

#include "backend/dns/dnssec_key.h"
#include "backend/dns/name.h"

namespace sdns::answer {
namespace {

std::string key_of(zone::ZoneId zone, const zone::Nsec3Hash& hash) {
  std::string key(reinterpret_cast<const char*>(&zone), sizeof zone);
  return key.append(reinterpret_cast<const char*>(hash.data()), hash.size());
}

}  // namespace

void SynthesisedNames::remember(const zone::Zone& zone, std::string_view relative_key) {
  const zone::Denial& denial = zone.settings().denial;
  const dns::Name name = dns::Name::from_key(std::string(zone.apex_key()).append(relative_key));
  const zone::Nsec3Hash hash = dns::nsec3_hash(name, denial.salt, denial.iterations);
  std::string key = key_of(zone.id(), hash);
  Shard& shard = shard_of(key);
  std::lock_guard lock(shard.mutex);
  if (shard.young.contains(key)) return;
  if (shard.young.size() >= kMostPerShard) shard.old = std::exchange(shard.young, {});
  shard.young.emplace(std::move(key), relative_key);
}

std::optional<std::string> SynthesisedNames::find(zone::ZoneId zone, const zone::Nsec3Hash& hash) {
  const std::string key = key_of(zone, hash);
  Shard& shard = shard_of(key);
  std::lock_guard lock(shard.mutex);
  for (const auto* names : {&shard.young, &shard.old})
    if (const auto found = names->find(key); found != names->end()) return found->second;
  return std::nullopt;
}

}  // namespace sdns::answer
