// SPDX-License-Identifier: MIT
// Choosing from a list: pure functions with the same hashes, walks, distances and ties as PowerDNS's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dns/ip.h"

namespace sdns::lua {

class Meter;

/// Bob Jenkins' hash of 1996 ("lookup2"), as PowerDNS uses it: blocks of twelve octets, little-endian.
[[nodiscard]] std::uint32_t jenkins_hash(std::string_view octets, std::uint32_t init);
/// Of the address's octets; the port takes no part.
[[nodiscard]] std::uint32_t hash_address(const dns::IpAddress& address);
/// Of a name's wire format, final zero octet included, ASCII letters in lower case.
[[nodiscard]] std::uint32_t hash_name(std::string_view wire);

/// In which order PowerDNS walks a weighted list of `size` entries: indexes from 0. Its list is read into a hash table
/// of libstdc++ and walked in that table's order, which is backwards up to 13 entries.
/// The result lives as long as the thread, until its next call with another size.
[[nodiscard]] std::span<const std::uint32_t> walk_order(std::size_t size);

/// The first entry, in walk order, whose running total is greater than `drawn`. Requires drawn < the sum.
[[nodiscard]] std::size_t pick_weighted(std::span<const std::uint32_t> weights, std::uint64_t drawn);
/// The same in the list's own order (pickselfweighted).
[[nodiscard]] std::size_t pick_weighted_in_order(std::span<const std::uint32_t> weights, std::uint64_t drawn);

struct WeightedText {
  std::uint32_t weight = 0;
  std::string_view value;
};
/// The points of a weighted list on the circle of consistent hashing.
class HashCircle {
 public:
  /// Two entries with one value are one: the last weight that PowerDNS's walk sees wins. The values are not copied.
  explicit HashCircle(std::span<const WeightedText> entries);
  /// The index of the entry with the smallest point at or after `hash`, else with the smallest of all. Looks at as many
  /// points as the sum of the weights, for which it spends. Nothing when there are none, or the budget is used up.
  [[nodiscard]] std::optional<std::size_t> pick(std::uint32_t hash, Meter* meter = nullptr) const;

 private:
  struct Arc {
    std::string_view value;
    std::uint32_t weight;
    std::uint32_t entry;
  };
  std::vector<Arc> arcs_;
};

struct Coordinates {
  double latitude = 0;  ///< degrees
  double longitude = 0;
  friend bool operator==(const Coordinates&, const Coordinates&) = default;
};
enum class Distance {
  kPlanar,       ///< PowerDNS's: sum of the squares of the differences in degrees; longitude wraps at 180, both ways
  kGreatCircle,  ///< haversine, in kilometres
};
[[nodiscard]] double distance(const Coordinates& from, const Coordinates& to, Distance how);
/// Appends the indexes of the candidates with exactly the smallest distance. Nothing for an empty list.
void closest(const Coordinates& from, std::span<const Coordinates> candidates, Distance how,
             std::vector<std::size_t>& nearest);

/// `"%f %f"`.
[[nodiscard]] std::string latlon_text(const Coordinates& where);
/// The text of a LOC record (RFC 1876): `D M S N D M S E 0.00m 1.00m 10000.00m 10.00m`, seconds with six significant
/// digits. Differs from PowerDNS's where that is not valid.
[[nodiscard]] std::string latlonloc_text(const Coordinates& where);

}  // namespace sdns::lua
