// SPDX-License-Identifier: MIT
#include "backend/ctl/zone_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <ostream>

namespace sdns::ctl {
namespace {

/// The octets of the serial in SOA RDATA: begin and end.
std::optional<std::pair<std::size_t, std::size_t>> serial_span(std::string_view content) {
  std::size_t at = 0;
  for (int field = 0; field < 2; ++field) {
    at = content.find(' ', at);
    if (at == std::string_view::npos) return std::nullopt;
    ++at;
  }
  const std::size_t end = std::min(content.find(' ', at), content.size());
  return std::pair{at, end};
}

}  // namespace

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

bool Signing::has_active_key() const {
  return std::any_of(keys.begin(), keys.end(), [](const zone::Key& key) { return key.active; });
}

bool Signing::presigned() const { return metadata_value(metadata, "PRESIGNED") == "1"; }

bool Signing::live() const { return has_active_key() && !presigned(); }

std::string_view Signing::text() const { return presigned() ? "presigned" : live() ? "signed live" : "unsigned"; }

std::string Signing::denial_text() const {
  const auto parameters = metadata_value(metadata, "NSEC3PARAM");
  if (!parameters) return "NSEC";
  return fmt::format("NSEC3 ({}){}", *parameters, metadata_value(metadata, "NSEC3NARROW") == "1" ? " narrow" : "");
}

Result<Signing> signing_of(store::Transaction& transaction, zone::ZoneId id) {
  auto keys = transaction.keys(id);
  if (!keys) return fail(std::move(keys.error()));
  auto metadata = transaction.metadata(id);
  if (!metadata) return fail(std::move(metadata.error()));
  return Signing{std::move(*keys), std::move(*metadata)};
}

std::optional<std::string> metadata_value(const std::vector<zone::Metadata>& metadata, std::string_view kind) {
  for (const auto& one : metadata) {
    if (one.kind == kind && !one.values.empty()) return one.values.front();
  }
  return std::nullopt;
}

bool made_by_signing(dns::RrType type) {
  return type == dns::kRRSIG || type == dns::kNSEC || type == dns::kNSEC3 || type == dns::kNSEC3PARAM ||
         type == dns::kDNSKEY;
}

std::optional<std::uint32_t> soa_serial(std::string_view content) {
  const auto span = serial_span(content);
  if (!span) return std::nullopt;
  std::uint32_t serial = 0;
  const char* end = content.data() + span->second;
  const auto [stopped, problem] = std::from_chars(content.data() + span->first, end, serial);
  if (problem != std::errc{} || stopped != end) return std::nullopt;
  return serial;
}

std::string with_soa_serial(std::string_view content, std::uint32_t serial) {
  const auto span = serial_span(content);
  if (!span) return std::string(content);
  return fmt::format("{}{}{}", content.substr(0, span->first), serial, content.substr(span->second));
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
