// SPDX-License-Identifier: MIT
#include "backend/protocol/utf8_marks.h"

#include <cstdint>

namespace sdns::protocol {
namespace {

std::uint8_t octet(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }

bool is_mark(std::string_view text, std::size_t at) {
  return at + 3 < text.size() && octet(text, at) == 0xF4 && octet(text, at + 1) == 0x8F &&
         (octet(text, at + 2) & 0xFE) == 0xBE && (octet(text, at + 3) & 0xC0) == 0x80;
}

// Octets of the valid UTF-8 sequence (Unicode table 3-7) at `at`; 0 when there is none.
std::size_t sequence_size(std::string_view text, std::size_t at) {
  const std::uint8_t first = octet(text, at);
  if (first < 0x80) return 1;
  std::size_t size = 0;
  std::uint8_t least = 0x80;  // of the second octet
  std::uint8_t most = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    size = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    size = 3;
    if (first == 0xE0) least = 0xA0;
    if (first == 0xED) most = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    size = 4;
    if (first == 0xF0) least = 0x90;
    if (first == 0xF4) most = 0x8F;
  } else {
    return 0;
  }
  if (at + size > text.size() || octet(text, at + 1) < least || octet(text, at + 1) > most) return 0;
  for (std::size_t i = 2; i < size; ++i)
    if ((octet(text, at + i) & 0xC0) != 0x80) return 0;
  return size;
}

void append_mark(std::string& out, std::uint8_t value) {
  out += '\xF4';
  out += '\x8F';
  out += static_cast<char>(0xBE | ((value >> 6) & 1));
  out += static_cast<char>(0x80 | (value & 0x3F));
}

}  // namespace

void append_marked(std::string& out, std::string_view json) {
  for (std::size_t i = 0; i < json.size();) {
    const std::size_t size = is_mark(json, i) ? 0 : sequence_size(json, i);
    if (size == 0) {
      append_mark(out, octet(json, i++));
      continue;
    }
    out.append(json, i, size);
    i += size;
  }
}

void append_unmarked(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (!is_mark(text, i)) {
      out += text[i++];
      continue;
    }
    out += static_cast<char>(0x80 | ((octet(text, i + 2) & 1) << 6) | (octet(text, i + 3) & 0x3F));
    i += 4;
  }
}

}  // namespace sdns::protocol
