// SPDX-License-Identifier: MIT
#include "backend/daemon/health_report.h"

#include <nlohmann/json.hpp>
#include <unordered_map>

namespace sdns::daemon {
namespace {

using nlohmann::ordered_json;

std::int64_t milliseconds_of(SteadyTime::duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

ordered_json probed_json(const health::CheckReport& report, SteadyTime now) {
  ordered_json json;
  json["verdict"] = health::verdict_name(report.state.verdict);
  json["for_ms"] = milliseconds_of(now - report.state.changed);
  json["successes_in_row"] = report.state.successes_in_row();
  json["failures_in_row"] = report.state.failures_in_row();
  json["probes"] = report.probes;
  json["failed"] = report.failures;
  json["transitions"] = report.transitions;
  json["interval_ms"] = report.interval.count();
  json["last"] = nullptr;
  if (report.probed)
    json["last"] = {
        {"result", report.last_failure == health::ProbeFailure::kNone ? std::string_view("success")
                                                                      : health::failure_name(report.last_failure)},
        {"detail", report.last_text},
        {"us", report.last_total.count()}};
  return json;
}

}  // namespace

ordered_json health_json(const health::HealthTable& table, const std::vector<health::CheckReport>& reports,
                         std::string_view part, SteadyTime now) {
  std::unordered_map<std::string_view, const health::CheckReport*> probed;
  for (const health::CheckReport& report : reports) probed.emplace(report.identity, &report);
  ordered_json checks = ordered_json::array();
  for (const health::CheckId id : table.ids()) {
    const std::string_view identity = table.identity(id);
    if (identity.find(part) == std::string_view::npos) continue;
    const health::State& state = table.state(id);
    ordered_json check;
    check["check"] = identity;
    check["state"] = health::verdict_name(state.verdict);
    check["forced"] = state.forced;
    check["weight"] = state.weight;
    const auto found = probed.find(identity);
    check["probed"] = found == probed.end() ? ordered_json() : probed_json(*found->second, now);
    checks.push_back(std::move(check));
  }
  return {{"sequence", table.sequence()}, {"checks", std::move(checks)}};
}

}  // namespace sdns::daemon
