// SPDX-License-Identifier: MIT
// Locations of addresses that records name, looked up once: they are the same from query to query.
#pragma once

#include <cstddef>
#include <map>

#include "lua/geo.h"

namespace sdns::lua {

/// Used by one thread.
class LocationMemo {
 public:
  /// Which data to look in; what was remembered of other data is dropped.
  void use(const Geo* geo) {
    if (geo == geo_ && geo != nullptr && geo->generation() == generation_) return;
    known_.clear();
    geo_ = geo;
    generation_ = geo ? geo->generation() : 0;
  }
  /// Nothing when it is not known where the address is.
  std::optional<Coordinates> where(const dns::IpAddress& address) {
    if (!geo_) return std::nullopt;
    if (const auto found = known_.find(address); found != known_.end()) return found->second;
    if (known_.size() >= kMost) {  // one goes for each that comes, so that no call pays for all
      const auto next = known_.lower_bound(address);
      known_.erase(next != known_.end() ? next : known_.begin());
    }
    return known_.emplace(address, geo_->locate(address).where).first->second;
  }

 private:
  static constexpr std::size_t kMost = 100'000;
  const Geo* geo_ = nullptr;
  std::uint64_t generation_ = 0;
  std::map<dns::IpAddress, std::optional<Coordinates>> known_;
};

}  // namespace sdns::lua
