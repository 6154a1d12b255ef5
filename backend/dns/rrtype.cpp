// SPDX-License-Identifier: MIT
#include "backend/dns/rrtype.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace sdns::dns {
namespace {

struct TypeName {
  std::uint16_t value;
  std::string_view mnemonic;
};

// The data types that PowerDNS 4.7.3 knows (each was served and asked for), in order of their numbers. WKS, SIG and A6
// are not among them: it has no parser for them.
constexpr std::array kTypes{
    TypeName{1, "A"},         TypeName{2, "NS"},          TypeName{5, "CNAME"},  TypeName{6, "SOA"},
    TypeName{7, "MB"},        TypeName{8, "MG"},          TypeName{9, "MR"},     TypeName{12, "PTR"},
    TypeName{13, "HINFO"},    TypeName{14, "MINFO"},      TypeName{15, "MX"},    TypeName{16, "TXT"},
    TypeName{17, "RP"},       TypeName{18, "AFSDB"},      TypeName{25, "KEY"},   TypeName{28, "AAAA"},
    TypeName{29, "LOC"},      TypeName{33, "SRV"},        TypeName{35, "NAPTR"}, TypeName{36, "KX"},
    TypeName{37, "CERT"},     TypeName{39, "DNAME"},      TypeName{42, "APL"},   TypeName{43, "DS"},
    TypeName{44, "SSHFP"},    TypeName{45, "IPSECKEY"},   TypeName{46, "RRSIG"}, TypeName{47, "NSEC"},
    TypeName{48, "DNSKEY"},   TypeName{49, "DHCID"},      TypeName{50, "NSEC3"}, TypeName{51, "NSEC3PARAM"},
    TypeName{52, "TLSA"},     TypeName{53, "SMIMEA"},     TypeName{57, "RKEY"},  TypeName{59, "CDS"},
    TypeName{60, "CDNSKEY"},  TypeName{61, "OPENPGPKEY"}, TypeName{62, "CSYNC"}, TypeName{63, "ZONEMD"},
    TypeName{64, "SVCB"},     TypeName{65, "HTTPS"},      TypeName{99, "SPF"},   TypeName{104, "NID"},
    TypeName{105, "L32"},     TypeName{106, "L64"},       TypeName{107, "LP"},   TypeName{108, "EUI48"},
    TypeName{109, "EUI64"},   TypeName{256, "URI"},       TypeName{257, "CAA"},  TypeName{32769, "DLV"},
    TypeName{65401, "ALIAS"}, TypeName{65402, "LUA"},
};

constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return upper(x) == upper(y); });
}

const TypeName* find(std::uint16_t value) {
  const auto* at = std::lower_bound(kTypes.begin(), kTypes.end(), value,
                                    [](const TypeName& type, std::uint16_t v) { return type.value < v; });
  return at != kTypes.end() && at->value == value ? at : nullptr;
}

}  // namespace

Result<RrType> RrType::parse(std::string_view text) {
  for (const TypeName& type : kTypes)
    if (equal_ignoring_case(type.mnemonic, text)) return RrType{type.value};
  if (equal_ignoring_case(text, "ANY")) return kANY;
  if (text.size() > 4 && equal_ignoring_case(text.substr(0, 4), "TYPE")) {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + 4, text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size()) return RrType{value};
  }
  return fail(Errc::kInvalidRecord, fmt::format("\"{}\" is not an RR type", text),
              "write a mnemonic such as AAAA, or TYPEnnn (RFC 3597)");
}

std::string RrType::text() const {
  if (const TypeName* type = find(value)) return std::string(type->mnemonic);
  if (value == kANY.value) return "ANY";
  return fmt::format("TYPE{}", value);
}

bool RrType::known_to_powerdns() const { return find(value) != nullptr; }

}  // namespace sdns::dns
