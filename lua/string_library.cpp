// SPDX-License-Identifier: MIT
#include "lua/string_library.h"

#include <algorithm>
#include <array>
#include <lua.hpp>

#include "lua/library_functions.h"
#include "lua/text.h"

namespace sdns::lua {

int check_int(lua_State* state, int index) { return to_int(luaL_checknumber(state, index)); }

int optional_int(lua_State* state, int index, int fallback) {
  return lua_isnoneornil(state, index) ? fallback : check_int(state, index);
}

void call_back(lua_State* state, int arguments, int results) {
  const bool hooked = lua_isfunction(state, -arguments - 1) && !lua_iscfunction(state, -arguments - 1);
  lua_call(state, arguments, results);
  if (!hooked && !meter_of(state).tick(1)) raise_over_budget(state);
}

void push_library(lua_State* state, const LibraryFunction* functions, std::size_t count) {
  lua_createtable(state, 0, static_cast<int>(count));
  TextBlock::push(state);
  for (const LibraryFunction* entry = functions; entry != functions + count; ++entry) {
    lua_pushvalue(state, -1);
    lua_pushcclosure(state, entry->function, 1);
    lua_setfield(state, -3, entry->name);
  }
  lua_pop(state, 1);
}

namespace {

struct Range {
  std::size_t begin;
  std::size_t size;
};

// The octets from `first` to `last`, which count from 1, or from the end when negative.
Range range_of(std::size_t size, int first, int last) {
  const auto length = static_cast<std::ptrdiff_t>(size);
  std::ptrdiff_t from = first < 0 ? first + length + 1 : first;
  std::ptrdiff_t to = last < 0 ? last + length + 1 : last;
  from = std::max<std::ptrdiff_t>(from, 1);
  to = std::min(to, length);
  if (from > to) return {0, 0};
  return {static_cast<std::size_t>(from - 1), static_cast<std::size_t>(to - from + 1)};
}

int string_byte(lua_State* state) {
  std::size_t size = 0;
  const char* const octets = luaL_checklstring(state, 1, &size);
  const int first = optional_int(state, 2, 1);
  const Range range = range_of(size, first, optional_int(state, 3, first));
  const int count = static_cast<int>(range.size);
  spend(state, meter_of(state), range.size);
  luaL_checkstack(state, count, "string slice too long");
  for (std::size_t i = 0; i < range.size; ++i)
    lua_pushinteger(state, static_cast<unsigned char>(octets[range.begin + i]));
  return count;
}

int string_char(lua_State* state) {
  const int count = lua_gettop(state);
  spend(state, meter_of(state), static_cast<std::uint64_t>(count) / 4);
  Text text(state, __builtin_frame_address(0));
  for (int i = 1; i <= count; ++i) {
    const int octet = check_int(state, i);
    if (octet < 0 || octet > 255) return luaL_argerror(state, i, "invalid value");
    text.append(static_cast<char>(octet));
  }
  text.push();
  return 1;
}

int string_len(lua_State* state) {
  std::size_t size = 0;
  luaL_checklstring(state, 1, &size);
  lua_pushinteger(state, static_cast<lua_Integer>(size));
  return 1;
}

int string_sub(lua_State* state) {
  std::size_t size = 0;
  const char* const octets = luaL_checklstring(state, 1, &size);
  const int first = check_int(state, 2);
  const Range range = range_of(size, first, optional_int(state, 3, -1));
  spend(state, meter_of(state), range.size / 16);
  lua_pushlstring(state, octets + range.begin, range.size);
  return 1;
}

int string_rep(lua_State* state) {
  std::size_t size = 0;
  const char* const octets = luaL_checklstring(state, 1, &size);
  const int count = check_int(state, 2);
  std::size_t separator_size = 0;
  const char* const separator = luaL_optlstring(state, 3, nullptr, &separator_size);
  if (!separator) separator_size = 0;
  if (count <= 0 || size + separator_size == 0) {
    lua_pushliteral(state, "");
    return 1;
  }
  Text text(state, __builtin_frame_address(0));
  const std::size_t unit = size + separator_size;
  const std::size_t total = unit * static_cast<std::size_t>(count) - separator_size;
  // The octets that are there are copied to twice as many, until all are.
  char* const made = text.extend(total);
  std::copy_n(octets, size, made);
  if (count > 1) std::copy_n(separator, separator_size, made + size);
  for (std::size_t done = std::min(unit, total); done < total;) {
    const std::size_t more = std::min(done, total - done);
    std::copy_n(made, more, made + done);
    done += more;
  }
  text.push();
  return 1;
}

int string_reverse(lua_State* state) {
  std::size_t size = 0;
  const char* const octets = luaL_checklstring(state, 1, &size);
  Text text(state, __builtin_frame_address(0));
  std::reverse_copy(octets, octets + size, text.extend(size));
  text.push();
  return 1;
}

// Of ASCII letters alone, as LuaJIT does it.
int change_case(lua_State* state, char first, char last, void* frame) {
  std::size_t size = 0;
  const char* const octets = luaL_checklstring(state, 1, &size);
  Text text(state, frame);
  std::transform(octets, octets + size, text.extend(size),
                 [first, last](char c) { return static_cast<char>(c >= first && c <= last ? c ^ 0x20 : c); });
  text.push();
  return 1;
}
int string_lower(lua_State* state) { return change_case(state, 'A', 'Z', __builtin_frame_address(0)); }
int string_upper(lua_State* state) { return change_case(state, 'a', 'z', __builtin_frame_address(0)); }

constexpr std::array<LibraryFunction, 13> kFunctions = {{
    {"byte", string_byte},
    {"char", string_char},
    {"find", string_find},
    {"format", string_format},
    {"gmatch", string_gmatch},
    {"gsub", string_gsub},
    {"len", string_len},
    {"lower", string_lower},
    {"match", string_match},
    {"rep", string_rep},
    {"reverse", string_reverse},
    {"sub", string_sub},
    {"upper", string_upper},
}};

}  // namespace

void push_string_library(lua_State* state) { push_library(state, kFunctions.data(), kFunctions.size()); }

}  // namespace sdns::lua
