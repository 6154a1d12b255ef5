// SPDX-License-Identifier: MIT
#include "lua/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <lua.hpp>

#include "lua/state.h"

namespace sdns::lua {
namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// The octet after a long bracket that opens at source[at], or `at` when there is none; its text in `inside`.
std::size_t long_bracket(std::string_view source, std::size_t at, std::string_view& inside) {
  std::size_t level = at + 1;
  while (level < source.size() && source[level] == '=') ++level;
  if (level >= source.size() || source[level] != '[') return at;
  const std::string close = ']' + std::string(level - at - 1, '=') + ']';
  const std::size_t end = std::min(source.find(close, level + 1), source.size());
  inside = source.substr(level + 1, end - level - 1);
  return std::min(end + close.size(), source.size());
}

std::size_t quoted(std::string_view source, std::size_t at) {
  const char quote = source[at++];
  while (at < source.size() && source[at] != quote) at += source[at] == '\\' ? 2 : 1;
  return std::min(at + 1, source.size());
}

// Walks the bytecode of a function and of those inside of it. The numbers of the instructions are read from a function
// whose instructions are known. A field that is read from a global is the instruction after it.
constexpr char kWalk[] = R"lua(
local source, found = ...
local util = require('jit.util')
local band, shift = bit.band, bit.rshift
local known = assert(loadstring('local t = a.b; c = t'))
local function opcode(instruction) return band(instruction, 255) end
local read, field, set = opcode(util.funcbc(known, 1)), opcode(util.funcbc(known, 2)), opcode(util.funcbc(known, 3))
local function walk(code)
  for pc = 1, 1e9 do
    local instruction = util.funcbc(code, pc)
    if not instruction then break end
    local operation = opcode(instruction)
    if operation == read or operation == set then
      local name, inner = util.funck(code, -shift(instruction, 16) - 1), ''
      local following = util.funcbc(code, pc + 1)
      if operation == read and following and opcode(following) == field
          and shift(following, 24) == band(shift(instruction, 8), 255) then
        inner = util.funck(code, -band(shift(following, 16), 255) - 1)
      end
      found(name, inner, util.funcinfo(code, pc).currentline or 0, operation == set)
    end
  end
  for k = -1, -1e9, -1 do
    local constant = util.funck(code, k)
    if constant == nil then break end
    if type(constant) == 'proto' then walk(constant) end
  end
end
walk(assert(loadstring(source, '=record')))
)lua";

struct WalkJob {
  const std::string* source;
  std::vector<GlobalUse>* found;
};

int note_use(lua_State* state) {
  auto& found = *static_cast<std::vector<GlobalUse>*>(lua_touserdata(state, lua_upvalueindex(1)));
  const char* name = lua_tostring(state, 1);
  const char* field = lua_tostring(state, 2);
  found.push_back(
      {name ? name : "", field ? field : "", static_cast<int>(lua_tointeger(state, 3)), lua_toboolean(state, 4) != 0});
  return 0;
}

int walk(lua_State* state) {
  const auto& job = *static_cast<WalkJob*>(lua_touserdata(state, 1));
  luaL_openlibs(state);
  if (luaL_loadstring(state, kWalk) != 0) return lua_error(state);
  lua_pushlstring(state, job.source->data(), job.source->size());
  lua_pushlightuserdata(state, job.found);
  lua_pushcclosure(state, note_use, 1);
  lua_call(state, 2, 0);
  return 0;
}

constexpr Limits kLimits{50'000'000, 5'000'000'000, std::size_t{64} << 20};

}  // namespace

std::vector<Token> tokens_of(std::string_view source) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < source.size();) {
    const char c = source[at];
    std::size_t end = at + 1;
    std::string_view inside;
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f') {
      ++at;
      continue;
    }
    if (source.substr(at, 2) == "--") {
      end = at + 2 < source.size() && source[at + 2] == '[' ? long_bracket(source, at + 2, inside) : at + 2;
      at = end != at + 2 ? end : std::min(source.find('\n', at), source.size());
      continue;
    }
    Token token{Token::Kind::kOther, {}, at, 0};
    if (c == '"' || c == '\'') {
      end = quoted(source, at);
      token.kind = Token::Kind::kText;
      token.text = source.substr(at + 1, std::max(end, at + 2) - at - 2);
    } else if (c == '[' && (end = long_bracket(source, at, inside)) != at) {
      token.kind = Token::Kind::kText;
      token.text = inside;
    } else if (is_word(c)) {
      end = at;
      while (end < source.size() && is_word(source[end])) ++end;
      token.kind = c >= '0' && c <= '9' ? Token::Kind::kOther : Token::Kind::kWord;
      token.text = source.substr(at, end - at);
    } else {
      end = at + 1;
      token.text = c;
    }
    token.size = end - at;
    at = end;
    tokens.push_back(std::move(token));
  }
  return tokens;
}

Result<std::vector<GlobalUse>> global_uses(const std::string& source) {
  std::vector<GlobalUse> found;
  const auto state = State::make();
  if (!state) return fail(Errc::kUnavailable, "no memory for Lua");
  WalkJob job{&source, &found};
  std::string error;
  if (state->run(walk, &job, kLimits, error) != Ended::kReturned)
    return fail(Errc::kInvalidRecord, fmt::format("the code does not compile: {}", error));
  return found;
}

}  // namespace sdns::lua
