// SPDX-License-Identifier: MIT
// The parameters of SVCB and HTTPS (RFC 9460), with PowerDNS's `auto` for address hints.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "backend/dns/rdata.h"
#include "backend/dns/rdata_text.h"

namespace sdns::dns {
namespace {

// Those that PowerDNS 4.7.3 knows by name; every other key is keyNNN there.
enum : std::uint16_t { kMandatory, kAlpn, kNoDefaultAlpn, kPort, kIpv4Hint, kEch, kIpv6Hint, kNamed };
constexpr std::string_view kNames[kNamed] = {"mandatory", "alpn", "no-default-alpn", "port",
                                             "ipv4hint",  "ech",  "ipv6hint"};
// Named by RFC 9461 and RFC 9540, but not by PowerDNS 4.7.3: accepted, written as a number.
constexpr std::pair<std::string_view, std::uint16_t> kNewerNames[] = {{"dohpath", 7}, {"ohttp", 8}};

std::optional<std::uint16_t> parse_key(std::string_view text) {
  for (std::uint16_t key = 0; key < kNamed; ++key)
    if (kNames[key] == text) return key;
  for (const auto& [name, key] : kNewerNames)
    if (name == text) return key;
  if (!text.starts_with("key")) return std::nullopt;
  const auto number = parse_number(text.substr(3), 0xFFFF);
  if (!number || (text.size() > 4 && text[3] == '0')) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

void append_key(std::uint32_t key, std::string& text) {
  if (key < kNamed) {
    text += kNames[key];
  } else {
    text += "key";
    append_decimal(key, text);
  }
}

// Splits at commas; `\,` and `\\` stand for themselves (RFC 9460 appendix A.1).
std::vector<std::string> split_list(std::string_view octets) {
  std::vector<std::string> items(1);
  for (std::size_t i = 0; i < octets.size(); ++i) {
    if (octets[i] == ',') items.emplace_back();
    else if (octets[i] == '\\' && i + 1 < octets.size()) items.back() += octets[++i];
    else items.back() += octets[i];
  }
  return items;
}

bool hints_to_wire(int family, std::string_view octets, std::string& value) {
  if (octets == "auto") return true;  // no address: PowerDNS fills them in from A and AAAA
  for (const std::string& item : split_list(octets)) {
    char address[16];
    if (item.find('\0') != std::string::npos || inet_pton(family, item.c_str(), address) != 1) return false;
    value.append(address, family == AF_INET ? 4 : 16);
  }
  return true;
}

bool mandatory_to_wire(std::string_view octets, std::string& value) {
  std::vector<std::uint16_t> keys;
  for (const std::string& item : split_list(octets)) {
    const auto key = parse_key(item);
    if (!key || *key == kMandatory) return false;
    keys.push_back(*key);
  }
  std::sort(keys.begin(), keys.end());
  if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) return false;
  for (const std::uint16_t key : keys) append_u16(value, key);
  return true;
}

bool value_to_wire(std::uint16_t key, bool has_value, std::string_view octets, std::string& value) {
  switch (key) {
    case kMandatory:
      return has_value && mandatory_to_wire(octets, value);
    case kAlpn:
      for (const std::string& item : split_list(octets)) {
        if (item.empty() || item.size() > 255) return false;
        value += static_cast<char>(item.size());
        value += item;
      }
      return true;
    case kNoDefaultAlpn:
      return octets.empty();
    case kPort: {
      const auto port = parse_number(octets, 0xFFFF);
      if (port) append_u16(value, *port);
      return port.has_value();
    }
    case kIpv4Hint:
      return has_value && hints_to_wire(AF_INET, octets, value);
    case kIpv6Hint:
      return has_value && hints_to_wire(AF_INET6, octets, value);
    case kEch:
      return !octets.empty() && append_from_base64(octets, value);
    default:
      value = octets;
      return true;
  }
}

// A value in quotes; `list` doubles the escapes of commas and backslashes.
void append_list(const std::vector<std::string_view>& items, std::string& text) {
  std::string joined;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) joined += ',';
    for (const char c : items[i]) {
      if (c == ',' || c == '\\') joined += '\\';
      joined += c;
    }
  }
  append_quoted(joined, text);
}

bool append_hints(int family, std::string_view value, std::string& text) {
  const std::size_t size = family == AF_INET ? 4 : 16;
  if (value.size() % size != 0) return false;
  if (value.empty()) text += "auto";
  for (std::size_t at = 0; at < value.size(); at += size) {
    char address[INET6_ADDRSTRLEN];
    if (inet_ntop(family, value.data() + at, address, sizeof address) == nullptr) return false;
    if (at > 0) text += ',';
    text += address;
  }
  return true;
}

bool append_value(std::uint32_t key, std::string_view value, std::string& text) {
  switch (key) {
    case kMandatory:
      if (value.empty() || value.size() % 2 != 0) return false;
      for (std::size_t at = 0; at < value.size(); at += 2) {
        if (u16_at(value, at) == kMandatory || (at > 0 && u16_at(value, at) <= u16_at(value, at - 2))) return false;
        if (at > 0) text += ',';
        append_key(u16_at(value, at), text);
      }
      return true;
    case kAlpn: {
      std::vector<std::string_view> items;
      for (std::size_t at = 0; at < value.size();) {
        const std::size_t length = octet_at(value, at);
        if (length == 0 || at + 1 + length > value.size()) return false;
        items.push_back(value.substr(at + 1, length));
        at += 1 + length;
      }
      append_list(items, text);
      return !items.empty();
    }
    case kPort:
      if (value.size() != 2) return false;
      append_decimal(u16_at(value, 0), text);
      return true;
    case kIpv4Hint:
      return append_hints(AF_INET, value, text);
    case kIpv6Hint:
      return append_hints(AF_INET6, value, text);
    case kEch:
      append_base64(value, text);
      return !value.empty();
    default:
      append_quoted(value, text);
      return true;  // PowerDNS wants `=""` for an empty value
  }
}

}  // namespace

bool svc_params_to_wire(std::span<const Token> words, std::string& wire, std::string& fault) {
  std::map<std::uint16_t, std::string> params;
  for (const Token& word : words) {
    const std::size_t equals = word.text.find('=');
    const bool has_value = equals != std::string_view::npos;
    const std::string_view name = word.text.substr(0, equals);
    std::string_view raw = has_value ? word.text.substr(equals + 1) : std::string_view();
    if (raw.size() >= 2 && raw.front() == '"' && raw.back() == '"') raw = raw.substr(1, raw.size() - 2);
    const auto key = parse_key(name);
    if (!key) {
      fault = fmt::format(
          "\"{}\" is not a parameter; others than mandatory, alpn, no-default-alpn, port, ipv4hint, ech "
          "and ipv6hint are written keyNNN (RFC 9460 section 2.1)",
          name.substr(0, 80));
      return false;
    }
    std::string octets;
    std::string value;
    if (!append_unescaped(raw, octets) || !value_to_wire(*key, has_value, octets, value) || value.size() > 0xFFFF) {
      fault =
          fmt::format("the value of {} is wrong: \"{}\" (RFC 9460 section 7)", name.substr(0, 80), raw.substr(0, 80));
      return false;
    }
    if (!params.emplace(*key, std::move(value)).second) {
      fault = fmt::format("{} is there twice (RFC 9460 section 2.2)", name.substr(0, 80));
      return false;
    }
  }
  for (const auto& [key, value] : params) {
    append_u16(wire, key);
    append_u16(wire, static_cast<std::uint32_t>(value.size()));
    wire += value;
  }
  return true;
}

bool wire_to_svc_params(std::string_view wire, std::string& text) {
  std::int64_t last = -1;
  for (std::size_t at = 0; at < wire.size();) {
    if (wire.size() - at < 4) return false;
    const std::uint32_t key = u16_at(wire, at);
    const std::size_t length = u16_at(wire, at + 2);
    at += 4;
    if (static_cast<std::int64_t>(key) <= last || wire.size() - at < length) return false;
    if (last >= 0) text += ' ';
    last = key;
    append_key(key, text);
    if (key == kNoDefaultAlpn) {
      if (length != 0) return false;
      continue;
    }
    text += '=';
    if (!append_value(key, wire.substr(at, length), text)) return false;
    at += length;
  }
  return true;
}

}  // namespace sdns::dns
