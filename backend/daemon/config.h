// SPDX-License-Identifier: MIT
// Everything that can be configured: read from a TOML file and the environment, checked as a whole. docs/operations.md
// lists the keys. Environment beats file, the command line beats both.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "backend/base/log.h"
#include "backend/dns/ip.h"
#include "backend/dns/name.h"
#include "backend/health/combine.h"
#include "backend/health/program.h"
#include "backend/health/target_pool.h"
#include "lua/geo.h"
#include "lua/meter.h"
#include "lua/record.h"

namespace sdns::daemon {

inline constexpr std::string_view kDefaultConfigFile = "/etc/sovereign-dns/config.toml";

/// Text that must not be shown (P9): nothing prints it by accident.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string text_;
};

/// Where the admin HTTP server listens: an address literal of the loopback network.
struct AdminEndpoint {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
  friend bool operator==(const AdminEndpoint&, const AdminEndpoint&) = default;
};

/// One PowerDNS whose caches we keep true.
struct PowerDnsConfig {
  std::string name;
  std::string control_socket;  ///< empty: no exact purges
  std::string api_url;         ///< empty: no announcements of zones
  Secret api_key;              ///< from `api_key` or the file `api_key_file`
  bool quit_orphaned = false;  ///< tell it to end when it cannot recover, because its supervisor starts it again
  friend bool operator==(const PowerDnsConfig&, const PowerDnsConfig&) = default;
};

struct Config {
  struct Database {
    std::string url = "sqlite:/var/lib/sovereign-dns/authority.db";
    std::string key_file;  ///< what seals secrets; empty: none
  } database;
  struct Snapshot {
    std::string file;                       ///< of what is served; empty: none is kept
    std::chrono::seconds interval{10};      ///< least time between two writes
    std::chrono::seconds warn_age{86'400};  ///< at a start from it; 0: never
    std::chrono::seconds refuse_age{0};     ///< likewise
    friend bool operator==(const Snapshot&, const Snapshot&) = default;
  } snapshot;
  struct Node {
    std::string name;                                      ///< among the nodes of the database
    std::chrono::seconds max_stale{std::chrono::days(7)};  ///< how long others count on it without hearing of it (P5)
    friend bool operator==(const Node&, const Node&) = default;
  } node;
  struct Listen {
    std::string socket = "/run/sovereign-dns/pdns.sock";
    std::string pipe_socket;  ///< of the pipe door; empty: none
    unsigned mode = 0660;
    std::string group;                                  ///< empty: the process's own
    std::vector<std::string> peers = {"root", "pdns"};  ///< user names or uids
    std::vector<std::uint32_t> peer_uids;               ///< of the peers that exist here; our own uid always may
    std::size_t max_connections = 10'000;
    std::chrono::seconds hung_after{2};  ///< 0: never
    std::size_t max_request_octets = 16'777'216;
  } listen;
  struct Engine {
    unsigned threads = 0;  ///< as configured
    /// What `threads` comes to here: one per core, at most 8, for 0.
    [[nodiscard]] unsigned thread_count() const;
  } engine;
  struct Admin {
    std::string listen = "127.0.0.1:8053";
    std::optional<AdminEndpoint> endpoint = AdminEndpoint{"127.0.0.1", 8053};  ///< none: off
  } admin;
  struct Cache {
    std::chrono::seconds packet_cache_ttl{60};
    std::chrono::seconds query_cache_ttl{60};
  } cache;
  struct Lua {
    bool enabled = true;              ///< in every zone; else where the metadata ENABLE-LUA-RECORDS is 1
    bool powerdns_evaluates = false;  ///< what a zone hands to PowerDNS, and what only PowerDNS can know
    lua::ChunkJoin join = lua::ChunkJoin::kAuto;
    std::vector<dns::Name> full_library_zones;
    lua::Limits limits;
    friend bool operator==(const Lua&, const Lua&) = default;
  } lua;
  struct Health {
    bool probe = true;                 ///< else targets are what operators say, and unknown
    std::chrono::seconds interval{5};  ///< of checks that do not say theirs
    std::size_t probes_at_once = 500;
    std::chrono::seconds longest_probe{10};    ///< whatever timeout a check says
    std::size_t checks_per_account = 10'000;   ///< zones with one account are one, a zone without is one by itself
    std::uint32_t probes_per_account = 2'000;  ///< a second
    std::uint32_t probes_per_target = 1'000;   ///< a second, of which one account has at most half
    std::vector<dns::IpNetwork> allow;         ///< zone data may have these probed, whatever they are
    std::vector<dns::IpNetwork> own_networks;  ///< and these not
    bool private_networks = true;              ///< it may have addresses of private use probed
    std::string user_agent = "Sovereign DNS";
    std::string state_file;  ///< where verdicts are kept over a restart; empty: nowhere
    unsigned guard_percent =
        50;  ///< of all targets: so many that begin to fail at once are no news of them; 0: they are
    bool metrics_per_check = false;
    health::VantageRule vantage = health::VantageRule::kLocal;
    std::chrono::seconds vantage_age{30};  ///< nodes that were not heard of for longer have no say
    health::Programs programs;             ///< that target pools may have run
    friend bool operator==(const Health&, const Health&) = default;
  } health;
  lua::GeoConfig geo;
  std::vector<PowerDnsConfig> powerdns;
  health::TargetPools target_pools;
  struct Logging {
    LogLevel level = LogLevel::kInfo;
    LogFormat format = LogFormat::kText;
  } log;
};

/// One setting as --print-config shows it.
struct Setting {
  std::string key;     ///< "listen.mode", "powerdns[0].api_key"
  std::string value;   ///< in TOML's spelling; "(set)" for a secret
  std::string origin;  ///< "default", "/etc/…/config.toml:12", "environment SDNS_LISTEN_MODE", "command line"
};

/// One thing that is wrong. `where` is the key or the environment variable that has to be changed.
struct Problem {
  std::string where;
  std::string what;  ///< names the value and the rule, and after "; " what to do
};

struct ConfigProblems {
  std::string source;  ///< the file, or "the environment"
  std::vector<Problem> problems;
  /// "sovereign-dnsd: 2 problems in …; nothing was started", then a line for each.
  [[nodiscard]] std::string text(std::string_view program, std::string_view consequence) const;
};

using Environment = std::map<std::string, std::string, std::less<>>;
/// The SDNS_ variables of this process.
Environment process_environment();

struct ConfigSource {
  std::optional<std::string>
      file;  ///< named by the operator: must be there. Otherwise the default file, if it is there
  Environment environment;
  std::optional<std::string> log_format;  ///< --log-format
  std::string default_file{kDefaultConfigFile};
  bool binds = true;  ///< false: systemd, or the holder of this worker, has bound listen.socket
};

struct LoadedConfig {
  Config config;
  std::string file;               ///< that was read; empty for none
  std::vector<Setting> settings;  ///< every key, in the order of the documentation
  std::vector<Problem> warnings;  ///< suspicious, but not wrong
};

/// A complete configuration, or every problem in it. Reads the files named in it; changes nothing.
tl::expected<LoadedConfig, ConfigProblems> load_config(const ConfigSource& source);

/// The settings as text, a line each: `key = value  # origin`.
std::string print_config(const LoadedConfig& loaded);

/// The keys that differ between the two but take effect only with a restart (SIGUSR2, or a full one).
std::vector<std::string> needs_restart(const Config& running, const Config& next);

}  // namespace sdns::daemon
