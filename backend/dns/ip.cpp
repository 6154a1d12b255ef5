// SPDX-License-Identifier: MIT
#include "backend/dns/ip.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <charconv>
#include <cstring>
#include <optional>

namespace sdns::dns {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The value of a digit in any base up to 16, or 16.
constexpr unsigned digit_value(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return 16;
}

bool parse_quad(std::string_view text, std::uint8_t* out) {
  if (text.size() < 7 || text.size() > 15) return false;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at == end || *at++ != '.')) return false;
    if (at == end || !is_digit(*at)) return false;
    unsigned value = static_cast<unsigned>(*at++ - '0');
    if (value != 0) {  // a leading zero stands alone: inet_aton reads it as octal
      for (int more = 0; more < 2 && at != end && is_digit(*at); ++more) value = value * 10 + unsigned(*at++ - '0');
    }
    if (value > 255) return false;
    out[part] = static_cast<std::uint8_t>(value);
  }
  return at == end;
}

bool parse_v6(std::string_view text, std::uint8_t* out) {
  // inet_pton wants a final zero octet, and takes nothing longer than this.
  if (text.size() < 2 || text.size() >= INET6_ADDRSTRLEN || text.find(':') == text.npos) return false;
  if (text.find('\0') != text.npos) return false;
  char terminated[INET6_ADDRSTRLEN];
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  return ::inet_pton(AF_INET6, terminated, out) == 1;
}

// The grammar of inet_aton: one to four numbers in base 8, 10 or 16, of which the last fills what is left; anything may
// follow a blank.
bool parse_loose(std::string_view text, std::uint8_t* out) {
  std::uint32_t value = 0;
  std::size_t i = 0;
  for (unsigned part = 0; part < 4; ++part) {
    if (i == text.size() || !is_digit(text[i])) return false;
    unsigned base = 10;
    if (text[i] == '0') {
      base = 8;
      if (i + 2 < text.size() && (text[i + 1] | 0x20) == 'x' && digit_value(text[i + 2]) < 16) {
        base = 16;
        i += 2;
      }
    }
    std::uint64_t number = 0;
    for (; i < text.size() && digit_value(text[i]) < base; ++i) {
      number = number * base + digit_value(text[i]);
      if (number > 0xFFFF'FFFF) return false;
    }
    if (i < text.size() && text[i] == '.') {
      if (part == 3 || number > 0xFF) return false;
      value |= static_cast<std::uint32_t>(number) << (24 - 8 * part);
      ++i;
      continue;
    }
    if (i < text.size() && !is_blank(text[i])) return false;
    if (number > (0xFFFF'FFFFU >> (8 * part))) return false;
    value |= static_cast<std::uint32_t>(number);
    for (int octet = 0; octet < 4; ++octet) out[octet] = static_cast<std::uint8_t>(value >> (24 - 8 * octet));
    return true;
  }
  return false;
}

// Decimal digits; strtol, which PowerDNS reads them with, takes blanks and a plus sign in front.
std::optional<std::uint16_t> parse_port(std::string_view text, bool& lenient) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end && is_blank(*at)) ++at;
  if (at != end && *at == '+') ++at;
  lenient = at != text.data();
  std::uint16_t port = 0;
  const auto [behind, fault] = std::from_chars(at, end, port);
  if (fault != std::errc() || behind != end) return std::nullopt;
  return port;
}

char* write_decimal(char* at, std::uint8_t value) {
  if (value >= 100) *at++ = static_cast<char>('0' + value / 100);
  if (value >= 10) *at++ = static_cast<char>('0' + value / 10 % 10);
  *at++ = static_cast<char>('0' + value % 10);
  return at;
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  IpAddress address;
  if (parse_quad(text, address.octets_.data())) return address;
  address.octets_ = {};
  if (parse_v6(text, address.octets_.data())) {
    address.size_ = 16;
    return address;
  }
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not an IP address", text),
              "write IPv4 as 192.0.2.1 (no leading zeros), IPv6 as 2001:db8::1");
}

IpAddress IpAddress::from_octets(std::span<const std::uint8_t> octets) {
  assert(octets.size() == 4 || octets.size() == 16);
  IpAddress address;
  address.size_ = octets.size() == 4 ? 4 : 16;
  std::copy_n(octets.begin(), address.size_, address.octets_.begin());
  return address;
}

std::string IpAddress::text() const {
  std::string out;
  append_text(out);
  return out;
}

void IpAddress::append_text(std::string& out) const {
  char buffer[INET6_ADDRSTRLEN];
  if (!is_v4()) {
    out += ::inet_ntop(AF_INET6, octets_.data(), buffer, sizeof buffer);
    return;
  }
  char* at = write_decimal(buffer, octets_[0]);
  for (std::size_t i = 1; i < 4; ++i) {
    *at++ = '.';
    at = write_decimal(at, octets_[i]);
  }
  out.append(buffer, at);
}

IpAddress IpAddress::masked(std::uint8_t bits) const {
  IpAddress result = *this;
  for (std::size_t i = bits / 8; i < size_; ++i) {
    const unsigned kept = i == bits / 8U ? bits % 8U : 0U;
    result.octets_[i] = static_cast<std::uint8_t>(result.octets_[i] & (0xFF00U >> kept));
  }
  return result;
}

std::uint8_t IpAddress::common_bits(const IpAddress& other) const {
  if (size_ != other.size_) return 0;
  for (unsigned i = 0; i < size_; ++i) {
    const auto different = static_cast<std::uint8_t>(octets_[i] ^ other.octets_[i]);
    if (different != 0) return static_cast<std::uint8_t>(8 * i + static_cast<unsigned>(std::countl_zero(different)));
  }
  return bits();
}

bool IpAddress::is_mapped_v4() const {
  static constexpr std::array<std::uint8_t, 12> kPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return !is_v4() && std::equal(kPrefix.begin(), kPrefix.end(), octets_.begin());
}

bool IpAddress::is_zero() const {
  return std::all_of(octets_.begin(), octets_.end(), [](std::uint8_t octet) { return octet == 0; });
}

std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
  if (a.size_ != b.size_) return a.size_ <=> b.size_;
  return std::memcmp(a.octets_.data(), b.octets_.data(), a.size_) <=> 0;
}

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address)
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not an IP network", text),
                "write it as 192.0.2.0/24 or 2001:db8::/32");
  if (slash == text.npos) return IpNetwork{*address, address->bits()};
  const std::string_view length = text.substr(slash + 1);
  std::uint8_t bits = 0;
  const auto [end, fault] = std::from_chars(length.data(), length.data() + length.size(), bits);
  if (fault != std::errc() || end != length.data() + length.size() || bits > address->bits())
    return fail(Errc::kInvalidArgument,
                fmt::format("\"{}\" is not an IP network: its prefix length is not 0 to {}", text, address->bits()));
  return IpNetwork{*address, bits};
}

bool IpNetwork::contains(const IpAddress& other) const {
  return address.is_v4() == other.is_v4() && address.common_bits(other) >= bits;
}

std::string IpNetwork::text() const {
  std::string out = address.text();
  out += '/';
  out += std::to_string(bits);
  return out;
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  Endpoint endpoint;
  std::array<std::uint8_t, 16> octets{};
  const auto take = [&](std::size_t size) { endpoint.address = IpAddress::from_octets(std::span(octets).first(size)); };
  if (parse_quad(text, octets.data())) {
    take(4);
    return endpoint;
  }

  const std::size_t colon = text.find(':');
  const std::string_view host = text.substr(0, colon);
  bool loose_port = false;
  const auto port = colon == text.npos ? std::uint16_t{0} : parse_port(text.substr(colon + 1), loose_port);
  const bool strict = parse_quad(host, octets.data());
  if (port && (strict || parse_loose(host, octets.data()))) {
    take(4);
    endpoint.port = *port;
    endpoint.lenient = loose_port || !strict;
    return endpoint;
  }

  if (parse_v6(text, octets.data())) {
    take(16);
    return endpoint;
  }
  const std::size_t closing = text.starts_with('[') ? text.find(']') : text.npos;
  if (closing != text.npos && parse_v6(text.substr(1, closing - 1), octets.data())) {
    const std::string_view rest = text.substr(closing + 1);
    take(16);
    if (rest.empty()) return endpoint;
    const auto v6_port = rest.starts_with(':') ? parse_port(rest.substr(1), endpoint.lenient) : std::nullopt;
    endpoint.port = v6_port.value_or(0);
    if (v6_port) return endpoint;
  }
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not an IP address, with or without a port", text),
              "write it as 192.0.2.1, 192.0.2.1:443, 2001:db8::1 or [2001:db8::1]:443");
}

}  // namespace sdns::dns
