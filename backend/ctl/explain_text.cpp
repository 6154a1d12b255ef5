// SPDX-License-Identifier: MIT
#include "backend/ctl/explain_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backend/ctl/table.h"

namespace sdns::ctl {
namespace {

using Json = nlohmann::ordered_json;
using Facts = std::vector<std::pair<std::string, std::string>>;

std::string text(const Json& object, const char* key) { return object.at(key).get<std::string>(); }
bool is_true(const Json& object, const char* key) { return object.at(key).get<bool>(); }
std::uint64_t number(const Json& object, const char* key) { return object.at(key).get<std::uint64_t>(); }

std::string joined(const Json& texts, const char* between = ", ") {
  std::string out;
  for (const Json& one : texts) out += (out.empty() ? "" : between) + one.get<std::string>();
  return out;
}

std::string client_text(const Json& client) {
  std::string out = text(client, "address");
  if (!client.at("ecs").is_null()) out += ", client subnet " + text(client, "ecs");
  if (is_true(client, "assumed")) out += " (assumed; --client names another)";
  return out;
}

std::string match_text(const Json& document) {
  const std::string match = text(document, "match");
  if (match == "exact") return text(document, "owner") + " (the name itself)";
  if (match != "wildcard") return {};
  const std::string asked = text(document, "asked_as");
  return fmt::format("{} (wildcard; {})", text(document, "owner"),
                     asked == text(document, "owner") ? "its records do not read the name that was asked"
                                                      : "its records read the name that was asked");
}

std::string answer_text(const Json& answer) {
  static const std::vector<std::pair<std::string, std::string>> kWords = {
      {"refused", "REFUSED"},     {"no-zone-data", "none"},
      {"referral", "a referral"}, {"dname", "an alias made from a DNAME"},
      {"nxdomain", "NXDOMAIN"},   {"nodata", "NODATA: no records"},
      {"cname", "an alias"},      {"records", "records"},
      {"servfail", "SERVFAIL"},   {"powerdns", "PowerDNS's own"},
  };
  std::string words = text(answer, "outcome");
  for (const auto& [outcome, shown] : kWords)
    if (outcome == words) {
      words = shown;
      break;
    }
  if (words == "records")
    words = fmt::format("{} record{}", answer.at("records").size(), answer.at("records").size() == 1 ? "" : "s");
  const std::string why = text(answer, "why");
  return why.empty() ? words : fmt::format("{}: {}", words, why);
}

// Lines of a text, each with blanks in front.
std::string indented(std::string_view lines, std::string_view blanks) {
  std::string out;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    out.append(blanks).append(line) += '\n';
  }
  return out;
}

std::string state_text(const Json& check) {
  std::string out = text(check, "state");
  if (is_true(check, "assumed")) return out + " (assumed)";
  if (is_true(check, "forced")) return out + " (forced by an operator)";
  if (!is_true(check, "known")) out += " (not among the daemon's checks yet)";
  return out;
}

void print_list(std::ostream& out, const char* title, const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return;
  out << "  " << title << '\n';
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    out << "    ";
    for (std::size_t i = 0; i < row.size(); ++i)
      out << row[i] << (i + 1 < row.size() ? std::string(widths[i] - row[i].size() + 2, ' ') : "\n");
  }
}

// The TTL that is answered, and why. A daemon that is older says nothing of it.
std::string planned_text(const Json& record) {
  std::uint64_t least = 0;
  std::string soon;
  for (const Json& check : record.at("evidence").at("checks")) {
    const auto step = check.value("ttl_step", std::uint64_t{0});
    if (step == 0 || (least != 0 && step > least)) continue;
    soon = step == least ? soon + ", " + text(check, "check") : text(check, "check");
    least = step;
  }
  const std::uint64_t own = number(record, "ttl");
  if (least == 0) return fmt::format("planned: {}, the record's own, since no verdict may change soon", own);
  if (least >= own)
    return fmt::format("planned: {}, the record's own, which is no longer than {}: {}", own, least, soon);
  return fmt::format("planned: {} instead of {}, since this may change soon: {}", least, own, soon);
}

void print_evaluated(std::ostream& out, const Json& record) {
  const Json& evidence = record.at("evidence");
  std::vector<std::vector<std::string>> rows;
  for (const Json& step : record.at("candidates"))
    rows.push_back(
        {is_true(step, "kept") ? "keeps" : "drops", text(step, "candidate"), text(step, "where"), text(step, "why")});
  print_list(out, "candidates, in the order in which they were looked at", rows);
  rows.clear();
  for (const Json& note : record.at("notes")) rows.push_back({note.get<std::string>()});
  print_list(out, "notes", rows);
  rows.clear();
  for (const Json& check : evidence.at("checks")) rows.push_back({text(check, "check"), state_text(check)});
  print_list(out, "health checks", rows);
  rows.clear();
  if (is_true(evidence, "client")) rows.push_back({"the client's network: " + text(evidence, "client_network")});
  if (is_true(evidence, "chance")) rows.push_back({"chance or the time"});
  if (is_true(evidence, "query_name")) rows.push_back({"the name that was asked"});
  if (is_true(evidence, "places")) rows.push_back({"where other addresses are"});
  const auto names = [&](const char* what, const char* key) {
    if (!evidence.at(key).empty()) rows.push_back({fmt::format("{}: {}", what, joined(evidence.at(key)))});
  };
  names("target pools", "pools");
  names("libraries", "includes");
  names("records of", "names");
  if (rows.empty() && evidence.at("checks").empty() && record.at("failure").is_null())
    rows.push_back({"nothing but its code"});
  print_list(out, evidence.at("checks").empty() ? "rests on" : "rests also on", rows);
  rows.clear();
  for (const Json& line : record.at("log")) rows.push_back({text(line, "text")});
  print_list(out, "logs", rows);
  if (!record.at("failure").is_null()) {
    out << "  FAILS\n" << indented(text(record, "failure"), "    ");
    return;
  }
  rows.clear();
  for (const Json& content : record.at("records"))
    rows.push_back({fmt::format("{} {} {}", record.value("answered_ttl", number(record, "ttl")), text(record, "type"),
                                content.get<std::string>())});
  if (rows.empty()) rows.push_back({"nothing (NODATA)"});
  print_list(out, "gives", rows);
  if (record.value("ttl_planned", false)) print_list(out, "TTL", {{planned_text(record)}});
  out << "  PowerDNS's caches\n    " << text(record, "cache");
  if (const auto mask = number(record, "scope_mask"); mask != 0) out << fmt::format(" (scope {})", mask);
  out << '\n';
}

void print_record(std::ostream& out, const Json& record, std::size_t count, std::size_t of) {
  out << fmt::format("\nLUA record {} of {}: makes {}, TTL {}\n", count, of, text(record, "type"),
                     number(record, "ttl"));
  const std::string source = text(record, "source");
  out << indented(source.empty() ? text(record, "content") : source, "    | ");
  const std::string by = text(record, "evaluated_by");
  if (by != "us") {
    out << fmt::format("  {}: {}\n", by == "nobody" ? "not evaluated" : "handed to PowerDNS", text(record, "reason"));
    return;
  }
  if (is_true(record, "asked")) {
    print_evaluated(out, record);
    return;
  }
  // PowerDNS fetches all types of a name at once.
  if (!record.at("failure").is_null())
    out << fmt::format("  not asked for, evaluated all the same; it fails: {}\n", text(record, "failure"));
  else
    out << fmt::format("  not asked for, evaluated all the same; gives {}\n",
                       record.at("records").empty() ? "nothing" : joined(record.at("records")));
}

void print(std::ostream& out, const Json& document) {
  Facts facts = {{"name", fmt::format("{} {}", text(document, "name"),
                                      text(document, "type") == "ANY" ? "(every type)" : text(document, "type"))}};
  const Json& records = document.at("lua_records");
  if (!records.empty()) facts.emplace_back("client", client_text(document.at("client")));
  if (const Json& zone = document.at("zone"); !zone.is_null())
    facts.emplace_back(
        "zone",
        fmt::format("{} ({}, id {}, {}, {}), revision {}", text(zone, "name"), text(zone, "kind"), number(zone, "id"),
                    zone.at("serial").is_null() ? "without SOA" : fmt::format("serial {}", number(zone, "serial")),
                    text(zone, "denial"), number(document, "revision")));
  if (const std::string match = match_text(document); !match.empty()) facts.emplace_back("owner", match);
  for (const Json& assumed : document.at("at_health"))
    facts.emplace_back("assuming", fmt::format("{} is {}: {}", text(assumed, "target"), text(assumed, "state"),
                                               joined(assumed.at("checks"))));
  const Json& answer = document.at("answer");
  facts.emplace_back("answer", answer_text(answer));
  print_facts(out, facts);
  for (const Json& row : answer.at("records")) {
    const auto mask = number(row, "scope_mask");
    out << fmt::format("  {} {} {}{}\n", number(row, "ttl"), text(row, "type"), text(row, "content"),
                       mask != 0 ? fmt::format("  (scope {})", mask) : "");
  }
  for (std::size_t i = 0; i < records.size(); ++i) print_record(out, records[i], i + 1, records.size());
}

}  // namespace

Result<void> print_explanation(std::ostream& out, const nlohmann::ordered_json& document) {
  try {
    print(out, document);
    return {};
  } catch (const nlohmann::json::exception&) {
    return fail(Errc::kProtocol, "the daemon answered with something that is no explanation",
                "is it of another version? `sdnsctl status` shows it");
  }
}

}  // namespace sdns::ctl
