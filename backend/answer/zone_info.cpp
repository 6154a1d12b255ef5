// SPDX-License-Identifier: MIT
#include "backend/answer/zone_info.h"

#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "backend/base/json_text.h"
#include "backend/dns/soa.h"

namespace sdns::answer {
namespace {

// In the words of the protocol.
std::string_view wire_text(zone::Kind kind) {
  switch (kind) {
    case zone::Kind::kPrimary:
      return "master";
    case zone::Kind::kSecondary:
      return "slave";
    case zone::Kind::kNative:
      break;
  }
  return "native";
}

// The members that every row has, without the closing brace. A native kind is the default and is left out.
void append_members(std::string& out, const zone::Zone& zone) {
  const zone::ZoneHead& head = zone.head();
  out += R"({"id":)";
  out += zone.id_text();
  out += R"(,"zone":)";
  append_json_string(out, head.apex.text());
  fmt::format_to(std::back_inserter(out), R"(,"serial":{})", zone.serial().value_or(dns::Serial{}).value);
  if (head.kind == zone::Kind::kNative) return;
  fmt::format_to(std::back_inserter(out), R"(,"kind":"{}")", wire_text(head.kind));
  if (head.primaries.empty()) return;
  char separator = '[';
  out += R"(,"masters":)";
  for (const std::string& primary : head.primaries) {
    out += separator;
    append_json_string(out, primary);
    separator = ',';
  }
  out += ']';
}

void append_state(std::string& out, const zone::ZoneHead& head) {
  fmt::format_to(std::back_inserter(out), R"(,"notified_serial":{},"last_check":{}}})", head.notified_serial,
                 head.last_check);
}

template <class Each>
void append_array(std::string& out, const zone::ZoneSet& zones, Each&& each) {
  char separator = '[';
  zones.by_id().for_each([&](const zone::ZoneItem& item) {
    const std::size_t start = out.size();
    out += separator;
    if (each(*item.zone)) separator = ',';
    else out.resize(start);
  });
  if (separator == '[') out += separator;
  out += ']';
}

std::optional<std::uint32_t> refresh_of(const zone::Zone& zone) {
  const zone::Owner* apex = zone.find("").owner;
  zone::RrsetView rrset;
  if (!apex || !apex->find(dns::kSOA, rrset)) return std::nullopt;
  const std::vector<std::string> contents = zone::contents_of(rrset);
  const std::optional<dns::Soa> soa = dns::read_soa(contents.front());
  return soa ? std::optional(soa->refresh) : std::nullopt;
}

}  // namespace

void append_zone_info(std::string& out, const zone::Zone& zone) {
  append_members(out, zone);
  out += '}';
}

void append_full_zone_info(std::string& out, const zone::Zone& zone) {
  append_members(out, zone);
  if (zone.head().kind == zone::Kind::kNative) out += R"(,"kind":"native")";
  append_state(out, zone.head());
}

void append_all_zones(std::string& out, const zone::ZoneSet& zones) {
  append_array(out, zones, [&](const zone::Zone& zone) {
    append_zone_info(out, zone);
    return true;
  });
}

void append_updated_primaries(std::string& out, const zone::ZoneSet& zones) {
  append_array(out, zones, [&](const zone::Zone& zone) {
    if (zone.head().kind != zone::Kind::kPrimary || !zone.serial()) return false;
    if (zone.serial()->value == zone.head().notified_serial) return false;
    append_full_zone_info(out, zone);
    return true;
  });
}

void append_unfresh_secondaries(std::string& out, const zone::ZoneSet& zones, std::int64_t now) {
  append_array(out, zones, [&](const zone::Zone& zone) {
    if (zone.head().kind != zone::Kind::kSecondary || zone.head().primaries.empty()) return false;
    const std::optional<std::uint32_t> refresh = refresh_of(zone);
    if (refresh && std::int64_t{zone.head().last_check} + *refresh >= now) return false;
    append_full_zone_info(out, zone);
    return true;
  });
}

}  // namespace sdns::answer
