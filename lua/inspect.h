// SPDX-License-Identifier: MIT
// What can be said of Lua source without running it: its words, and the global names that it reads and sets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"

namespace sdns::lua {

struct Token {
  enum class Kind : std::uint8_t { kWord, kText, kOther };  ///< a name or keyword, a string, a number or symbol
  Kind kind = Kind::kOther;
  std::string text;       ///< of a string what stands between its quotes, escapes as they are
  std::size_t start = 0;  ///< octets of the source, quotes included
  std::size_t size = 0;
  friend bool operator==(const Token& a, const Token& b) { return a.kind == b.kind && a.text == b.text; }
};
/// Without comments and white space. What is no Lua is cut into words and symbols all the same.
std::vector<Token> tokens_of(std::string_view source);

struct GlobalUse {
  std::string name;
  std::string field;  ///< read from it at once: `execute` in os.execute; "" when none is
  int line = 0;
  bool set = false;
  friend bool operator==(const GlobalUse&, const GlobalUse&) = default;
};
/// Every use of a global name, functions inside included, as the compiler sees it: local names are none. Errors
/// (kInvalidRecord): it does not compile.
Result<std::vector<GlobalUse>> global_uses(const std::string& source);

}  // namespace sdns::lua
