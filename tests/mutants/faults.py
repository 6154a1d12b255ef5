# SPDX-License-Identifier: MIT
"""Faults that the suite must notice (fault.py says what one is)."""
from fault import Fault
from faults_checks import CHECK_FAULTS
from faults_doors import DOOR_FAULTS
from faults_editing import EDITING_FAULTS
from faults_explain import EXPLAIN_FAULTS
from faults_health import HEALTH_FAULTS
from faults_lua import LUA_FAULTS
from faults_nodes import NODE_FAULTS
from faults_operator import OPERATOR_FAULTS
from faults_options import OPTION_FAULTS
from faults_pdm import PDM_FAULTS
from faults_plan import PLAN_FAULTS
from faults_pools import POOL_FAULTS
from faults_postgres import POSTGRES_FAULTS
from faults_probe import PROBE_FAULTS
from faults_questions import QUESTION_FAULTS
from faults_registrars import REGISTRAR_FAULTS
from faults_snapshot import SNAPSHOT_FAULTS
from faults_verdict import VERDICT_FAULTS

FAULTS = (
    Fault("glue_is_signed", "auth is 1 at glue and at whatever else lies below a zone cut", "backend/zone/zone.h",
          "return (flags & kBelowCut) == 0 && ((flags & kCut) == 0 || type == dns::kDS);",
          "return (flags & kCut) == 0 || type == dns::kDS;", "dnssec"),
    Fault("ds_is_not_signed", "auth is 0 at the DS of a delegation", "backend/zone/zone.h",
          "return (flags & kBelowCut) == 0 && ((flags & kCut) == 0 || type == dns::kDS);",
          "return (flags & kBelowCut) == 0 && (flags & kCut) == 0;", "dnssec"),
    Fault("no_empty_non_terminals", "a name without data but with names below it does not exist", "backend/answer/answer.cpp",
          "records.empty_non_terminal = lookup.qtype == dns::kANY;",
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
          "if (in_hash_chain(above)) items.push_back({hash_of(above), KeyBlob::make(above)});",
          "if (above == key && in_hash_chain(above)) items.push_back({hash_of(above), KeyBlob::make(above)});", "dnssec"),
    Fault("opt_out_leaves_out_ds", "with opt-out a secure delegation has no NSEC3 either", "backend/zone/zone_edit.cpp",
          "kCut | kInNsec | (owner.has(dns::kDS) ? kInOptOut : 0)", "kCut | kInNsec", "unit:zone_zone_test"),
    Fault("opt_out_leaves_out_enclosers", "with opt-out an empty non-terminal above insecure delegations alone has no NSEC3", "backend/zone/zone_edit.cpp",
          'const bool left_out = settings_->denial.opt_out && is_presigned(settings_->metadata);',
          "const bool left_out = settings_->denial.opt_out;", "unit:zone_zone_test"),
    Fault("presigned_chain_is_ours", "a presigned opt-out zone has NSEC3 of names that its signer left out", "backend/zone/zone_edit.cpp",
          'const bool left_out = settings_->denial.opt_out && is_presigned(settings_->metadata);',
          "const bool left_out = false;", "unit:zone_zone_test"),
    Fault("wildcard_below_a_cut", "a wildcard below a zone cut is authoritative", "backend/zone/zone_edit.cpp",
          "if (below_cut) return kBelowCut;", "if (below_cut && !dns::key_is_wildcard(owner.key())) return kBelowCut;", "unit:zone_zone_test"),
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
    Fault("purge_without_denials", "cached denials that a new or removed name or type changes are not purged", "backend/purge/purge_plan.cpp",
          "  region(Region::What::kDenied, zone.id(), \"\");\n", "", "unit:purge_plan_test"),
    Fault("purge_without_the_name_before", "the NODATA answers of the name whose NSEC reaches to a new name are not purged", "backend/purge/purge_plan.cpp",
          "      exact(zone, before);\n      if (is_cut(side, before)) at_or_below(zone.id(), before);\n", "", "unit:purge_plan_test"),
    Fault("purge_denials_of_new_names_only", "a type that comes to a name that was there changes no denial", "backend/purge/purge_plan.cpp",
          "if (has_type(pair[0], key, touched.type) != has_type(pair[1], key, touched.type)) {",
          "if (pair[0]->find(key).exists != pair[1]->find(key).exists) {", "unit:purge_plan_test"),
    Fault("purge_without_opt_out_enclosers", "referrals of an opt-out zone keep the old types of their closest encloser", "backend/purge/purge_plan.cpp",
          "if (opts_out(*pair[0]) || opts_out(*pair[1])) {", "if (false && opts_out(*pair[0])) {", "unit:purge_plan_test"),
    Fault("purge_without_hashed_empty_non_terminals", "empty non-terminals that come to an NSEC3 chain leave the spans around them", "backend/purge/purge_plan.cpp",
          "    if (pair[0]->find(at).exists == pair[1]->find(at).exists) return;", "    return;", "purge_denial"),
    Fault("purge_without_spanned_non_terminals", "NODATA of empty non-terminals in a span that ends earlier or later is not purged",
          "backend/purge/purge_plan.cpp",
          "      for (const std::string& inside : spanned_non_terminals(*side, at)) exact(zone, inside);\n", "", "unit:purge_plan_test"),
    Fault("purge_takes_every_soa_for_a_serial", "an SOA that changes in more than its serial is purged at the apex only", "backend/purge/purge_plan.cpp",
          "if (touched.type == dns::kSOA && key.empty() && soa_without_serial(pair[0]) == soa_without_serial(pair[1])) {",
          "if (touched.type == dns::kSOA && key.empty()) {", "unit:purge_plan_test"),
)

FAULTS += (CHECK_FAULTS + DOOR_FAULTS + EDITING_FAULTS + EXPLAIN_FAULTS + HEALTH_FAULTS + LUA_FAULTS + NODE_FAULTS +
           OPERATOR_FAULTS + OPTION_FAULTS + PDM_FAULTS + PLAN_FAULTS + POOL_FAULTS + POSTGRES_FAULTS + PROBE_FAULTS +
           QUESTION_FAULTS + REGISTRAR_FAULTS + SNAPSHOT_FAULTS + VERDICT_FAULTS)
