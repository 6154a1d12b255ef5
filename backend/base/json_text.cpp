// SPDX-License-Identifier: MIT
#include "backend/base/json_text.h"

namespace sdns {
namespace {

constexpr char kHex[] = "0123456789abcdef";

int hex_value(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet < 0x20) {
      out += "\\u00";
      out += kHex[octet >> 4];
      out += kHex[octet & 15];
    } else {
      out += c;
    }
  }
}

std::string json_unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
    } else if (text[++i] == 'u') {
      out += static_cast<char>(hex_value(text[i + 3]) * 16 + hex_value(text[i + 4]));
      i += 4;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace sdns
