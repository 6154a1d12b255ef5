// SPDX-License-Identifier: MIT
// `/v1/health`, `/v1/health/history` and the metrics of each check: what is known of targets, and how it came to be.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "backend/daemon/shared_health.h"
#include "backend/health/check_book.h"
#include "backend/health/health_table.h"
#include "backend/health/history.h"
#include "backend/health/override.h"

namespace sdns::daemon {

/// What there is to show.
struct HealthFacts {
  const health::HealthTable& table;
  std::uint64_t purged = 0;                         ///< up to which table caches are
  const std::vector<health::CheckReport>& reports;  ///< of the checks that are shown
  const health::OverrideIndex& overrides;
  SteadyTime now{};
  std::int64_t now_seconds = 0;          ///< since 1970
  const SharedHealth* shared = nullptr;  ///< what other nodes say; null when nothing is probed
  std::string node{};                    ///< this node's name
};

/// Of every check in the table whose text, as it is shown, contains `part`. docs/health-checks.md says what is in it.
nlohmann::ordered_json health_json(const HealthFacts& facts, std::string_view part);
nlohmann::ordered_json transition_json(const health::PastTransition& past);
nlohmann::ordered_json history_json(const health::History::Page& page);

/// The metrics of each check in the Prometheus text format: those of the first `most` in the order of their identities,
/// and how many were left out.
std::string health_metrics(const health::HealthTable& table, const std::vector<health::CheckReport>& reports,
                           std::size_t most, SteadyTime now);

}  // namespace sdns::daemon
