// SPDX-License-Identifier: MIT
#include "backend/health/target_policy.h"

#include <fmt/format.h>

namespace sdns::health {
namespace {

struct Special {
  const char* network;
  std::string_view what;
};

// The IANA special-purpose address registries (RFC 6890), without what is globally reachable, documentation (routed
// nowhere), and what kPrivateUse and the embedding prefixes say.
constexpr Special kRefused[] = {
    {"0.0.0.0/8", "this host (RFC 1122)"},
    {"127.0.0.0/8", "loopback"},
    {"169.254.0.0/16", "link-local, metadata services"},
    {"100.100.100.200/32", "a metadata service"},
    {"168.63.129.16/32", "a metadata service"},
    {"192.0.0.0/24", "IETF protocol assignments, a metadata service"},
    {"192.88.99.0/24", "6to4 relay anycast (RFC 7526)"},
    {"224.0.0.0/4", "multicast"},
    {"240.0.0.0/4", "reserved"},
    {"255.255.255.255/32", "broadcast"},
    {"::/128", "unspecified"},
    {"::1/128", "loopback"},
    {"100::/64", "discard-only (RFC 6666)"},
    {"64:ff9b:1::/48", "local-use translation (RFC 8215)"},
    {"2001:2::/48", "benchmarking"},
    {"2001:10::/28", "ORCHID"},
    {"2001:20::/28", "ORCHIDv2"},
    {"5f00::/16", "segment routing (RFC 9602)"},
    {"fd00:ec2::254/128", "a metadata service"},
    {"fd00:c1::a9fe:a9fe/128", "a metadata service"},
    {"fd20:ce::254/128", "a metadata service"},
    {"fe80::/10", "link-local"},
    {"ff00::/8", "multicast"},
};
constexpr Special kPrivateUse[] = {
    {"10.0.0.0/8", "private use"},     {"172.16.0.0/12", "private use"},
    {"192.168.0.0/16", "private use"}, {"100.64.0.0/10", "shared address space"},
    {"198.18.0.0/15", "benchmarking"}, {"fc00::/7", "private use"},
    {"fec0::/10", "site-local"},
};

dns::IpNetwork network_of(const char* text) { return *dns::IpNetwork::parse(text); }

// The IPv4 address at octet `at` of an IPv6 one, each octet taken with `flipped`.
dns::IpAddress embedded(const dns::IpAddress& address, std::size_t at, std::uint8_t flipped = 0) {
  std::array<std::uint8_t, 4> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i)
    octets[i] = static_cast<std::uint8_t>(address.octets()[at + i] ^ flipped);
  return dns::IpAddress::from_octets(octets);
}

bool bit_of(const dns::IpAddress& address, std::size_t bit) {
  return (address.octets()[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

}  // namespace

TargetPolicy::TargetPolicy(const TargetPolicyOptions& options) {
  for (const Special& special : kRefused) add(network_of(special.network), Rule::kRefuse, special.what);
  if (!options.private_use)
    for (const Special& special : kPrivateUse) add(network_of(special.network), Rule::kRefuse, special.what);
  add(network_of("::ffff:0:0/96"), Rule::kMapped, "an IPv4-mapped address");
  add(network_of("::/96"), Rule::kMapped, "an IPv4-compatible address");
  add(network_of("2002::/16"), Rule::k6to4, "a 6to4 address");
  add(network_of("64:ff9b::/96"), Rule::kNat64, "a NAT64 address");
  add(network_of("2001::/32"), Rule::kTeredo, "a Teredo address");
  for (const dns::IpNetwork& network : options.own) add(network, Rule::kRefuse, "the operator's own network");
  for (const dns::IpNetwork& network : options.allowed) add(network, Rule::kAllow, "allowed");
  for (const dns::IpAddress& address : options.host)
    if (closest(address).rule != Rule::kAllow && check(address))
      add({address, address.bits()}, Rule::kRefuse, "an address of this host");
}

void TargetPolicy::add(const dns::IpNetwork& network, Rule rule, std::string_view what) {
  std::uint32_t at = network.address.is_v4() ? kV4Root : kV6Root;
  for (std::size_t bit = 0; bit < network.bits; ++bit) {
    const bool side = bit_of(network.address, bit);
    if (nodes_[at].next[side] == 0) {
      nodes_[at].next[side] = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
    }
    at = nodes_[at].next[side];
  }
  nodes_[at].entry = static_cast<std::uint32_t>(entries_.size());
  entries_.push_back({rule, {network.network(), network.bits}, what});
}

const TargetPolicy::Entry& TargetPolicy::closest(const dns::IpAddress& address) const {
  std::uint32_t at = address.is_v4() ? kV4Root : kV6Root;
  std::uint32_t found = nodes_[at].entry;
  for (std::size_t bit = 0; bit < address.bits(); ++bit) {
    at = nodes_[at].next[bit_of(address, bit)];
    if (at == 0) break;
    if (nodes_[at].entry != 0) found = nodes_[at].entry;
  }
  return entries_[found];
}

Result<void> TargetPolicy::check(const dns::IpAddress& address) const {
  const Entry& entry = closest(address);
  const auto judged_by = [&](const dns::IpAddress& inner) -> Result<void> {
    auto verdict = check(inner);
    if (verdict) return {};
    return fail(Errc::kPermission, fmt::format("{} is {}: {}", address.text(), entry.what, verdict.error().what),
                std::move(verdict.error().hint));
  };
  switch (entry.rule) {
    case Rule::kNone:
    case Rule::kAllow:
      return {};
    case Rule::kMapped:
    case Rule::kNat64:
      return judged_by(embedded(address, 12));
    case Rule::k6to4:
      return judged_by(embedded(address, 2));
    case Rule::kTeredo: {  // RFC 4380 section 4: the server, and the client with all bits flipped
      auto server = judged_by(embedded(address, 4));
      return server ? judged_by(embedded(address, 12, 0xFF)) : server;
    }
    case Rule::kRefuse:
      break;
  }
  return fail(
      Errc::kPermission,
      fmt::format("{} may not be probed for zone data: {} ({})", address.text(), entry.network.text(), entry.what),
      "add it to the networks that are allowed, if zones may reach it");
}

}  // namespace sdns::health
