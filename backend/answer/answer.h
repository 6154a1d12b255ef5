// SPDX-License-Identifier: MIT
// A request and the zones to a reply: the one place that knows what each method means.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/answer/steering.h"
#include "backend/answer/synthesised_names.h"
#include "backend/dns/name.h"
#include "backend/protocol/reply.h"
#include "backend/protocol/request.h"
#include "backend/zone/zone_set.h"

namespace sdns::answer {

/// A name that was looked up in a zone and that something else answers for: it does not exist there (a wildcard or a
/// DNAME may), or it is below a zone cut. What purge::AskedRing::push takes.
struct Asked {
  zone::ZoneId zone = 0;  ///< 0: none
  std::string_view relative_key;
};

/// The memory that replies point into, one per answering thread: kept from request to request, so that the query path
/// allocates nothing.
struct Scratch {
  dns::KeyBuffer key;
  std::vector<protocol::RowBlock> blocks;
  std::string text;
  std::string unhashed;
  std::string before;
  std::string after;
  SteeredRows steered;
  Asked asked;  ///< of the request that was answered last
};

/// What an answer takes from around it.
struct Facts {
  std::int64_t now_seconds = 0;                ///< since 1970: which secondary zones are due
  std::string_view version;                    ///< of this program
  Steering* steering = nullptr;                ///< this thread's; null: LUA records are data
  SynthesisedNames* synthesised = nullptr;     ///< all threads'
  SteeringExplanation* explanation = nullptr;  ///< set to how LUA records came to their answer
};

/// Pure but for what LUA records draw by chance: the same request, zones and facts give the same reply. The reply's
/// views live as long as the request, the zones and `scratch` stay as they are. O(log n) for whatever PowerDNS asks per
/// query; lists are O(what they list). Edits are declined: they belong to the connection that makes them.
protocol::Reply answer(const protocol::Request& request, const zone::ZoneSet& zones, Scratch& scratch,
                       const Facts& facts = {});

}  // namespace sdns::answer
