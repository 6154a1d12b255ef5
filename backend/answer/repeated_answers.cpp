// SPDX-License-Identifier: MIT
#include "backend/answer/repeated_answers.h"

#include <functional>
#include <string_view>

namespace sdns::answer {
namespace {
constexpr std::chrono::seconds kKept{1};
}

std::size_t RepeatedAnswers::place_of(const protocol::Lookup& lookup) {
  const std::hash<std::string_view> hash;
  return (hash(lookup.real_remote) ^ hash(lookup.qname)) % kPlaces;
}

const SteeredRows* RepeatedAnswers::find(const protocol::Lookup& lookup, const Ground& ground, SteadyTime now) const {
  const Place& place = places_[place_of(lookup)];
  const bool same = place.until > now && place.qtype == lookup.qtype && place.zone_id == lookup.zone_id &&
                    place.real_remote == lookup.real_remote && place.qname == lookup.qname &&
                    place.remote == lookup.remote && place.local == lookup.local && place.ground == ground;
  return same ? &place.rows : nullptr;
}

void RepeatedAnswers::remember(const protocol::Lookup& lookup, const Ground& ground, SteadyTime now,
                               const SteeredRows& rows) {
  Place& place = places_[place_of(lookup)];
  place.qname = lookup.qname;
  place.remote = lookup.remote;
  place.real_remote = lookup.real_remote;
  place.local = lookup.local;
  place.qtype = lookup.qtype;
  place.zone_id = lookup.zone_id;
  place.ground = ground;
  place.until = now + kKept;
  place.rows = rows;
}

}  // namespace sdns::answer
