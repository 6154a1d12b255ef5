// SPDX-License-Identifier: MIT
// How long what was answered of targets may still be cached.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "backend/ctl/session.h"
#include "backend/dns/ttl.h"
#include "backend/store/authority.h"

namespace sdns::ctl {

/// LUA records that may answer with some targets. None: nothing of them is cached.
struct DrainBound {
  std::size_t records = 0;
  dns::Ttl longest;  ///< of their TTLs
  /// Of these, those whose ifurlextup() names a target; what is said of addresses does not reach its checks.
  std::size_t out_of_reach = 0;
};

/// Of targets in their canonical spelling (health/override.h). A record counts when it names an address of them, or a
/// pool that answers one or has it probed, or of which only the daemon knows the members, and when it does not say all
/// that it may answer: it names neither addresses nor pools, includes other records, or makes names of pools up. For a
/// check of no address those with ifurlextup() count besides. When a target is a pool that the database has not or the
/// configuration has, or a region while the configuration has pools, every record counts. What is disabled never does.
/// Looks at all LUA records there are.
Result<DrainBound> drain_bound(store::Transaction& transaction, const std::vector<std::string>& configured_pools,
                               const std::vector<std::string>& targets);

}  // namespace sdns::ctl
