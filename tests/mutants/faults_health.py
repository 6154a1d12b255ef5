# SPDX-License-Identifier: MIT
"""Faults in what operators say of targets: the index, the database, and what is purged of it."""
from fault import Fault

REGISTRY, STORED, CTL = "unit:health_registry_test", "unit:store_override_test", "unit:ctl_test"
PUBLICATION = "unit:daemon_publication_test"

HEALTH_FAULTS = (
    Fault("region_beats_pool", "the farther override of a member counts", "backend/health/override.cpp",
          "for (const std::size_t i : group->second)", "for (const std::size_t i : std::vector(group->second.rbegin(), group->second.rend()))", REGISTRY),
    Fault("address_beats_port", "an override of the address hides that of its port", "backend/health/override.cpp",
          "  if (question->port != 0) append_endpoint(question", "  if (false) append_endpoint(question", REGISTRY),
    Fault("ended_override_counts", "an override never ends", "backend/health/override.cpp",
          "return override.until_seconds != 0 && override.until_seconds <= now_seconds;", "return now_seconds < 0 && override.until_seconds != 0;", REGISTRY),
    Fault("end_is_not_noticed", "an override that ends changes nothing before the next edit", "backend/health/registry.cpp",
          "if (next_end_ == 0 || next_end_ > now_seconds)", "if (now_seconds >= 0)", REGISTRY),
    Fault("new_check_is_not_forced", "a check that is asked for later is not told of overrides", "backend/health/registry.cpp",
          "  return decide(ids, now_seconds);\n}\n\nvoid Registry::forget", "  return unchanged();\n}\n\nvoid Registry::forget", PUBLICATION),
    Fault("override_is_not_journaled", "nodes are not told of an override", "backend/store/override_edit.cpp",
          "  if (present) overrides_before_.emplace(target, *present);\n", "", STORED),
    Fault("unchanged_override_takes_a_revision", "an override that ends as it began is journaled", "backend/store/commit.cpp",
          "    if (auto settled = settle_overrides(); !settled) return fail(settled.error());\n", "", STORED),
    Fault("digest_without_overrides", "the digest does not cover overrides", "backend/zone/digest.h",
          "    for (const health::Override& override : overrides) add_override(hasher_, override);\n", "", STORED),
    Fault("released_override_stays", "a follower is not told that an override went", "backend/zone/zone_set.cpp",
          "        if (change->second) all.push_back", "        if (change->second || (change->second = health::Override{.target = change->first})) all.push_back", PUBLICATION),
    Fault("override_purges_nothing", "answers that rest on a forced target stay cached", "backend/daemon/publication.cpp",
          "  touch(owners, all);\n  submit(planner_.plan(*before, all", "  submit(planner_.plan(*before, all", PUBLICATION),
    Fault("pools_do_not_move_overrides", "a member that comes into a forced pool is not forced", "backend/daemon/publication.cpp",
          " || !applied.target_pools.empty())", ")", PUBLICATION),
    Fault("moved_addresses_are_cached", "other location data purges nothing", "backend/daemon/publication.cpp",
          "dependents_.places_changed(places, owners);", "static_cast<void>(places);", PUBLICATION),
    Fault("health_is_never_purged", "a change of health that nobody caches never counts as purged", "backend/daemon/publication.cpp",
          "if (registry_.table().sequence() != submitted_health_) submit({});", "static_cast<void>(submitted_health_);", PUBLICATION),
    Fault("verdicts_purge_nothing", "answers that rest on a verdict stay in PowerDNS's caches", "backend/daemon/publication.cpp",
          "  if (!changed.identities.empty()) dependents_", "  if (changed.identities.size() > 1'000'000) dependents_", "health_purge"),
    Fault("one_purge_is_enough", "what one PowerDNS has purged counts as purged everywhere", "backend/purge/purger.cpp",
          "reached = reached.or_nearer(", "reached = reached.or_further(", "unit:purge_purger_test"),
    Fault("ended_overrides_are_listed", "an override is shown after its end", "backend/ctl/health_commands.cpp",
          "  std::erase_if(*rows, [&](const auto& row) { return has_ended(row.override, now); });\n", "", CTL),
)
