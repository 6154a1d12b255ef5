// SPDX-License-Identifier: MIT
// What target-pool commands say of pools, and what they are told.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/ctl/session.h"
#include "backend/health/target_pool.h"
#include "backend/store/authority.h"

namespace sdns::ctl {

/// Errors: kNotFound.
Result<store::PoolRow> find_pool(store::Transaction& transaction, const std::string& name);
/// The member with this name, or this address. Errors: kNotFound.
Result<std::size_t> find_member(const health::TargetPool& pool, const std::string& member);

/// `name`, `options`, `members`.
nlohmann::json to_json(const health::TargetPool& pool);
/// `[[target_pool]]` and its members, as the configuration and `target-pool import` take them.
void print_toml(std::ostream& out, const health::TargetPool& pool);

/// Whether code names the pool: its name in quotes of Lua, in a record that has to do with pools.
bool names_pool(std::string_view code, std::string_view pool);
/// LUA records that seem to name the pool: owner names, each once. Looks at all records there are.
Result<std::vector<std::string>> records_that_name(store::Transaction& transaction, const std::string& pool);

/// `OPTION=VALUE`. Errors: kInvalidArgument.
Result<std::pair<std::string, std::string>> option_argument(const std::string& text);

/// Options that a command sets and takes away.
struct OptionEdit {
  const std::vector<std::string>& set;    ///< `OPTION=VALUE`
  const std::vector<std::string>& unset;  ///< names
  bool replace = false;                   ///< what is not set goes
};
/// Errors (kInvalidArgument): what is no option of a target pool, or said twice.
Result<void> edit_options(const OptionEdit& edit, health::PoolOptions& options);

/// Stores the pool and says what was done, unless it was so already.
Result<int> store_pool(Session& session, std::unique_ptr<store::Transaction> edit,
                       const std::optional<health::TargetPool>& before, const health::TargetPool& wanted,
                       const std::string& what);

/// Warns of what a pool that is stored cannot do: it has no members, none is enabled, the configuration hides it, or
/// has no program that it names.
void warn_of_pool(Session& session, const health::TargetPool& pool);

}  // namespace sdns::ctl
