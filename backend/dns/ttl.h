// SPDX-License-Identifier: MIT
// Time to live.
#pragma once

#include <compare>
#include <cstdint>

namespace sdns::dns {

/// Seconds, 0 to 2^31-1 (RFC 2181 section 8).
struct Ttl {
  static constexpr std::uint32_t kMax = 0x7FFF'FFFF;
  std::uint32_t seconds = 0;
  friend constexpr auto operator<=>(Ttl, Ttl) = default;
};

}  // namespace sdns::dns
