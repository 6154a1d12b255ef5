// SPDX-License-Identifier: MIT
// What allocations are made of: pool domains, times, TTLs. Values; read from the configuration or made by a test.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dns/ip.h"
#include "backend/dns/name.h"

namespace sdns::pdm {

struct NameServer {
  dns::Name name;
  std::vector<dns::IpAddress> addresses;  ///< glue where the name is in the pool domain
  friend bool operator==(const NameServer&, const NameServer&) = default;
};

/// A zone that subdomains are given out of.
struct PoolDomain {
  std::string name;  ///< lower case, without the final dot
  dns::Name apex;
  std::vector<NameServer> nameservers;  ///< of the pool domain and of every zone below it
  std::vector<std::string> canonical_names = {"@", "*", "console", "api", "marketplace", "gitea", "harbor"};
  std::vector<std::string> console_names = {"console", "api",
                                            "marketplace"};  ///< at the console's address, when it has one
  bool allow_idn = false;
  bool remove_stale = false;  ///< wildcards of it, at the start
};

struct Lifetimes {
  std::chrono::milliseconds reservation{std::chrono::minutes(10)};
  std::chrono::milliseconds quarantine{std::chrono::hours(7 * 24)};
  std::chrono::milliseconds first_ds{std::chrono::minutes(10)};  ///< so long a silent node holds up a first DS
  std::chrono::milliseconds answers{std::chrono::hours(24)};     ///< so long answers are repeated
};

struct Ttls {
  std::uint32_t address = 300;
  std::uint32_t delegation = 300;  ///< NS at the parent and in the zone, glue
  std::uint32_t ds = 300;
  std::uint32_t negative = 60;       ///< in the zones given out; PowerDNS gives their DNSKEYs this TTL too
  std::uint32_t pool_negative = 30;  ///< in pool domains: a name that was asked for while reserved is right after it
};

struct Settings {
  std::vector<PoolDomain> pool_domains;
  Lifetimes lifetimes;
  Ttls ttls;

  /// Null when no pool domain has this name (lower case, without the final dot).
  [[nodiscard]] const PoolDomain* pool_domain(std::string_view name) const {
    for (const PoolDomain& one : pool_domains)
      if (one.name == name) return &one;
    return nullptr;
  }
};

}  // namespace sdns::pdm
