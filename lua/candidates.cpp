// SPDX-License-Identifier: MIT
#include "lua/candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "lua/objects.h"

namespace sdns::lua {
namespace {

// The weight of a pair is read as C's atoi does.
bool read_weight(const Call& call, std::string_view text, std::uint32_t& weight) {
  std::int64_t value = 0;
  bool negative = false;
  std::size_t at = 0;
  while (at < text.size() && text[at] == ' ') ++at;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) negative = text[at++] == '-';
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    value = std::min<std::int64_t>(value * 10 + (text[at] - '0'), std::numeric_limits<std::int32_t>::max());
  if (negative && value != 0) {
    call.scratch().error = fmt::format("the weight {} is negative", text.substr(0, 40));
    return false;
  }
  weight = static_cast<std::uint32_t>(value);
  return true;
}

bool looks_like_weight(lua_State* state, int index) {
  if (lua_type(state, index) == LUA_TNUMBER) return true;
  if (lua_type(state, index) != LUA_TSTRING) return false;
  std::size_t size = 0;
  const char* text = lua_tolstring(state, index, &size);
  return size > 0 && std::all_of(text, text + size, [](char c) { return c >= '0' && c <= '9'; });
}

// The element on top of the stack, a table: a pair, or a group.
bool read_inner(const Call& call, ListShape shape, std::uint32_t group) {
  lua_State* state = call.state;
  const int inner = lua_gettop(state);
  if (shape == ListShape::kWeighted || shape == ListShape::kAny) {
    lua_rawgeti(state, inner, 1);
    lua_rawgeti(state, inner, 2);
    const bool pair = lua_objlen(state, inner) == 2 && (shape == ListShape::kWeighted || looks_like_weight(state, -2));
    std::string_view weight_text;
    std::string_view value;
    std::uint32_t weight = 0;
    if (pair && call.text(-2, weight_text) && call.text(-1, value)) {
      const bool read = read_weight(call, weight_text, weight);
      const bool added = read && add_candidate(call, value, 0, weight);
      lua_settop(state, inner);
      return added;
    }
    lua_settop(state, inner);
    if (shape == ListShape::kWeighted) {
      call.scratch().error = "each entry must be a weight and a value, as in {{10, '192.0.2.1'}, {20, '192.0.2.2'}}";
      return false;
    }
  }
  lua_pushnil(state);
  while (lua_next(state, inner) != 0) {
    std::string_view text;
    if (lua_isnumber(state, -2) == 0 || !call.text(-1, text)) {
      call.scratch().error =
          fmt::format("a group has a {} in it; it must be a list of texts", luaL_typename(state, -1));
      return false;
    }
    if (!add_candidate(call, text, group, 1)) return false;
    lua_pop(state, 1);
  }
  return true;
}

bool read_pool(const Call& call, const health::TargetPool& pool) {
  Scratch& scratch = call.scratch();
  if (!scratch.options.take(pool, scratch.error)) {
    scratch.error = fmt::format("target pool {}: {}", pool.name, scratch.error);
    return false;
  }
  for (const health::PoolMember& member : pool.members) {
    scratch.more.clear();
    member.address.append_text(scratch.more);
    if (!call.spend(cost::kAddress) || !add_candidate(call, scratch.more, member.group, member.weight)) return false;
    Candidate& candidate = scratch.candidates.back();
    candidate.address = member.address;
    candidate.addressed = true;
    candidate.member = &member;
    if (!member.enabled) {
      if (traces(call)) trace(call, "pool", scratch.candidates.size() - 1, false, "it is disabled");
      scratch.candidates.pop_back();
    }
  }
  std::stable_sort(scratch.candidates.begin(), scratch.candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.group < b.group; });
  return true;
}

}  // namespace

bool traces(const Call& call) { return call.evaluation.trace && call.evaluation.trace->takes_step(); }
void trace(const Call& call, std::string_view where, std::size_t candidate, bool kept, std::string_view why) {
  call.evaluation.trace->add(where, answer_text(call, candidate), kept, why);
}
void note(const Call& call, std::string_view text) {
  if (call.evaluation.trace) call.evaluation.trace->note(text);
}

bool add_candidate(const Call& call, std::string_view text, std::uint32_t group, std::uint32_t weight) {
  Scratch& scratch = call.scratch();
  if (!call.has_room(scratch.candidates.size(), scratch.texts, text.size())) return false;
  Candidate& candidate = scratch.candidates.emplace_back();
  candidate.text = static_cast<std::uint32_t>(scratch.texts.size());
  candidate.group = group;
  candidate.weight = weight;
  scratch.texts.add(text);
  return true;
}

std::string_view answer_text(const Call& call, std::size_t candidate) {
  return call.scratch().texts[call.scratch().candidates[candidate].text];
}

bool read_candidates(const Call& call, int index, ListShape shape) {
  Scratch& scratch = call.scratch();
  lua_State* state = call.state;
  scratch.texts.clear();
  scratch.candidates.clear();
  if (const health::TargetPool* pool = pool_at(state, index)) return read_pool(call, *pool);
  if (!lua_istable(state, index)) {
    call.fail_type(index, "a list");
    return false;
  }
  bool flat = false;
  bool nested = false;
  std::uint32_t group = 0;
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    std::string_view text;
    if (!call.spend(cost::kEntry)) return false;
    if (group >= kMostEntries) {
      scratch.error = fmt::format("a list has more than {} entries", kMostEntries);
      return false;
    }
    if (lua_isnumber(state, -2) == 0) {
      scratch.error = "a list has a key that is no number";
      return false;
    }
    if (shape != ListShape::kWeighted && call.text(-1, text)) {
      flat = true;
      if (!add_candidate(call, text, 0, 1)) return false;
    } else if (shape != ListShape::kFlat && lua_istable(state, -1)) {
      nested = true;
      if (!read_inner(call, shape, group++)) return false;
    } else {
      scratch.error = fmt::format("a list has a {} in it", luaL_typename(state, -1));
      return false;
    }
    if (flat && nested) {
      scratch.error = "a list has texts and lists in it: it must be one or the other";
      return false;
    }
    lua_pop(state, 1);
  }
  return true;
}

bool read_addresses(const Call& call) {
  Scratch& scratch = call.scratch();
  for (Candidate& candidate : scratch.candidates) {
    if (candidate.addressed) continue;
    if (!call.spend(cost::kAddress)) return false;
    const std::string_view text = scratch.texts[candidate.text];
    const auto endpoint = dns::Endpoint::parse(text);
    if (!endpoint) {
      scratch.error = endpoint.error().what;
      return false;
    }
    candidate.address = endpoint->address;
    candidate.port = endpoint->port;
    candidate.addressed = true;
    if (endpoint->lenient && call.evaluation.trace)
      note(call, fmt::format("{} is read as {}", text, endpoint->address.text()));
    if (endpoint->address.is_v4() && !endpoint->lenient && text.find(':') == text.npos) continue;  // canonical
    scratch.more.clear();
    candidate.address.append_text(scratch.more);
    if (scratch.more != text) {
      candidate.text = static_cast<std::uint32_t>(scratch.texts.size());
      scratch.texts.add(scratch.more);
    }
  }
  return true;
}

}  // namespace sdns::lua
