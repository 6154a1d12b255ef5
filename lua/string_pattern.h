// SPDX-License-Identifier: MIT
// Patterns of Lua 5.1 (reference manual, section 5.4.1) as LuaJIT matches them, under a budget. Knows no lua_State.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lua/meter.h"

namespace sdns::lua {

/// Why no more can be matched. What is wrong with a pattern is said once matching comes to that place.
enum class PatternFault : std::uint8_t {
  kNone,
  kOverBudget,
  kTooComplex,
  kEndsWithPercent,
  kNoClosingBracket,
  kNoFrontierSet,
  kNoBalancedPair,
  kNoSuchCapture,
  kNothingToClose,
  kTooManyCaptures,
};
/// As LuaJIT words it.
[[nodiscard]] const char* text_of(PatternFault fault);

struct PatternCapture {
  static constexpr std::ptrdiff_t kOpen = -1;
  static constexpr std::ptrdiff_t kPosition = -2;
  const char* begin;
  std::ptrdiff_t size;  ///< octets, or one of the above
};

/// One pattern and one subject, which both outlive it. Trivially destructible: a Lua error may leave its frame.
class PatternMatcher {
 public:
  static constexpr int kMaxCaptures = 32;

  /// `pattern` is what follows an anchor, and ends before its first zero octet.
  PatternMatcher(std::string_view subject, std::string_view pattern, Meter& meter);

  /// Where the match that begins at `at` ends; null when there is none or when fault() says why. Spends a step for each
  /// octet looked at and each item tried.
  [[nodiscard]] const char* match(const char* at);

  [[nodiscard]] PatternFault fault() const { return fault_; }
  [[nodiscard]] int captures() const { return captures_; }
  [[nodiscard]] const PatternCapture& capture(int index) const { return capture_[static_cast<std::size_t>(index)]; }
  [[nodiscard]] const char* subject_begin() const { return begin_; }
  [[nodiscard]] const char* subject_end() const { return end_; }

 private:
  const char* run(const char* at, const char* pattern);
  const char* items(const char* at, const char* pattern);
  const char* item_end(const char* pattern);
  const char* longest_first(const char* at, const char* item, const char* after);
  const char* shortest_first(const char* at, const char* item, const char* after);
  const char* open_capture(const char* at, const char* pattern, std::ptrdiff_t kind);
  const char* close_capture(const char* at, const char* pattern);
  const char* balanced(const char* at, const char* pair);
  const char* same_as_capture(const char* at, char digit);
  bool at_frontier(const char* at, const char* set, const char* after) const;
  bool fits(const char* at, const char* item, const char* after) const;
  const char* fail(PatternFault fault);

  const char* begin_;
  const char* end_;
  const char* pattern_;
  const char* pattern_end_;
  Meter& meter_;
  int depth_ = 0;
  int captures_ = 0;
  PatternFault fault_ = PatternFault::kNone;
  std::array<PatternCapture, kMaxCaptures> capture_;  // the first captures_ of them; most patterns need few
};

}  // namespace sdns::lua
