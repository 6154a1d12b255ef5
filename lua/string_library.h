// SPDX-License-Identifier: MIT
// `string` and `table` for records: the functions of Lua 5.1 as LuaJIT has them, with a budget. What runs long in C
// (pattern matching, repetition, formatting, sorting, concatenation) spends the meter's steps.
#pragma once

struct lua_State;

namespace sdns::lua {

/// Leaves a table on the stack: byte char find format gmatch gsub len lower match rep reverse sub upper. No `dump`. The
/// caller makes one of these tables the `__index` of strings, for ("x"):rep(3).
void push_string_library(lua_State* state);

/// Leaves a table on the stack: concat foreach foreachi getn insert maxn move remove sort.
void push_table_library(lua_State* state);

/// `unpack(list [, i [, j]])`.
int unpack(lua_State* state);

}  // namespace sdns::lua
