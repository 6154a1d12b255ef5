// SPDX-License-Identifier: MIT
// The options table of a function, and the options of a target pool: read into one form.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/health/check_question.h"
#include "backend/health/target_pool.h"
#include "lua/select.h"

struct lua_State;

namespace sdns::lua {

enum class Selector : std::uint8_t {
  kRandom,
  kAll,
  kHashed,
  kClosest,
  kFirst,
  kEmpty,
  kWeightedRandom,
  kWeightedHashed,
  kNameHashed,
  kConsistentHashed,
};
[[nodiscard]] std::optional<Selector> parse_selector(std::string_view text);

/// What is answered when too few are up.
enum class AllDown : std::uint8_t {
  kUnset,  ///< the function's own: backupSelector, or as if all were up
  kAll,
  kFirst,
  kRandom,
  kNone,      ///< SERVFAIL
  kLastGood,  ///< the targets that were up when enough were last
  kFallback,  ///< the addresses of `fallback`
};

/// A question to each target besides the first.
struct FurtherCheck {
  health::CheckKind kind = health::CheckKind::kTcp;
  std::string url;
  std::uint16_t port = 0;  ///< 0: none
  bool own_port = false;   ///< it says one, which counts before that of the target
  health::CheckOptions check;
};

struct Options {
  health::CheckOptions check;
  std::string url;
  std::optional<std::uint16_t> port;
  std::vector<FurtherCheck> further;                ///< complete after settle()
  health::CheckRule rule;                           ///< of how many must be up; all of them when there is one
  std::optional<dns::IpAddress> probe;              ///< probed in place of every target
  std::map<dns::IpAddress, dns::IpAddress> probes;  ///< and in place of these
  Selector selector = Selector::kRandom;
  Selector backup_selector = Selector::kRandom;
  bool has_selector = false;
  bool has_backup_selector = false;
  bool has_rule = false;
  bool fail_on_incomplete = false;
  std::uint32_t min_healthy = 1;
  bool min_healthy_is_percent = false;
  AllDown all_down = AllDown::kUnset;
  std::vector<std::string> fallback;
  bool planned_ttl = false;  ///< short while a verdict that counts may change soon
  Distance distance = Distance::kPlanar;
  bool unknown_location_last = false;  ///< else an unknown place is at 0, 0
  std::vector<std::string> remarks;    ///< options without effect and values that were replaced

  static constexpr std::size_t kMostOctets = 4'096;  ///< of a value, and of all headers
  static constexpr std::size_t kMostHeaders = 64;
  static constexpr std::size_t kMostFallbacks = 256;
  static constexpr std::size_t kMostRemarks = 16;
  static constexpr std::size_t kMostProbes = 1'000;

  /// A question of their own is in the options.
  [[nodiscard]] bool asks() const { return !url.empty() || check.dns_name || !check.program.empty() || port; }
  [[nodiscard]] bool checked() const { return asks() || !further.empty() || (pool_ && !pool_->checks.empty()); }
  void clear();
  /// A value as text. False: it cannot be used, and `error` says why; unknown names are remarked on.
  [[nodiscard]] bool set(std::string_view name, std::string_view value, std::string& error);
  /// All options of a pool, which outlives these.
  [[nodiscard]] bool take(const health::TargetPool& pool, std::string& error);
  /// The options table at `index`, which may be nil. Booleans are taken as `true` and `false`. Spends steps; false also
  /// when the budget is used up.
  [[nodiscard]] bool take(lua_State* state, int index, std::string& error);
  /// When everything is taken, and `own` questions are asked besides the further ones: makes those of a pool from what
  /// options are now.
  [[nodiscard]] bool settle(std::size_t own, std::string& error);
  /// What the options say of checks by programs, which records have no part in: a pool's.
  [[nodiscard]] const health::CheckOptions& of_programs() const { return of_pool_; }
  [[nodiscard]] std::uint16_t port_of_programs() const { return port_of_pool_; }

 private:
  [[nodiscard]] bool take(const health::PoolOptions& options, std::string& error);
  [[nodiscard]] bool add_further(const Options& entry, std::string& error);
  [[nodiscard]] Options entry_like_this() const;
  [[nodiscard]] bool set_of_check(std::string_view name, std::string_view value, std::string& error);
  [[nodiscard]] bool take_checks(lua_State* state, int index, std::string& error);
  [[nodiscard]] bool take_check(lua_State* state, int index, std::string& error);
  [[nodiscard]] bool take_probes(lua_State* state, int index, std::string& error);
  [[nodiscard]] bool add_fallback(std::string_view address, std::string& error);
  void remark(std::string text);
  void remark_on_idle_options();
  [[nodiscard]] bool take_headers(lua_State* state, int index, std::string& error);
  [[nodiscard]] bool take_fallback(lua_State* state, int index, std::string& error);

  const health::TargetPool* pool_ = nullptr;  // whose further checks are asked; null: none, or the record says its own
  std::unique_ptr<Options> entry_;            // a further check that is read
  bool from_pool_ = false;                    // what is set is what a pool says
  bool programs_ = false;                     // the pool asks some
  health::CheckOptions of_pool_;              // when it does
  std::uint16_t port_of_pool_ = 0;
};

}  // namespace sdns::lua
