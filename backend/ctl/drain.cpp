// SPDX-License-Identifier: MIT
#include "backend/ctl/drain.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "backend/ctl/pool_facts.h"
#include "backend/health/override.h"

namespace sdns::ctl {
namespace {

struct Spelled {
  std::set<dns::IpAddress> addresses;  ///< whatever PowerDNS would take for one: 443 too
  bool plainly = false;                ///< at least one as people write it
};

Spelled addresses_in(std::string_view code) {
  constexpr std::string_view kOfAddresses = "0123456789abcdefABCDEF:.";
  Spelled found;
  for (std::size_t at = code.find_first_of(kOfAddresses); at != std::string_view::npos;) {
    const std::size_t end = std::min(code.find_first_not_of(kOfAddresses, at), code.size());
    if (const auto endpoint = dns::Endpoint::parse(code.substr(at, end - at))) {
      found.addresses.insert(endpoint->address);
      found.plainly = found.plainly || !endpoint->lenient;
    }
    at = code.find_first_of(kOfAddresses, end);
  }
  return found;
}

/// Calls of pool() whose argument is no constant.
bool makes_pools_up(std::string_view code) {
  constexpr std::string_view kCall = "pool";
  for (std::size_t at = code.find(kCall); at != std::string_view::npos; at = code.find(kCall, at + 1)) {
    const std::size_t next = code.find_first_not_of(" \t(", at + kCall.size());
    if (next != std::string_view::npos && std::string_view("'\"[\\").find(code[next]) == std::string_view::npos)
      return true;
  }
  return false;
}

/// PowerDNS joins chunks, with nothing between them when they are full: an address may stand in two.
std::string joined_chunks(std::string_view code) {
  constexpr std::string_view kBorder = "\" \"";
  std::string joined;
  while (!code.empty()) {
    const std::size_t end = std::min(code.find(kBorder), code.size());
    joined += code.substr(0, end);
    code.remove_prefix(std::min(end + kBorder.size(), code.size()));
  }
  return joined;
}

bool asks_external_urls(std::string_view code) { return code.find("ifurlextup") != std::string_view::npos; }

/// What the targets are, as records may name them.
struct Named {
  std::set<dns::IpAddress> addresses;
  std::set<std::string> pools;
  bool unknown_members = false;  ///< of pools of which only the daemon knows the members
  bool external_urls = false;    ///< checks of no address
};

Named named(const std::vector<health::TargetPool>& pools, const std::vector<std::string>& configured,
            const std::vector<std::string>& targets) {
  Named named;
  named.pools.insert(configured.begin(), configured.end());
  std::set<std::string> wanted;
  std::set<std::string> regions;
  for (const std::string& target : targets) {
    if (target.starts_with("pool:")) wanted.insert(target.substr(5));
    else if (target.starts_with("region:")) regions.insert(target.substr(7));
    else if (const auto endpoint = dns::Endpoint::parse(target)) named.addresses.insert(endpoint->address);
    else if (const auto subject = health::override_subject(target); !subject.address_text.empty())
      named.addresses.insert({subject.address, subject.answered});
    else named.external_urls = true;
  }
  named.unknown_members = !regions.empty() && !configured.empty();
  for (const std::string& name : wanted)
    if (std::find(configured.begin(), configured.end(), name) != configured.end() ||
        std::none_of(pools.begin(), pools.end(), [&](const health::TargetPool& pool) { return pool.name == name; }))
      named.unknown_members = true;
  // What is said of a pool or region counts for its members' addresses wherever they are asked about.
  for (const health::TargetPool& pool : pools)
    for (const health::PoolMember& member : pool.members)
      if (wanted.contains(pool.name) || regions.contains(member.region)) named.addresses.insert(member.address);
  for (const health::TargetPool& pool : pools)
    if (std::any_of(pool.members.begin(), pool.members.end(), [&](const health::PoolMember& member) {
          return named.addresses.contains(member.address) || (member.probe && named.addresses.contains(*member.probe));
        }))
      named.pools.insert(pool.name);
  named.pools.merge(wanted);
  return named;
}

}  // namespace

Result<DrainBound> drain_bound(store::Transaction& transaction, const std::vector<std::string>& configured_pools,
                               const std::vector<std::string>& targets) {
  auto rows = transaction.target_pools();
  if (!rows) return fail(std::move(rows.error()));
  std::vector<health::TargetPool> pools;
  for (auto& row : *rows) pools.push_back(std::move(row.pool));
  const Named wanted = named(pools, configured_pools, targets);
  std::set<std::string> known(configured_pools.begin(), configured_pools.end());
  for (const health::TargetPool& pool : pools) known.insert(pool.name);

  const auto names_address = [&](const Spelled& spelled) {
    return std::any_of(spelled.addresses.begin(), spelled.addresses.end(),
                       [&](const dns::IpAddress& one) { return wanted.addresses.contains(one); });
  };
  const auto may_answer = [&](std::string_view code) {
    if (wanted.unknown_members) return true;
    if (wanted.external_urls && asks_external_urls(code)) return true;
    const auto of = [&](const std::string& pool) { return names_pool(code, pool); };
    if (std::any_of(wanted.pools.begin(), wanted.pools.end(), of)) return true;
    const Spelled spelled = addresses_in(code);
    if (names_address(spelled)) return true;
    if (code.find("include") != std::string_view::npos || makes_pools_up(code)) return true;
    return !spelled.plainly && std::none_of(known.begin(), known.end(), of);
  };
  DrainBound bound;
  auto looked = transaction.records_of_type(dns::kLUA, [&](store::ZoneId, store::StoredRecord&& stored) {
    if (stored.disabled) return;
    const std::string joined = joined_chunks(stored.record.content);
    if (!may_answer(stored.record.content) && !may_answer(joined)) return;
    ++bound.records;
    bound.longest = std::max(bound.longest, stored.record.ttl);
    if (asks_external_urls(joined) && !wanted.external_urls && names_address(addresses_in(joined)))
      ++bound.out_of_reach;
  });
  if (!looked) return fail(std::move(looked.error()));
  return bound;
}

}  // namespace sdns::ctl
