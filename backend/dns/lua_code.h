// SPDX-License-Identifier: MIT
// The code in LUA records as text of one line or several. PowerDNS keeps line breaks that came through its API or from
// SQL; in master files, and in what a transfer brings, they are `\010`, which is none of Lua's words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sdns::dns {

/// Reads the chunks of one record's code in their order.
class LuaCode {
 public:
  /// Appends `chunk` to `content` with `\009`, `\010` and `\013` as what they stand for, but in Lua's short strings,
  /// where they are Lua's own escapes. There, a line that goes on after a backslash is `\n`.
  void append(std::string_view chunk, std::string& content);

 private:
  enum class In : std::uint8_t { kCode, kString, kComment, kLong };
  std::size_t take(std::string_view chunk, std::size_t at, std::string& content);
  std::size_t open_bracket(std::string_view chunk, std::size_t at);

  In in_ = In::kCode;
  std::size_t level_ = 0;  // of the long bracket that is open: the number of its `=`
};

/// Content of a LUA record with `\010` and `\013` for line breaks: one line, as in a master file.
std::string lua_in_one_line(std::string_view content);

}  // namespace sdns::dns
