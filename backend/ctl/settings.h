// SPDX-License-Identifier: MIT
// Which database and which daemon are meant: command line, then environment, then configuration file, then default.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backend/ctl/environment.h"
#include "backend/health/target_pool.h"

namespace sdns::ctl {

/// Options that every command takes.
struct GlobalOptions {
  std::optional<std::string> config;
  std::optional<std::string> database;
  std::optional<std::string> key_file;
  std::optional<std::string> admin;
  bool json = false;
  bool no_wait = false;
  std::optional<double> wait_seconds;  ///< asked for by name
};

struct Settings {
  std::string database_url;
  std::string key_file{};                                     ///< empty: none
  std::string admin_address;                                  ///< empty: no daemon is asked
  std::string database_origin;                                ///< where the URL comes from, for messages
  std::string config_file;                                    ///< the configuration file, for messages
  std::vector<std::string> configured_pools;                  ///< names of target pools in that file
  std::vector<health::TargetPool> configured_target_pools{};  ///< these pools; none when a rule is broken
  std::optional<std::vector<std::string>> programs{};         ///< that the file defines; none: no file was read
};

/// Reads only `database.url`, `database.key_file`, `admin.listen`, the target pools and the names of programs of the
/// daemon's configuration file, so that it needs none of its secrets. Errors: kConfig.
Result<Settings> load_settings(const GlobalOptions& options, const Environment& environment);

}  // namespace sdns::ctl
