// SPDX-License-Identifier: MIT
// The small pieces of RDATA text: escapes, names with their letter case, numbers, hex, base64, base32hex.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backend/dns/name.h"

namespace sdns::dns {

/// The octets that a word stands for (`\X`, `\DDD`), appended. False: a broken escape.
bool append_unescaped(std::string_view word, std::string& out);

/// `"…"` with `\"`, `\\` and `\DDD` for octets outside 0x20-0x7E.
void append_quoted(std::string_view octets, std::string& out);

/// `text` with control characters and what is not UTF-8 as `\DDD`: fit for a terminal, a log and JSON.
std::string printable(std::string_view text);

/// A name as written, letter case kept, to wire format. Null, or what is wrong with it.
const char* append_name_wire(std::string_view word, const Name& origin, std::string& wire);

/// The name at wire[at], uncompressed, to text; moves `at` past it. Octets that mean something in a master file are
/// `\DDD`, so that the text is one word anywhere. False: not a name.
bool append_name_text(std::string_view wire, std::size_t& at, std::string& text);

/// Decimal digits only.
std::optional<std::uint32_t> parse_number(std::string_view word, std::uint32_t most);

/// `3600` or `1h30m`: w d h m s in any letter case; the sum must fit 32 bits.
std::optional<std::uint32_t> parse_duration(std::string_view word);

void append_hex(std::string_view octets, std::string& out);
bool append_from_hex(std::string_view digits, std::string& octets);
void append_base64(std::string_view octets, std::string& out);
/// Padding may be missing.
bool append_from_base64(std::string_view text, std::string& octets);
void append_base32hex(std::string_view octets, std::string& out);
/// Without padding, any letter case.
bool append_from_base32hex(std::string_view text, std::string& octets);

inline void append_u16(std::string& wire, std::uint32_t value) {
  wire += static_cast<char>(value >> 8);
  wire += static_cast<char>(value);
}
inline void append_u32(std::string& wire, std::uint32_t value) {
  append_u16(wire, value >> 16);
  append_u16(wire, value & 0xFFFF);
}
inline std::uint32_t octet_at(std::string_view wire, std::size_t at) { return static_cast<unsigned char>(wire[at]); }
inline std::uint32_t u16_at(std::string_view wire, std::size_t at) {
  return octet_at(wire, at) << 8 | octet_at(wire, at + 1);
}
inline std::uint32_t u32_at(std::string_view wire, std::size_t at) {
  return u16_at(wire, at) << 16 | u16_at(wire, at + 2);
}

void append_decimal(std::uint32_t value, std::string& out);

}  // namespace sdns::dns
