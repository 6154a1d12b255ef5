// SPDX-License-Identifier: MIT
#include "lua/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace sdns::lua {
namespace {

constexpr std::string_view kUnknown = "unknown";
constexpr std::string_view kError = "error";
constexpr std::string_view kNoV4 = "0.0.0.0";
constexpr std::string_view kNoV6 = "::";
constexpr std::size_t kNibbles = 32;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// 0 to 15, or -1.
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// One to three decimal digits up to 255; "010" is ten.
std::optional<std::uint8_t> octet_of(std::string_view text) {
  if (text.empty() || text.size() > 3) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > 255) return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

// Exactly two hexadecimal digits for each octet of `out`.
bool read_hex(std::string_view digits, std::span<std::uint8_t> out) {
  if (digits.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(digits[2 * i]);
    const int low = hex_value(digits[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

std::string with(std::string_view text, char old_char, char new_char) {
  std::string out(text);
  std::replace(out.begin(), out.end(), old_char, new_char);
  return out;
}

std::string formatted(std::string_view format, const std::vector<std::string>& arguments) {
  auto text = format_positional(format, arguments);
  return text ? std::move(*text) : std::string(kError);
}

// The last four pieces between hyphens are octets: `ip-foo-1-2-3-4`. Empty pieces do not count.
std::string forward_from_pieces(std::span<const std::string_view> last_four) {
  std::array<std::uint8_t, 4> octets{};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto octet = octet_of(last_four[i]);
    if (!octet) return std::string(kNoV4);
    octets[i] = *octet;
  }
  return dns::IpAddress::from_octets(octets).text();
}

}  // namespace

Labels labels_of(std::string_view wire) {
  Labels labels;
  while (!wire.empty() && wire[0] != '\0') {
    const std::size_t size = static_cast<std::uint8_t>(wire[0]);
    labels.push_back(wire.substr(1, size));
    wire.remove_prefix(std::min(wire.size(), size + 1));
  }
  return labels;
}

std::string create_reverse(const Labels& qname, std::string_view format, const Exceptions& exceptions) {
  if (qname.size() < 4) return std::string(kUnknown);
  std::array<std::uint8_t, 4> octets{};
  std::vector<std::string> arguments;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto octet = octet_of(qname[3 - i]);
    if (!octet) return std::string(kError);
    octets[i] = *octet;
    arguments.emplace_back(qname[3 - i]);
  }
  const auto exception = exceptions.find(dns::IpAddress::from_octets(octets));
  if (exception != exceptions.end()) return exception->second;

  arguments.push_back(fmt::format("{}-{}-{}-{}", qname[3], qname[2], qname[1], qname[0]));
  arguments.push_back(fmt::format("{:02x}{:02x}{:02x}{:02x}", octets[0], octets[1], octets[2], octets[3]));
  return formatted(format, arguments);
}

std::string create_reverse6(const Labels& qname, std::string_view format, const Exceptions& exceptions) {
  if (qname.size() < kNibbles) return std::string(kUnknown);
  std::string digits;  // one of each label, or they are not as many
  for (std::size_t i = kNibbles; i-- > 0;) digits += qname[i];
  std::array<std::uint8_t, 16> octets{};
  if (!read_hex(digits, octets)) return std::string(kError);
  const auto address = dns::IpAddress::from_octets(octets);
  const auto exception = exceptions.find(address);
  if (exception != exceptions.end()) return exception->second;

  // A label neither starts nor ends with a hyphen, and has two of them in third place only if it is an IDNA one.
  std::string dashed = with(address.text(), ':', '-');
  if (dashed.ends_with('-')) dashed += '0';
  if (dashed.starts_with('-') || dashed.substr(2).starts_with("--")) dashed.insert(0, 1, '0');

  std::vector<std::string> arguments;
  for (const char nibble : digits) arguments.emplace_back(1, nibble);
  arguments.push_back(std::move(dashed));
  for (std::size_t i = 0; i < kNibbles; i += 4) arguments.push_back(digits.substr(i, 4));
  return formatted(format, arguments);
}

std::string create_forward(const Labels& relative) {
  if (relative.size() >= 4) {
    const auto address =
        dns::IpAddress::parse(fmt::format("{}.{}.{}.{}", relative[0], relative[1], relative[2], relative[3]));
    return address && address->is_v4() ? address->text() : std::string(kNoV4);
  }
  if (relative.empty()) return std::string(kNoV4);

  std::string_view first = relative[0];
  while (!first.empty() && hex_value(first[0]) < 0) first.remove_prefix(1);
  std::vector<std::string_view> pieces;
  for (std::string_view rest = first; !rest.empty();) {
    const std::size_t size = std::min(rest.find('-'), rest.size());
    if (size > 0) pieces.push_back(rest.substr(0, size));
    rest.remove_prefix(std::min(size + 1, rest.size()));
  }
  if (pieces.size() >= 4) return forward_from_pieces(std::span(pieces).last(4));

  std::array<std::uint8_t, 4> octets{};
  if (first.size() >= 8 && read_hex(first.substr(first.size() - 8), octets))
    return dns::IpAddress::from_octets(octets).text();
  return std::string(kNoV4);
}

std::string create_forward6(const Labels& relative) {
  std::string text;
  if (relative.size() == 8) {
    text = fmt::format("{}", fmt::join(relative, ":"));
  } else if (relative.size() == 1 && relative[0].find('-') != std::string_view::npos) {
    text = with(relative[0], '-', ':');
  } else if (relative.size() == 1 && relative[0].size() >= kNibbles) {
    std::array<std::uint8_t, 16> octets{};
    if (read_hex(relative[0].substr(relative[0].size() - kNibbles), octets))
      return dns::IpAddress::from_octets(octets).text();
  }
  const auto address = dns::IpAddress::parse(text);
  return address ? address->text() : std::string(kNoV6);
}

std::vector<std::string> magic_addresses(const Labels& qname) {
  std::vector<std::string> addresses;
  for (const std::string_view label : qname) {
    const auto endpoint = dns::Endpoint::parse(with(label, '-', '.'));
    if (!endpoint) break;
    addresses.push_back(endpoint->address.text());
  }
  return addresses;
}

std::optional<dns::IpAddress> magic_address(const Labels& qname) {
  if (qname.size() < 4) return std::nullopt;
  const auto address = dns::IpAddress::parse(fmt::format("{}.{}.{}.{}", qname[3], qname[2], qname[1], qname[0]));
  if (!address || !address->is_v4()) return std::nullopt;
  return *address;
}

}  // namespace sdns::lua
