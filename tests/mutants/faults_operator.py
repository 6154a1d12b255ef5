# SPDX-License-Identifier: MIT
"""Faults in what operators see of checks: the history, who waits for it, metrics, and drains."""
from fault import Fault

BOOK, ADMIN, CTL, STORED = "unit:health_check_book_test", "unit:daemon_admin_test", "unit:ctl_test", "unit:store_override_test"

OPERATOR_FAULTS = (
    Fault("flapping_check_has_all_history", "one check that flaps pushes out the history of all others", "backend/health/history.cpp",
          "if (of_check.size() > limits_.of_a_check) {", "if (of_check.size() > limits_.of_all) {", BOOK),
    Fault("history_is_unbounded", "the history grows with the number of checks", "backend/health/history.cpp",
          "  if (all_.size() > limits_.of_all) forget_oldest();\n", "", BOOK),
    Fault("history_counts_from_one", "who watches over a restart hears nothing until the new process has caught up", "backend/health/history.cpp",
          "now.time_since_epoch()).count(), 0)", "now.time_since_epoch()).count(), 0) * 0", BOOK),
    Fault("watchers_take_every_thread", "any number of watchers may wait", "backend/daemon/admin.cpp",
          "watchers_.fetch_add(1) >= kMaxWatchers", "watchers_.fetch_add(1) >= 10 * kMaxWatchers", ADMIN),
    Fault("ended_override_is_shown", "a forced check names an override that has ended", "backend/daemon/health_report.cpp",
          "health::override_subject(identity), facts.now_seconds)", "health::override_subject(identity), 0)", ADMIN),
    Fault("unlimited_metrics", "every check has series of its own, however many there are", "backend/daemon/health_report.cpp",
          "    if (labels.size() == most) break;\n", "    if (most == 0) break;\n", ADMIN),
    Fault("watch_begins_anew", "watch prints again what it has printed", "backend/ctl/health_view_commands.cpp",
          "    absent = false;\n    last = (*page)[\"last\"].get<std::uint64_t>();\n", "    absent = false;\n", CTL),
    Fault("drain_is_stored_as_down", "a drain is forgotten to be one", "backend/health/override.cpp",
          'override.drains ? "drain" : verdict_name(override.verdict)', "verdict_name(override.verdict)", STORED),
    Fault("drain_without_pools", "records that name a pool of the target do not count", "backend/ctl/drain.cpp",
          "      named.pools.insert(pool.name);\n", "      (void)pool;\n", CTL),
    Fault("drain_without_confirmation", "the time of a drain is said although caches are not purged", "backend/ctl/session.cpp",
          "served.value_or(false) && not_purged && !caches_left", "true", CTL),
)
