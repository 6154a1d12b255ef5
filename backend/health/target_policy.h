// SPDX-License-Identifier: MIT
// Which addresses zone data may have probed: a zone's owner must not reach what the daemon's host can reach and he
// cannot.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/ip.h"

namespace sdns::health {

struct TargetPolicyOptions {
  /// May be probed, whatever the other lists and tables say: the longest prefix that covers an address decides, and of
  /// equal ones this.
  std::vector<dns::IpNetwork> allowed{};
  /// The operator's own networks: may not be probed.
  std::vector<dns::IpNetwork> own{};
  /// This host's own, which its firewall lets it reach over the loopback interface: may not be probed, unless `allowed`
  /// says so.
  std::vector<dns::IpAddress> host{};
  /// Of private use, shared between subscribers, or for benchmarks (RFC 1918, RFC 4193, RFC 6598, RFC 2544): may be
  /// probed.
  bool private_use = true;
};

/// Refused are, unless they are allowed: loopback, link-local and known metadata services, multicast, unspecified,
/// broadcast, reserved and other special addresses that are no unicast destination in the registries of RFC 6890.
/// An IPv6 address that leads to an IPv4 one (IPv4-mapped and -compatible, 6to4, NAT64, Teredo) is judged by that one
/// where no other entry covers it more closely. Immutable value; safe from any thread.
class TargetPolicy {
 public:
  TargetPolicy() : TargetPolicy(TargetPolicyOptions{}) {}
  explicit TargetPolicy(const TargetPolicyOptions& options);

  /// Errors (kPermission) name the address and the network that covers it. O(bits); allocates only for an error.
  [[nodiscard]] Result<void> check(const dns::IpAddress& address) const;

 private:
  enum class Rule : std::uint8_t { kNone, kAllow, kRefuse, kMapped, k6to4, kNat64, kTeredo };
  struct Entry {
    Rule rule = Rule::kNone;
    dns::IpNetwork network{};
    std::string_view what{};
  };
  struct Node {
    std::array<std::uint32_t, 2> next{};  // 0: none
    std::uint32_t entry = 0;              // 0: none
  };
  static constexpr std::uint32_t kV4Root = 1;
  static constexpr std::uint32_t kV6Root = 2;

  void add(const dns::IpNetwork& network, Rule rule, std::string_view what);
  [[nodiscard]] const Entry& closest(const dns::IpAddress& address) const;

  std::vector<Node> nodes_{Node{}, Node{}, Node{}};
  std::vector<Entry> entries_{Entry{}};
};

}  // namespace sdns::health
