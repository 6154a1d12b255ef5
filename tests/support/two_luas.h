// SPDX-License-Identifier: MIT
// The same Lua code in two states: one with our `string` and `table`, one with LuaJIT's own.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <lua.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "lua/state.h"
#include "lua/string_library.h"

namespace sdns::test {

struct LuaOutcome {
  lua::Ended ended = lua::Ended::kReturned;
  std::string text;  ///< the results with their types, or the error
  friend bool operator==(const LuaOutcome&, const LuaOutcome&) = default;
};

/// Addresses differ from state to state; their form does not.
inline std::string without_addresses(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    shown += text[i];
    if (text[i] != 'x' || i == 0 || text[i - 1] != '0' || text.size() - i < 13) continue;
    const std::size_t end = text.find_first_not_of("0123456789abcdef", i + 1);
    const std::size_t digits = (end == std::string_view::npos ? text.size() : end) - i - 1;
    if (digits != 12) continue;
    shown += "ADDRESS";
    i += digits;
  }
  return shown;
}

/// A value with its type; a table's elements in order.
inline std::string lua_value_text(lua_State* state, int index) {
  switch (lua_type(state, index)) {
    case LUA_TNIL:
      return "nil";
    case LUA_TBOOLEAN:
      return lua_toboolean(state, index) ? "true" : "false";
    case LUA_TNUMBER: {
      char number[40];
      std::snprintf(number, sizeof number, "%.17g", lua_tonumber(state, index));
      return std::string_view(number).ends_with("nan") ? "nan" : number;
    }
    case LUA_TSTRING: {
      std::size_t size = 0;
      const char* const octets = lua_tolstring(state, index, &size);
      return '"' + without_addresses({octets, size}) + '"';
    }
    default:
      return luaL_typename(state, index);
  }
}

/// The values above `base`, which are popped.
inline std::string take_lua_values(lua_State* state, int base) {
  std::string text;
  for (int i = base + 1; i <= lua_gettop(state); ++i) text += (text.empty() ? "" : " ") + lua_value_text(state, i);
  lua_settop(state, base);
  return text;
}

inline void set_lua_string(lua_State* state, const char* name, std::string_view octets) {
  lua_pushlstring(state, octets.data(), octets.size());
  lua_setglobal(state, name);
}

/// A lua::State with the base, math and coroutine libraries beside our two.
class OurLua {
 public:
  static constexpr lua::Limits kGenerous{100'000'000, 60'000'000'000, std::size_t{64} << 20};

  OurLua() : state_(lua::State::make()) {
    std::string error;
    if (!state_ || state_->run(open, nullptr, lua::kUnlimited, error) != lua::Ended::kReturned) {
      std::fprintf(stderr, "no Lua state: %s\n", error.c_str());
      std::abort();
    }
  }

  LuaOutcome run(std::string_view source, const lua::Limits& limits = kGenerous) {
    LuaOutcome outcome;
    lua_State* const state = state_->get();
    const int base = lua_gettop(state);
    outcome.ended = state_->compile(source, "=case", kGenerous, outcome.text);
    if (outcome.ended != lua::Ended::kReturned) return outcome;
    outcome.ended = state_->call(0, LUA_MULTRET, limits, outcome.text);
    if (outcome.ended == lua::Ended::kReturned) outcome.text = take_lua_values(state, base);
    else outcome.text = without_addresses(outcome.text);
    lua_settop(state, base);
    return outcome;
  }

  [[nodiscard]] lua::State& state() { return *state_; }

 private:
  static int open(lua_State* state) {
    for (const lua_CFunction library : {luaopen_base, luaopen_math}) {
      lua_pushcfunction(state, library);
      lua_pushliteral(state, "");
      lua_call(state, 1, 0);
    }
    lua::push_string_library(state);
    lua_setglobal(state, "string");
    lua::push_table_library(state);
    lua_setglobal(state, "table");
    lua_pushcfunction(state, lua::unpack);
    lua_setglobal(state, "unpack");
    lua_pushliteral(state, "");
    lua_newtable(state);
    lua_getglobal(state, "string");
    lua_setfield(state, -2, "__index");
    lua_setmetatable(state, -2);
    return 0;
  }

  std::unique_ptr<lua::State> state_;
};

/// LuaJIT with its own libraries, the compiler off.
class StockLua {
 public:
  StockLua() : state_(luaL_newstate()) {
    if (!state_) std::abort();
    luaL_openlibs(state_.get());
    luaJIT_setmode(state_.get(), 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  }

  LuaOutcome run(std::string_view source) {
    LuaOutcome outcome;
    lua_State* const state = state_.get();
    const int base = lua_gettop(state);
    int status = luaL_loadbuffer(state, source.data(), source.size(), "=case");
    if (status == 0) status = lua_pcall(state, 0, LUA_MULTRET, 0);
    if (status == 0) {
      outcome.text = take_lua_values(state, base);
      return outcome;
    }
    outcome.ended = status == LUA_ERRMEM ? lua::Ended::kNoMemory : lua::Ended::kError;
    std::size_t size = 0;
    const char* const text = lua_isstring(state, -1) ? lua_tolstring(state, -1, &size) : nullptr;
    outcome.text = text ? without_addresses({text, size})
                        : std::string("it raised an error that is a ") + luaL_typename(state, -1);
    lua_settop(state, base);
    return outcome;
  }

  [[nodiscard]] lua_State* get() const { return state_.get(); }

 private:
  struct Close {
    void operator()(lua_State* state) const { lua_close(state); }
  };
  std::unique_ptr<lua_State, Close> state_;
};

}  // namespace sdns::test
