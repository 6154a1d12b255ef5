// SPDX-License-Identifier: MIT
// What a zone that is given out consists of. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "backend/store/authority.h"
#include "pdm/settings.h"

namespace sdns::pdm {

/// Where the names of a zone point.
struct Addresses {
  std::vector<dns::IpAddress> main;       ///< at least one
  std::optional<dns::IpAddress> console;  ///< of the console names; else they are where the others are
  friend bool operator==(const Addresses&, const Addresses&) = default;
};

/// The apex of the zone `subdomain` below the pool domain. Requires a label that label_problem() lets pass.
dns::Name sovereign_apex(const PoolDomain& pool, std::string_view subdomain);

/// SOA, NS, the canonical names as A and AAAA, and `_generation` as TXT.
std::vector<store::StoredRecord> sovereign_records(const PoolDomain& pool, const Ttls& ttls, const dns::Name& apex,
                                                   const Addresses& addresses, std::int64_t generation);

/// SOA, NS and the addresses of name servers in it: what a new pool domain consists of.
std::vector<store::StoredRecord> pool_records(const PoolDomain& pool, const Ttls& ttls);

}  // namespace sdns::pdm
