// SPDX-License-Identifier: MIT
// One verdict from several: of the checks of one target, and of the nodes that make the same check.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "backend/base/error.h"
#include "backend/health/health_table.h"

namespace sdns::health {

/// How many of a target's checks must be up.
struct CheckRule {
  enum class Kind : std::uint8_t { kAll, kAny, kAtLeast };
  Kind kind = Kind::kAll;
  std::uint32_t least = 1;  ///< for kAtLeast; 0 counts as 1, more than there are checks as all of them
  friend bool operator==(const CheckRule&, const CheckRule&) = default;
};

/// `all`, `any`, or a number from 1 to `most`. Errors (kInvalidArgument) read on after the option's name.
Result<CheckRule> parse_check_rule(std::string_view text, std::size_t most);
/// The rule for so many checks: `all`, `any`, `2 of 3`.
[[nodiscard]] std::string rule_text(CheckRule rule, std::size_t checks);

/// How many of so many checks (1 or more) must be up.
[[nodiscard]] std::size_t checks_needed(CheckRule rule, std::size_t checks);

/// Up when enough are up, down when not enough can be, else unknown: it depends on checks that have no result. Unknown
/// without checks. O(checks).
[[nodiscard]] Verdict combine_checks(CheckRule rule, std::span<const Verdict> checks);

/// Whose view of a check counts.
enum class VantageRule : std::uint8_t {
  kLocal,     ///< only our own
  kMajority,  ///< more than half of those that know; our own breaks a tie
  kAnyDown,   ///< down when anyone says so
};

/// What another node says of a check.
struct View {
  Verdict verdict = Verdict::kUnknown;
  std::chrono::milliseconds age{};  ///< since that node last said so
};

struct VantageVerdict {
  Verdict verdict = Verdict::kUnknown;
  std::uint32_t up = 0;     ///< views that count, our own among them
  std::uint32_t down = 0;   ///< the same
  std::uint32_t stale = 0;  ///< others' views that are too old to count
  bool disagree = false;    ///< views that are not too old say both, whatever the rule
  bool cut_off = false;     ///< there are others, but all of their views are too old: our own decides
  friend bool operator==(const VantageVerdict&, const VantageVerdict&) = default;
};

/// Views older than `most_age` do not count. Those that are unknown have no say: while ours is, the others' decide,
/// except under kLocal. O(views), allocates nothing.
[[nodiscard]] VantageVerdict combine_views(VantageRule rule, Verdict own, std::span<const View> others,
                                           std::chrono::milliseconds most_age);

}  // namespace sdns::health
