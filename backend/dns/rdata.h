// SPDX-License-Identifier: MIT
// RDATA between words, wire format and PowerDNS's presentation format, by a table of fields per type.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "backend/base/error.h"
#include "backend/dns/name.h"
#include "backend/dns/rrtype.h"
#include "backend/dns/token.h"

namespace sdns::dns {

enum class FieldKind : std::uint8_t {
  kU8,
  kU16,
  kU32,
  kSeconds,  ///< 32 bits, `1h30m` accepted
  kName,
  kIpv4,
  kIpv6,
  kString,        ///< one character-string
  kStrings,       ///< one or more; longer ones are cut at 255 octets
  kOpenString,    ///< the rest, without a length octet (CAA, URI)
  kTag,           ///< letters and digits (CAA)
  kHex,           ///< the rest, not empty
  kSalt,          ///< `-` when empty
  kBase64,        ///< the rest, not empty
  kBase64OrNone,  ///< the same, and empty where an IPSECKEY has algorithm 0
  kHash,          ///< base32hex with a length octet (NSEC3)
  kTypes,         ///< the rest: type bitmap
  kType,
  kTime,  ///< YYYYMMDDHHmmSS or seconds (RRSIG)
  kAlgorithm,
  kCertType,
  kEui48,
  kEui64,
  kLocator,  ///< four groups of hex digits (NID, L64)
  kApl,
  kGateway,  ///< IPSECKEY: type, algorithm and gateway
  kSvcParams,
};

struct Field {
  FieldKind kind;
  std::string_view label;  ///< as messages call it
};

/// The fields of a type that PowerDNS takes in presentation format; empty for LOC, LUA and all others.
std::span<const Field> layout_of(RrType type);

/// Words to wire format. `fault` says what is wrong ("the preference \"x\" is not …"). Requires a type with a layout.
bool fields_to_wire(RrType type, std::span<const Token> words, const Name& origin, std::string& wire,
                    std::string& fault);

/// Wire format to presentation format, appended to `text`. False: the octets are not RDATA of the type.
bool wire_to_fields(RrType type, std::string_view wire, std::string& text);

/// SvcParams (RFC 9460 section 2.1), in rdata_svcb.cpp.
bool svc_params_to_wire(std::span<const Token> words, std::string& wire, std::string& fault);
bool wire_to_svc_params(std::string_view wire, std::string& text);

/// The content of a record from the words of its RDATA: canonical_content() without the splitting.
Result<std::string> content_from_words(RrType type, std::span<const Token> words, const Name& origin);

}  // namespace sdns::dns
