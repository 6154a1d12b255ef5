// SPDX-License-Identifier: MIT
// LUA records run dry: without a daemon, with every health check up, and with every one down.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/base/error.h"
#include "backend/ctl/lua_lint.h"
#include "backend/dns/master_file.h"
#include "backend/health/target_pool.h"
#include "lua/evaluation.h"

namespace sdns::ctl {

struct LuaCheckOptions {
  dns::Name apex;
  lua::Client client;
  health::TargetPools pools{};  ///< that are known
  std::optional<PowerDnsVersion> powerdns{};
  bool full_library = false;
  bool zone_known = false;  ///< libraries that are not among the records are nowhere
};

/// What a record gives when all checks say the same.
struct DryRun {
  std::string failure;  ///< empty: it has an answer
  std::vector<std::string> contents;
  std::uint8_t scope_mask = 0;
  std::string cache;  ///< in words
};

struct CheckedRecord {
  std::string where;  ///< `file:line`, or ""
  dns::Record record;
  std::string makes;  ///< the type in its content
  std::string asked;  ///< the name that it was run for
  bool library = false;
  std::optional<DryRun> up;    ///< none: it was not run
  std::optional<DryRun> down;  ///< none: as `up`
  LuaFindings findings;
};

/// All LUA records among `records`, in their order; the others are what dblookup() finds. Deterministic but for what
/// they draw. O(their code).
std::vector<CheckedRecord> check_lua_records(const std::vector<dns::PlacedRecord>& records,
                                             const LuaCheckOptions& options);

}  // namespace sdns::ctl
