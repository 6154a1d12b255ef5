// SPDX-License-Identifier: MIT
#include "backend/dns/rdata_text.h"

#include <array>
#include <charconv>

namespace sdns::dns {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase32Hex = "0123456789abcdefghijklmnopqrstuv";

template <std::size_t N>
constexpr std::array<std::int8_t, 256> reverse_of(const char (&digits)[N], bool both_cases) {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i + 1 < N; ++i) {
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
    if (both_cases && digits[i] >= 'a' && digits[i] <= 'z')
      values[static_cast<unsigned char>(digits[i] - 'a' + 'A')] = static_cast<std::int8_t>(i);
  }
  return values;
}
constexpr auto kFromHex = reverse_of("0123456789abcdef", true);
constexpr auto kFromBase32 = reverse_of("0123456789abcdefghijklmnopqrstuv", true);
constexpr auto kFromBase64 = reverse_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", false);

void append_ddd(unsigned char c, std::string& out) {
  out += '\\';
  out += static_cast<char>('0' + c / 100);
  out += static_cast<char>('0' + c / 10 % 10);
  out += static_cast<char>('0' + c % 10);
}

// Reads the escape at word[at] == '\\'; moves `at` past it. Negative: broken.
int read_escape(std::string_view word, std::size_t& at) {
  if (at + 1 >= word.size()) return -1;
  if (!is_digit(word[at + 1])) {
    const int value = static_cast<unsigned char>(word[at + 1]);
    at += 2;
    return value;
  }
  if (at + 3 >= word.size() || !is_digit(word[at + 2]) || !is_digit(word[at + 3])) return -1;
  const int value = (word[at + 1] - '0') * 100 + (word[at + 2] - '0') * 10 + (word[at + 3] - '0');
  at += 4;
  return value > 255 ? -1 : value;
}

// Groups of `bits` bits from a text of digits, most significant first.
template <int bits>
bool append_from_digits(std::string_view text, const std::array<std::int8_t, 256>& values, std::string& octets) {
  std::uint32_t held = 0;
  int count = 0;
  for (const char c : text) {
    const int value = values[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    held = held << bits | static_cast<std::uint32_t>(value);
    count += bits;
    if (count >= 8) {
      count -= 8;
      octets += static_cast<char>(held >> count);
      held &= (1U << count) - 1;
    }
  }
  return count < bits;  // a whole unused digit: the text is cut short
}

// Octets of the UTF-8 sequence at text[at] (RFC 3629); 0 when there is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() - at < length) return 0;
  std::uint32_t value = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0) != 0x80) return 0;
    value = value << 6 | (next & 0x3F);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  const bool control = value < 0xA0;
  return value < kLeast[length] || value > 0x10FFFF || surrogate || control ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto octet = static_cast<unsigned char>(text[i]);
    const std::size_t length = octet < 0x20 || octet == 0x7F ? 0 : utf8_length(text, i);
    if (length == 0) {
      append_ddd(octet, out);
      ++i;
    } else {
      out += text.substr(i, length);
      i += length;
    }
  }
  return out;
}

bool append_unescaped(std::string_view word, std::string& out) {
  for (std::size_t i = 0; i < word.size();) {
    if (word[i] != '\\') {
      out += word[i++];
      continue;
    }
    const int value = read_escape(word, i);
    if (value < 0) return false;
    out += static_cast<char>(value);
  }
  return true;
}

void append_quoted(std::string_view octets, std::string& out) {
  out += '"';
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet < 0x20 || octet > 0x7E) {
      append_ddd(octet, out);
    } else {
      out += c;
    }
  }
  out += '"';
}

const char* append_name_wire(std::string_view word, const Name& origin, std::string& wire) {
  if (word == "@") {
    wire += origin.wire();
    return nullptr;
  }
  if (word == ".") {
    wire += '\0';
    return nullptr;
  }
  if (word.empty()) return "it is empty";
  const std::size_t start = wire.size();
  std::size_t label = start;
  wire += '\0';
  for (std::size_t i = 0; i < word.size();) {
    char c = word[i];
    if (c == '.') {
      const std::size_t length = wire.size() - label - 1;
      if (length == 0) return "it has an empty label";
      if (length > 63) return "it has a label of more than 63 octets";
      wire[label] = static_cast<char>(length);
      label = wire.size();
      wire += '\0';
      ++i;
      continue;
    }
    if (c == '\\') {
      const int value = read_escape(word, i);
      if (value < 0) return "it has a broken \\ escape";
      c = static_cast<char>(value);
    } else {
      ++i;
    }
    wire += c;
    if (wire.size() - start > 255) return "it is longer than 255 octets";
  }
  if (wire.size() - label > 1) {  // no final dot: relative to the origin
    const std::size_t length = wire.size() - label - 1;
    if (length > 63) return "it has a label of more than 63 octets";
    wire[label] = static_cast<char>(length);
    wire += origin.wire();
  }
  return wire.size() - start > 255 ? "it is longer than 255 octets" : nullptr;
}

bool append_name_text(std::string_view wire, std::size_t& at, std::string& text) {
  const std::size_t start = at;
  if (at >= wire.size()) return false;
  if (wire[at] == '\0') {
    ++at;
    text += '.';
    return true;
  }
  for (;;) {
    if (at >= wire.size()) return false;
    const std::size_t length = octet_at(wire, at);
    ++at;
    if (length == 0) break;
    if (length > 63 || at + length > wire.size()) return false;
    for (const std::size_t end = at + length; at < end; ++at) {
      const auto c = static_cast<unsigned char>(wire[at]);
      if (c == '.' || c == '\\') {
        text += '\\';
        text += static_cast<char>(c);
      } else if (c <= 0x20 || c >= 0x7F || c == '"' || c == ';' || c == '(' || c == ')') {
        append_ddd(c, text);
      } else {
        text += static_cast<char>(c);
      }
    }
    text += '.';
  }
  return at - start <= 255;
}

std::optional<std::uint32_t> parse_number(std::string_view word, std::uint32_t most) {
  if (word.empty() || word.size() > 10) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : word) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > most) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

std::optional<std::uint32_t> parse_duration(std::string_view word) {
  if (word.empty() || word.size() > 40) return std::nullopt;
  std::uint64_t total = 0;
  std::uint64_t value = 0;
  bool digits = false;
  bool units = false;
  for (const char c : word) {
    if (is_digit(c)) {
      value = value * 10 + static_cast<std::uint64_t>(c - '0');
      digits = true;
    } else {
      std::uint64_t unit = 0;
      switch (c) {
        case 's':
        case 'S':
          unit = 1;
          break;
        case 'm':
        case 'M':
          unit = 60;
          break;
        case 'h':
        case 'H':
          unit = 3600;
          break;
        case 'd':
        case 'D':
          unit = 86400;
          break;
        case 'w':
        case 'W':
          unit = 604800;
          break;
        default:
          return std::nullopt;
      }
      if (!digits) return std::nullopt;
      total += value * unit;
      value = 0;
      digits = false;
      units = true;
    }
    if (value > 0xFFFF'FFFFU || total > 0xFFFF'FFFFU) return std::nullopt;
  }
  if (digits && units) return std::nullopt;  // "1h30": thirty of what?
  total += value;
  if (total > 0xFFFF'FFFFU) return std::nullopt;
  return static_cast<std::uint32_t>(total);
}

void append_hex(std::string_view octets, std::string& out) {
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    out += "0123456789abcdef"[octet >> 4];
    out += "0123456789abcdef"[octet & 15];
  }
}

bool append_from_hex(std::string_view digits, std::string& octets) {
  return digits.size() % 2 == 0 && append_from_digits<4>(digits, kFromHex, octets);
}

void append_base64(std::string_view octets, std::string& out) {
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    std::uint32_t group = octet_at(octets, i) << 16;
    if (i + 1 < octets.size()) group |= octet_at(octets, i + 1) << 8;
    if (i + 2 < octets.size()) group |= octet_at(octets, i + 2);
    out += kBase64[group >> 18];
    out += kBase64[group >> 12 & 63];
    out += i + 1 < octets.size() ? kBase64[group >> 6 & 63] : '=';
    out += i + 2 < octets.size() ? kBase64[group & 63] : '=';
  }
}

bool append_from_base64(std::string_view text, std::string& octets) {
  std::size_t end = text.size();
  while (end > 0 && text[end - 1] == '=') --end;
  if (text.size() - end > 2 || (text.size() != end && text.size() % 4 != 0)) return false;
  return append_from_digits<6>(text.substr(0, end), kFromBase64, octets);
}

void append_base32hex(std::string_view octets, std::string& out) {
  std::uint32_t held = 0;
  int count = 0;
  for (const char c : octets) {
    held = held << 8 | static_cast<unsigned char>(c);
    count += 8;
    while (count >= 5) {
      count -= 5;
      out += kBase32Hex[held >> count & 31];
    }
    held &= (1U << count) - 1;
  }
  if (count > 0) out += kBase32Hex[held << (5 - count) & 31];
}

bool append_from_base32hex(std::string_view text, std::string& octets) {
  return append_from_digits<5>(text, kFromBase32, octets);
}

void append_decimal(std::uint32_t value, std::string& out) {
  char digits[10];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  (void)error;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

}  // namespace sdns::dns
