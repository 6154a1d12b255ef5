// SPDX-License-Identifier: MIT
// Presentation format to checked, canonical content. The types that PowerDNS knows go by a table of their fields
// (rdata.h); LOC, and types that only ldns knows, go through ldns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/record.h"

namespace sdns::dns {

/// Parses RDATA of `type` in presentation format, names relative to `origin`, and gives it in the form that PowerDNS
/// 4.7.3 parses and that is equal for equal RDATA: names absolute with a final dot, letters as they were written, texts
/// quoted. `\# length hex` (RFC 3597) is taken for every type; types that PowerDNS does not know come out in that form.
/// LUA keeps its code as written, lua_code.h aside. Errors (kInvalidRecord) name type and rule.
Result<std::string> canonical_content(RrType type, std::string_view rdata, const Name& origin);

/// RDATA on the wire, for digests, comparisons and signatures, letters as written. Requires content that
/// canonical_content() gave. An address hint `auto` is an empty value; LUA is its type and its strings, as in an AXFR.
Result<std::string> rdata_wire(RrType type, std::string_view content);

/// As rdata_wire(), with the names inside RDATA in lower case for the types of RFC 4034 section 6.2 and RFC 6840
/// section 5.1: equal for contents that mean the same.
Result<std::string> canonical_rdata_wire(RrType type, std::string_view content);

/// The inverse of rdata_wire(), for every type but LUA. Errors (kInvalidRecord): the octets are not RDATA of the type.
Result<std::string> content_from_wire(RrType type, std::string_view wire);

/// The domain names inside RDATA to which PowerDNS follows: CNAME, DNAME, NS, MX, SRV, PTR no, SVCB, HTTPS, NAPTR,
/// ALIAS. Needed by the purge plan. Cheap: no ldns.
std::vector<Name> followed_targets(RrType type, std::string_view content);

/// A mnemonic of any type that RrType or ldns knows, or TYPEnnn, for master files.
Result<RrType> parse_any_type(std::string_view text);

}  // namespace sdns::dns
