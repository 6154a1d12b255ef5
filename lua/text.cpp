// SPDX-License-Identifier: MIT
#include "lua/text.h"

#include <algorithm>
#include <cassert>
#include <lua.hpp>
#include <new>
#include <type_traits>

namespace sdns::lua {
namespace {

static_assert(std::is_trivially_destructible_v<Text>);

constexpr std::size_t kKept = std::size_t{64} << 10;  // of the block, when the outermost use is over
constexpr std::size_t kMaxSize = 0x7FFF'FF00;         // LuaJIT's strings are shorter
constexpr std::size_t kFirst = 1024;

char registry_key;  // its address

// Raises what the VM raises when the allocator has nothing.
void raise_no_memory(lua_State* state) {
  lua_newuserdata(state, std::size_t{1} << 30);
  luaL_error(state, "not enough memory");
}

}  // namespace

void TextBlock::push(lua_State* state) {
  lua_pushlightuserdata(state, &registry_key);
  lua_rawget(state, LUA_REGISTRYINDEX);
  if (lua_isuserdata(state, -1)) return;
  lua_pop(state, 1);
  new (lua_newuserdata(state, sizeof(TextBlock))) TextBlock;
  lua_newtable(state);
  lua_pushcfunction(state, &TextBlock::close);
  lua_setfield(state, -2, "__gc");
  lua_setmetatable(state, -2);
  lua_pushlightuserdata(state, &registry_key);
  lua_pushvalue(state, -2);
  lua_rawset(state, LUA_REGISTRYINDEX);
}

TextBlock& TextBlock::of(lua_State* state) {
  return *static_cast<TextBlock*>(lua_touserdata(state, lua_upvalueindex(1)));
}

int TextBlock::close(lua_State* state) {
  TextBlock& block = *static_cast<TextBlock*>(lua_touserdata(state, 1));
  if (block.data_) {
    void* user = nullptr;
    const lua_Alloc allocate = lua_getallocf(state, &user);
    allocate(user, block.data_, block.capacity_, 0);
  }
  block.data_ = nullptr;
  block.capacity_ = block.depth_ = 0;
  block.closed_ = true;
  return 0;
}

TextBlock::Use& TextBlock::begin(lua_State* state, const void* frame) {
  const auto address = reinterpret_cast<std::uintptr_t>(frame);
  // The stack grows downwards: what began at this address or below it is over.
  while (depth_ > 0 && uses_[depth_ - 1].frame <= address) --depth_;
  if (depth_ == kMaxDepth) luaL_error(state, "stack overflow (too many nested calls)");
  Use& use = uses_[depth_];
  use = {address, depth_ == 0 ? 0 : uses_[depth_ - 1].end};
  assert(use.end <= capacity_);
  ++depth_;
  return use;
}

bool TextBlock::reserve(lua_State* state, std::size_t capacity) {
  void* user = nullptr;
  const lua_Alloc allocate = lua_getallocf(state, &user);
  void* const block = closed_ ? nullptr : allocate(user, data_, capacity_, capacity);
  if (!block) return false;
  data_ = static_cast<char*>(block);
  capacity_ = capacity;
  return true;
}

void TextBlock::end(lua_State* state, const Use& use) {
  depth_ = static_cast<std::size_t>(&use - uses_);
  const std::size_t kept = std::max(kKept, depth_ == 0 ? 0 : uses_[depth_ - 1].end);
  if (capacity_ > kept) (void)reserve(state, kept);
}

Text::Text(lua_State* state, const void* frame)
    : state_(state),
      block_(TextBlock::of(state)),
      use_(block_.begin(state, frame)),
      meter_(meter_of(state)),
      begin_(use_.end),
      end_(begin_) {}

void Text::grow(std::size_t size) {
  if (size > kMaxSize || end_ > kMaxSize - size) luaL_error(state_, "resulting string too large");
  // Memory may suffice for what is asked, and not for more.
  const std::size_t needed = end_ + size;
  const std::size_t capacity = needed >= kKept ? needed + needed / 8 : std::max(kFirst, 2 * needed);
  if (block_.reserve(state_, capacity)) return;
  block_.end(state_, use_);
  raise_no_memory(state_);
}

void Text::append_value() {
  std::size_t size = 0;
  const char* const octets = lua_tolstring(state_, -1, &size);
  append(octets, size);
  lua_pop(state_, 1);
}

void Text::push() {
  spend(end_ - begin_);
  lua_pushlstring(state_, end_ > begin_ ? block_.data_ + begin_ : "", end_ - begin_);
  block_.end(state_, use_);
}

}  // namespace sdns::lua
