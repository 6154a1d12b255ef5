// SPDX-License-Identifier: MIT
// SOA serial numbers.
#pragma once

#include <compare>
#include <cstdint>

namespace sdns::dns {

/// RFC 1982: two serials may have no order at all.
struct Serial {
  std::uint32_t value = 0;
  friend constexpr bool operator==(Serial, Serial) = default;
  friend constexpr std::partial_ordering operator<=>(Serial a, Serial b) {
    const std::uint32_t distance = b.value - a.value;
    if (distance == 0) return std::partial_ordering::equivalent;
    if (distance == 0x8000'0000U) return std::partial_ordering::unordered;
    return distance < 0x8000'0000U ? std::partial_ordering::less : std::partial_ordering::greater;
  }
};
static_assert(Serial{0xFFFF'FFFF} < Serial{0});

}  // namespace sdns::dns
