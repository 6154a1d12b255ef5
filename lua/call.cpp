// SPDX-License-Identifier: MIT
#include "lua/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lua/state.h"

namespace sdns::lua {
namespace {

int dispatch(lua_State* state) {
  const auto* entry = static_cast<const FunctionEntry*>(lua_touserdata(state, lua_upvalueindex(1)));
  const int count = lua_gettop(state);
  if (count < entry->least)
    return luaL_error(state, "%s: expected at least %d arguments, got %d", entry->name, entry->least, count);
  if (entry->most >= 0 && count > entry->most)
    return luaL_error(state, "%s: expected at most %d arguments, got %d", entry->name, entry->most, count);
  Evaluation& evaluation = evaluation_of(state);
  const int results = entry->function(Call{state, evaluation});
  if (results >= 0) return results;
  luaL_where(state, 1);
  lua_pushstring(state, entry->name);
  lua_pushliteral(state, ": ");
  lua_pushlstring(state, evaluation.scratch.error.data(), evaluation.scratch.error.size());
  lua_concat(state, 4);
  return lua_error(state);
}

}  // namespace

Evaluation& evaluation_of(lua_State* state) { return *static_cast<Evaluation*>(context_of(state)); }

void push_function(lua_State* state, const FunctionEntry* entry) {
  lua_pushlightuserdata(state, const_cast<FunctionEntry*>(entry));
  lua_pushcclosure(state, dispatch, 1);
}

void add_once(std::vector<std::string>& to, std::string_view text) {
  constexpr std::size_t kFew = 64;  // beyond, a duplicate costs less than looking for it
  if (to.size() >= kFew || std::find(to.begin(), to.end(), text) == to.end()) to.emplace_back(text);
}

std::uint64_t Evaluation::draw(std::uint64_t count) const {
  if (count <= 1) return 0;
  evidence().chance = true;
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(sources->random->next()) * count) >> 64);
}

int Call::fail_type(int index, std::string_view wanted) const {
  return fail(fmt::format("argument {} must be {}, got {}", index, wanted, luaL_typename(state, index)));
}

bool Call::text(int index, std::string_view& out) const {
  const int type = lua_type(state, index);
  if (type != LUA_TSTRING && type != LUA_TNUMBER) return false;
  std::size_t size = 0;
  const char* data = lua_tolstring(state, index, &size);
  out = {data, size};
  return true;
}

bool Call::integer(int index, std::int64_t& out) const {
  if (lua_isnumber(state, index) == 0) return false;
  const double value = std::trunc(lua_tonumber(state, index));
  if (!(value >= -9.2e18 && value <= 9.2e18)) return false;
  out = static_cast<std::int64_t>(value);
  return true;
}

bool Call::texts(int index, Texts& out) const {
  if (!lua_istable(state, index)) return false;
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    std::string_view value;
    if (lua_isnumber(state, -2) == 0 || !text(-1, value)) {
      lua_pop(state, 2);
      return false;
    }
    out.add(value);
    lua_pop(state, 1);
  }
  return true;
}

}  // namespace sdns::lua
