// SPDX-License-Identifier: MIT
#include "lua/chunks.h"

#include <lua.hpp>

namespace sdns::lua {

bool Chunks::push(lua_State* state, std::string_view text) {
  const auto found = references_.find(text);
  if (found == references_.end()) return false;
  used_.push_back(found->second);
  lua_rawgeti(state, LUA_REGISTRYINDEX, found->second);
  return true;
}

void Chunks::keep(lua_State* state, std::string_view text) {
  if (text.size() > kMostOctets) return;
  if (references_.size() >= kMost || text.size() > kMostOctets - octets_) {
    for (const auto& [other, reference] : references_) luaL_unref(state, LUA_REGISTRYINDEX, reference);
    clear();
  }
  lua_pushvalue(state, -1);
  const int reference = luaL_ref(state, LUA_REGISTRYINDEX);
  references_.emplace(text, reference);
  used_.push_back(reference);
  octets_ += text.size();
}

void Chunks::leave_environments(lua_State* state) {
  for (const int reference : used_) {
    lua_rawgeti(state, LUA_REGISTRYINDEX, reference);
    lua_pushvalue(state, LUA_GLOBALSINDEX);
    lua_setfenv(state, -2);
    lua_pop(state, 1);
  }
  used_.clear();
}

void Chunks::clear() {
  references_.clear();
  used_.clear();
  octets_ = 0;
}

}  // namespace sdns::lua
