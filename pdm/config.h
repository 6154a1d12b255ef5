// SPDX-License-Identifier: MIT
// Everything that can be configured of sovereign-pdm: a TOML file and the environment, checked as a whole; docs/pdm.md
// lists the keys. Environment beats file. The environment names of the service that PDM replaces are understood too.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/log.h"
#include "backend/daemon/config.h"
#include "pdm/auth.h"
#include "pdm/label.h"
#include "pdm/settings.h"

namespace sdns::pdm {

inline constexpr std::string_view kDefaultConfigFile = "/etc/sovereign-dns/pdm.toml";

struct Config {
  std::string database_url = "sqlite:/var/lib/sovereign-dns/authority.db";
  std::string key_file;  ///< what seals secrets in the database; empty: none
  std::string token_key_file = "/var/lib/sovereign-dns/pdm.key";
  struct Listen {
    std::string host = "127.0.0.1";  ///< "" for no TCP
    std::uint16_t port = 8080;
    std::string unix_socket;  ///< "" for none
    unsigned unix_mode = 0660;
    std::string tls_certificate;  ///< PEM, read from its file
    daemon::Secret tls_key;
    unsigned max_connections = 4096;
    std::size_t max_body_octets = 64 * 1024;  ///< of each connection that sends
    std::chrono::milliseconds request_limit{15'000};
  } listen;
  AuthOptions auth;
  Settings settings;
  std::vector<std::string> reserved_names;
  std::string node_admin = "127.0.0.1:8053";
  std::chrono::milliseconds served_limit{250};  ///< P3
  std::chrono::milliseconds sweeper_interval{30'000};
  std::chrono::milliseconds force_release_grace{std::chrono::hours(720)};
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
};

struct ConfigSource {
  std::optional<std::string> file;  ///< named by the operator: must be there
  daemon::Environment environment;  ///< all variables
  std::string default_file{kDefaultConfigFile};
};
struct LoadedConfig {
  Config config;
  std::string file;  ///< that was read; "" for none
  std::vector<daemon::Setting> settings;
};

/// A complete configuration, or every problem in it. Reads the files named in it; changes nothing.
tl::expected<LoadedConfig, daemon::ConfigProblems> load_config(const ConfigSource& source);

/// "10m", "1h30m", "250ms": durations as Go writes them.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace sdns::pdm
