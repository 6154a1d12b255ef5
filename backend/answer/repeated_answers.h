// SPDX-License-Identifier: MIT
// Answers that depend on the client, kept for the next equal lookup: PowerDNS may not cache what has a scope, and looks
// such a name up twice for one query.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "backend/answer/steering.h"
#include "backend/base/clock.h"
#include "backend/health/target_pool.h"
#include "backend/protocol/request.h"
#include "backend/zone/zone_set.h"

namespace sdns::answer {

/// What answers rest on besides the lookup.
struct Ground {
  zone::Revision revision = 0;
  zone::Chain chain{};
  std::shared_ptr<const health::TargetPools> pools;
  std::uint64_t health_sequence = 0;
  std::uint64_t geo_generation = 0;
  friend bool operator==(const Ground&, const Ground&) = default;
};

/// One answering thread's. A few, each in the place of its client and name.
class RepeatedAnswers {
 public:
  /// Null when this was not asked within a second before `now`, or what it rests on has changed. Valid until the next
  /// remember(). Allocates nothing.
  [[nodiscard]] const SteeredRows* find(const protocol::Lookup& lookup, const Ground& ground, SteadyTime now) const;
  /// `rows` answer every equal lookup on this ground: no chance and no time was part of them, and none failed.
  void remember(const protocol::Lookup& lookup, const Ground& ground, SteadyTime now, const SteeredRows& rows);

 private:
  struct Place {
    std::string qname;
    std::string remote;
    std::string real_remote;
    std::string local;
    dns::RrType qtype;
    std::int64_t zone_id = -1;
    Ground ground;
    SteadyTime until{};
    SteeredRows rows;
  };
  static std::size_t place_of(const protocol::Lookup& lookup);

  static constexpr std::size_t kPlaces = 16;  // for as many queries between two lookups of one
  std::array<Place, kPlaces> places_;
};

}  // namespace sdns::answer
