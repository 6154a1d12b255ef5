# SPDX-License-Identifier: MIT
"""Faults in LUA records: what they may, what they choose, what PowerDNS may keep of it."""
from fault import Fault

RUNTIME, SELECT, STEERING = "unit:lua_runtime_test", "unit:lua_select_test", "unit:answer_steering_test"
DEPENDENTS, REGISTRY = "unit:purge_dependents_test", "unit:health_registry_test"

LUA_FAULTS = (
    Fault("pcall_stops_a_budget", "an evaluation over its budget goes on after a pcall", "lua/state.cpp",
          "    lua_sethook(state, on_count, LUA_MASKCOUNT, 1);\n", "", RUNTIME),
    Fault("libraries_are_shared", "what code writes into a library stays for the next", "lua/environment.cpp",
          "    push_copy(state, 3);\n", "    lua_pushvalue(state, 3);\n", RUNTIME),
    Fault("string_metatable_is_open", "code reaches the table behind all strings", "lua/environment.cpp",
          "  lua_pushboolean(state, 0);\n  lua_setfield(state, -2, \"__metatable\");\n  lua_setmetatable(state, -2);\n  lua_pop(state, 1);\n",
          "  lua_setmetatable(state, -2);\n  lua_pop(state, 1);\n", RUNTIME),
    Fault("overruns_are_forgotten", "a record that overruns is run again at once", "lua/runtime.cpp",
          "if (++script.overran_ < options.overruns) return;", "if (true) return;", RUNTIME),
    Fault("unknown_is_up", "a target without a result is answered", "lua/choose.cpp",
          "if (scratch.candidates[end].verdict == health::Verdict::kUp) scratch", "if (scratch.candidates[end].verdict != health::Verdict::kDown) scratch", RUNTIME),
    Fault("hash_without_the_client", "a choice by the client's hash is cached for all", "lua/choose.cpp",
          "    if (choice) call.evaluation.on_whole_client();\n    drawn = hash_address", "    drawn = hash_address", RUNTIME),
    Fault("scope_longer_than_source", "the scope is longer than what the client sent", "lua/evaluation.h",
          "client ? std::min(bits, source_bits) : std::uint8_t{1}", "client ? bits : std::uint8_t{1}", STEERING),
    Fault("code_for_powerdns_is_cached", "a client finds the row that PowerDNS asked for itself", "backend/answer/steering.cpp",
          "    if (lookup.qtype == dns::kANY) raw(subject.owner, true, rows);", "    if (lookup.qtype == dns::kANY) raw(subject.owner, false, rows);", STEERING),
    Fault("failed_text_is_an_answer", "the row that fails has a type whose content it is", "backend/answer/answer.cpp",
          "records.zone_id, dns::kA};", "records.zone_id, rows.failed->type};", STEERING),
    Fault("failing_name_fails_those_below", "a referral search runs into a failing name", "backend/answer/answer.cpp",
          "if (fails && scratch.asked_below) facts", "if (fails && false) facts", STEERING),
    Fault("wildcard_forgets_its_hash", "a synthesised name is denied by another's hash", "backend/answer/neighbours.cpp",
          "    found->before = hash;\n", "", STEERING),
    Fault("nothing_for_some_clients", "an empty answer depends on the client", "backend/answer/steering.cpp",
          "(is_signed || !values_.evidence.cacheable())", "is_signed", STEERING),
    Fault("late_notes_are_lost", "an answer made before a change is filed as if after", "backend/purge/dependents.cpp",
          "found->second.at > at;", "false;", DEPENDENTS),
    Fault("dependents_live_too_short", "a name is forgotten while PowerDNS still has it", "backend/purge/dependents.cpp",
          "for (const Index* index : {&young_, &old_})", "for (const Index* index : {&young_})", DEPENDENTS),
    Fault("failure_of_one_client_is_denied_to_all", "a type that fails for some is left out", "backend/answer/steering.cpp",
          " || once || (evaluated && !lasting);", ";", "unit:answer_steering_test"),
)
