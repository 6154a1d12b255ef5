# SPDX-License-Identifier: MIT
"""Faults in what health checks decide: verdicts, their combination, planned TTLs, the blast-radius guard."""
from fault import Fault

VERDICT_TEST = "unit:health_verdict_test"
VERDICT, GUARD = "backend/health/verdict.cpp", "backend/health/blast_guard.cpp"

VERDICT_FAULTS = (
    Fault("one_success_forgets", "failures are forgotten after one success: a lossy target stays up", VERDICT,
          "if (state.run >= thresholds.forget_after) state.remembered = 0;", "state.remembered = 0;", VERDICT_TEST),
    Fault("loss_is_death", "a target that loses probes rises as soon as one that had died", VERDICT,
          "const bool lost_some = state.remembered > state.run;", "const bool lost_some = false;", VERDICT_TEST),
    Fault("broken_runs_are_free", "a run of successes that breaks off does not double the next one", VERDICT,
          "const std::uint32_t doubled = 2 * successes_needed", "const std::uint32_t doubled = successes_needed", VERDICT_TEST),
    Fault("hold_overshoots", "the last doubling of a hold goes over the longest one", VERDICT,
          "return std::min(hold, thresholds.hold_most);", "return hold;", VERDICT_TEST),
    Fault("falls_are_never_forgotten", "a quiet time does not end the back-off", VERDICT,
          "if (now - state.changed >= thresholds.quiet_time) {", "if (thresholds.quiet_time.count() < 0) {", VERDICT_TEST),
    Fault("permission_outlives_failures", "what an operator resumed rises by itself after failing again", VERDICT,
          "  state.resumed = false;\n  if (state.verdict == Verdict::kDown) {", "  if (state.verdict == Verdict::kDown) {", VERDICT_TEST),
    Fault("powerdns_first_failure_decides", "with minimumFailures the first failure of a new check takes it down", VERDICT,
          "thresholds.initial != Initial::kUnknownThenUp;", "thresholds.fall != 0;", VERDICT_TEST),
    Fault("our_failures_are_successes", "a probe that we could not make ends a run of failures", VERDICT,
          "  if (outcome == ProbeOutcome::kNoResult) return {before, false, Why::kNoResult};\n", "", VERDICT_TEST),
    Fault("frozen_targets_fall", "a frozen target falls", VERDICT,
          "if (falling == Falling::kFrozen) return", "if (falling == Falling::kFrozen && state.run == 0) return", VERDICT_TEST),
    Fault("restart_prolongs_holds", "the time that a restart took is added to a hold", VERDICT,
          "state.held_until = now + (held_for - elapsed);", "state.held_until = now + held_for;", VERDICT_TEST),
    Fault("old_views_count", "what a node said long ago still counts", "backend/health/combine.cpp",
          "if (view.age > most_age) {", "if (view.age > 2 * most_age) {", VERDICT_TEST),
    Fault("tie_is_up", "two nodes that disagree are up, whatever ours says", "backend/health/combine.cpp",
          "if (up > down) return Verdict::kUp;", "if (up >= down && up > 0) return Verdict::kUp;", VERDICT_TEST),
    Fault("ttl_outlives_the_change", "the planned TTL is all of the time to the next change", "backend/health/ttl_plan.cpp",
          "*next_change / 2", "*next_change", VERDICT_TEST),
    Fault("ttl_forgets_losses", "the planned TTL does not know of failures before the last success", "backend/health/ttl_plan.cpp",
          "if (state.remembered == 0) return std::nullopt;", "if (state.failures_in_row() == 0) return std::nullopt;", VERDICT_TEST),
    Fault("blips_make_a_wave", "a target that blips is counted each time", GUARD,
          "if (began > newest_ - kBuckets && began", "if (began > newest_ && began", VERDICT_TEST),
    Fault("bad_network_freezes_again", "a network that stays bad freezes verdicts for ever", GUARD,
          "spent_ = event == GuardEvent::kTimedOut;", "spent_ = false;", VERDICT_TEST),
    Fault("freeze_needs_a_timer", "a freeze lasts until somebody says that it is over", GUARD,
          "return frozen_ && now < until_ ?", "return frozen_ && now < SteadyTime::max() ?", VERDICT_TEST),
)
