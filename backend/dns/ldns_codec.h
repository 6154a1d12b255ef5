// SPDX-License-Identifier: MIT
// Presentation format to checked, canonical content, through ldns: the only file of this folder besides dnssec_key to
// include ldns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/record.h"

namespace sdns::dns {

/// Parses RDATA of `type` in presentation format, names relative to `origin`, and gives it in the form that PowerDNS
/// 4.7.3 parses and that is equal for equal RDATA: names absolute with a final dot, letters as they were written.
/// Errors (kInvalidRecord) name type and rule.
Result<std::string> canonical_content(RrType type, std::string_view rdata, const Name& origin);

/// RDATA on the wire, for digests, comparisons and signatures. Requires content that canonical_content() gave.
Result<std::string> rdata_wire(RrType type, std::string_view content);

/// The domain names inside RDATA to which PowerDNS follows: CNAME, DNAME, NS, MX, SRV, PTR no, SVCB, HTTPS, NAPTR, ALIAS.
/// Needed by the purge plan. Cheap: no ldns.
std::vector<Name> followed_targets(RrType type, std::string_view content);

}  // namespace sdns::dns
