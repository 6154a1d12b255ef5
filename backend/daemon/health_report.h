// SPDX-License-Identifier: MIT
// `/v1/health`: what is known of targets, and how it came to be.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "backend/health/check_book.h"
#include "backend/health/health_table.h"

namespace sdns::daemon {

/// Of every check in `table` whose identity contains `part`, with what is in `reports` of it. docs/health-checks.md
/// says what is in it.
nlohmann::ordered_json health_json(const health::HealthTable& table, const std::vector<health::CheckReport>& reports,
                                   std::string_view part, SteadyTime now);

}  // namespace sdns::daemon
