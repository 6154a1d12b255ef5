// SPDX-License-Identifier: MIT
// string.format.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <lua.hpp>
#include <string_view>

#include "lua/library_functions.h"
#include "lua/number_text.h"
#include "lua/text.h"

namespace sdns::lua {
namespace {

// One directive: %[flags][width][.precision]conversion
struct Directive {
  bool left = false;       // '-'
  bool sign = false;       // '+'
  bool space = false;      // ' '
  bool alternate = false;  // '#'
  bool zeros = false;      // '0'
  std::size_t width = 0;   // 0 to 99
  int precision = -1;      // -1: none
  char conversion = '\0';
};

// Up to two digits.
int read_number(const char*& at) {
  int number = 0;
  for (int i = 0; i < 2 && *at >= '0' && *at <= '9'; ++i) number = 10 * number + (*at++ - '0');
  return number;
}

// Reads what follows the '%', up to the conversion. The text ends with a zero octet.
Directive read_directive(const char*& at) {
  Directive directive;
  for (;; ++at) {
    if (*at == '-') directive.left = true;
    else if (*at == '+') directive.sign = true;
    else if (*at == ' ') directive.space = true;
    else if (*at == '#') directive.alternate = true;
    else if (*at == '0') directive.zeros = true;
    else break;
  }
  directive.width = static_cast<std::size_t>(read_number(at));
  if (*at == '.') directive.precision = read_number(++at);
  directive.conversion = *at;
  if (*at != '\0') ++at;
  return directive;
}

void append(Text& text, std::string_view octets) { text.append(octets.data(), octets.size()); }

// `prefix` is the sign and 0x; zeros go behind it.
void append_padded(Text& text, const Directive& directive, std::string_view prefix, std::string_view body, bool zeros) {
  const std::size_t size = prefix.size() + body.size();
  const std::size_t padding = directive.width > size ? directive.width - size : 0;
  const bool fill = zeros && !directive.left;
  if (!directive.left && !fill) text.append(' ', padding);
  append(text, prefix);
  if (fill) text.append('0', padding);
  append(text, body);
  if (directive.left) text.append(' ', padding);
}

std::string_view sign_of(const Directive& directive, bool negative) {
  if (negative) return "-";
  if (directive.sign) return "+";
  return directive.space ? " " : "";
}

// Out of range is what the processor's conversion gives for it (x86-64).
std::int64_t to_int64(double number) {
  constexpr double kLimit = 9223372036854775808.0;
  return number >= -kLimit && number < kLimit ? static_cast<std::int64_t>(number) : INT64_MIN;
}
std::uint64_t to_uint64(double number) {
  if (number >= 9223372036854775808.0) number -= 18446744073709551616.0;
  return static_cast<std::uint64_t>(to_int64(number));
}

void upper_case(std::string_view in_buffer, NumberBuffer& buffer) {
  char* const begin = buffer.data() + (in_buffer.data() - buffer.data());
  std::transform(begin, begin + in_buffer.size(), begin,
                 [](char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c ^ 0x20 : c); });
}

void append_integer(Text& text, const Directive& directive, double number) {
  NumberBuffer buffer;
  const bool zeros = directive.zeros && directive.precision < 0;
  const int precision = directive.precision < 0 ? 1 : directive.precision;
  if (directive.conversion == 'd') {
    const std::int64_t value = to_int64(number);
    const auto magnitude = value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
    append_padded(text, directive, sign_of(directive, value < 0), integer_text(magnitude, 10, precision, buffer),
                  zeros);
    return;
  }
  const std::uint64_t value = to_uint64(number);
  const bool octal = directive.conversion == 'o';
  const bool hex = directive.conversion == 'x' || directive.conversion == 'X';
  std::string_view digits = integer_text(value, octal ? 8 : hex ? 16 : 10, precision, buffer);
  if (octal && directive.alternate && (digits.empty() || digits.front() != '0'))
    digits = integer_text(value, 8, static_cast<int>(digits.size()) + 1, buffer);
  std::string_view prefix;
  if (hex && directive.alternate && value != 0) prefix = directive.conversion == 'X' ? "0X" : "0x";
  if (directive.conversion == 'X') upper_case(digits, buffer);
  append_padded(text, directive, prefix, digits, zeros);
}

void append_float(Text& text, const Directive& directive, double number) {
  const bool upper = directive.conversion <= 'Z';
  if (std::isnan(number)) {
    append_padded(text, directive, directive.space ? " " : "", upper ? "NAN" : "nan", false);
    return;
  }
  const std::string_view sign = sign_of(directive, std::signbit(number));
  if (std::isinf(number)) {
    append_padded(text, directive, sign, upper ? "INF" : "inf", false);
    return;
  }
  NumberBuffer buffer;
  std::string_view body;
  const double magnitude = std::fabs(number);
  const int precision = directive.precision < 0 ? 6 : directive.precision;
  char prefix[4] = {};
  std::size_t prefix_size = sign.copy(prefix, 1);
  switch (directive.conversion) {
    case 'f':
    case 'F':
      body = fixed_text(magnitude, precision, directive.alternate, buffer);
      break;
    case 'e':
    case 'E':
      body = exponent_text(magnitude, precision, directive.alternate, buffer);
      break;
    case 'g':
    case 'G':
      body = general_text(magnitude, precision, directive.alternate, buffer);
      break;
    default:
      body = hex_text(magnitude, directive.precision, directive.alternate, buffer);
      prefix[prefix_size++] = '0';
      prefix[prefix_size++] = upper ? 'X' : 'x';
  }
  if (upper) upper_case(body, buffer);
  text.spend_steps(8 + 2 * body.size());  // long numbers are the work of many divisions
  append_padded(text, directive, {prefix, prefix_size}, body, directive.zeros);
}

void append_quoted(Text& text, std::string_view octets) {
  text.append('"');
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const auto octet = static_cast<unsigned char>(octets[i]);
    const bool escaped = octet == '"' || octet == '\\' || octet == '\n';
    const bool control = octet < ' ' || octet == 127;
    if (escaped || control || i % 4 == 0) text.spend_steps(1);
    if (escaped || control) text.append('\\');
    if (control && !escaped) {
      // As short as can be: three digits where another digit follows.
      const bool digit_follows = i + 1 < octets.size() && octets[i + 1] >= '0' && octets[i + 1] <= '9';
      NumberBuffer buffer;
      append(text, integer_text(octet, 10, digit_follows ? 3 : 1, buffer));
    } else {
      text.append(octets[i]);
    }
  }
  text.append('"');
}

// Pushes the text of the value on top of the stack, without its metatable's help.
void push_plain_text(lua_State* state) {
  switch (lua_type(state, -1)) {
    case LUA_TSTRING:
      lua_pushvalue(state, -1);
      return;
    case LUA_TNUMBER:
      lua_pushvalue(state, -1);
      lua_tostring(state, -1);
      return;
    case LUA_TNIL:
      lua_pushliteral(state, "nil");
      return;
    case LUA_TBOOLEAN:
      lua_pushstring(state, lua_toboolean(state, -1) ? "true" : "false");
      return;
    default:
      lua_pushfstring(state, "%s: %p", luaL_typename(state, -1), lua_topointer(state, -1));
  }
}

// What `%s` stands for; on the stack as well. `value` is the argument's.
std::string_view push_text(lua_State* state, int index) {
  const int type = lua_type(state, index);
  if (type != LUA_TSTRING) {
    if (luaL_getmetafield(state, index, "__tostring")) {
      lua_pushvalue(state, index);
      call_back(state, 1, 1);
    } else {
      lua_pushvalue(state, index);
    }
    push_plain_text(state);
  } else {
    lua_pushvalue(state, index);
  }
  std::size_t size = 0;
  const char* const octets = lua_tolstring(state, -1, &size);
  return {octets, size};
}

void append_pointer(lua_State* state, Text& text, int index) {
  const void* const pointer = lua_topointer(state, index);
  char shown[32];
  const int size = pointer ? std::snprintf(shown, sizeof shown, "%p", pointer) : std::snprintf(shown, 5, "NULL");
  text.append(shown, static_cast<std::size_t>(size));
}

void append_argument(lua_State* state, Text& text, const Directive& directive, int index) {
  switch (directive.conversion) {
    case 'd':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
      append_integer(text, directive, luaL_checknumber(state, index));
      return;
    case 'c': {
      const char octet = static_cast<char>(check_int(state, index));
      append_padded(text, directive, "", {&octet, 1}, false);
      return;
    }
    case 's': {
      std::string_view octets = push_text(state, index);
      if (directive.precision >= 0) octets = octets.substr(0, static_cast<std::size_t>(directive.precision));
      append_padded(text, directive, "", octets, false);
      return;
    }
    case 'q':
      append_quoted(text, push_text(state, index));
      return;
    case 'p':
      append_pointer(state, text, index);
      return;
    default:
      append_float(text, directive, luaL_checknumber(state, index));
  }
}

}  // namespace

int string_format(lua_State* state) {
  std::size_t size = 0;
  const char* const format = luaL_checklstring(state, 1, &size);
  const int arguments = lua_gettop(state);
  Text text(state, __builtin_frame_address(0));
  const char* at = format;
  const char* const end = format + size;
  int index = 1;
  while (at < end) {
    const void* const found = std::memchr(at, '%', static_cast<std::size_t>(end - at));
    const char* const percent = found ? static_cast<const char*>(found) : end;
    text.append(at, static_cast<std::size_t>(percent - at));
    if (percent == end) break;
    text.spend_steps(1);
    at = percent + 1;
    if (*at == '%') {
      text.append('%');
      ++at;
      continue;
    }
    Directive directive = read_directive(at);
    if (directive.conversion == 'i') directive.conversion = 'd';
    if (directive.conversion == '\0' || !std::strchr("cdouxXaAeEfFgGpqs", directive.conversion)) {
      // A control octet is not shown.
      const bool shown = static_cast<unsigned char>(directive.conversion) >= ' ' || directive.conversion == '\0';
      lua_pushlstring(state, percent, static_cast<std::size_t>(at - percent - (shown ? 0 : 1)));
      return luaL_error(state, "invalid option '%s' to 'format'", lua_tostring(state, -1));
    }
    if (++index > arguments) return luaL_argerror(state, index, "value expected");
    text.spend_steps(4);
    append_argument(state, text, directive, index);
    lua_settop(state, arguments);
  }
  text.push();
  return 1;
}

}  // namespace sdns::lua
