// SPDX-License-Identifier: MIT
// What sdnsctl takes from outside, so that tests can stand in for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/random.h"
#include "backend/zone/source.h"

namespace sdns::ctl {

/// What the daemon says at `/v1/revision`.
struct DaemonState {
  std::string database_id;      ///< empty before it has read its database for the first time
  zone::Revision revision = 0;  ///< answered from
  zone::Revision purged = 0;    ///< up to which every PowerDNS cache was purged
  std::uint64_t zones = 0;
  bool ready = false;
  std::int64_t age_ms = 0;  ///< since it last saw its database
};

/// The daemon's admin HTTP. Errors: kUnavailable (nobody listens), kTimeout, kProtocol (somebody else listens).
class Daemon {
 public:
  virtual ~Daemon() = default;
  virtual Result<DaemonState> state() = 0;
  /// Returns when `revision` is published and purged, or after `limit` with the state as it is then.
  virtual Result<DaemonState> wait_for(zone::Revision revision, std::chrono::milliseconds limit) = 0;
  /// The JSON document at `/v1/status`.
  virtual Result<std::string> status() = 0;
  /// The JSON document at `/v1/explain`; `query` is what stands after the `?`. Errors also: kInvalidArgument (the
  /// daemon says what is wrong with the question), kBusy, kUnsupported (an older daemon).
  virtual Result<std::string> explain(const std::string& query) = 0;
  /// The JSON document at `/v1/health`; `query` as for explain(). Error also: kUnsupported.
  virtual Result<std::string> health(const std::string& query) = 0;
  /// The JSON document at `/v1/health/history`, which the daemon may take up to `wait` to send. Errors also:
  /// kUnsupported (an older daemon, or it probes nothing), kBusy (too many wait).
  virtual Result<std::string> health_history(const std::string& query, std::chrono::milliseconds wait) = 0;
};

struct Environment {
  const WallClock& wall;
  Random& random;
  /// An environment variable.
  std::function<std::optional<std::string>(const std::string& name)> variable;
  /// `address` as in admin.listen: `127.0.0.1:8053`, also as URL. Null: not an address that can be used.
  std::function<std::unique_ptr<Daemon>(const std::string& address)> daemon;
  /// Sleeps.
  std::function<void(std::chrono::milliseconds)> pause;
  /// Read when --config is not given; may be missing.
  std::filesystem::path default_config = "/etc/sovereign-dns/config.toml";
  /// For the limits of calls to registrars. Null: registrar commands refuse.
  const Clock* steady = nullptr;
};

/// Over loopback HTTP. Null when `address` is not `host:port` with a loopback host.
std::unique_ptr<Daemon> connect_daemon(const std::string& address);

}  // namespace sdns::ctl
