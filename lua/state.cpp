// SPDX-License-Identifier: MIT
#include "lua/state.h"

#include <algorithm>
#include <lua.hpp>

namespace sdns::lua {
namespace {

constexpr int kHookEvery = 32;  // instructions
// Of LuaJIT's cost of collecting: octets of an object that is marked, 10 for one that is swept. In a large state an
// object that is swept is in no cache, and costs as much time as 160 octets that are marked.
constexpr std::size_t kStep = 512;
constexpr std::size_t kSweepStepWork = 16 * kStep;
// LuaJIT takes this many hundredths of 1 024 octets for one lua_gc(LUA_GCSTEP, 0), rounded down to 10 each.
constexpr int kStepMultiplier = kStep / 10;
constexpr int kKeptInTable = 256;
constexpr std::size_t kFirstStrings = 256 * sizeof(void*);  // LuaJIT's table of all strings in a new state

State& owner_of(lua_State* state) {
  void* self = nullptr;
  lua_getallocf(state, &self);
  return *static_cast<State*>(self);
}

void on_count(lua_State* state, lua_Debug*) {
  if (!meter_of(state).tick(kHookEvery)) raise_over_budget(state);
}

char kept_key;          // its address is the key of the tables of keep()
char unmarked_key;      // its address is the key of a weak table: what is in it goes when marking ends
char over_budget_mark;  // its address is the error that raise_over_budget() raises

// The table that has `reference`, or nil.
void push_table_of(lua_State* state, int reference) {
  lua_pushlightuserdata(state, &kept_key);
  lua_rawget(state, LUA_REGISTRYINDEX);
  lua_rawgeti(state, -1, reference / kKeptInTable + 1);
  lua_remove(state, -2);
}

int open_tables(lua_State* state) {
  lua_pushlightuserdata(state, &kept_key);
  lua_newtable(state);
  lua_rawset(state, LUA_REGISTRYINDEX);
  lua_pushlightuserdata(state, &unmarked_key);
  lua_createtable(state, 1, 1);
  lua_pushliteral(state, "v");
  lua_setfield(state, -2, "__mode");
  lua_pushvalue(state, -1);
  lua_setmetatable(state, -2);
  lua_rawset(state, LUA_REGISTRYINDEX);
  return 0;
}

void push_unmarked(lua_State* state) {
  lua_pushlightuserdata(state, &unmarked_key);
  lua_rawget(state, LUA_REGISTRYINDEX);
}

}  // namespace

void* State::allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) {
  State& state = *static_cast<State*>(self);
  if (new_size == 0) {
    state.blocks_.free(block, old_size);
    state.memory_ -= old_size;
    if (block && block == state.strings_) {
      state.strings_ = state.next_strings_;
      state.strings_octets_ = state.next_octets_;
      if (state.strings_grew_) state.memory_limit_ -= old_size;
    }
    return nullptr;
  }
  // LuaJIT's table of all strings is made anew, twice or half as large, and the old one freed: no evaluation's own
  // doing.
  const bool strings = !block && state.strings_octets_ != 0 &&
                       (new_size == state.strings_octets_ * 2 || new_size * 2 == state.strings_octets_);
  if (strings && new_size > state.strings_octets_ && state.evaluating_ && !state.strings_grew_) {
    state.strings_grew_ = true;
    state.memory_limit_ += new_size;
  }
  if (new_size > old_size && state.memory_ + (new_size - old_size) > state.memory_limit_) return nullptr;
  void* const grown = state.blocks_.resize(block, old_size, new_size);
  if (!grown) return nullptr;
  state.memory_ += new_size - old_size;
  if (strings) {
    state.next_strings_ = grown;
    state.next_octets_ = new_size;
  } else if (!block && !state.state_ && !state.strings_ && new_size == kFirstStrings) {
    state.strings_ = grown;
    state.strings_octets_ = new_size;
  }
  return grown;
}

std::unique_ptr<State> State::make() {
  std::unique_ptr<State> made(new State);
  made->state_ = lua_newstate(&State::allocate, made.get());
  if (!made->state_) return nullptr;
  luaJIT_setmode(made->state_, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  lua_sethook(made->state_, on_count, LUA_MASKCOUNT, kHookEvery);
  lua_gc(made->state_, LUA_GCSTOP, 0);
  if (lua_cpcall(made->state_, open_tables, nullptr) != 0) return nullptr;
  made->settled_ = made->memory_;
  made->cycle_at_ = made->memory_ + kLeastGarbage;
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
  lua_gc(state_, LUA_GCSTOP, 0);  // also after a record with collectgarbage()
  meter_.start(limits);
  memory_limit_ = memory_ + limits.memory_octets;
  evaluating_ = true;
  strings_grew_ = false;
}

Ended State::end(int status, std::string& error) {
  const bool over = meter_.over();
  meter_.stop();
  memory_limit_ = ~std::size_t{0};
  evaluating_ = strings_grew_ = false;
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
  collect();
  return ended;
}

void State::collect() {
  const std::size_t added = memory_ > settled_ ? memory_ - settled_ : 0;
  settled_ = memory_;
  if (phase_ == Phase::kPause && memory_ < cycle_at_) return;
  work_left_ += added * kCollectPace;
  std::size_t share = std::min(work_left_, kCollectShare);
  if (work_left_ > kCollectBacklog) share = std::max(share, work_left_ - kCollectBacklog);
  if (share < (phase_ == Phase::kSweep ? kSweepStepWork : kStep)) return;
  share_ = share;
  share_used_ = 0;
  // Protected: a finalizer of a record that may do everything can raise an error, which ends its step.
  for (std::size_t before = 0; lua_cpcall(state_, collect_share, this) != 0; before = share_used_) {
    lua_pop(state_, 1);
    if (share_used_ == before) break;
  }
  collected_.work += share_used_;
  collected_.most_work = std::max<std::uint64_t>(collected_.most_work, share_used_);
  work_left_ -= std::min(work_left_, share_used_);
  settled_ = memory_;
  if (phase_ != Phase::kPause) return;
  work_left_ = 0;
  cycle_at_ = memory_ + std::clamp(memory_ / 2, kLeastGarbage, kMostGarbage);
}

int State::collect_share(lua_State* state) {
  State& self = *static_cast<State*>(lua_touserdata(state, 1));
  lua_gc(state, LUA_GCSETSTEPMUL, kStepMultiplier);
  push_unmarked(state);
  if (self.phase_ == Phase::kPause) {
    lua_newtable(state);
    lua_rawseti(state, -2, 1);
    self.phase_ = Phase::kMark;
  }
  while (self.phase_ != Phase::kPause && self.share_used_ < self.share_) {
    self.share_used_ += self.phase_ == Phase::kSweep ? kSweepStepWork : kStep;
    if (lua_gc(state, LUA_GCSTEP, 0) != 0) {
      ++self.collected_.cycles;
      self.phase_ = Phase::kPause;
    } else if (self.phase_ == Phase::kMark) {
      lua_rawgeti(state, -1, 1);
      if (lua_isnil(state, -1)) self.phase_ = Phase::kSweep;
      lua_pop(state, 1);
    }
  }
  lua_gc(state, LUA_GCSTOP, 0);  // which a step undoes
  return 0;
}

void State::drop(int reference) {
  free_.push_back(reference);
  push_table_of(state_, reference);
  lua_pushnil(state_);
  lua_rawseti(state_, -2, reference % kKeptInTable + 1);
  lua_pop(state_, 1);
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

int keep(lua_State* state) {
  State& owner = owner_of(state);
  const int reference = owner.free_.empty() ? owner.kept_ : owner.free_.back();
  push_table_of(state, reference);
  if (lua_isnil(state, -1)) {
    lua_pop(state, 1);
    lua_pushlightuserdata(state, &kept_key);
    lua_rawget(state, LUA_REGISTRYINDEX);
    lua_createtable(state, kKeptInTable, 0);
    lua_pushvalue(state, -1);
    lua_rawseti(state, -3, reference / kKeptInTable + 1);
    lua_remove(state, -2);
  }
  lua_insert(state, -2);
  lua_rawseti(state, -2, reference % kKeptInTable + 1);
  lua_pop(state, 1);
  if (owner.free_.empty()) ++owner.kept_;
  else owner.free_.pop_back();
  return reference;
}

void push_kept(lua_State* state, int reference) {
  push_table_of(state, reference);
  lua_rawgeti(state, -1, reference % kKeptInTable + 1);
  lua_remove(state, -2);
}

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
