// SPDX-License-Identifier: MIT
// Userdata of one kind: made with the kind's metatable, and told by it.
#pragma once

#include <fmt/format.h>

#include <new>

#include "lua/call.h"

namespace sdns::lua {

/// The object of this kind at `index`, or null.
template <class T>
T* object_at(lua_State* state, int index, const char* kind) {
  void* object = lua_touserdata(state, index);
  if (!object || lua_islightuserdata(state, index) || lua_getmetatable(state, index) == 0) return nullptr;
  luaL_getmetatable(state, kind);
  const bool same = lua_rawequal(state, -1, -2) != 0;
  lua_pop(state, 2);
  return same ? static_cast<T*>(object) : nullptr;
}

template <class T>
T* push_object(lua_State* state, const char* kind) {
  T* object = new (lua_newuserdata(state, sizeof(T))) T{};
  luaL_getmetatable(state, kind);
  lua_setmetatable(state, -2);
  return object;
}

inline int no_self(const Call& call, const char* kind) {
  return call.fail(fmt::format("call it as {}:method()", kind));
}

}  // namespace sdns::lua
