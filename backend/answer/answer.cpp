// SPDX-License-Identifier: MIT
#include "backend/answer/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "backend/answer/backend_command.h"
#include "backend/answer/neighbours.h"
#include "backend/answer/zone_info.h"
#include "backend/answer/zone_rows.h"
#include "backend/base/json_text.h"

namespace sdns::answer {
namespace {

using protocol::Reply;

Reply broken(std::string what) {
  return protocol::Broken{Error{Errc::kProtocol, std::move(what), "PowerDNS answers SERVFAIL and connects again"}};
}

Reply not_a_name(std::string_view method, std::string_view name) {
  return broken(fmt::format("{}: \"{}\" is not a domain name", method, name.substr(0, 300)));
}

const zone::Zone* zone_by_id(const zone::ZoneSet& zones, std::int64_t id) {
  if (id < 1 || id > std::numeric_limits<std::int32_t>::max()) return nullptr;
  return zones.find(static_cast<zone::ZoneId>(id));
}

// The zone that a lookup is about. Without an id only an SOA says that the name is an apex: PowerDNS walks up by itself
// until it finds one, and takes the zone id for all that follows from its row.
const zone::Zone* zone_of(const protocol::Lookup& lookup, const zone::ZoneSet& zones, std::string_view key) {
  if (lookup.zone_id != -1) return zone_by_id(zones, lookup.zone_id);
  return lookup.qtype == dns::kSOA ? zones.find_apex(key) : zones.closest(key);
}

constexpr std::string_view kEnableLua = "ENABLE-LUA-RECORDS";

struct Answerer {
  const zone::ZoneSet& zones;
  Scratch& scratch;
  const Facts& facts;

  Reply operator()(const protocol::Initialize&) const { return protocol::Accepted{}; }
  Reply operator()(const protocol::Unknown&) const { return protocol::Declined{}; }

  Reply operator()(const protocol::Lookup& lookup) const {
    if (!scratch.key.assign(lookup.qname)) return not_a_name("lookup", lookup.qname);
    const std::string_view key = scratch.key.view();
    protocol::Records records;
    records.qname_json = lookup.qname_json;
    // A zone that PowerDNS's zone cache still has and that is gone here has no names: PowerDNS then tries its parent.
    const zone::Zone* zone = zone_of(lookup, zones, key);
    if (!zone || !key.starts_with(zone->apex_key())) return records;
    records.zone_id = zone->id_text();

    const std::string_view relative = key.substr(zone->apex_key().size());
    const zone::Zone::Found found = zone->find(relative);
    if (!found.exists || (found.flags & zone::kBelowCut) != 0) scratch.asked = {zone->id(), relative};
    if (!found.exists) {
      if (facts.steering && zone->has_lua_wildcard() && lookup.qtype != dns::kSOA)
        if (auto reply = synthesise(lookup, *zone, relative, records)) return *reply;
      return records;
    }
    if (!found.owner) return empty_non_terminal(lookup, found.flags, records);
    for_each_wanted(*found.owner, lookup.qtype, [&](const zone::RrsetView& rrset) {
      if (facts.steering && rrset.type == dns::kLUA) return;
      scratch.blocks.push_back({rrset.rows, zone::authoritative(found.flags, rrset.type)});
    });
    if (facts.steering && (found.flags & zone::kHasLua) != 0)
      return steer({zones, *zone, *found.owner, lookup}, found.flags, records);
    records.blocks = scratch.blocks;
    return records;
  }

  // One row per zone, as short as they get: PowerDNS's unix connector takes time in the square of the length.
  Reply operator()(const protocol::GetAllDomains&) const {
    append_all_zones(scratch.text, zones);
    return protocol::Rendered{scratch.text};
  }

  Reply operator()(const protocol::GetDomainInfo& request) const {
    if (!scratch.key.assign(request.name)) return not_a_name("getDomainInfo", request.name);
    const zone::Zone* zone = zones.find_apex(scratch.key.view());
    if (!zone) return protocol::Declined{};
    append_full_zone_info(scratch.text, *zone);
    return protocol::Rendered{scratch.text};
  }

  Reply operator()(const protocol::GetAllDomainMetadata& request) const {
    if (!scratch.key.assign(request.name)) return not_a_name("getAllDomainMetadata", request.name);
    const zone::Zone* zone = zones.find_apex(scratch.key.view());
    if (!zone) return protocol::Declined{};
    if (!enables_lua(*zone)) return protocol::Rendered{zone->settings().metadata_json};
    scratch.text = '{';
    for (const zone::Metadata& metadata : zone->settings().metadata) {
      if (metadata.kind == kEnableLua || metadata.values.empty()) continue;
      append_json_string(scratch.text, metadata.kind);
      scratch.text += ':';
      append_values(metadata.values);
      scratch.text += ',';
    }
    scratch.text += fmt::format(R"("{}":["1"]}})", kEnableLua);
    return protocol::Rendered{scratch.text};
  }
  Reply operator()(const protocol::GetDomainKeys& request) const {
    return settings("getDomainKeys", request.name, &zone::ZoneSettings::keys_json);
  }

  Reply operator()(const protocol::GetDomainMetadata& request) const {
    if (!scratch.key.assign(request.name)) return not_a_name("getDomainMetadata", request.name);
    const zone::Zone* zone = zones.find_apex(scratch.key.view());
    if (!zone) return protocol::Declined{};
    if (request.kind == kEnableLua && enables_lua(*zone)) return protocol::Rendered{R"(["1"])"};
    for (const zone::Metadata& metadata : zone->settings().metadata) {
      if (metadata.kind != request.kind || metadata.values.empty()) continue;
      append_values(metadata.values);
      return protocol::Rendered{scratch.text};
    }
    return protocol::Declined{};
  }

  // Never `false`, and never empty names: PowerDNS would sign a denial of the whole zone.
  Reply operator()(const protocol::GetBeforeAndAfterNamesAbsolute& request) const {
    const zone::Zone* zone = zone_by_id(zones, request.id);
    if (!zone) return broken(fmt::format("getBeforeAndAfterNamesAbsolute: no zone has the id {}", request.id));
    if (!zone->serial())
      return broken(fmt::format("getBeforeAndAfterNamesAbsolute: zone {} has no data", zone->apex().text()));
    if (auto neighbours = find_neighbours(*zone, request.qname, facts.synthesised, scratch)) return *neighbours;
    return broken(fmt::format("getBeforeAndAfterNamesAbsolute: zone {} has no neighbours for \"{}\"",
                              zone->apex().text(), request.qname.substr(0, 300)));
  }

  Reply operator()(const protocol::GetUpdatedMasters&) const {
    append_updated_primaries(scratch.text, zones);
    return protocol::Rendered{scratch.text};
  }
  Reply operator()(const protocol::GetUnfreshSlaveInfos&) const {
    append_unfresh_secondaries(scratch.text, zones, facts.now_seconds);
    return protocol::Rendered{scratch.text};
  }

  // Disabled records are never part of a reply: PowerDNS has no member to mark them with and would serve them.
  Reply operator()(const protocol::List& request) const {
    if (!scratch.key.assign(request.name)) return not_a_name("list", request.name);
    const zone::Zone* zone = zones.find_apex(scratch.key.view());
    if (!zone || (request.id != -1 && zone != zone_by_id(zones, request.id))) return protocol::Declined{};
    append_zone_rows(*zone, scratch.text);
    return protocol::Rendered{scratch.text};
  }

  Reply operator()(const protocol::SearchRecords& request) const {
    const std::int64_t limit = std::max<std::int64_t>(request.max_results, 0);
    append_matching_rows(zones, request.pattern, static_cast<std::size_t>(limit), scratch.text);
    return protocol::Rendered{scratch.text};
  }

  Reply operator()(const protocol::GetTsigKey& request) const {
    const auto name = dns::Name::parse(request.name);
    if (!name) return not_a_name("getTSIGKey", request.name);
    const zone::TsigKey* key = zones.find_tsig_key(*name);
    if (!key) return protocol::Declined{};
    append_tsig_key(*key, "");
    return protocol::Rendered{scratch.text};
  }

  Reply operator()(const protocol::GetTsigKeys&) const {
    for (const zone::TsigKey& key : zones.tsig_keys()) {
      scratch.text += scratch.text.empty() ? '[' : ',';
      append_tsig_key(key, key.name.text());
    }
    if (scratch.text.empty()) scratch.text += '[';
    scratch.text += ']';
    return protocol::Rendered{scratch.text};
  }

  Reply operator()(const protocol::DirectBackendCmd& request) const {
    append_json_string(scratch.text, backend_command(request.query, zones, facts.version));
    return protocol::Rendered{scratch.text};
  }

  /// Edits belong to the connection that makes them (answer/edit_request.h).
  template <class Edit>
  requires protocol::kIsEdit<Edit> Reply operator()(const Edit&) const { return protocol::Declined{}; }

 private:
  // Also at a name that begins with `*`: it is a source of synthesis without types, so NODATA (RFC 4592 section 4.9).
  static protocol::Records& empty_non_terminal(const protocol::Lookup& lookup, zone::OwnerFlags flags,
                                               protocol::Records& records) {
    records.empty_non_terminal = lookup.qtype == dns::kANY;
    records.empty_non_terminal_auth = (flags & zone::kBelowCut) == 0;
    return records;
  }

  template <class Use>
  static void for_each_wanted(const zone::Owner& owner, dns::RrType type, const Use& use) {
    if (type == dns::kANY) {
      for (std::size_t i = 0; i < owner.rrset_count(); ++i) use(owner.rrset(i));
    } else if (zone::RrsetView rrset; owner.find(type, rrset)) {
      use(rrset);
    }
  }

  // What the LUA records of the owner give, after its other records.
  Reply steer(const Steering::Subject& subject, zone::OwnerFlags flags, protocol::Records& records) const {
    facts.steering->steer(subject, scratch.steered, facts.explanation);
    const SteeredRows& rows = scratch.steered;
    for (const SteeredRows::Block& block : rows.blocks)
      scratch.blocks.push_back(
          {std::string_view(rows.text).substr(block.start, block.size), zone::authoritative(flags, block.type)});
    records.blocks = scratch.blocks;
    // The name is there, whatever its records gave.
    if (scratch.blocks.empty() || (rows.text.empty() && scratch.blocks.size() == rows.blocks.size()))
      return empty_non_terminal(subject.lookup, flags, records);
    return records;
  }

  // A wildcard whose records read the query name is answered as the name asked: PowerDNS asks for `*` without it. By
  // the rule of RFC 4592 section 3.3.1, which wildcard_for() keeps.
  std::optional<Reply> synthesise(const protocol::Lookup& lookup, const zone::Zone& zone, std::string_view relative,
                                  protocol::Records& records) const {
    if (zone.cut_above(relative) || !zone.wildcard_for(relative, scratch.text)) return std::nullopt;
    const zone::Zone::Found source = zone.find(scratch.text);
    scratch.text.clear();
    if ((source.flags & zone::kLuaWildcard) == 0 || facts.steering->evaluates(zone) != Steering::Who::kWe ||
        !facts.steering->reads_query_name(zone, *source.owner))
      return std::nullopt;
    if (facts.synthesised && zone.settings().denial.mode == zone::Denial::Mode::kNsec3)
      facts.synthesised->remember(zone, relative);
    for_each_wanted(*source.owner, lookup.qtype, [&](const zone::RrsetView& rrset) {
      if (rrset.type != dns::kLUA) scratch.blocks.push_back({rrset.rows, true});
    });
    return steer({zones, zone, *source.owner, lookup, true}, source.flags, records);
  }

  bool enables_lua(const zone::Zone& zone) const { return facts.steering && facts.steering->needs_powerdns(zone); }

  void append_values(const std::vector<std::string>& values) const {
    char separator = '[';
    for (const std::string& value : values) {
      scratch.text += separator;
      append_json_string(scratch.text, value);
      separator = ',';
    }
    scratch.text += ']';
  }

  void append_tsig_key(const zone::TsigKey& key, std::string_view name) const {
    scratch.text += '{';
    if (!name.empty()) {
      scratch.text += R"("name":)";
      append_json_string(scratch.text, name);
      scratch.text += ',';
    }
    scratch.text += R"("algorithm":)";
    append_json_string(scratch.text, key.algorithm + '.');
    scratch.text += R"(,"content":)";
    append_json_string(scratch.text, key.secret);
    scratch.text += '}';
  }

  Reply settings(std::string_view method, std::string_view name, std::string zone::ZoneSettings::*rendered) const {
    if (!scratch.key.assign(name)) return not_a_name(method, name);
    const zone::Zone* zone = zones.find_apex(scratch.key.view());
    if (!zone) return protocol::Declined{};
    return protocol::Rendered{zone->settings().*rendered};
  }
};

}  // namespace

Reply answer(const protocol::Request& request, const zone::ZoneSet& zones, Scratch& scratch, const Facts& facts) {
  scratch.blocks.clear();
  scratch.text.clear();
  scratch.asked = {};
  return std::visit(Answerer{zones, scratch, facts}, request);
}

}  // namespace sdns::answer
