// SPDX-License-Identifier: MIT
#include "backend/ctl/settings.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace sdns::ctl {
namespace {

constexpr const char* kDefaultUrl = "sqlite:/var/lib/sovereign-dns/authority.db";
constexpr const char* kDefaultAdmin = "127.0.0.1:8053";

struct FromFile {
  std::optional<std::string> url;
  std::optional<std::string> admin;
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
  try {
    const toml::table root = toml::parse(text.str());
    FromFile found;
    const auto take = [&](const char* table, const char* key, std::optional<std::string>& out) -> Result<void> {
      const auto node = root[table][key];
      if (!node) return {};
      const auto value = node.value_exact<std::string>();
      if (!value) return fail(Errc::kConfig, fmt::format("{}: {}.{} is not a string", path.string(), table, key));
      out = *value;
      return {};
    };
    if (auto taken = take("database", "url", found.url); !taken) return fail(std::move(taken.error()));
    if (auto taken = take("admin", "listen", found.admin); !taken) return fail(std::move(taken.error()));
    return found;
  } catch (const toml::parse_error& error) {
    return fail(Errc::kConfig, fmt::format("{}:{}: {}", path.string(), error.source().begin.line, error.description()),
                "correct the file; sovereign-dnsd --check-config tells the same");
  }
}

}  // namespace

Result<Settings> load_settings(const GlobalOptions& options, const Environment& environment) {
  const auto url_variable = environment.variable("SDNS_DATABASE_URL");
  const auto admin_variable = environment.variable("SDNS_ADMIN_LISTEN");

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

  settings.admin_address = options.admin    ? *options.admin
                           : admin_variable ? *admin_variable
                           : file.admin     ? *file.admin
                                            : kDefaultAdmin;
  return settings;
}

}  // namespace sdns::ctl
