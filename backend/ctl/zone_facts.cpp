// SPDX-License-Identifier: MIT
#include "backend/ctl/zone_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

namespace sdns::ctl {
Result<store::ZoneRow> find_zone(store::Transaction& transaction, const dns::Name& apex) {
  auto found = transaction.zone(apex);
  if (!found) return fail(std::move(found.error()));
  if (*found) return std::move(**found);
  std::string hint = "`sdnsctl zone list` lists the zones";
  if (auto around = transaction.enclosing_zone(apex); around && *around) {
    hint = fmt::format("the name lies in the zone {}; {}", (*around)->head.apex.text(), hint);
  }
  return fail(Errc::kNotFound, fmt::format("there is no zone {}", apex.text()), std::move(hint));
}

nlohmann::json to_json(const store::StoredRecord& record) {
  return {{"name", record.record.owner.text()},
          {"type", record.record.type.text()},
          {"ttl", record.record.ttl.seconds},
          {"content", record.record.content},
          {"disabled", record.disabled}};
}

nlohmann::json to_json(const std::vector<zone::Finding>& findings) {
  auto list = nlohmann::json::array();
  for (const auto& finding : findings) {
    list.push_back({{"severity", finding.severity == zone::Severity::kError ? "error" : "warning"},
                    {"where", finding.where},
                    {"what", finding.what}});
  }
  return list;
}

bool has_errors(const std::vector<zone::Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const zone::Finding& finding) { return finding.severity == zone::Severity::kError; });
}

void print_findings(std::ostream& out, const std::vector<zone::Finding>& findings) {
  for (const auto& finding : findings) {
    out << (finding.severity == zone::Severity::kError ? "error: " : "warning: ") << finding.where << ": "
        << finding.what << '\n';
  }
}

std::string count_text(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace sdns::ctl
