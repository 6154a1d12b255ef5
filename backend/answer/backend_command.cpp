// SPDX-License-Identifier: MIT
#include "backend/answer/backend_command.h"

#include <fmt/format.h>

#include <iterator>
#include <optional>
#include <vector>

#include "backend/answer/located.h"

namespace sdns::answer {
namespace {

constexpr std::string_view kHelp = "commands: version, stats, zones, explain NAME [TYPE]\n";

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return words;
    text.remove_prefix(start);
    const std::size_t end = text.find_first_of(" \t\r\n");
    words.push_back(text.substr(0, end));
    text.remove_prefix(words.back().size());
  }
}

std::string stats(const zone::ZoneSet& zones) {
  std::size_t secured = 0;
  std::size_t owners = 0;
  zones.by_id().for_each([&](const zone::ZoneItem& item) {
    secured += item.zone->settings().keys.empty() ? 0 : 1;
    owners += item.zone->owners().size();
  });
  return fmt::format("revision={}\nzones={}\nzones-with-keys={}\nowner-names={}\ntsig-keys={}\n", zones.revision(),
                     zones.size(), secured, owners, zones.tsig_keys().size());
}

std::string list_zones(const zone::ZoneSet& zones) {
  std::string out;
  zones.by_id().for_each([&](const zone::ZoneItem& item) {
    const zone::Zone& zone = *item.zone;
    fmt::format_to(std::back_inserter(out), "{} id={} kind={} serial={} denial={}\n", zone.apex().text(), zone.id(),
                   zone::kind_text(zone.head().kind), zone.serial().value_or(dns::Serial{}).value, denial_text(zone));
  });
  return out;
}

// Whether there was any. A CNAME answers for all types.
bool append_rrsets(std::string& out, const zone::Zone::Found& found, std::optional<dns::RrType> type) {
  bool any = false;
  for (std::size_t i = 0; i < found.owner->rrset_count(); ++i) {
    const zone::RrsetView rrset = found.owner->rrset(i);
    if (type && *type != rrset.type && rrset.type != dns::kCNAME) continue;
    any = true;
    const std::string_view auth = zone::authoritative(found.flags, rrset.type) ? "" : " (not authoritative)";
    for (const std::string& content : zone::contents_of(rrset))
      fmt::format_to(std::back_inserter(out), "record: {} {} {}{}\n", rrset.ttl.seconds, rrset.type.text(), content,
                     auth);
  }
  return any;
}

std::string explain(std::string_view text, std::optional<std::string_view> type_text, const zone::ZoneSet& zones) {
  const auto name = dns::Name::parse(text);
  if (!name) return fmt::format("\"{}\" is not a domain name: {}\n", text.substr(0, 300), name.error().what);
  std::optional<dns::RrType> type;
  if (type_text && *type_text != "ANY") {
    const auto parsed = dns::RrType::parse(*type_text);
    if (!parsed) return fmt::format("\"{}\" is not a record type\n", type_text->substr(0, 100));
    type = *parsed;
  }
  const Located located = locate(*name, zones);
  if (located.where == Where::kNotHosted)
    return fmt::format("{}: no zone here is at or above this name: PowerDNS answers REFUSED\n", name->text());
  const zone::Zone& zone = *located.zone;
  std::string out = fmt::format("zone: {} id={} serial={} denial={}\n", zone.apex().text(), zone.id(),
                                zone.serial().value_or(dns::Serial{}).value, denial_text(zone));
  const auto explain_owner = [&] {
    if (!append_rrsets(out, located.found, type) && located.where != Where::kReferral)
      fmt::format_to(std::back_inserter(out), "no {} here: NODATA\n", type->text());
  };
  switch (located.where) {
    case Where::kNotHosted:
      break;
    case Where::kNoData:
      out += "the zone has no data: PowerDNS does not answer from it\n";
      break;
    case Where::kReferral:
      fmt::format_to(std::back_inserter(out), "zone cut: {}: PowerDNS answers with a referral\n",
                     owner_text(zone, located.at));
      if (located.found.owner) explain_owner();
      break;
    case Where::kExact:
      explain_owner();
      break;
    case Where::kEmptyNonTerminal:
      out += "empty non-terminal: NODATA for every type\n";
      break;
    case Where::kDname:
      fmt::format_to(std::back_inserter(out), "DNAME: {} answers with an alias\n", owner_text(zone, located.at));
      break;
    case Where::kWildcard:
      fmt::format_to(std::back_inserter(out), "wildcard: {} answers\n", owner_text(zone, located.at));
      explain_owner();
      break;
    case Where::kNowhere:
      out += "the name does not exist: NXDOMAIN\n";
      break;
  }
  return out;
}

}  // namespace

std::string backend_command(std::string_view command, const zone::ZoneSet& zones, std::string_view version) {
  const std::vector<std::string_view> words = words_of(command);
  if (words.size() == 1 && words[0] == "version") return fmt::format("sovereign-dnsd {}\n", version);
  if (words.size() == 1 && words[0] == "stats") return stats(zones);
  if (words.size() == 1 && words[0] == "zones") return list_zones(zones);
  if (words.size() == 2 && words[0] == "explain") return explain(words[1], std::nullopt, zones);
  if (words.size() == 3 && words[0] == "explain") return explain(words[1], words[2], zones);
  return std::string(kHelp);
}

}  // namespace sdns::answer
