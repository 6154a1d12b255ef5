// SPDX-License-Identifier: MIT
#include "pdm/sovereign_zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "backend/dns/soa.h"

namespace sdns::pdm {
namespace {

using store::StoredRecord;

constexpr std::uint32_t kRefresh = 10'800;
constexpr std::uint32_t kRetry = 3'600;
constexpr std::uint32_t kExpire = 604'800;

void add(std::vector<StoredRecord>& records, const dns::Name& owner, dns::RrType type, std::uint32_t ttl,
         std::string content) {
  records.push_back({dns::Record{owner, type, dns::Ttl{ttl}, std::move(content)}, false});
}

void add_address(std::vector<StoredRecord>& records, const dns::Name& owner, std::uint32_t ttl,
                 const dns::IpAddress& address) {
  add(records, owner, address.is_v4() ? dns::kA : dns::kAAAA, ttl, address.text());
}

// The mailbox stands in the pool domain: mail for the zone itself may go anywhere.
std::string soa(const PoolDomain& pool, std::uint32_t negative) {
  const std::string primary = pool.nameservers.front().name.text();
  const std::string mailbox = "hostmaster." + pool.apex.text();
  return dns::Soa{primary, mailbox, 1, kRefresh, kRetry, kExpire, negative}.text();
}

void add_apex(std::vector<StoredRecord>& records, const PoolDomain& pool, const Ttls& ttls, const dns::Name& apex,
              std::uint32_t negative) {
  add(records, apex, dns::kSOA, std::max(negative, ttls.delegation), soa(pool, negative));
  for (const NameServer& server : pool.nameservers) {
    add(records, apex, dns::kNS, ttls.delegation, server.name.text());
    if (!server.name.at_or_below(apex)) continue;
    for (const dns::IpAddress& address : server.addresses) add_address(records, server.name, ttls.delegation, address);
  }
}

dns::Name owner_below(const dns::Name& apex, const std::string& label) {
  auto name = dns::Name::parse_relative(label, apex);
  assert(name);  // labels were checked by the configuration, and no pool domain is that long
  return std::move(*name);
}

}  // namespace

dns::Name sovereign_apex(const PoolDomain& pool, std::string_view subdomain) {
  return owner_below(pool.apex, std::string(subdomain));
}

std::vector<StoredRecord> sovereign_records(const PoolDomain& pool, const Ttls& ttls, const dns::Name& apex,
                                            const Addresses& addresses, std::int64_t generation) {
  std::vector<StoredRecord> records;
  add_apex(records, pool, ttls, apex, ttls.negative);
  for (const std::string& label : pool.canonical_names) {
    const dns::Name owner = owner_below(apex, label);
    const auto& consoles = pool.console_names;
    if (addresses.console && std::find(consoles.begin(), consoles.end(), label) != consoles.end()) {
      add_address(records, owner, ttls.address, *addresses.console);
      continue;
    }
    for (const dns::IpAddress& address : addresses.main) add_address(records, owner, ttls.address, address);
  }
  add(records, owner_below(apex, "_generation"), dns::kTXT, ttls.address, fmt::format("\"{}\"", generation));
  return records;
}

std::vector<StoredRecord> pool_records(const PoolDomain& pool, const Ttls& ttls) {
  std::vector<StoredRecord> records;
  add_apex(records, pool, ttls, pool.apex, ttls.pool_negative);
  return records;
}

}  // namespace sdns::pdm
