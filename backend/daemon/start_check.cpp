// SPDX-License-Identifier: MIT
#include "backend/daemon/start_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/daemon/config_check.h"
#include "backend/store/authority.h"

namespace sdns::daemon {
namespace {

// `target_pool[3].name`, by which the file defines the pool.
const Setting* name_setting(const LoadedConfig& loaded, const std::string& pool) {
  const std::string value = fmt::format("\"{}\"", pool);
  const auto found = std::find_if(loaded.settings.begin(), loaded.settings.end(), [&](const Setting& setting) {
    return setting.value == value && setting.key.starts_with("target_pool[") && setting.key.ends_with("].name") &&
           setting.key.find(".member[") == std::string::npos;
  });
  return found == loaded.settings.end() ? nullptr : &*found;
}

Result<std::vector<health::TargetPool>> stored_pools(const std::string& url, const store::KeyFilePtr& key_file) {
  auto follower = store::open_follower(url, key_file);
  if (!follower) return fail(std::move(follower.error()));
  return (*follower)->target_pools();
}

}  // namespace

StartCheck check_start(const LoadedConfig& loaded) {
  StartCheck check;
  const auto key_file = std::make_shared<const store::KeyFile>(loaded.config.database.key_file);
  if (key_file->configured())
    if (const auto keys = key_file->keys(); !keys)
      check.problems.push_back({"database.key_file", to_text(keys.error())});
  const health::TargetPools& configured = loaded.config.target_pools;
  if (configured.all().empty()) return check;
  const std::string url = without_password(loaded.config.database.url);
  const auto stored = stored_pools(loaded.config.database.url, key_file);
  if (!stored) {
    check.warnings.push_back(
        {"target_pool",
         fmt::format("could not be compared with the target pools of the database: {}", stored.error().what)});
    return check;
  }
  for (const health::TargetPool& pool : *stored) {
    if (configured.find(pool.name) == nullptr) continue;
    const Setting* setting = name_setting(loaded, pool.name);
    check.problems.push_back({setting != nullptr ? setting->key : "target_pool",
                              fmt::format("\"{}\" is a target pool of the database {} too; remove it here, or there "
                                          "with `sdnsctl target-pool delete`",
                                          pool.name, url)});
  }
  return check;
}

}  // namespace sdns::daemon
