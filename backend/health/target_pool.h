// SPDX-License-Identifier: MIT
// Target pools: targets that are defined once and used by many records, as `pool('web')`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/ip.h"
#include "backend/health/combine.h"

namespace sdns::health {

/// One target of a pool.
struct PoolMember {
  std::string name;                   ///< unique within the pool; the address's text when none was given
  dns::IpAddress address;             ///< what is answered; unique within the pool
  std::uint32_t weight = 1;           ///< 0: takes part only in what does not weigh
  std::uint32_t group = 1;            ///< 1 is asked first; the next ones stand by
  std::string region{};               ///< "" when none
  std::optional<double> latitude{};   ///< degrees, -90 to 90; both or neither
  std::optional<double> longitude{};  ///< degrees, -180 to 180
  bool enabled = true;
  std::optional<dns::IpAddress> probe{};  ///< who is probed in its place; none: it is
  friend bool operator==(const PoolMember&, const PoolMember&) = default;
};

/// The options of a check and of a choice, as text: the same names and values as a LUA record's options table takes
/// (`url`, `port`, `timeout`, `interval`, `stringmatch`, `selector`, `minhealthy`, `alldown` …).
using PoolOptions = std::map<std::string, std::string>;

struct TargetPool {
  std::string name;  ///< letters, digits, `-`, `_`, `.`; at most 63
  PoolOptions options{};
  std::vector<PoolMember> members{};  ///< in the order in which they are tried
  bool from_configuration = false;    ///< defined in config.toml, not in the authority database
  /// Questions besides the one in `options`, each with one of `url`, `port`, `dns`, `exec` and the options of a check
  /// that are not as in `options`. `rule` says how many must be up.
  std::vector<PoolOptions> checks{};
  friend bool operator==(const TargetPool&, const TargetPool&) = default;
};

inline constexpr std::size_t kMaxPoolMembers = 1000;
inline constexpr std::size_t kMaxPoolChecks = 8;        ///< TargetPool::checks
inline constexpr std::size_t kMaxCheckedMembers = 256;  ///< members times the questions to each
inline constexpr std::uint32_t kMaxPoolWeight = 65'535;
inline constexpr std::uint32_t kMaxPoolGroup = 1000;
inline constexpr std::size_t kMaxOptionOctets = 1024;

/// The names of all options, in the order of the documentation.
std::span<const std::string_view> pool_option_names();
/// Those of a check: what TargetPool::checks may have.
std::span<const std::string_view> check_option_names();
/// Whether one is among options: the pool asks a question.
[[nodiscard]] bool asks_question(const PoolOptions& options);

/// A rule that a pool breaks.
struct PoolProblem {
  std::optional<std::size_t> member;  ///< which one; none: the pool itself
  std::string key;                    ///< `name`, `address`, `latitude`, an option's name …; "" for all of them
  std::string what;                   ///< reads on after the key: names the value and the rule
  std::string hint;
  std::optional<std::size_t> check{};  ///< which of TargetPool::checks
};

/// Every rule that the pool breaks: names, unique members, coordinates, known options with values that can be read. A
/// pool without members keeps the rules.
std::vector<PoolProblem> pool_problems(const TargetPool& pool);
/// The first of them. Errors (kInvalidArgument) name the pool, the member, the value and the rule.
Result<void> check_pool(const TargetPool& pool);

/// Degrees as text: the shortest that reads back as the same number; there is no negative zero.
std::string degrees_text(double degrees);
/// A decimal number. Errors: kInvalidArgument.
Result<double> parse_degrees(std::string_view text);

struct MergedPools;

/// Immutable; ordered by name.
class TargetPools {
 public:
  TargetPools() = default;
  /// Errors (kInvalidArgument): two with one name; what check_pool() says.
  static Result<TargetPools> make(std::vector<TargetPool> pools);
  [[nodiscard]] const TargetPool* find(std::string_view name) const;
  [[nodiscard]] const std::vector<TargetPool>& all() const { return pools_; }
  friend bool operator==(const TargetPools&, const TargetPools&) = default;

  /// All pools of both. Where both have one of a name, that of the configuration wins.
  static MergedPools merge(const TargetPools& configured, const TargetPools& stored);
  /// The names of pools that only one of them has, or that differ. In order.
  static std::vector<std::string> differing(const TargetPools& a, const TargetPools& b);

 private:
  std::vector<TargetPool> pools_;
};

struct MergedPools {
  TargetPools pools;
  std::vector<std::string> hidden;  ///< names of stored pools that lost, in order
};

}  // namespace sdns::health
