// SPDX-License-Identifier: MIT
#include "backend/answer/located.h"

#include "backend/answer/zone_rows.h"

namespace sdns::answer {
namespace {

// The deepest name above this one that has a DNAME record.
bool find_dname(const zone::Zone& zone, std::string_view relative, Located& located) {
  while (!relative.empty()) {
    relative = dns::parent_key(relative);
    const zone::Zone::Found found = zone.find(relative);
    if (!found.owner || !found.owner->has(dns::kDNAME)) continue;
    located.found = found;
    located.at = relative;
    return true;
  }
  return false;
}

}  // namespace

Located locate(const dns::Name& name, const zone::ZoneSet& zones) {
  Located located;
  const std::string key = name.key();
  located.zone = zones.closest(key);
  if (!located.zone) return located;
  const zone::Zone& zone = *located.zone;
  const std::string_view relative = std::string_view(key).substr(zone.apex_key().size());
  located.at = relative;
  if (!zone.serial()) {
    located.where = Where::kNoData;
    return located;
  }
  located.found = zone.find(relative);
  if (const auto cut = zone.cut_above(relative)) {
    located.where = Where::kReferral;
    located.at = *cut;
  } else if (located.found.owner) {
    located.where = Where::kExact;
  } else if (located.found.exists) {
    located.where = Where::kEmptyNonTerminal;
  } else if (find_dname(zone, relative, located)) {
    located.where = Where::kDname;
  } else if (std::string wildcard; zone.wildcard_for(relative, wildcard)) {
    located.where = Where::kWildcard;
    located.found = zone.find(wildcard);
    located.at = std::move(wildcard);
  } else {
    located.where = Where::kNowhere;
  }
  return located;
}

std::string owner_text(const zone::Zone& zone, std::string_view relative_key) {
  std::string text;
  append_owner_name(zone, relative_key, text);
  return text;
}

std::string_view denial_text(const zone::Zone& zone) {
  if (zone.settings().keys.empty()) return "unsigned";
  switch (zone.settings().denial.mode) {
    case zone::Denial::Mode::kNsec:
      return "NSEC";
    case zone::Denial::Mode::kNsec3:
      return zone.settings().denial.opt_out ? "NSEC3 opt-out" : "NSEC3";
    case zone::Denial::Mode::kNsec3Narrow:
      return "NSEC3 narrow";
  }
  return "";
}

}  // namespace sdns::answer
