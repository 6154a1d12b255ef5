// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>
#include <lua.hpp>

#include "lua/library_functions.h"
#include "lua/string_library.h"
#include "lua/text.h"

namespace sdns::lua {
namespace {

int length_of(lua_State* state, int index) { return static_cast<int>(lua_objlen(state, index)); }

// t[to] = t[from], without metamethods.
void copy_element(lua_State* state, int from_table, int from, int to_table, int to) {
  lua_rawgeti(state, from_table, from);
  lua_rawseti(state, to_table, to);
}

int table_concat(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  std::size_t separator_size = 0;
  const char* const separator = luaL_optlstring(state, 2, "", &separator_size);
  const int first = optional_int(state, 3, 1);
  const int last = lua_isnoneornil(state, 4) ? length_of(state, 1) : check_int(state, 4);
  Text text(state, __builtin_frame_address(0));
  for (std::int64_t i = first; i <= last; ++i) {
    text.spend_steps(1);
    lua_rawgeti(state, 1, static_cast<int>(i));
    if (!lua_isstring(state, -1)) {
      return luaL_error(state, "invalid value (%s) at index %d in table for 'concat'", luaL_typename(state, -1),
                        static_cast<int>(i));
    }
    text.append_value();
    if (i != last) text.append(separator, separator_size);
  }
  text.push();
  return 1;
}

int table_insert(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  Meter& meter = meter_of(state);
  const int next = length_of(state, 1) + 1;
  const int arguments = lua_gettop(state);
  if (arguments == 2) {
    spend(state, meter, 1);
    lua_rawseti(state, 1, next);
    return 0;
  }
  if (arguments != 3) return luaL_error(state, "wrong number of arguments to 'insert'");
  const int at = check_int(state, 2);
  for (int i = std::max(next, at); i > at; --i) {
    spend(state, meter, 2);
    copy_element(state, 1, i - 1, 1, i);
  }
  lua_rawseti(state, 1, at);
  return 0;
}

int table_remove(lua_State* state) {
  lua_settop(state, 2);
  luaL_checktype(state, 1, LUA_TTABLE);
  Meter& meter = meter_of(state);
  const int length = length_of(state, 1);
  double at = length;
  if (lua_isnil(state, 2)) {
    if (length == 0) return 0;
  } else {
    // A fraction is dropped where an element is looked at, and not before.
    at = luaL_checknumber(state, 2);
    if (!(at >= 1 && at <= length)) return 0;
  }
  lua_rawgeti(state, 1, to_int(at));
  for (double i = at + 1; i <= length; i += 1) {
    spend(state, meter, 2);
    copy_element(state, 1, to_int(i), 1, to_int(i - 1));
  }
  lua_pushnil(state);
  lua_rawseti(state, 1, length);
  return 1;
}

int table_maxn(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  lua_settop(state, 1);
  Meter& meter = meter_of(state);
  lua_Number greatest = 0;
  for (lua_pushnil(state); lua_next(state, 1) != 0;) {
    spend(state, meter, 1);
    lua_pop(state, 1);
    if (lua_type(state, -1) == LUA_TNUMBER) greatest = std::max(greatest, lua_tonumber(state, -1));
  }
  lua_pushnumber(state, greatest);
  return 1;
}

int table_getn(lua_State* state) {
  lua_settop(state, 1);
  luaL_checktype(state, 1, LUA_TTABLE);
  lua_pushinteger(state, length_of(state, 1));
  return 1;
}

int table_move(lua_State* state) {
  lua_settop(state, 5);
  luaL_checktype(state, 1, LUA_TTABLE);
  const double first = luaL_checknumber(state, 2);
  const double last = luaL_checknumber(state, 3);
  const double target = luaL_checknumber(state, 4);
  const int to = lua_isnil(state, 5) ? 1 : 5;
  if (to == 5) luaL_checktype(state, 5, LUA_TTABLE);
  Meter& meter = meter_of(state);
  const double distance = target - first;
  // From the end where the ranges may overlap, so that no element is overwritten before it is moved.
  const bool forwards = target > last || target <= first || to == 5;
  for (double done = 0; first + done <= last; done += 1) {
    spend(state, meter, 2);
    const double from = forwards ? first + done : last - done;
    copy_element(state, 1, to_int(from), to, to_int(from + distance));
  }
  lua_pushvalue(state, to);
  return 1;
}

// Calls the function at 2 with the key and the value on top, which it takes. True when it gave something, on top.
bool call_for_element(lua_State* state) {
  lua_pushvalue(state, 2);
  lua_insert(state, -3);
  call_back(state, 2, 1);
  if (!lua_isnil(state, -1)) return true;
  lua_pop(state, 1);
  return false;
}

int table_foreach(lua_State* state) {
  lua_settop(state, 2);
  luaL_checktype(state, 1, LUA_TTABLE);
  luaL_checktype(state, 2, LUA_TFUNCTION);
  TextBlock::of(state).enter(state, __builtin_frame_address(0));
  Meter& meter = meter_of(state);
  for (lua_pushnil(state); lua_next(state, 1) != 0;) {
    spend(state, meter, 1);
    lua_pushvalue(state, -2);
    lua_insert(state, -2);
    if (call_for_element(state)) return 1;
  }
  return 0;
}

int table_foreachi(lua_State* state) {
  lua_settop(state, 2);
  luaL_checktype(state, 1, LUA_TTABLE);
  luaL_checktype(state, 2, LUA_TFUNCTION);
  TextBlock::of(state).enter(state, __builtin_frame_address(0));
  Meter& meter = meter_of(state);
  const int length = length_of(state, 1);
  for (int i = 1; i <= length; ++i) {
    spend(state, meter, 1);
    lua_pushinteger(state, i);
    lua_rawgeti(state, 1, i);
    if (call_for_element(state)) return 1;
  }
  return 0;
}

constexpr std::array<LibraryFunction, 9> kFunctions = {{
    {"concat", table_concat},
    {"foreach", table_foreach},
    {"foreachi", table_foreachi},
    {"getn", table_getn},
    {"insert", table_insert},
    {"maxn", table_maxn},
    {"move", table_move},
    {"remove", table_remove},
    {"sort", table_sort},
}};

}  // namespace

void push_table_library(lua_State* state) { push_library(state, kFunctions.data(), kFunctions.size()); }

int unpack(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  const int first = optional_int(state, 2, 1);
  const int last = lua_isnoneornil(state, 3) ? length_of(state, 1) : check_int(state, 3);
  if (first > last) return 0;
  const std::int64_t count = static_cast<std::int64_t>(last) - first + 1;
  if (count > INT_MAX || !lua_checkstack(state, static_cast<int>(count)))
    return luaL_error(state, "too many results to unpack");
  spend(state, meter_of(state), static_cast<std::uint64_t>(count));
  for (std::int64_t i = first; i <= last; ++i) lua_rawgeti(state, 1, static_cast<int>(i));
  return static_cast<int>(count);
}

}  // namespace sdns::lua
