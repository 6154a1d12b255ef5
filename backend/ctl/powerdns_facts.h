// SPDX-License-Identifier: MIT
// What the daemon says of the PowerDNS servers whose caches it purges.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "backend/zone/source.h"

namespace sdns::ctl {

/// One PowerDNS in the daemon's `/v1/status`.
struct PowerdnsFacts {
  std::string name;
  std::string state;  ///< present, absent or unknown
  zone::Revision purged = 0;
  std::uint64_t unannounced = 0;  ///< zones
  std::string last_error;

  [[nodiscard]] bool present() const { return state == "present"; }
  /// Its caches hold nothing old, and it knows every zone.
  [[nodiscard]] bool current() const { return present() && unannounced == 0; }
};

/// `status` is the document at `/v1/status`; what it does not say is left out.
std::vector<PowerdnsFacts> powerdns_facts(const nlohmann::json& status);

/// "PowerDNS main is absent: no such socket; what it has cached stays until its TTL". Requires !current().
std::string what_stays(const PowerdnsFacts& server);

/// "present, purged up to revision 12", and what is wrong.
std::string state_line(const PowerdnsFacts& server);

}  // namespace sdns::ctl
