// SPDX-License-Identifier: MIT
#include "backend/answer/zone_records.h"

namespace sdns::answer {
namespace {

void append_contents(const zone::Zone& zone, const dns::Name& name, dns::RrType type, std::vector<std::string>& out) {
  const std::string key = name.key();
  if (!std::string_view(key).starts_with(zone.apex_key())) return;
  const zone::Zone::Found found = zone.find(std::string_view(key).substr(zone.apex_key().size()));
  zone::RrsetView rrset;
  if (!found.owner || !found.owner->find(type, rrset)) return;
  for (std::string& content : zone::contents_of(rrset)) out.push_back(std::move(content));
}

}  // namespace

// PowerDNS appends the apex to whatever name is given.
std::optional<dns::Name> ZoneRecords::library_name(std::string_view relative_name, const dns::Name& apex) {
  if (relative_name.ends_with('.')) relative_name.remove_suffix(1);
  auto name = relative_name.empty() ? Result<dns::Name>(apex) : dns::Name::parse_relative(relative_name, apex);
  if (!name) return std::nullopt;
  return *name;
}

bool ZoneRecords::library(std::string_view relative_name, std::vector<std::string>& contents) {
  const auto name = library_name(relative_name, zone_->apex());
  if (!name) return false;
  append_contents(*zone_, *name, dns::kLUA, contents);
  return true;
}

bool ZoneRecords::lookup(std::string_view name, dns::RrType type, std::vector<std::string>& contents) {
  const auto parsed = dns::Name::parse(name);
  if (!parsed) return false;
  if (const zone::Zone* zone = zones_->closest(parsed->key())) append_contents(*zone, *parsed, type, contents);
  return true;
}

}  // namespace sdns::answer
