// SPDX-License-Identifier: MIT
#include "backend/daemon/health_report.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <unordered_map>

#include "backend/base/metrics.h"

namespace sdns::daemon {
namespace {

using nlohmann::ordered_json;

std::int64_t milliseconds_of(SteadyTime::duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::string_view result_name(health::ProbeFailure failure) {
  return failure == health::ProbeFailure::kNone ? "success" : health::failure_name(failure);
}

ordered_json override_json(const health::Override* override) {
  if (override == nullptr) return nullptr;
  return {{"target", override->target},
          {"verdict", health::said_of(*override)},
          {"reason", override->reason},
          {"who", override->who},
          {"since", override->since_seconds},
          {"until", override->until_seconds == 0 ? ordered_json() : ordered_json(override->until_seconds)}};
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
  json["next_ms"] = report.until_next.count();
  json["fall"] = report.thresholds.fall;
  json["fall_remembered"] = report.thresholds.fall_remembered;
  json["rise"] = health::successes_needed(report.state, report.thresholds);
  const bool manual = report.thresholds.resume == health::Resume::kManual;
  json["resume"] = manual ? "manual" : "automatic";
  json["resumed"] = report.state.resumed;
  json["waits_for_resume"] = manual && report.state.verdict == health::Verdict::kDown && !report.state.resumed;
  const bool up = report.state.verdict == health::Verdict::kUp;
  json["last_up_ms"] = up                               ? ordered_json(0)
                       : report.last_up == SteadyTime{} ? ordered_json()
                                                        : ordered_json(milliseconds_of(now - report.last_up));
  json["ttl_step"] = report.ttl_step;
  json["last"] = nullptr;
  if (report.probed)
    json["last"] = {
        {"result", result_name(report.last_failure)}, {"detail", report.last_text}, {"us", report.last_total.count()}};
  json["last_error"] = nullptr;
  if (report.last_error != health::ProbeFailure::kNone)
    json["last_error"] = {{"result", result_name(report.last_error)},
                          {"detail", report.last_error_text},
                          {"ago_ms", milliseconds_of(now - report.last_error_at)}};
  return json;
}

// What the nodes say of one check.
ordered_json vantage_json(const HealthFacts& facts, std::string_view identity) {
  const auto report = facts.shared->report(std::string(identity));
  if (!report) return nullptr;
  ordered_json views = ordered_json::array();
  for (const health::Vantage::NodeView& view : report->views)
    views.push_back(
        {{"node", view.node},
         {"verdict", health::verdict_name(view.verdict)},
         {"since", std::chrono::duration_cast<std::chrono::seconds>(view.changed.time_since_epoch()).count()},
         {"counts", view.fresh}});
  return {{"own", health::verdict_name(report->own)},
          {"combined", health::verdict_name(report->now.verdict)},
          {"up", report->now.up},
          {"down", report->now.down},
          {"stale", report->now.stale},
          {"disagree", report->now.disagree},
          {"views", std::move(views)}};
}

ordered_json nodes_json(const HealthFacts& facts) {
  ordered_json nodes = ordered_json::array();
  for (const health::Vantage::NodeReport& node : facts.shared->nodes())
    nodes.push_back(
        {{"node", node.node}, {"heard_ms", milliseconds_of(facts.now - node.heard)}, {"counts", node.fresh}});
  return {{"node", facts.node},
          {"rule", health::vantage_rule_name(facts.shared->rule())},
          {"cut_off", facts.shared->cut_off()},
          {"others", std::move(nodes)}};
}

std::unordered_map<std::string_view, const health::CheckReport*> by_identity(
    const std::vector<health::CheckReport>& reports) {
  std::unordered_map<std::string_view, const health::CheckReport*> found;
  for (const health::CheckReport& report : reports) found.emplace(report.identity, &report);
  return found;
}

// A family of metrics: one sample for each check that has a value.
struct Family {
  const char* name;
  const char* type;
  const char* help;
  std::string samples{};

  void sample(std::string_view label, std::uint64_t value) {
    fmt::format_to(std::back_inserter(samples), "{}{{check=\"{}\"}} {}\n", name, label, value);
  }
};

}  // namespace

ordered_json health_json(const HealthFacts& facts, std::string_view part) {
  const health::HealthTable& table = facts.table;
  const auto probed = by_identity(facts.reports);
  ordered_json checks = ordered_json::array();
  for (const health::CheckId id : table.ids()) {
    const std::string_view identity = table.identity(id);
    const std::string shown = health::shown_check(identity);
    if (shown.find(part) == std::string::npos) continue;
    const health::State& state = table.state(id);
    ordered_json check;
    check["check"] = shown;
    check["state"] = health::verdict_name(state.verdict);
    check["forced"] = state.forced;
    check["override"] =
        state.forced
            ? override_json(facts.overrides.find(identity, health::override_subject(identity), facts.now_seconds))
            : ordered_json();
    check["weight"] = state.weight;
    const auto found = probed.find(identity);
    check["probed"] = found == probed.end() ? ordered_json() : probed_json(*found->second, facts.now);
    if (facts.shared) check["vantage"] = vantage_json(facts, identity);
    checks.push_back(std::move(check));
  }
  ordered_json json{{"sequence", table.sequence()}, {"purged", facts.purged}};
  if (facts.shared) json["vantage"] = nodes_json(facts);
  json["checks"] = std::move(checks);
  return json;
}

ordered_json transition_json(const health::PastTransition& past) {
  return {{"sequence", past.sequence},
          {"time_ms", std::chrono::duration_cast<std::chrono::milliseconds>(past.time.time_since_epoch()).count()},
          {"check", past.transition.check},
          {"from", health::verdict_name(past.transition.from)},
          {"to", health::verdict_name(past.transition.to)},
          {"why", health::why_name(past.transition.why)},
          {"result", result_name(past.transition.failure)},
          {"detail", past.transition.text}};
}

ordered_json history_json(const health::History::Page& page) {
  ordered_json transitions = ordered_json::array();
  for (const health::PastTransition& past : page.transitions) transitions.push_back(transition_json(past));
  return {{"last", page.last}, {"transitions", std::move(transitions)}};
}

std::string health_metrics(const health::HealthTable& table, const std::vector<health::CheckReport>& reports,
                           std::size_t most, SteadyTime now) {
  Family up{"sdns_health_check_up", "gauge",
            "1: answers count this check as up, 0: as down; unknown ones are left out"};
  Family probes{"sdns_health_check_probes_total", "counter", "Probes of this check that ended"};
  Family failures{"sdns_health_check_failures_total", "counter", "Those that did not succeed"};
  Family transitions{"sdns_health_check_transitions_total", "counter", "Changes of this check's verdict"};
  Family time{"sdns_health_check_probe_microseconds", "histogram",
              "Time that probes of this check took which succeeded or failed"};
  Family error{"sdns_health_check_last_error_age_seconds", "gauge",
               "Since a probe of this check did not succeed last, and why it did not"};
  const auto probed = by_identity(reports);
  const std::vector<health::CheckId> ids = table.ids();
  // Checks that differ in what is hidden may be shown alike, and a series that comes twice spoils all metrics.
  std::set<std::string> labels;
  for (const health::CheckId id : ids) {
    if (labels.size() == most) break;
    const std::string_view identity = table.identity(id);
    const auto [at, is_new] = labels.insert(escape_metric_label(health::shown_check(identity)));
    if (!is_new) continue;
    const std::string& label = *at;
    const health::Verdict verdict = table.state(id).verdict;
    if (verdict != health::Verdict::kUnknown) up.sample(label, verdict == health::Verdict::kUp ? 1 : 0);
    const auto found = probed.find(identity);
    if (found == probed.end()) continue;
    probes.sample(label, found->second->probes);
    failures.sample(label, found->second->failures);
    transitions.sample(label, found->second->transitions);
    const std::string braced = fmt::format("check=\"{}\"", label);
    const std::vector<std::uint64_t> counts(found->second->latencies.begin(), found->second->latencies.end());
    append_histogram(time.samples, time.name, braced, health::kLatencyBounds, counts,
                     found->second->all_totals.count());
    if (found->second->last_error == health::ProbeFailure::kNone) continue;
    fmt::format_to(std::back_inserter(error.samples), "{}{{{},error=\"{}\"}} {}\n", error.name, braced,
                   result_name(found->second->last_error), milliseconds_of(now - found->second->last_error_at) / 1000);
  }
  std::string text;
  for (const Family* family : {&up, &probes, &failures, &transitions, &time, &error})
    fmt::format_to(std::back_inserter(text), "# HELP {0} {1}\n# TYPE {0} {2}\n{3}", family->name, family->help,
                   family->type, family->samples);
  fmt::format_to(std::back_inserter(text),
                 "# HELP {0} Health checks without metrics of their own\n# TYPE {0} gauge\n{0} {1}\n",
                 "sdns_health_checks_left_out", ids.size() - labels.size());
  return text;
}

}  // namespace sdns::daemon
