// SPDX-License-Identifier: MIT
#include "lua/state.h"

#include <cstdlib>
#include <lua.hpp>

namespace sdns::lua {
namespace {

constexpr int kHookEvery = 32;                               // instructions
constexpr std::size_t kCollectAfter = std::size_t{4} << 20;  // octets of growth since the last full collection

State& owner_of(lua_State* state) {
  void* self = nullptr;
  lua_getallocf(state, &self);
  return *static_cast<State*>(self);
}

void on_count(lua_State* state, lua_Debug*) {
  if (!meter_of(state).tick(kHookEvery)) raise_over_budget(state);
}

char over_budget_mark;  // its address is the error that raise_over_budget() raises

}  // namespace

void* State::allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) {
  State& state = *static_cast<State*>(self);
  if (new_size == 0) {
    std::free(block);
    state.memory_ -= old_size;
    return nullptr;
  }
  if (new_size > old_size && state.memory_ + (new_size - old_size) > state.memory_limit_) return nullptr;
  void* grown = std::realloc(block, new_size);
  if (grown) state.memory_ += new_size - old_size;
  return grown;
}

std::unique_ptr<State> State::make() {
  std::unique_ptr<State> made(new State);
  made->state_ = lua_newstate(&State::allocate, made.get());
  if (!made->state_) return nullptr;
  luaJIT_setmode(made->state_, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  lua_sethook(made->state_, on_count, LUA_MASKCOUNT, kHookEvery);
  made->collect_at_ = made->memory_ + kCollectAfter;
  return made;
}

State::~State() {
  if (!state_) return;
  meter_.stop();
  memory_limit_ = ~std::size_t{0};
  lua_close(state_);
}

void State::begin(const Limits& limits) {
  if (hook_each_instruction_) {
    lua_sethook(state_, on_count, LUA_MASKCOUNT, kHookEvery);
    hook_each_instruction_ = false;
  }
  meter_.start(limits);
  memory_limit_ = memory_ + limits.memory_octets;
}

Ended State::end(int status, std::string& error) {
  const bool over = meter_.over();
  meter_.stop();
  memory_limit_ = ~std::size_t{0};
  Ended ended = Ended::kReturned;
  if (over) {
    // Also when the code caught the error and returned something: what it returns then is not its answer.
    ended = Ended::kOverBudget;
    error = "it took too long";
    lua_settop(state_, lua_gettop(state_) - (status == 0 ? 0 : 1));
  } else if (status != 0) {
    ended = status == LUA_ERRMEM ? Ended::kNoMemory : Ended::kError;
    std::size_t size = 0;
    const char* text = lua_isstring(state_, -1) ? lua_tolstring(state_, -1, &size) : nullptr;
    if (text) error.assign(text, size);
    else error = std::string("it raised an error that is a ") + luaL_typename(state_, -1);
    lua_pop(state_, 1);
  }
  if (memory_ > collect_at_) {
    lua_gc(state_, LUA_GCCOLLECT, 0);
    collect_at_ = memory_ + kCollectAfter;
  }
  return ended;
}

Ended State::compile(std::string_view source, const char* chunk_name, const Limits& limits, std::string& error) {
  begin(limits);
  const int top = lua_gettop(state_);
  const Ended ended = end(luaL_loadbufferx(state_, source.data(), source.size(), chunk_name, "t"), error);
  if (ended != Ended::kReturned) lua_settop(state_, top);
  return ended;
}

Ended State::call(int arguments, int results, const Limits& limits, std::string& error) {
  const int base = lua_gettop(state_) - arguments - 1;
  begin(limits);
  const Ended ended = end(lua_pcall(state_, arguments, results, 0), error);
  if (ended != Ended::kReturned) lua_settop(state_, base);
  return ended;
}

Ended State::run(int (*body)(lua_State*), void* argument, const Limits& limits, std::string& error) {
  const int top = lua_gettop(state_);
  begin(limits);
  const Ended ended = end(lua_cpcall(state_, body, argument), error);
  lua_settop(state_, top);
  return ended;
}

Meter& meter_of(lua_State* state) { return owner_of(state).meter_; }
void* context_of(lua_State* state) { return owner_of(state).context_; }

int raise_over_budget(lua_State* state) {
  State& owner = owner_of(state);
  if (!owner.hook_each_instruction_) {
    // The next instruction outside of a pcall() that catches this raises it again.
    lua_sethook(state, on_count, LUA_MASKCOUNT, 1);
    owner.hook_each_instruction_ = true;
  }
  lua_pushlightuserdata(state, &over_budget_mark);
  return lua_error(state);
}

}  // namespace sdns::lua
