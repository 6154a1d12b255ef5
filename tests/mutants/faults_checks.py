# SPDX-License-Identifier: MIT
"""Faults in which checks there are, when they are probed, and what comes of it."""
from fault import Fault

BOOK, SCHEDULE, COLLECTOR = "unit:health_check_book_test", "unit:health_schedule_test", "unit:daemon_check_collector_test"

CHECK_FAULTS = (
    Fault("checks_in_step", "checks that begin together are probed together for ever", "backend/health/schedule.cpp",
          "added.slot = now - added.interval / 2 + std::chrono::nanoseconds(random_.next() % nanoseconds);",
          "added.slot = now + std::chrono::nanoseconds(random_.next() % 1);\n  (void)nanoseconds;", SCHEDULE),
    Fault("lost_time_is_made_up_for", "after a pause a check is probed once for each interval that was missed", "backend/health/schedule.cpp",
          "if (check.slot + check.interval / 2 < now)", "if (false)", SCHEDULE),
    Fault("removed_checks_stay", "a check that nobody wants is probed once more", "backend/health/schedule.cpp",
          "  ++checks_[check].generation;\n  --count_;", "  --count_;", SCHEDULE),
    Fault("stale_results_count", "the result of a check that is gone is another one's", "backend/health/check_book.cpp",
          "if (check.ticket != due.ticket) return result;", "if (false) return result;", BOOK),
    Fault("probes_overtake_themselves", "a slow target is probed again before the probe has ended", "backend/health/check_book.cpp",
          "if (check.ticket != 0) continue;", "if (false) continue;", BOOK),
    Fault("forbidden_is_down", "a target that may not be probed is taken as down", "backend/health/check_book.cpp",
          "    case ProbeFailure::kForbidden:\n", "", BOOK),
    Fault("weights_are_no_news", "what a target says of its own weight is not heard", "backend/health/check_book.cpp",
          "if (next.changed || weight != check.weight)", "if (next.changed)", BOOK),
    Fault("branches_are_not_checked", "checks of clients in other places begin with the first of them", "backend/answer/rehearsal.cpp",
          "for (const std::string& call : lua::constant_calls(source))", "for (const std::string& call : lua::constant_calls(\"\"))", COLLECTOR),
    Fault("standby_is_cold", "target pools are checked only when a record names them", "backend/daemon/check_collector.cpp",
          "    in_zone_ = false;\n    look_at_pools(zones, asks);", "    in_zone_ = false;", COLLECTOR),
    Fault("rounds_skip", "a round begins anew with each step", "backend/daemon/check_collector.cpp",
          "      after_ = owner->owner->key();\n", "      after_ = owner->owner->key() + \"\\xff\";\n", COLLECTOR),
    Fault("large_changes_are_forgotten", "what is more than a change's share is not looked at", "backend/daemon/check_collector.cpp",
          "    if (owner) return restart();", "    if (owner) return;", COLLECTOR),
    Fault("headers_are_shown", "the value of a header is in the log", "backend/health/check_question.cpp",
          'if (!word.starts_with("header:") && !word.starts_with("send=")) return {};', 'if (!word.starts_with("send=")) return {};', "unit:health_registry_test"),
    Fault("passwords_are_shown", "a user name and password in a URL are in the log", "backend/health/check_question.cpp",
          "const std::string_view secret = of_url ? user_information(word) : first", "const std::string_view secret = first", "unit:health_registry_test"),
)
