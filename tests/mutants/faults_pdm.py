# SPDX-License-Identifier: MIT
"""Faults in what PDM promises: one owner per name, a chain of trust that never breaks, tokens, requests that mean one thing."""
from fault import Fault

LEDGER, API = "unit:store_ledger_test", "unit:net_api_server_test"
PURE, ROWS, MODEL, CRASH, WRITER, AUTH = (f"unit:pdm_{name}_test" for name in ("allocation", "allocations", "model", "task_crash", "writer", "auth"))

PDM_FAULTS = (
    Fault("quarantine_holds_nobody", "a released name is given to another owner", "pdm/allocation.cpp",
          "phase != Phase::kFree && row->owner != request.owner", "false && row->owner != request.owner", PURE),
    Fault("expiry_needs_the_sweeper", "a reservation lives until it is swept", "pdm/allocation.cpp",
          "if (row->held && row->expires_at_ms > now_ms) return Phase::kReserved;", "if (row->held) return Phase::kReserved;", PURE),
    Fault("any_token_commits", "a reservation is committed without its token", "pdm/allocation.cpp",
          "  if (!token_matches) return refuse(Refusal::kTokenMismatch);\n", "", PURE),
    Fault("taken_back_makes_new_keys", "a name that is taken back gets a second zone", "pdm/allocation.cpp",
          "row->state == AllocationState::kReleasing ? CommitPlan::Zone::kKeep : CommitPlan::Zone::kNew", "CommitPlan::Zone::kNew", MODEL),
    Fault("withdrawal_does_not_wait_for_ttls", "the delegation goes while resolvers have the DS", "pdm/allocation_tasks.cpp",
          "WithdrawStep::kTakeZoneOut, task.wait_ms + kClockSlackMs);", "WithdrawStep::kTakeZoneOut, 0);", MODEL),
    Fault("new_ds_meets_old_keys", "the DS of a new zone comes while resolvers have the DNSKEYs of the one before", "pdm/allocations.cpp",
          "succeeds ? ttl * 1'000 : 0", "0 * (succeeds ? ttl : 0)", ROWS),
    Fault("withdrawal_does_not_wait_for_nodes", "a TTL is counted while a name server still gives the DS out", "pdm/allocation_tasks.cpp",
          "      if (served != Served::kByAll)\n", "      if (served == Served::kSilent)\n", MODEL),
    Fault("ds_before_the_zone", "the DS stands at the parent before the zone is served", "pdm/allocation_tasks.cpp",
          "served == Served::kNotYet || (served == Served::kSilent && !waited)", "served == Served::kSilent && !waited", ROWS),
    Fault("late_runner_takes_the_step_again", "a runner that looked long ago withdraws the new allocation", "pdm/allocation_tasks.cpp",
          "if (!*now_there || !(**now_there == task)) return {};", "if (!*now_there) return {};", MODEL),
    Fault("part_is_not_undone", "what a failed request wrote is committed with the others", "backend/store/sqlite.cpp",
          'execute(fmt::format("ROLLBACK TO SAVEPOINT {}", savepoint))', 'execute("SELECT 1")', LEDGER),
    Fault("two_pdms_give_one_name", "on PostgreSQL two programs reserve one name", "backend/store/ledger.cpp",
          "if (!locks_ || held_) return {};", "return {};", LEDGER),
    Fault("audit_forgets_the_row_before", "rows can be taken out of the audit trail", "backend/store/ledger_audit.cpp",
          "  hasher.add(previous);\n", "  (void)previous;\n", LEDGER),
    Fault("two_tokens_are_one", "a request shows two tokens", "backend/net/api_server.cpp",
          'name == "host" || name == "authorization" ||', 'name == "host" ||', API),
    Fault("length_and_chunks", "a request has a length and chunks", "backend/net/api_server.cpp",
          "if (!coding.empty() && !length.empty())", "if (false)", API),
    Fault("dot_segments_pass", "a path leaves its folder", "backend/net/request_target.cpp",
          '*segment == "." || *segment == ".." || ', "", API),
    Fault("slow_senders_stay", "a peer that sends an octet now and then keeps its connection for ever", "backend/net/api_server.cpp",
          "        ::shutdown(one->fd, SHUT_RDWR);\n", "", API),
    Fault("revoked_token_is_good", "a revoked token opens", "pdm/auth.cpp", "(*row)->revoked_at_ms != 0 ||", "", AUTH),
    Fault("none_everywhere", "an API without authentication listens on every address", "pdm/config.cpp",
          "if (!auth.tokens && !host.empty() && !is_loopback(host) && !none_is_meant)", "if (false)", AUTH),
    Fault("writer_keeps_a_lost_database", "after the database was away every write fails", "pdm/writer.cpp",
          "authority_.reset();\n  } else", "(void)0;\n  } else", WRITER),
    Fault("acknowledged_unserved", "a commit counts as served when the daemon is behind", "pdm/nodes.cpp",
          "const bool there = served && *served >= one.revision;", "const bool there = served.has_value();", WRITER),
)
