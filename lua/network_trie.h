// SPDX-License-Identifier: MIT
// Longest-prefix match that says how much of an address decided.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "backend/dns/ip.h"

namespace sdns::lua {

/// Networks with a number each. IPv4 and IPv6 are apart.
class NetworkTrie {
 public:
  struct Found {
    std::optional<std::uint32_t> value;
    /// Every address with so many leading bits in common finds the same: enough to exclude the networks inside of the
    /// one that was found, too.
    std::uint8_t bits = 0;
  };

  /// A network that is there already keeps its number.
  void insert(const dns::IpNetwork& network, std::uint32_t value);
  /// O(bits), allocates nothing.
  [[nodiscard]] Found find(const dns::IpAddress& address) const;
  [[nodiscard]] bool empty() const { return roots_[0] == kNone && roots_[1] == kNone; }

 private:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  // Every node has two children or a value, or both.
  struct Node {
    dns::IpAddress prefix;
    std::uint8_t bits;
    std::uint32_t value;
    std::array<std::uint32_t, 2> children{kNone, kNone};
  };

  std::vector<Node> nodes_;
  std::array<std::uint32_t, 2> roots_{kNone, kNone};  // IPv4, IPv6
};

}  // namespace sdns::lua
