// SPDX-License-Identifier: MIT
#include "backend/dns/lua_code.h"

namespace sdns::dns {
namespace {

// The white space that an escape at `at` stands for; '\0': none.
char escaped_space(std::string_view text, std::size_t at) {
  const std::string_view escape = text.substr(at, 4);
  if (escape == "\\009") return '\t';
  if (escape == "\\010") return '\n';
  if (escape == "\\013") return '\r';
  return '\0';
}

}  // namespace

// The octets of a long bracket that opens at `at`; 0: none does.
std::size_t LuaCode::open_bracket(std::string_view chunk, std::size_t at) {
  std::size_t end = at + 1;
  while (end < chunk.size() && chunk[end] == '=') ++end;
  if (at >= chunk.size() || chunk[at] != '[' || end >= chunk.size() || chunk[end] != '[') return 0;
  in_ = In::kLong;
  level_ = end - at - 1;
  return end + 1 - at;
}

// Appends what is at `at`, and says how many octets of the chunk it was.
std::size_t LuaCode::take(std::string_view chunk, std::size_t at, std::string& content) {
  const char c = chunk[at];
  if (in_ == In::kString) {
    if (c == '\\' && at + 1 < chunk.size()) {
      content += c;
      content += chunk[at + 1] == '\n' ? 'n' : chunk[at + 1];
      return 2;
    }
    if (c == '\'' || c == '\n') in_ = In::kCode;
    content += c;
    return 1;
  }
  if (const char space = c == '\\' ? escaped_space(chunk, at) : '\0'; space != '\0') {
    if (space == '\n' && in_ == In::kComment) in_ = In::kCode;
    content += space;
    return 4;
  }
  std::size_t octets = 1;
  if (in_ == In::kCode) {
    if (c == '\'') {
      in_ = In::kString;
    } else if (chunk.substr(at, 2) == "--") {
      const std::size_t bracket = open_bracket(chunk, at + 2);
      if (bracket == 0) in_ = In::kComment;
      octets = 2 + bracket;
    } else if (const std::size_t bracket = open_bracket(chunk, at); bracket != 0) {
      octets = bracket;
    }
  } else if (in_ == In::kComment) {
    if (c == '\n') in_ = In::kCode;
  } else if (c == ']' && chunk.substr(at + 1, level_) == std::string(level_, '=') &&
             chunk.substr(at + 1 + level_, 1) == "]") {
    in_ = In::kCode;
    octets = level_ + 2;
  }
  content += chunk.substr(at, octets);
  return octets;
}

void LuaCode::append(std::string_view chunk, std::string& content) {
  for (std::size_t at = 0; at < chunk.size();) at += take(chunk, at, content);
}

std::string lua_in_one_line(std::string_view content) {
  std::string line;
  line.reserve(content.size());
  for (const char c : content)
    if (c == '\n') line += "\\010";
    else if (c == '\r') line += "\\013";
    else line += c;
  return line;
}

}  // namespace sdns::dns
