// SPDX-License-Identifier: MIT
// What Lua code finds by name: the libraries that it may use, PowerDNS's variables and functions.
#pragma once

#include <string>

#include "lua/call.h"
#include "lua/state.h"

namespace sdns::lua {

/// Makes, once per state, what all environments share. It refers to `evaluation`, which outlives the state.
Ended open_environment(State& state, Library library, Evaluation& evaluation, std::string& error);

/// Pushes a new table for one evaluation: all that its code writes ends there. May raise a Lua error.
void push_fresh_environment(lua_State* state, Evaluation& evaluation);

/// Pushes the table of the evaluation that runs.
void push_environment(lua_State* state);

/// Leaves a table of what the pool at `index` chooses by its own options on top of the stack: the number of results, or
/// -1 after Call::fail(). In functions_health.cpp.
int choose_from_pool(const Call& call, int index);

}  // namespace sdns::lua
