# SPDX-License-Identifier: MIT
"""Faults that the suite must notice: name, what is wrong, file, text (found exactly once), what replaces it, and the
integration test that is asked first."""
import collections

Fault = collections.namedtuple("Fault", "name what file text replacement first")

FAULTS = (
    Fault("glue_is_signed", "auth is 1 at glue and at whatever else lies below a zone cut", "backend/zone/zone.h",
          "return (flags & kBelowCut) == 0 && ((flags & kCut) == 0 || type == dns::kDS);",
          "return (flags & kCut) == 0 || type == dns::kDS;", "dnssec"),
    Fault("ds_is_not_signed", "auth is 0 at the DS of a delegation", "backend/zone/zone.h",
          "return (flags & kBelowCut) == 0 && ((flags & kCut) == 0 || type == dns::kDS);",
          "return (flags & kBelowCut) == 0 && (flags & kCut) == 0;", "dnssec"),
    Fault("no_empty_non_terminals", "a name without data but with names below it does not exist", "backend/answer/answer.cpp",
          "records.empty_non_terminal = lookup.qtype == dns::kANY && !dns::key_is_wildcard(relative);",
          "records.empty_non_terminal = false;", "rfc_examples"),
    Fault("before_off_by_one", "the neighbour before an existing name is the one before it", "backend/zone/zone.cpp",
          "const OwnerItem* before = owners_.last_le(relative_key, kInNsec);",
          "const OwnerItem* before = owners_.last_le(relative_key, kInNsec);\n"
          "  if (before && !relative_key.empty() && before->owner->key() == relative_key)\n"
          "    before = owners_.last_le(relative_key.substr(0, relative_key.size() - 1), kInNsec);", "dnssec"),
    Fault("unhashed_is_relative", "`unhashed` of an NSEC3 neighbour is relative to the zone", "backend/answer/neighbours.cpp",
          "  if (!found->owner.empty()) scratch.unhashed += '.';\n  dns::append_key_text(scratch.unhashed, zone.apex_key());\n",
          "", "dnssec"),
    Fault("nsec3_without_wrap", "a hash before the first one has the first as its neighbour, not the last", "backend/zone/zone.cpp",
          "if (!before) before = hashes_.last();", "if (!before) before = hashes_.first();", "dnssec"),
    Fault("nsec3_without_empty_non_terminals", "empty non-terminals have no NSEC3 when a zone is loaded", "backend/zone/zone_edit.cpp",
          "if (above == key || in_hash_chain(above)) items.push_back({hash_of(above), KeyBlob::make(above)});",
          "if (above == key) items.push_back({hash_of(above), KeyBlob::make(above)});", "dnssec"),
    Fault("opt_out_leaves_out_ds", "with opt-out a secure delegation has no NSEC3 either", "backend/zone/zone_edit.cpp",
          "kCut | kInNsec | (owner.has(dns::kDS) ? kInOptOut : 0)", "kCut | kInNsec", "dnssec"),
    Fault("wildcard_below_a_cut", "a wildcard below a zone cut is authoritative", "backend/zone/zone_edit.cpp",
          "if (below_cut) return kBelowCut;", "if (below_cut && !dns::key_is_wildcard(owner.key())) return kBelowCut;", "dnssec"),
    Fault("cut_without_reflagging", "names below a delegation that comes stay authoritative", "backend/zone/zone_edit.cpp",
          "if (((flags_before ^ flags_after) & kCut) != 0) reflag_below(key, (flags_after & kCut) != 0);",
          "", "follow"),
    Fault("soa_at_any_name", "an SOA lookup without a zone id is answered from the closest zone", "backend/answer/answer.cpp",
          "return lookup.qtype == dns::kSOA ? zones.find_apex(key) : zones.closest(key);",
          "return zones.closest(key);", "bad_input"),
    Fault("purge_without_ancestors", "empty non-terminals that come or go are not purged", "backend/purge/purge_plan.cpp",
          "    exact(zone, at);\n    if (dns::key_is_wildcard(at)) answered_from(zone.id(), dns::parent_key(at));\n    topmost = at;\n",
          "    if (dns::key_is_wildcard(at)) answered_from(zone.id(), dns::parent_key(at));\n", "purge"),
    Fault("purge_without_referrers", "owners of a CNAME or MX to the changed name are not purged", "backend/purge/purge_plan.cpp",
          "void Maker::follow(const std::string& key) {\n  referrers(index_.to(key), false);",
          "void Maker::follow(const std::string& key) {", "purge"),
    Fault("purge_without_asked_names", "names that a changed wildcard answered are not purged", "backend/purge/purge_plan.cpp",
          "  if (dns::key_is_wildcard(key)) answered_from(touched.zone, dns::parent_key(key));\n  for (const Zone* side : pair) {",
          "  for (const Zone* side : pair) {", "purge"),
    Fault("zones_are_not_announced", "PowerDNS is not told of a zone that comes", "backend/purge/purge_plan.cpp",
          "  plan_.announced.insert(apex);\n", "", "purge"),
    Fault("zone_id_is_reused", "the id of a deleted zone is given to the next one", "backend/store/edit.cpp",
          "const auto id = next_number(\"zone\");",
          "const auto id = [&]() -> Result<std::int64_t> {\n    auto all = zones();\n    if (!all) return fail(all.error());\n"
          "    std::int64_t most = 0;\n    for (const auto& row : *all) most = std::max<std::int64_t>(most, row.head.id);\n"
          "    return most + 1;\n  }();", "purge"),
    Fault("letter_case_matters", "names are found only in lower case", "backend/dns/name.cpp",
          "constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }",
          "constexpr char lower(char c) { return c; }", "rfc_examples"),
    Fault("changes_skip_deletions", "a removed RRset stays in what is served", "backend/zone/zone_edit.cpp",
          "  if (!found && rrset.contents.empty()) return {};\n", "  if (rrset.contents.empty()) return {};\n", "purge"),
)
