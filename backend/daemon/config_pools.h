// SPDX-License-Identifier: MIT
// `[[target_pool]]` and `[[target_pool.member]]`: target pools in TOML, of the configuration or of a file to import.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/daemon/config.h"
#include "backend/daemon/config_raw.h"
#include "backend/health/target_pool.h"

namespace sdns::daemon {

struct PoolsRead {
  std::vector<health::TargetPool> pools;  ///< in the order of the file; complete when there are no problems
  std::vector<Problem> problems;          ///< every rule that is broken, with its path
  std::vector<Problem> warnings;
  std::vector<Setting> settings;  ///< every key that is there
};

/// Whether the key is one that read_target_pools() reads, or complains of.
bool is_target_pool_key(std::string_view key);
PoolsRead read_target_pools(const RawLayer& layer);

/// `target_pool[].name` and so on: every key there is, for the documentation and for hints.
std::vector<std::string> target_pool_keys();

}  // namespace sdns::daemon
