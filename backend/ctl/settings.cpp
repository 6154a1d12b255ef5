// SPDX-License-Identifier: MIT
#include "backend/ctl/settings.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "backend/daemon/config_pools.h"
#include "backend/daemon/config_programs.h"
#include "backend/daemon/config_raw.h"

namespace sdns::ctl {
namespace {

constexpr const char* kDefaultUrl = "sqlite:/var/lib/sovereign-dns/authority.db";
constexpr const char* kDefaultAdmin = "127.0.0.1:8053";

struct FromFile {
  std::optional<std::string> url;
  std::optional<std::string> key_file;
  std::optional<std::string> admin;
  std::vector<std::string> pools;
  std::vector<health::TargetPool> target_pools;
  std::optional<std::vector<std::string>> programs;
};

Result<FromFile> read_config(const std::filesystem::path& path, bool must_exist) {
  std::ifstream in(path);
  if (!in) {
    const int why = errno;
    if (!must_exist && (why == ENOENT || why == ENOTDIR)) return FromFile{};
    return fail(Errc::kConfig,
                fmt::format("configuration file {} cannot be read: {}", path.string(), std::strerror(why)),
                "--config names another one; with --database and --admin none is read");
  }
  std::ostringstream text;
  text << in.rdbuf();
  const auto layer = daemon::read_toml(text.str(), path.string());
  if (!layer) {
    return fail(Errc::kConfig, fmt::format("{}: {}: {}", path.string(), layer.error().where, layer.error().what),
                "sovereign-dnsd --check-config tells everything that is wrong with it");
  }
  FromFile found;
  const auto take = [&](const char* key, std::optional<std::string>& out) -> Result<void> {
    const auto at = layer->find(key);
    if (at == layer->end()) return {};
    if (at->second.kind != daemon::RawValue::Kind::kText) {
      return fail(Errc::kConfig,
                  fmt::format("{}: {} is {}, not a text", at->second.origin, key, daemon::kind_name(at->second.kind)));
    }
    out = at->second.text;
    return {};
  };
  if (auto taken = take("database.url", found.url); !taken) return fail(std::move(taken.error()));
  if (auto taken = take("database.key_file", found.key_file); !taken) return fail(std::move(taken.error()));
  if (auto taken = take("admin.listen", found.admin); !taken) return fail(std::move(taken.error()));
  daemon::PoolsRead read = daemon::read_target_pools(*layer);
  for (const health::TargetPool& pool : read.pools) found.pools.push_back(pool.name);
  if (read.problems.empty()) found.target_pools = std::move(read.pools);
  found.programs = daemon::program_names(*layer);
  return found;
}

}  // namespace

Result<Settings> load_settings(const GlobalOptions& options, const Environment& environment) {
  const auto url_variable = environment.variable("SDNS_DATABASE_URL");
  const auto admin_variable = environment.variable("SDNS_ADMIN_LISTEN");
  const auto key_file_variable = environment.variable("SDNS_DATABASE_KEY_FILE");

  FromFile file;
  const bool url_known = options.database || url_variable;
  const bool admin_known = options.admin || admin_variable;
  std::filesystem::path path = environment.default_config;
  if (options.config) path = *options.config;
  if (options.config || !url_known || !admin_known) {
    auto read = read_config(path, options.config.has_value());
    if (!read) return fail(std::move(read.error()));
    file = std::move(*read);
  }

  Settings settings;
  settings.config_file = path.string();
  settings.configured_pools = std::move(file.pools);
  settings.configured_target_pools = std::move(file.target_pools);
  settings.programs = std::move(file.programs);
  if (options.database) {
    settings.database_url = *options.database;
    settings.database_origin = "--database";
  } else if (url_variable) {
    settings.database_url = *url_variable;
    settings.database_origin = "SDNS_DATABASE_URL";
  } else if (file.url) {
    settings.database_url = *file.url;
    settings.database_origin = path.string();
  } else {
    settings.database_url = kDefaultUrl;
    settings.database_origin = "the default";
  }
  if (settings.database_url.find(':') == std::string::npos) settings.database_url.insert(0, "sqlite:");

  settings.key_file = options.key_file    ? *options.key_file
                      : key_file_variable ? *key_file_variable
                      : file.key_file     ? *file.key_file
                                          : "";
  settings.admin_address = options.admin    ? *options.admin
                           : admin_variable ? *admin_variable
                           : file.admin     ? *file.admin
                                            : kDefaultAdmin;
  return settings;
}

}  // namespace sdns::ctl
