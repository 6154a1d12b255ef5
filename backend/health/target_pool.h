// SPDX-License-Identifier: MIT
// Target pools: targets that are defined once and used by many records, as `pool('web')`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/ip.h"

namespace sdns::health {

/// One target of a pool.
struct PoolMember {
  std::string name;                 ///< unique within the pool; the address's text when none was given
  dns::IpAddress address;           ///< what is answered
  std::uint32_t weight = 1;         ///< 0: takes part only in what does not weigh
  std::uint32_t group = 1;          ///< 1 is asked first; the next ones stand by
  std::string region;               ///< "" when none
  std::optional<double> latitude;   ///< degrees, -90 to 90; both or neither
  std::optional<double> longitude;  ///< degrees, -180 to 180
  bool enabled = true;
  friend bool operator==(const PoolMember&, const PoolMember&) = default;
};

/// The options of a check and of a choice, as text: the same names and values as a LUA record's options table takes
/// (`url`, `port`, `timeout`, `interval`, `stringmatch`, `selector`, `minhealthy`, `alldown` …).
using PoolOptions = std::map<std::string, std::string>;

struct TargetPool {
  std::string name;  ///< letters, digits, `-`, `_`, `.`; at most 63
  PoolOptions options;
  std::vector<PoolMember> members;  ///< in the order in which they are tried
  bool from_configuration = false;  ///< defined in config.toml, not in the authority database
  friend bool operator==(const TargetPool&, const TargetPool&) = default;
};

/// Whether the pool keeps the rules: names, unique members, coordinates, known options with values that can be read.
/// Errors (kInvalidArgument) name the pool, the member and the rule.
Result<void> check_pool(const TargetPool& pool);

/// Immutable; ordered by name.
class TargetPools {
 public:
  TargetPools() = default;
  /// Errors (kInvalidArgument): two with one name; what check_pool() says.
  static Result<TargetPools> make(std::vector<TargetPool> pools);
  [[nodiscard]] const TargetPool* find(std::string_view name) const;
  [[nodiscard]] const std::vector<TargetPool>& all() const { return pools_; }
  friend bool operator==(const TargetPools&, const TargetPools&) = default;

 private:
  std::vector<TargetPool> pools_;
};

}  // namespace sdns::health
