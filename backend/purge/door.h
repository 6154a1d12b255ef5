// SPDX-License-Identifier: MIT
// What the purger can do to one pdns_server.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "backend/base/error.h"
#include "backend/dns/name.h"

namespace sdns::purge {

/// Used by one thread; each call blocks for a bounded time. An error means that the call may have had no effect.
class Door {
 public:
  virtual ~Door() = default;
  /// Forgets exactly these names.
  virtual Result<void> purge(const std::set<dns::Name>& names) = 0;
  /// Announces the zone, if it is one, and forgets everything at or below. Through the HTTP API.
  virtual Result<void> announce(const dns::Name& name) = 0;
  /// Forgets everything at or below, for when announce() fails.
  virtual Result<void> purge_subtree(const dns::Name& name) = 0;
  virtual Result<void> purge_everything() = 0;
  /// Has the list of zones read anew. Errors: also kUnsupported.
  virtual Result<void> rediscover() = 0;
  virtual Result<void> ping() = 0;
};

/// One `[[powerdns]]` of the configuration.
struct ServerConfig {
  std::string name;
  std::string control_socket;  ///< empty: none; names are then purged through the API, a subtree each
  std::string api_url;         ///< empty: none; zones are then not announced
  std::string api_key;         ///< secret
  friend bool operator==(const ServerConfig&, const ServerConfig&) = default;
};

/// The door to a real one: its control socket and its HTTP API.
std::unique_ptr<Door> open_door(const ServerConfig& config);

}  // namespace sdns::purge
