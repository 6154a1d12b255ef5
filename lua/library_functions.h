// SPDX-License-Identifier: MIT
// The C functions behind `string` and `table`, and how they read numbers. Private to the library: lua/string_library.h
// is what others include. Each function that makes a string or calls back has the state's Scratch as its upvalue.
#pragma once

#include <cstddef>

struct lua_State;

namespace sdns::lua {

/// As LuaJIT converts to 32 bits on x86-64: towards zero, and the smallest number for what does not fit.
[[nodiscard]] constexpr int to_int(double number) {
  constexpr double kLimit = 2147483648.0;
  return number > -kLimit - 1 && number < kLimit ? static_cast<int>(number) : -2147483647 - 1;
}

/// lua_call() from a C function. The count hook sees what Lua code does; after a function in C this looks at the clock,
/// since one call of it can be long (`next` in a table that was emptied).
void call_back(lua_State* state, int arguments, int results);

/// Argument `index` as such a number, or an error; optional_int() takes nil and nothing for `fallback`.
[[nodiscard]] int check_int(lua_State* state, int index);
[[nodiscard]] int optional_int(lua_State* state, int index, int fallback);

struct LibraryFunction {
  const char* name;
  int (*function)(lua_State*);
};
/// Pushes a table of these functions.
void push_library(lua_State* state, const LibraryFunction* functions, std::size_t count);

int string_find(lua_State* state);
int string_format(lua_State* state);
int string_gmatch(lua_State* state);
int string_gsub(lua_State* state);
int string_match(lua_State* state);
int table_sort(lua_State* state);

}  // namespace sdns::lua
