// SPDX-License-Identifier: MIT
// Wire format to the presentation format that PowerDNS 4.7.3 parses.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <iterator>

#include "backend/dns/rdata.h"
#include "backend/dns/rdata_text.h"

namespace sdns::dns {
namespace {

class Printer {
 public:
  Printer(std::string_view wire, std::string& text) : wire_(wire), text_(text) {}

  bool run(std::span<const Field> fields) {
    for (const Field& field : fields) {
      if (!first_) text_ += ' ';
      first_ = false;
      if (!print(field.kind)) return false;
    }
    while (text_.ends_with(' ')) text_.pop_back();  // a last field that is empty
    return at_ == wire_.size();
  }

 private:
  [[nodiscard]] std::size_t left() const { return wire_.size() - at_; }
  bool has(std::size_t octets) const { return left() >= octets; }

  bool number(std::size_t octets) {
    if (!has(octets)) return false;
    append_decimal(octets == 1 ? octet_at(wire_, at_) : octets == 2 ? u16_at(wire_, at_) : u32_at(wire_, at_), text_);
    at_ += octets;
    return true;
  }
  std::string_view take(std::size_t octets) {
    const std::string_view taken = wire_.substr(at_, octets);
    at_ += octets;
    return taken;
  }
  bool counted(std::string_view& octets) {
    if (!has(1)) return false;
    const std::size_t length = octet_at(wire_, at_);
    ++at_;
    if (!has(length)) return false;
    octets = take(length);
    return true;
  }
  bool ipv4() {
    if (!has(4)) return false;
    for (int i = 0; i < 4; ++i) {
      if (i > 0) text_ += '.';
      append_decimal(octet_at(wire_, at_++), text_);
    }
    return true;
  }
  bool ipv6() {
    char address[INET6_ADDRSTRLEN];
    if (!has(16) || inet_ntop(AF_INET6, wire_.data() + at_, address, sizeof address) == nullptr) return false;
    text_ += address;
    at_ += 16;
    return true;
  }
  bool strings() {
    if (!has(1)) return false;
    for (bool first = true; has(1); first = false) {
      std::string_view octets;
      if (!counted(octets)) return false;
      if (!first) text_ += ' ';
      append_quoted(octets, text_);
    }
    return true;
  }
  bool types() {
    int last_window = -1;
    bool first = true;
    while (has(1)) {
      if (!has(2)) return false;
      const int window = static_cast<int>(octet_at(wire_, at_));
      const std::size_t length = octet_at(wire_, at_ + 1);
      at_ += 2;
      if (window <= last_window || length == 0 || length > 32 || !has(length)) return false;
      last_window = window;
      for (std::size_t i = 0; i < length * 8; ++i) {
        if ((octet_at(wire_, at_ + i / 8) & (0x80U >> (i % 8))) == 0) continue;
        if (!first) text_ += ' ';
        first = false;
        text_ += RrType{static_cast<std::uint16_t>(static_cast<std::size_t>(window) * 256 + i)}.text();
      }
      at_ += length;
    }
    return true;
  }
  bool time() {
    if (!has(4)) return false;
    const std::time_t seconds = u32_at(wire_, at_);
    at_ += 4;
    std::tm when{};
    gmtime_r(&seconds, &when);
    fmt::format_to(std::back_inserter(text_), "{:04}{:02}{:02}{:02}{:02}{:02}", when.tm_year + 1900, when.tm_mon + 1,
                   when.tm_mday, when.tm_hour, when.tm_min, when.tm_sec);
    return true;
  }
  bool groups(std::size_t count, std::size_t octets, char separator) {
    if (!has(count * octets)) return false;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) text_ += separator;
      append_hex(take(octets), text_);
    }
    return true;
  }
  bool prefixes() {
    for (bool first = true; has(1); first = false) {
      if (!has(4)) return false;
      const std::uint32_t family = u16_at(wire_, at_);
      const std::uint32_t bits = octet_at(wire_, at_ + 2);
      const std::uint32_t flags = octet_at(wire_, at_ + 3);
      const std::size_t length = flags & 0x7F;
      at_ += 4;
      if ((family != 1 && family != 2) || length > (family == 1 ? 4U : 16U) || bits > (family == 1 ? 32U : 128U))
        return false;
      if (!has(length)) return false;
      char address[16] = {};
      const std::string_view given = take(length);
      std::copy(given.begin(), given.end(), address);
      char shown[INET6_ADDRSTRLEN];
      if (inet_ntop(family == 1 ? AF_INET : AF_INET6, address, shown, sizeof shown) == nullptr) return false;
      fmt::format_to(std::back_inserter(text_), "{}{}{}:{}/{}", first ? "" : " ", flags & 0x80 ? "!" : "", family,
                     shown, bits);
    }
    return true;
  }
  bool gateway() {
    if (!has(2)) return false;
    const std::uint32_t kind = octet_at(wire_, at_);
    number(1);
    text_ += ' ';
    has_key_ = octet_at(wire_, at_) != 0;
    number(1);
    if (kind == 0) return true;  // PowerDNS takes no gateway then, not even a dot
    text_ += ' ';
    if (kind == 1) return ipv4();
    if (kind == 2) return ipv6();
    return kind == 3 && append_name_text(wire_, at_, text_);
  }
  bool print(FieldKind kind);

  std::string_view wire_;
  std::string& text_;
  std::size_t at_ = 0;
  bool first_ = true;
  bool has_key_ = false;  // of an IPSECKEY: its algorithm is not 0
  using enum FieldKind;
};

bool Printer::print(FieldKind kind) {
  std::string_view octets;
  switch (kind) {
    case kU8:
    case kAlgorithm:
      return number(1);
    case kU16:
    case kCertType:
      return number(2);
    case kU32:
    case kSeconds:
      return number(4);
    case kName:
      return append_name_text(wire_, at_, text_);
    case kIpv4:
      return ipv4();
    case kIpv6:
      return ipv6();
    case kString:
      if (!counted(octets)) return false;
      append_quoted(octets, text_);
      return true;
    case kStrings:
      return strings();
    case kOpenString:
      append_quoted(take(left()), text_);
      return true;
    case kTag:
      if (!counted(octets) || octets.empty()) return false;
      text_ += octets;
      return std::all_of(octets.begin(), octets.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      });
    case kHex:
      if (!has(1)) return false;
      append_hex(take(left()), text_);
      return true;
    case kSalt:
      if (!counted(octets)) return false;
      if (octets.empty()) text_ += '-';
      append_hex(octets, text_);
      return true;
    case kBase64:
      if (!has(1)) return false;
      [[fallthrough]];
    case kBase64OrNone:
      if (kind == kBase64OrNone && has_key_ != has(1)) return false;
      append_base64(take(left()), text_);
      return true;
    case kHash:
      if (!counted(octets) || octets.empty()) return false;
      append_base32hex(octets, text_);
      return true;
    case kTypes:
      return types();
    case kType:
      if (!has(2)) return false;
      text_ += RrType{static_cast<std::uint16_t>(u16_at(wire_, at_))}.text();
      at_ += 2;
      return true;
    case kTime:
      return time();
    case kEui48:
      return groups(6, 1, '-');
    case kEui64:
      return groups(8, 1, '-');
    case kLocator:
      return groups(4, 2, ':');
    case kApl:
      return prefixes();
    case kGateway:
      return gateway();
    case kSvcParams:
      return wire_to_svc_params(take(left()), text_);
  }
  return false;
}

}  // namespace

bool wire_to_fields(RrType type, std::string_view wire, std::string& text) {
  return Printer(wire, text).run(layout_of(type));
}

}  // namespace sdns::dns
