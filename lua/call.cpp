// SPDX-License-Identifier: MIT
#include "lua/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lua/state.h"

namespace sdns::lua {
namespace {

constexpr std::size_t kMostErrorOctets = 900;

// Once per list of evidence: linear, there are few.
bool add_once(const Call& call, std::vector<std::string>& to, std::size_t most, std::string_view text,
              const char* exceeded) {
  if (!call.spend(1 + to.size() / 2 + cost::copy(text.size()))) return false;
  if (std::find(to.begin(), to.end(), text) != to.end()) return true;
  Evaluation& evaluation = call.evaluation;
  if (to.size() >= most) evaluation.exceeded = exceeded;
  else if (text.size() > Evidence::kMostOctets - evaluation.evidence_octets)
    evaluation.exceeded = "the checks, pools, libraries and names that it rests on are more than 65536 octets";
  if (evaluation.exceeded) {
    call.meter.exhaust();
    return false;
  }
  evaluation.evidence_octets += text.size();
  to.emplace_back(text);
  return true;
}

int dispatch(lua_State* state) {
  const auto* entry = static_cast<const FunctionEntry*>(lua_touserdata(state, lua_upvalueindex(1)));
  const int count = lua_gettop(state);
  if (count < entry->least)
    return luaL_error(state, "%s: expected at least %d arguments, got %d", entry->name, entry->least, count);
  if (entry->most >= 0 && count > entry->most)
    return luaL_error(state, "%s: expected at most %d arguments, got %d", entry->name, entry->most, count);
  Evaluation& evaluation = evaluation_of(state);
  Meter& meter = meter_of(state);
  if (!meter.spend(cost::kCall)) return raise_over_budget(state);
  const int results = entry->function(Call{state, evaluation, meter});
  if (meter.over()) return raise_over_budget(state);
  if (results >= 0) return results;
  luaL_where(state, 1);
  lua_pushstring(state, entry->name);
  lua_pushliteral(state, ": ");
  lua_pushlstring(state, evaluation.scratch.error.data(), std::min(evaluation.scratch.error.size(), kMostErrorOctets));
  lua_concat(state, 4);
  return lua_error(state);
}

}  // namespace

Evaluation& evaluation_of(lua_State* state) { return *static_cast<Evaluation*>(context_of(state)); }

void push_function(lua_State* state, const FunctionEntry* entry) {
  lua_pushlightuserdata(state, const_cast<FunctionEntry*>(entry));
  lua_pushcclosure(state, dispatch, 1);
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

bool Call::list_too_long(std::size_t count) const {
  if (count >= kMostEntries) fail(fmt::format("a list has more than {} entries", kMostEntries));
  else fail(fmt::format("the texts of a list have more than {} octets", kMostListOctets));
  return false;
}

bool Call::rests_on_check(std::string_view identity) const {
  return add_once(*this, evidence().checks, Evidence::kMostChecks, identity, "it asks for more than 256 health checks");
}
bool Call::rests_on_pool(std::string_view name) const {
  return add_once(*this, evidence().pools, Evidence::kMostPools, name, "it names more than 64 target pools");
}
bool Call::rests_on_include(std::string_view name) const {
  return add_once(*this, evidence().includes, Evidence::kMostIncludes, name, "it includes more than 64 libraries");
}
bool Call::rests_on_name(std::string_view name) const {
  return add_once(*this, evidence().names, Evidence::kMostNames, name, "it looks up more than 64 names");
}

bool Call::texts(int index, Texts& out, std::string_view otherwise) const {
  if (!lua_istable(state, index)) {
    fail(otherwise);
    return false;
  }
  std::size_t count = 0;
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    std::string_view value;
    if (lua_isnumber(state, -2) == 0 || !text(-1, value)) {
      fail(otherwise);
      return false;
    }
    if (!has_room(count++, out, value.size())) return false;
    out.add(value);
    lua_pop(state, 1);
  }
  return true;
}

}  // namespace sdns::lua
