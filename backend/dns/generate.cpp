// SPDX-License-Identifier: MIT
#include "backend/dns/generate.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

#include "backend/dns/rdata_text.h"

namespace sdns::dns {
namespace {

constexpr std::uint32_t kMost = 0x7FFF'FFFF;
constexpr std::uint32_t kMaxWidth = 255;

void append_nibbles(std::uint32_t value, std::uint32_t width, bool upper, std::string& out) {
  do {
    out += (upper ? "0123456789ABCDEF" : "0123456789abcdef")[value & 15];
    value >>= 4;
    if (width > 0) --width;
    if (width > 0 || value != 0) {
      out += '.';
      if (width > 0) --width;
    }
  } while (value != 0 || width > 0);
}

// `offset[,width[,base]]`
bool append_modified(std::string_view modifier, std::uint32_t number, std::string& out) {
  const std::size_t comma = modifier.find(',');
  std::string_view offset_text = modifier.substr(0, comma);
  if (offset_text.starts_with('+')) offset_text.remove_prefix(1);
  std::int64_t offset = 0;
  const auto [end, error] = std::from_chars(offset_text.data(), offset_text.data() + offset_text.size(), offset);
  if (error != std::errc{} || end != offset_text.data() + offset_text.size()) return false;
  if (offset > kMost || offset < -static_cast<std::int64_t>(kMost)) return false;

  std::uint32_t width = 0;
  char base = 'd';
  if (comma != std::string_view::npos) {
    const std::string_view rest = modifier.substr(comma + 1);
    const std::size_t second = rest.find(',');
    const auto parsed = parse_number(rest.substr(0, second), kMaxWidth);
    if (!parsed) return false;
    width = *parsed;
    if (second != std::string_view::npos) {
      if (rest.size() != second + 2) return false;
      base = rest[second + 1];
    }
  }
  const std::int64_t sum = static_cast<std::int64_t>(number) + offset;
  if (sum < 0 || sum > 0xFFFF'FFFFLL) return false;
  const auto value = static_cast<std::uint32_t>(sum);
  switch (base) {
    case 'd':
      fmt::format_to(std::back_inserter(out), "{:0{}d}", value, width);
      return true;
    case 'o':
      fmt::format_to(std::back_inserter(out), "{:0{}o}", value, width);
      return true;
    case 'x':
      fmt::format_to(std::back_inserter(out), "{:0{}x}", value, width);
      return true;
    case 'X':
      fmt::format_to(std::back_inserter(out), "{:0{}X}", value, width);
      return true;
    case 'n':
    case 'N':
      append_nibbles(value, width, base == 'N', out);
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<GenerateRange> parse_generate_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::size_t slash = text.find('/', dash);
  const auto start = parse_number(text.substr(0, dash), kMost);
  const auto stop =
      parse_number(text.substr(dash + 1, slash == std::string_view::npos ? slash : slash - dash - 1), kMost);
  const auto step =
      slash == std::string_view::npos ? std::optional<std::uint32_t>(1) : parse_number(text.substr(slash + 1), kMost);
  if (!start || !stop || !step || *step == 0 || *stop < *start) return std::nullopt;
  return GenerateRange{*start, *stop, *step};
}

bool expand_generate(std::string_view pattern, std::uint32_t number, std::string& out) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      out += c;
      out += pattern[++i];
    } else if (c != '$') {
      out += c;
    } else if (i + 1 < pattern.size() && pattern[i + 1] == '$') {
      out += '$';
      ++i;
    } else if (i + 1 < pattern.size() && pattern[i + 1] == '{') {
      const std::size_t close = pattern.find('}', i);
      if (close == std::string_view::npos) return false;
      if (!append_modified(pattern.substr(i + 2, close - i - 2), number, out)) return false;
      i = close;
    } else {
      append_decimal(number, out);
    }
  }
  return true;
}

}  // namespace sdns::dns
