# SPDX-License-Identifier: MIT
"""Faults in the options of health checks that PowerDNS does not have."""
from fault import Fault

OPTIONS, BOOK, POOL = "unit:health_check_options_test", "unit:health_check_book_test", "unit:health_target_pool_test"

OPTION_FAULTS = (
    Fault("blips_come_before_the_row", "a large `fall` is undercut by failures that are remembered", "backend/health/check_options.cpp",
          "return std::max(5U, fall + 2);", "return 5U + 0 * fall;", OPTIONS),
    Fault("thresholds_are_powerdnss", "a check with thresholds of ours has PowerDNS's rule", "backend/health/check_book.cpp",
          "check.thresholds = thresholds_of(question->options);",
          "check.thresholds = Thresholds::power_dns(question->options.minimum_failures);", BOOK),
    Fault("initial_is_unknown", "what is up before its first result is not answered", "backend/health/check_book.cpp",
          "  first.verdict = begin.state.verdict;", "  first.verdict = begin.kept ? begin.state.verdict : Verdict::kUnknown;", BOOK),
    Fault("identity_without_thresholds", "two checks with different thresholds are one", "backend/health/check_question.cpp",
          "if (options.thresholds) ours(threshold_options(options));", "if (options.thresholds) ours({});", OPTIONS),
    Fault("codes_are_httpcode", "codes are not looked at", "backend/health/probe.cpp",
          "options.codes.empty() ? Codes{CodeRange{code, code}} : options.codes;", "Codes{CodeRange{code, code}};", "unit:health_probe_test"),
    Fault("dns_at_port_0", "checks by DNS have no port unless it is said", "lua/choose.cpp",
          "options.port.value_or(health::kDnsPort)", "options.port.value_or(0)", "unit:lua_functions_test"),
    Fault("idle_options_pass", "a pool may have minimumFailures beside thresholds that make it idle", "backend/health/target_pool.cpp",
          "    for (const Idle& pair : kIdle) idle(pair);\n", "", POOL),
)
