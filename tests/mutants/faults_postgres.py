# SPDX-License-Identifier: MIT
"""Faults of the authority database on PostgreSQL: what keeps several writers apart, and what followers rest on."""
from fault import Fault

SERVER = "unit:store_postgres_test"
P4 = "unit:store_p4_test"
FOLLOWER = "unit:store_follower_test"

POSTGRES_FAULTS = (
    Fault("zones_are_not_locked", "two writers check and edit one zone side by side", "backend/store/postgres_statements.cpp",
          'return std::string(sql) + " FOR UPDATE";', "return std::string(sql);", SERVER),
    Fault("a_zone_that_was_looked_at_may_change", "what an edit has read of a zone is true no longer when it commits",
          "backend/store/transaction.cpp", "  if (!locks() || held_.contains(id)) return {};\n", "  if (id != 0) return {};\n", SERVER),
    Fault("revisions_without_a_lock", "two writers take one revision", "backend/store/postgres.cpp",
          "SELECT pg_advisory_xact_lock({})", "SELECT {}", P4),
    Fault("zone_made_twice_is_a_conflict", "who creates a zone a moment later is not told that it exists", "backend/store/edit.cpp",
          " ON CONFLICT (apex_key) DO NOTHING", "", SERVER),
    Fault("nobody_is_told", "followers hear of a commit at their slow look alone", "backend/store/postgres.cpp",
          'steps.push_back({"", "NOTIFY sovereign_dns"});', 'steps.push_back({"", "SELECT 1"});', FOLLOWER),
    Fault("no_slow_look", "a commit of which nobody was told is never followed", "backend/store/postgres_follower.cpp",
          "return !now || now->revision != known_.revision || now->chain != known_.chain;", "return !now;", SERVER),
    Fault("commits_are_not_synchronous", "a server's synchronous_commit=off holds for what is acknowledged", "backend/store/postgres.cpp",
          "set_config('synchronous_commit', 'on', false)", "set_config('synchronous_commit', 'off', false)", SERVER),
    Fault("uncertain_commit_is_a_failure", "a commit without an answer is said to have changed nothing", "backend/store/postgres.cpp",
          "    if (!link_.alive()) {\n      error.what +=", "    if (false) {\n      error.what +=", SERVER),
    Fault("statements_are_kept_for_ever", "prepared statements are never given up", "backend/store/postgres_statements.cpp",
          "constexpr std::size_t kMostStatements = 200;", "constexpr std::size_t kMostStatements = 200'000;", SERVER),
    Fault("url_is_quoted", "libpq's complaint about a connection URI is passed on with its password", "backend/store/postgres_target.cpp",
          "  message = message.substr(0, message.find('\"'));\n", "", SERVER),
    Fault("shared_sessions_are_not_noticed", "a pooler in transaction mode is taken for PostgreSQL", "backend/store/postgres.cpp",
          "return pooled_ ? refuse_shared_session() : Result<void>();", "return Result<void>();", "unit:store_pooler_test"),
    Fault("range_reads_what_is_gone", "an RRset that was removed stays at followers", "backend/store/journal_reader.cpp",
          "    while (next != wanted.end()) gone(**next++);\n", "    next = wanted.end();\n", "unit:store_property_test"),
    Fault("kept_state_is_called_confirmed", "a start from the snapshot file with the database away counts as current",
          "backend/store/background_follower.cpp", "if (!met_ || (looking_ && silent > kSilence))",
          "if (looking_ && silent > kSilence)", "unit:store_background_follower_test"),
    Fault("first_look_is_not_waited_for", "a start from the snapshot file serves what is old although the database is there",
          "backend/store/background_follower.cpp", "if (!met_ && !std::exchange(waited_, true))", "if (false)",
          "unit:store_background_follower_test"),
    Fault("plain_secret_beside_the_first_sealing", "a program without a key file stores a secret while all are being sealed",
          "backend/store/edit.cpp", "held = db_.hold_shared(Lock::kSealing)", "held = Result<void>()", "unit:store_seal_test"),
    Fault("nodes_go_by_their_own_clocks", "a node whose clock is wrong is silent or live for others", "backend/store/node_store.cpp",
          "return from_ms(**shared / 1'000);", "return std::nullopt;", "unit:store_nodes_test"),
)
