// SPDX-License-Identifier: MIT
// Names that were answered from a wildcard as if they were there, in zones that deny with NSEC3: a denial of another
// type at such a name needs the record that has its hash.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "backend/zone/zone.h"

namespace sdns::answer {

/// Shared by all answering threads: PowerDNS asks for the hash on another connection. Each lock is held for one look-up
/// in a small table, by answering threads alone.
class SynthesisedNames {
 public:
  /// Notes the name with this relative key; about the cost of one NSEC3 hash. Bounded: the oldest are forgotten.
  void remember(const zone::Zone& zone, std::string_view relative_key);
  /// The relative key of the name whose hash this is.
  [[nodiscard]] std::optional<std::string> find(zone::ZoneId zone, const zone::Nsec3Hash& hash);

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kMostPerShard = 4096;  // two generations of these
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::string> young;
    std::unordered_map<std::string, std::string> old;
  };
  Shard& shard_of(std::string_view key) { return shards_[std::hash<std::string_view>{}(key) % kShards]; }

  std::array<Shard, kShards> shards_;
};

}  // namespace sdns::answer
