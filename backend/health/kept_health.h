// SPDX-License-Identifier: MIT
// What is kept of health checks over a restart: verdicts and counters, as one text.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/health/verdict.h"

namespace sdns::health {

struct KeptCheck {
  std::string identity;
  VerdictRecord record;
  std::uint32_t weight = 1;
  std::uint64_t probes = 0;
  std::uint64_t failures = 0;
  std::uint32_t transitions = 0;
  std::optional<std::chrono::milliseconds> up_ago{};  ///< State::last_up; nothing: it never was up
  std::int64_t resumed = 0;                           ///< ResumeOrder::seconds of the last one
  friend bool operator==(const KeptCheck&, const KeptCheck&) = default;
};

struct KeptHealth {
  WallTime saved{};  ///< to the millisecond
  std::vector<KeptCheck> checks;
  friend bool operator==(const KeptHealth&, const KeptHealth&) = default;
};

/// A line for each check between a first and a last one.
[[nodiscard]] std::string to_text(const KeptHealth& kept);
/// Errors: kCorrupt names the line; kUnsupported, of a later version.
Result<KeptHealth> parse_kept_health(std::string_view text);

}  // namespace sdns::health
