// SPDX-License-Identifier: MIT
// Where addresses are, looked up once: those that records name are the same from query to query, and clients come back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "lua/geo.h"

namespace sdns::lua {

/// Used by one thread. Of addresses that share a pair of places the last two stay.
class LocationMemo {
 public:
  /// Which data to look in, null for none. What was remembered of other data is not used.
  void use(const Geo* geo) {
    geo_ = geo;
    if (geo && places_.empty()) places_.resize(kPlaces);
  }
  [[nodiscard]] GeoLocation locate(const dns::IpAddress& address) {
    if (!geo_) return {};
    const std::size_t first = place_of(address);
    for (const std::size_t at : {first, first ^ 1}) {
      const Place& place = places_[at];
      if (place.generation == geo_->generation() && place.address == address) return place.location;
    }
    places_[first ^ 1] = places_[first];
    places_[first] = {geo_->generation(), address, geo_->locate(address)};
    return places_[first].location;
  }

 private:
  struct alignas(64) Place {
    std::uint64_t generation = 0;  // no Geo has this one
    dns::IpAddress address;
    GeoLocation location;
  };
  static constexpr unsigned kPlaceBits = 14;
  static constexpr std::size_t kPlaces = std::size_t{1} << kPlaceBits;

  static std::size_t place_of(const dns::IpAddress& address) {
    const auto octets = address.octets();
    std::uint64_t words[2]{};
    std::memcpy(words, octets.data(), octets.size());
    constexpr std::uint64_t kGoldenRatio = 0x9e37'79b9'7f4a'7c15;
    return ((words[0] * kGoldenRatio ^ words[1]) * kGoldenRatio) >> (64 - kPlaceBits);
  }

  const Geo* geo_ = nullptr;
  std::vector<Place> places_;
};

}  // namespace sdns::lua
