// SPDX-License-Identifier: MIT
// find, match, gmatch and gsub.
#include <algorithm>
#include <climits>
#include <cstring>
#include <lua.hpp>
#include <string_view>

#include "lua/library_functions.h"
#include "lua/string_pattern.h"
#include "lua/text.h"

namespace sdns::lua {
namespace {

std::string_view check_string(lua_State* state, int index) {
  std::size_t size = 0;
  const char* const octets = luaL_checklstring(state, index, &size);
  return {octets, size};
}

void raise_fault(lua_State* state, PatternFault fault) {
  if (fault == PatternFault::kOverBudget) raise_over_budget(state);
  luaL_error(state, "%s", text_of(fault));
}

// The end of the match at `at`, or null; an error in the pattern is raised.
const char* match_at(lua_State* state, PatternMatcher& matcher, const char* at) {
  const char* const end = matcher.match(at);
  if (!end && matcher.fault() != PatternFault::kNone) raise_fault(state, matcher.fault());
  return end;
}

// What %1, or the whole match where the pattern has no captures, stands for; at a position capture, its number.
struct Captured {
  std::string_view octets;
  lua_Integer position = 0;
};
Captured captured(lua_State* state, const PatternMatcher& matcher, int index, const char* begin, const char* end) {
  if (index >= matcher.captures()) {
    if (index != 0) raise_fault(state, PatternFault::kNoSuchCapture);
    return {{begin, static_cast<std::size_t>(end - begin)}};
  }
  const PatternCapture& capture = matcher.capture(index);
  if (capture.size == PatternCapture::kOpen) luaL_error(state, "unfinished capture");
  if (capture.size == PatternCapture::kPosition) return {{}, capture.begin - matcher.subject_begin() + 1};
  return {{capture.begin, static_cast<std::size_t>(capture.size)}};
}

void push_capture(lua_State* state, const PatternMatcher& matcher, int index, const char* begin, const char* end) {
  const Captured value = captured(state, matcher, index, begin, end);
  if (value.position != 0) {
    lua_pushinteger(state, value.position);
    return;
  }
  spend(state, meter_of(state), value.octets.size() / 16);
  lua_pushlstring(state, value.octets.data(), value.octets.size());
}

// `begin` null: only what the pattern captures, not the whole match.
int push_captures(lua_State* state, const PatternMatcher& matcher, const char* begin, const char* end) {
  const int count = matcher.captures() == 0 && begin ? 1 : matcher.captures();
  luaL_checkstack(state, count, "too many captures");
  for (int i = 0; i < count; ++i) push_capture(state, matcher, i, begin, end);
  return count;
}

bool is_plain(std::string_view pattern) {
  return std::none_of(pattern.begin(), pattern.end(), [](char c) {
    switch (c) {
      case '^':
      case '$':
      case '*':
      case '+':
      case '?':
      case '.':
      case '(':
      case '[':
      case '%':
      case '-':
        return true;
      default:
        return false;
    }
  });
}

// A pattern is looked at in full each time that it is used.
PatternMatcher matcher_of(lua_State* state, std::string_view subject, std::string_view pattern) {
  Meter& meter = meter_of(state);
  spend(state, meter, pattern.size() / 8);
  return {subject, pattern, meter};
}

// Where `needle` is found in [at, end); null when it is not there.
const char* find_plain(lua_State* state, const char* at, const char* end, std::string_view needle) {
  if (needle.empty()) return at;
  Meter& meter = meter_of(state);
  while (end - at >= static_cast<std::ptrdiff_t>(needle.size())) {
    const std::size_t starts = static_cast<std::size_t>(end - at) - needle.size() + 1;
    const auto* const candidate = static_cast<const char*>(std::memchr(at, needle.front(), starts));
    if (!candidate) {
      spend(state, meter, starts / 16);
      return nullptr;
    }
    spend(state, meter, 1 + (static_cast<std::size_t>(candidate - at) + needle.size()) / 16);
    if (std::memcmp(candidate, needle.data(), needle.size()) == 0) return candidate;
    at = candidate + 1;
  }
  return nullptr;
}

enum class Search { kFind, kMatch };

int search(lua_State* state, Search how) {
  const std::string_view subject = check_string(state, 1);
  std::string_view pattern = check_string(state, 2);
  const int init = optional_int(state, 3, 1);
  const auto size = static_cast<std::ptrdiff_t>(subject.size());
  const std::ptrdiff_t start = std::clamp<std::ptrdiff_t>(init < 0 ? init + size : init - 1, 0, size);
  const char* at = subject.data() + start;
  const char* const subject_end = subject.data() + size;
  if (how == Search::kFind && (lua_toboolean(state, 4) || is_plain(pattern))) {
    const char* const found = find_plain(state, at, subject_end, pattern);
    if (!found) {
      lua_pushnil(state);
      return 1;
    }
    const lua_Integer begin = found - subject.data();
    lua_pushinteger(state, begin + 1);
    lua_pushinteger(state, begin + static_cast<lua_Integer>(pattern.size()));
    return 2;
  }
  const bool anchored = !pattern.empty() && pattern.front() == '^';
  if (anchored) pattern.remove_prefix(1);
  PatternMatcher matcher = matcher_of(state, subject, pattern);
  do {
    if (const char* const end = match_at(state, matcher, at)) {
      if (how == Search::kMatch) return push_captures(state, matcher, at, end);
      lua_pushinteger(state, at - subject.data() + 1);
      lua_pushinteger(state, end - subject.data());
      return 2 + push_captures(state, matcher, nullptr, nullptr);
    }
  } while (++at <= subject_end && !anchored);
  lua_pushnil(state);
  return 1;
}

// Upvalues: subject, pattern, where to go on.
int next_match(lua_State* state) {
  std::size_t size = 0;
  const char* const octets = lua_tolstring(state, lua_upvalueindex(1), &size);
  std::size_t pattern_size = 0;
  const char* const pattern = lua_tolstring(state, lua_upvalueindex(2), &pattern_size);
  PatternMatcher matcher = matcher_of(state, {octets, size}, {pattern, pattern_size});
  for (const char* at = octets + lua_tointeger(state, lua_upvalueindex(3)); at <= octets + size; ++at) {
    const char* const end = match_at(state, matcher, at);
    if (!end) continue;
    // After an empty match, one further.
    lua_pushinteger(state, end - octets + (end == at ? 1 : 0));
    lua_replace(state, lua_upvalueindex(3));
    return push_captures(state, matcher, at, end);
  }
  return 0;
}

// The replacement string, where %0 to %9 are captures.
void append_template(lua_State* state, Text& text, const PatternMatcher& matcher, const char* begin, const char* end) {
  std::size_t size = 0;
  const char* at = lua_tolstring(state, 3, &size);
  const char* const template_end = at + size;
  while (at < template_end) {
    const void* const found = std::memchr(at, '%', static_cast<std::size_t>(template_end - at));
    const char* const percent = found ? static_cast<const char*>(found) : template_end;
    text.append(at, static_cast<std::size_t>(percent - at));
    if (percent == template_end) return;
    text.spend_steps(1);
    const char sign = percent[1];  // a zero octet after the last
    at = percent + 2;
    if (sign == '0') {
      text.append(begin, static_cast<std::size_t>(end - begin));
    } else if (sign < '0' || sign > '9') {
      text.append(sign);
    } else {
      const Captured value = captured(state, matcher, sign - '1', begin, end);
      if (value.position == 0) {
        text.append(value.octets.data(), value.octets.size());
      } else {
        lua_pushinteger(state, value.position);
        text.append_value();
      }
    }
  }
}

// Asks the table or the function what replaces the match.
void append_answer(lua_State* state, Text& text, const PatternMatcher& matcher, const char* begin, const char* end) {
  if (lua_istable(state, 3)) {
    push_capture(state, matcher, 0, begin, end);
    lua_gettable(state, 3);
    if (!meter_of(state).tick(1)) raise_over_budget(state);  // there may be a metamethod
  } else {
    lua_pushvalue(state, 3);
    call_back(state, push_captures(state, matcher, begin, end), 1);
  }
  if (!lua_toboolean(state, -1)) {
    lua_pop(state, 1);
    text.append(begin, static_cast<std::size_t>(end - begin));
    return;
  }
  if (!lua_isstring(state, -1)) luaL_error(state, "invalid replacement value (a %s)", luaL_typename(state, -1));
  text.append_value();
}

}  // namespace

int string_find(lua_State* state) { return search(state, Search::kFind); }
int string_match(lua_State* state) { return search(state, Search::kMatch); }

int string_gmatch(lua_State* state) {
  check_string(state, 1);
  check_string(state, 2);
  lua_settop(state, 2);
  lua_pushinteger(state, 0);
  lua_pushcclosure(state, next_match, 3);
  return 1;
}

int string_gsub(lua_State* state) {
  const std::string_view subject = check_string(state, 1);
  std::string_view pattern = check_string(state, 2);
  const int type = lua_type(state, 3);
  const int most = static_cast<int>(luaL_optinteger(state, 4, static_cast<lua_Integer>(subject.size() + 1)));
  const bool is_template = type == LUA_TSTRING || type == LUA_TNUMBER;
  if (!is_template && type != LUA_TTABLE && type != LUA_TFUNCTION)
    return luaL_argerror(state, 3, "string/function/table expected");
  const bool anchored = !pattern.empty() && pattern.front() == '^';
  if (anchored) pattern.remove_prefix(1);
  PatternMatcher matcher = matcher_of(state, subject, pattern);
  Text text(state, __builtin_frame_address(0));
  const char* at = subject.data();
  const char* const subject_end = at + subject.size();
  const char* copied = at;
  int count = 0;
  while (count < most) {
    const char* const end = match_at(state, matcher, at);
    if (end) {
      ++count;
      text.append(copied, static_cast<std::size_t>(at - copied));
      if (is_template) append_template(state, text, matcher, at, end);
      else append_answer(state, text, matcher, at, end);
      copied = end;
    }
    // After an empty match, the octet at it stays and matching goes on behind it.
    if (end && end > at) at = end;
    else if (at < subject_end) ++at;
    else break;
    if (anchored) break;
  }
  if (count == 0) {
    lua_pushvalue(state, 1);
  } else {
    text.append(copied, static_cast<std::size_t>(subject_end - copied));
    text.push();
  }
  lua_pushinteger(state, count);
  return 2;
}

}  // namespace sdns::lua
