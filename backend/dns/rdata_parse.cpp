// SPDX-License-Identifier: MIT
// Words to wire format.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <vector>

#include "backend/dns/rdata.h"
#include "backend/dns/rdata_names.h"
#include "backend/dns/rdata_text.h"

namespace sdns::dns {
namespace {

std::string shown(std::string_view word) {
  std::string text;
  append_quoted(word.substr(0, 80), text);
  if (word.size() > 80) text += "…";
  return text;
}

bool parse_ipv4(std::string_view word, std::string& wire) {
  std::uint32_t octet = 0;
  int digits = 0;
  int octets = 0;
  const std::size_t start = wire.size();
  for (std::size_t i = 0; i <= word.size(); ++i) {
    if (i == word.size() || word[i] == '.') {
      if (digits == 0 || octet > 255 || ++octets > 4) {
        octets = 5;
        break;
      }
      wire += static_cast<char>(octet);
      octet = 0;
      digits = 0;
    } else if (word[i] >= '0' && word[i] <= '9' && digits < 3 && !(digits > 0 && octet == 0)) {
      octet = octet * 10 + static_cast<std::uint32_t>(word[i] - '0');
      ++digits;
    } else {
      octets = 5;
      break;
    }
  }
  if (octets == 4 && wire.size() - start == 4) return true;
  wire.resize(start);
  return false;
}

bool parse_ipv6(std::string_view word, std::string& wire) {
  char text[INET6_ADDRSTRLEN + 1];
  if (word.size() >= sizeof text) return false;
  std::memcpy(text, word.data(), word.size());
  text[word.size()] = '\0';
  char address[16];
  if (std::memchr(text, '\0', word.size()) != nullptr || inet_pton(AF_INET6, text, address) != 1) return false;
  wire.append(address, sizeof address);
  return true;
}

// 14 digits are a date, fewer than 11 are seconds since 1970 (RFC 4034 section 3.2).
std::optional<std::uint32_t> parse_time(std::string_view word) {
  if (word.size() != 14) return parse_number(word, 0xFFFF'FFFF);
  if (!std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t length) {
    int value = 0;
    for (std::size_t i = at; i < at + length; ++i) value = value * 10 + (word[i] - '0');
    return value;
  };
  std::tm when{};
  when.tm_year = part(0, 4) - 1900;
  when.tm_mon = part(4, 2) - 1;
  when.tm_mday = part(6, 2);
  when.tm_hour = part(8, 2);
  when.tm_min = part(10, 2);
  when.tm_sec = part(12, 2);
  std::tm normal = when;
  const std::time_t seconds = timegm(&normal);
  if (normal.tm_mon != when.tm_mon || normal.tm_mday != when.tm_mday || normal.tm_hour != when.tm_hour ||
      normal.tm_min != when.tm_min || normal.tm_sec != when.tm_sec || seconds < 0 || seconds > 0xFFFF'FFFFLL)
    return std::nullopt;
  return static_cast<std::uint32_t>(seconds);
}

bool parse_groups(std::string_view word, char separator, std::size_t count, std::size_t digits, bool may_be_short,
                  std::string& wire) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = i + 1 == count ? word.size() : word.find(separator, at);
    if (end == std::string_view::npos || end < at) return false;
    const std::string_view group = word.substr(at, end - at);
    if (group.empty() || group.size() > digits || (!may_be_short && group.size() != digits)) return false;
    if (!append_from_hex(std::string(digits - group.size(), '0').append(group), wire)) return false;
    at = end + 1;
  }
  return true;
}

// `1:10.0.0.0/8`, `!2:2001:db8::/32` (RFC 3123 section 5).
bool parse_prefix(std::string_view word, std::string& wire) {
  const bool negated = !word.empty() && word[0] == '!';
  if (negated) word.remove_prefix(1);
  const std::size_t colon = word.find(':');
  const std::size_t slash = word.rfind('/');
  if (colon == std::string_view::npos || slash == std::string_view::npos || slash < colon) return false;
  const std::string_view family = word.substr(0, colon);
  const std::string_view text = word.substr(colon + 1, slash - colon - 1);
  std::string address;
  const bool v4 = family == "1";
  if (!v4 && family != "2") return false;
  if (!(v4 ? parse_ipv4(text, address) : parse_ipv6(text, address))) return false;
  const auto bits = parse_number(word.substr(slash + 1), v4 ? 32 : 128);
  if (!bits) return false;
  while (!address.empty() && address.back() == '\0') address.pop_back();
  append_u16(wire, v4 ? 1 : 2);
  wire += static_cast<char>(*bits);
  wire += static_cast<char>(address.size() | (negated ? 0x80U : 0U));
  wire += address;
  return true;
}

class Parser {
 public:
  Parser(RrType type, std::span<const Token> words, const Name& origin, std::string& wire, std::string& fault)
      : type_(type), words_(words), origin_(origin), wire_(wire), fault_(fault) {}

  bool run() {
    for (const Field& field : layout_of(type_)) {
      label_ = field.label;
      if (!parse(field.kind)) return false;
    }
    if (at_ < words_.size()) {
      fault_ = fmt::format("{} is one word too many", shown(words_[at_].text));
      return false;
    }
    return true;
  }

 private:
  bool expected(std::string_view word, std::string_view what) {
    fault_ = fmt::format("the {} {} is not {}", label_, shown(word), what);
    return false;
  }
  bool take(std::string_view& word) {
    if (at_ >= words_.size()) {
      fault_ = fmt::format("the {} is missing", label_);
      return false;
    }
    word = words_[at_++].text;
    return true;
  }
  // The remaining words as one: blanks inside of hex and base64 mean nothing.
  std::string rest() {
    std::string all;
    for (; at_ < words_.size(); ++at_) all += words_[at_].text;
    return all;
  }

  bool number(std::uint32_t most, int octets) {
    std::string_view word;
    if (!take(word)) return false;
    const auto value = parse_number(word, most);
    if (!value) return expected(word, fmt::format("a number from 0 to {}", most));
    put(*value, octets);
    return true;
  }
  void put(std::uint32_t value, int octets) {
    if (octets == 4) append_u32(wire_, value);
    if (octets == 2) append_u16(wire_, value);
    if (octets == 1) wire_ += static_cast<char>(value);
  }
  bool name() {
    std::string_view word;
    if (!take(word)) return false;
    if (const char* why = append_name_wire(word, origin_, wire_)) {
      fault_ = fmt::format("the {} {} is not a domain name: {} (RFC 1035 section 2.3.4)", label_, shown(word), why);
      return false;
    }
    return true;
  }
  bool unescaped(std::string_view word, std::string& octets) {
    if (append_unescaped(word, octets)) return true;
    fault_ = fmt::format("the {} {} has a broken \\ escape (RFC 1035 section 5.1)", label_, shown(word));
    return false;
  }
  bool one_string() {
    std::string_view word;
    std::string octets;
    if (!take(word) || !unescaped(word, octets)) return false;
    if (octets.size() > 255) return expected(word, "a character-string: it is longer than 255 octets");
    wire_ += static_cast<char>(octets.size());
    wire_ += octets;
    return true;
  }
  bool strings() {
    std::string_view word;
    if (!take(word)) return false;
    for (--at_; at_ < words_.size(); ++at_) {
      std::string octets;
      if (!unescaped(words_[at_].text, octets)) return false;
      std::size_t from = 0;
      do {
        const std::size_t length = std::min<std::size_t>(octets.size() - from, 255);
        wire_ += static_cast<char>(length);
        wire_.append(octets, from, length);
        from += length;
      } while (from < octets.size());
    }
    return true;
  }
  bool tag() {
    std::string_view word;
    if (!take(word)) return false;
    const bool good = !word.empty() && word.size() < 256 && std::all_of(word.begin(), word.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    });
    if (!good) return expected(word, "1 to 255 letters and digits (RFC 8659 section 4.1)");
    wire_ += static_cast<char>(word.size());
    wire_ += word;
    return true;
  }
  bool blob(FieldKind kind) {
    if (at_ >= words_.size()) {
      if (kind == kBase64OrNone && key_algorithm_ == 0) return true;
      fault_ = fmt::format("the {} is missing", label_);
      return false;
    }
    const std::string word = rest();
    if (kind == kBase64OrNone && key_algorithm_ == 0)
      return expected(word, "possible with algorithm 0 (RFC 4025 section 2.4)");
    const std::size_t before = wire_.size();
    if (kind == kHex) {
      if (!append_from_hex(word, wire_)) return expected(word, "an even number of hex digits");
    } else if (!append_from_base64(word, wire_)) {
      return expected(word, "base64 (RFC 4648 section 4)");
    }
    return wire_.size() > before || expected(word, "at least one octet");
  }
  bool counted(FieldKind kind) {
    std::string_view word;
    if (!take(word)) return false;
    std::string octets;
    if (kind == kSalt) {
      if (word != "-" && (word.empty() || !append_from_hex(word, octets)))
        return expected(word, "\"-\" or an even number of hex digits (RFC 5155 section 3.3)");
    } else if (word.empty() || !append_from_base32hex(word, octets)) {
      return expected(word, "base32hex without padding (RFC 5155 section 3.3)");
    }
    if (octets.size() > 255) return expected(word, "at most 255 octets");
    wire_ += static_cast<char>(octets.size());
    wire_ += octets;
    return true;
  }
  bool types() {
    std::vector<std::uint16_t> listed;
    for (; at_ < words_.size(); ++at_) {
      const auto type = RrType::parse(words_[at_].text);
      if (!type) {
        label_ = "type";
        return expected(words_[at_].text, "an RR type");
      }
      listed.push_back(type->value);
    }
    std::sort(listed.begin(), listed.end());
    for (std::size_t i = 0; i < listed.size();) {
      const unsigned window = listed[i] >> 8;
      std::array<char, 32> bits{};
      std::size_t used = 0;
      for (; i < listed.size() && listed[i] >> 8 == window; ++i) {
        const std::size_t at = (listed[i] & 0xFF) / 8;
        bits[at] = static_cast<char>(bits[at] | (0x80 >> (listed[i] % 8)));
        used = at + 1;
      }
      wire_ += static_cast<char>(window);
      wire_ += static_cast<char>(used);
      wire_.append(bits.data(), used);
    }
    return true;
  }
  template <class Lookup>
  bool lookup(Lookup find, int octets, std::string_view what) {
    std::string_view word;
    if (!take(word)) return false;
    const std::optional<std::uint32_t> value = find(word);
    if (!value) return expected(word, what);
    put(*value, octets);
    return true;
  }
  bool address(bool v4) {
    std::string_view word;
    if (!take(word)) return false;
    if (v4) return parse_ipv4(word, wire_) || expected(word, "an IPv4 address (four numbers from 0 to 255)");
    return parse_ipv6(word, wire_) || expected(word, "an IPv6 address (RFC 4291 section 2.2)");
  }
  bool groups(FieldKind kind) {
    std::string_view word;
    if (!take(word)) return false;
    if (kind == kEui48)
      return parse_groups(word, '-', 6, 2, false, wire_) || expected(word, "six hex pairs with dashes");
    if (kind == kEui64)
      return parse_groups(word, '-', 8, 2, false, wire_) || expected(word, "eight hex pairs with dashes");
    return parse_groups(word, ':', 4, 4, true, wire_) || expected(word, "four groups of hex digits with colons");
  }
  bool gateway() {
    std::string_view word;
    if (!take(word)) return false;
    const auto kind = parse_number(word, 3);
    if (!kind) return expected(word, "a gateway type from 0 to 3 (RFC 4025 section 2.3)");
    put(*kind, 1);
    label_ = "algorithm";
    if (!number(255, 1)) return false;
    key_algorithm_ = octet_at(wire_, wire_.size() - 1);
    label_ = "gateway";
    if (*kind == 3) return name();
    if (*kind != 0) return address(*kind == 1);
    // PowerDNS writes no gateway here, the RFC a dot.
    if (at_ < words_.size() && words_[at_].text == ".") ++at_;
    return true;
  }
  bool parse(FieldKind kind);

  RrType type_;
  std::span<const Token> words_;
  const Name& origin_;
  std::string& wire_;
  std::string& fault_;
  std::string_view label_;
  std::size_t at_ = 0;
  std::uint32_t key_algorithm_ = 0;  // of an IPSECKEY: 0 says that there is no key
  using enum FieldKind;
};

bool Parser::parse(FieldKind kind) {
  switch (kind) {
    case kU8:
      return number(0xFF, 1);
    case kU16:
      return number(0xFFFF, 2);
    case kU32:
      return number(0xFFFF'FFFF, 4);
    case kSeconds:
      return lookup(parse_duration, 4, "a time in seconds, or as 1h30m");
    case kName:
      return name();
    case kIpv4:
      return address(true);
    case kIpv6:
      return address(false);
    case kString:
      return one_string();
    case kStrings:
      return strings();
    case kOpenString: {
      std::string_view word;
      return take(word) && unescaped(word, wire_);
    }
    case kTag:
      return tag();
    case kHex:
    case kBase64:
    case kBase64OrNone:
      return blob(kind);
    case kSalt:
    case kHash:
      return counted(kind);
    case kTypes:
      return types();
    case kType:
      return lookup(
          [](std::string_view word) -> std::optional<std::uint32_t> {
            const auto type = RrType::parse(word);
            if (!type) return std::nullopt;
            return type->value;
          },
          2, "an RR type");
    case kTime:
      return lookup(parse_time, 4, "a time as YYYYMMDDHHmmSS (RFC 4034 section 3.2)");
    case kAlgorithm:
      return lookup(parse_algorithm_number, 1, "a DNSSEC algorithm");
    case kCertType:
      return lookup(parse_certificate_type, 2, "a certificate type (RFC 4398 section 2.1)");
    case kEui48:
    case kEui64:
    case kLocator:
      return groups(kind);
    case kApl:
      for (; at_ < words_.size(); ++at_)
        if (!parse_prefix(words_[at_].text, wire_))
          return expected(words_[at_].text, "an address prefix such as 1:192.0.2.0/24 (RFC 3123 section 5)");
      return true;
    case kGateway:
      return gateway();
    case kSvcParams: {
      const auto rest = words_.subspan(at_);
      at_ = words_.size();
      return svc_params_to_wire(rest, wire_, fault_);
    }
  }
  return false;
}

}  // namespace

bool fields_to_wire(RrType type, std::span<const Token> words, const Name& origin, std::string& wire,
                    std::string& fault) {
  return Parser(type, words, origin, wire, fault).run();
}

}  // namespace sdns::dns
