// SPDX-License-Identifier: MIT
// IP addresses and networks as values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "backend/base/error.h"

namespace sdns::dns {

/// An IPv4 or IPv6 address. Value; ordered by family, then octets.
class IpAddress {
 public:
  /// 0.0.0.0
  IpAddress() = default;

  /// Dotted quad with four decimal parts without leading zeros, or RFC 4291 text (no zone index). Errors
  /// (kInvalidArgument).
  static Result<IpAddress> parse(std::string_view text);
  /// 4 or 16 octets in network order. Requires one of these sizes.
  static IpAddress from_octets(std::span<const std::uint8_t> octets);

  [[nodiscard]] bool is_v4() const { return size_ == 4; }
  [[nodiscard]] std::span<const std::uint8_t> octets() const { return {octets_.data(), size_}; }
  [[nodiscard]] std::uint8_t bits() const { return static_cast<std::uint8_t>(size_ * 8); }  ///< 32 or 128
  /// Canonical: dotted quad, or RFC 5952 as inet_ntop writes it.
  [[nodiscard]] std::string text() const;
  void append_text(std::string& out) const;
  /// The address with all but its first `bits` bits cleared.
  [[nodiscard]] IpAddress masked(std::uint8_t bits) const;
  /// How many leading bits are equal; 0 for addresses of different families.
  [[nodiscard]] std::uint8_t common_bits(const IpAddress& other) const;
  /// ::ffff:a.b.c.d
  [[nodiscard]] bool is_mapped_v4() const;
  [[nodiscard]] bool is_zero() const;  ///< 0.0.0.0 or ::

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b);

 private:
  std::array<std::uint8_t, 16> octets_{};
  std::uint8_t size_ = 4;
};

/// An address and the length of its prefix. The address keeps its host bits: `network()` clears them.
struct IpNetwork {
  IpAddress address;
  std::uint8_t bits = 32;

  /// `ADDRESS/BITS`, or an address alone for its whole length. Errors (kInvalidArgument).
  static Result<IpNetwork> parse(std::string_view text);
  /// Never across families, and no mapping of v4-mapped addresses.
  [[nodiscard]] bool contains(const IpAddress& other) const;
  [[nodiscard]] IpAddress network() const { return address.masked(bits); }
  [[nodiscard]] std::string text() const;  ///< `192.0.2.0/24`, host bits as they are
  friend bool operator==(const IpNetwork&, const IpNetwork&) = default;
};

/// An address as PowerDNS's ComboAddress reads literals in zone data.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;  ///< 0: none was given
  bool lenient = false;    ///< only inet_aton and strtol accept the text: `1.2.3`, octal, hexadecimal, `1.2.3.4: 53`

  /// What inet_aton accepts, else IPv6; with `:port` after IPv4 and `[IPv6]:port`. Errors (kInvalidArgument).
  static Result<Endpoint> parse(std::string_view text);
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace sdns::dns
