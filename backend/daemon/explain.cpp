// SPDX-License-Identifier: MIT
#include "backend/daemon/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "backend/health/check_question.h"
#include "backend/health/override.h"

namespace sdns::daemon {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 5> kParameters = {"name", "type", "client", "ecs", "at_health"};
constexpr std::size_t kMostAssumptions = 1000;

Result<std::vector<answer::Assumption>> parse_assumptions(std::string_view text) {
  std::vector<answer::Assumption> assumptions;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty()) continue;
    const std::size_t equals = line.rfind('=');
    const std::string_view state = equals == std::string_view::npos ? "" : line.substr(equals + 1);
    if (state != "up" && state != "down")
      return fail(Errc::kInvalidArgument,
                  fmt::format("at_health: \"{}\" is neither TARGET=up nor TARGET=down", line.substr(0, 300)),
                  "as in 192.0.2.1:443=down");
    auto target = health::canonical_target(line.substr(0, equals));
    if (!target)
      return fail(Errc::kInvalidArgument, "at_health: " + target.error().what, std::move(target.error().hint));
    if (assumptions.size() == kMostAssumptions)
      return fail(Errc::kInvalidArgument, fmt::format("at_health: more than {} targets", kMostAssumptions));
    assumptions.push_back({std::move(*target), state == "up" ? health::Verdict::kUp : health::Verdict::kDown});
  }
  return assumptions;
}

// Sets who asks. A client with a prefix is a resolver that sends its own network as client subnet.
Result<void> parse_client(const QueryParameters& query, ExplainRequest& request) {
  lua::Client& client = request.question.client;
  const auto given = query.find("client");
  const auto ecs = query.find("ecs");
  request.client_assumed = given == query.end();
  auto who = dns::IpNetwork::parse(request.client_assumed ? std::string("127.0.0.1") : given->second);
  if (!who) return fail(Errc::kInvalidArgument, "client: " + who.error().what, "as in 192.0.2.1 or 192.0.2.0/24");
  if (who->address.is_zero())
    return fail(Errc::kInvalidArgument, fmt::format("client: {} is nobody's address", who->address.text()));
  client.who = who->address;
  if (who->bits != who->address.bits()) {
    if (ecs != query.end())
      return fail(Errc::kInvalidArgument, fmt::format("client: {} has a prefix, and ecs is given too", given->second),
                  "give one client subnet: a client with a prefix, or an address and ecs");
    client.ecs = dns::IpNetwork{who->network(), who->bits};
  } else if (ecs != query.end()) {
    auto network = dns::IpNetwork::parse(ecs->second);
    if (!network) return fail(Errc::kInvalidArgument, "ecs: " + network.error().what, "as in 192.0.2.0/24");
    const bool itself = network->address == client.who && network->bits == client.who.bits();
    if (!itself) client.ecs = dns::IpNetwork{network->network(), network->bits};
  }
  client.local = *dns::IpAddress::parse(client.who.is_v4() ? "127.0.0.1" : "::1");
  return {};
}

std::string_view where_text(answer::Where where) {
  switch (where) {
    case answer::Where::kNotHosted:
      return "not-hosted";
    case answer::Where::kNoData:
      return "no-data";
    case answer::Where::kReferral:
      return "zone-cut";
    case answer::Where::kExact:
      return "exact";
    case answer::Where::kEmptyNonTerminal:
      return "empty-non-terminal";
    case answer::Where::kDname:
      return "dname";
    case answer::Where::kWildcard:
      return "wildcard";
    case answer::Where::kNowhere:
      break;
  }
  return "nowhere";
}

std::string_view by_text(answer::EvaluatedBy by) {
  switch (by) {
    case answer::EvaluatedBy::kUs:
      return "us";
    case answer::EvaluatedBy::kPowerDns:
      return "powerdns";
    case answer::EvaluatedBy::kNobody:
      break;
  }
  return "nobody";
}

Json check_json(const std::string& identity, const answer::Explanation& explanation) {
  const health::CheckId id = explanation.health->find(identity);
  const health::State& state = explanation.health->state(id);
  const bool assumed =
      std::any_of(explanation.at_health.begin(), explanation.at_health.end(), [&](const auto& applied) {
        return std::find(applied.checks.begin(), applied.checks.end(), identity) != applied.checks.end();
      });
  return {{"check", health::shown_check(identity)},
          {"state", health::verdict_name(state.verdict)},
          {"known", id != health::kNoCheck},
          {"forced", state.forced},
          {"assumed", assumed},
          {"ttl_step", state.ttl_step},
          {"weight", state.weight}};
}

Json record_json(const ExplainRequest& request, const answer::ExplainedRecord& record,
                 const answer::Explanation& explanation) {
  const lua::Client& client = request.question.client;
  const lua::Evidence& evidence = record.evidence;
  Json json = {{"type", record.type.text()},
               {"ttl", record.ttl},
               {"content", record.content},
               {"source", record.source},
               {"asked", answer::is_asked(request.question, record.type)},
               {"evaluated_by", by_text(record.by)},
               {"reason", record.reason}};
  if (record.by != answer::EvaluatedBy::kUs) return json;
  json["failure"] = record.failure.empty() ? Json() : Json(record.failure);
  json["records"] = record.contents;
  json["answered_ttl"] = evidence.ttl(record.ttl);
  json["ttl_planned"] = evidence.planned;
  json["scope_mask"] = record.scope_mask;
  json["cached"] = record.failure.empty() && evidence.cacheable();
  json["cache"] = answer::cache_words(record, client);
  Json steps = Json::array();
  for (const lua::TraceStep& step : record.trace.steps)
    steps.push_back({{"where", step.where}, {"candidate", step.candidate}, {"kept", step.kept}, {"why", step.why}});
  json["candidates"] = std::move(steps);
  json["notes"] = record.trace.notes;
  Json checks = Json::array();
  for (const std::string& check : evidence.checks) checks.push_back(check_json(check, explanation));
  dns::IpNetwork mattered{{}, std::min(evidence.bits, client.source_bits())};
  mattered.address = client.best().masked(mattered.bits);
  json["evidence"] = {{"client", evidence.client}, {"client_network", evidence.client ? Json(mattered.text()) : Json()},
                      {"chance", evidence.chance}, {"query_name", evidence.query_name},
                      {"places", evidence.places}, {"checks", std::move(checks)},
                      {"pools", evidence.pools},   {"includes", evidence.includes},
                      {"names", evidence.names}};
  Json log = Json::array();
  for (const lua::LogLine& line : record.log) log.push_back({{"level", line.level}, {"text", line.text}});
  json["log"] = std::move(log);
  json["steps"] = record.steps;
  json["nanoseconds"] = record.taken.count();
  return json;
}

Json zone_json(const zone::Zone& zone) {
  return {{"name", zone.apex().text()},
          {"id", zone.id()},
          {"kind", zone::kind_text(zone.head().kind)},
          {"serial", zone.serial() ? Json(zone.serial()->value) : Json()},
          {"denial", answer::denial_text(zone)}};
}

}  // namespace

Result<ExplainRequest> parse_explain_request(const QueryParameters& query) {
  for (const auto& [name, value] : query)
    if (std::find(kParameters.begin(), kParameters.end(), name) == kParameters.end())
      return fail(Errc::kInvalidArgument, fmt::format("there is no parameter {}", name.substr(0, 100)),
                  fmt::format("there are {}", fmt::join(kParameters, ", ")));
  ExplainRequest request;
  const auto name = query.find("name");
  if (name == query.end())
    return fail(Errc::kInvalidArgument, "name is missing", "as in /v1/explain?name=www.example.org");
  auto parsed = dns::Name::parse(name->second);
  if (!parsed)
    return fail(Errc::kInvalidArgument,
                fmt::format("name: \"{}\" is not a domain name: {}", name->second.substr(0, 300), parsed.error().what));
  request.question.name = std::move(*parsed);
  if (const auto type = query.find("type"); type != query.end()) {
    const auto wanted = dns::RrType::parse(type->second);
    const bool any = type->second == "ANY" || type->second == "any";
    // Meta types and questions (RFC 6895 section 3.1).
    if (!any &&
        (!wanted || wanted->value == 0 || wanted->value == 41 || (wanted->value >= 128 && wanted->value <= 255)))
      return fail(Errc::kInvalidArgument, fmt::format("type: \"{}\" is not a record type", type->second.substr(0, 100)),
                  "as in A, MX, TXT, TYPE65280, or ANY for all");
    if (!any) request.question.type = *wanted;
  }
  if (auto done = parse_client(query, request); !done) return fail(std::move(done.error()));
  if (const auto at_health = query.find("at_health"); at_health != query.end()) {
    auto assumptions = parse_assumptions(at_health->second);
    if (!assumptions) return fail(std::move(assumptions.error()));
    request.question.at_health = std::move(*assumptions);
  }
  return request;
}

nlohmann::ordered_json explain_json(const ExplainRequest& request, const answer::Explanation& explanation) {
  const answer::ExplainQuestion& question = request.question;
  const answer::Located& located = explanation.located;
  const bool owner = located.where == answer::Where::kExact || located.where == answer::Where::kWildcard;
  Json json = {{"name", question.name.text()},
               {"type", question.type ? question.type->text() : "ANY"},
               {"client",
                {{"address", question.client.who.text()},
                 {"assumed", request.client_assumed},
                 {"ecs", question.client.ecs ? Json(question.client.ecs->text()) : Json()}}},
               {"revision", explanation.zones->revision()},
               {"zone", located.zone ? zone_json(*located.zone) : Json()},
               {"match", where_text(located.where)},
               {"owner", owner ? Json(answer::owner_text(*located.zone, located.at)) : Json()},
               {"asked_as", owner ? Json(explanation.asked) : Json()}};
  Json assumed = Json::array();
  for (const answer::AppliedAssumption& applied : explanation.at_health) {
    Json checks = Json::array();
    for (const std::string& check : applied.checks) checks.push_back(health::shown_check(check));
    assumed.push_back({{"target", health::shown_check(applied.assumption.target)},
                       {"state", health::verdict_name(applied.assumption.verdict)},
                       {"checks", std::move(checks)}});
  }
  json["at_health"] = std::move(assumed);
  Json rows = Json::array();
  for (const answer::AnswerRow& row : explanation.rows)
    rows.push_back(
        {{"type", row.type.text()}, {"ttl", row.ttl}, {"content", row.content}, {"scope_mask", row.scope_mask}});
  json["answer"] = {
      {"outcome", answer::outcome_name(explanation.outcome)}, {"why", explanation.why}, {"records", std::move(rows)}};
  Json records = Json::array();
  for (const answer::ExplainedRecord& record : explanation.steering.records)
    records.push_back(record_json(request, record, explanation));
  json["lua_records"] = std::move(records);
  return json;
}

}  // namespace sdns::daemon
