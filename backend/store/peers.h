// SPDX-License-Identifier: MIT
// What zones are transferred with: TSIG keys (RFC 8945) and the addresses of other servers, checked and in one form.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "backend/base/error.h"
#include "backend/zone/source.h"

namespace sdns::store {

/// `hmac-sha256` for any way in which PowerDNS 4.7.3 or a person writes it: any case, a final dot, and for MD5 the name
/// on the wire, `hmac-md5.sig-alg.reg.int`. Errors (kInvalidArgument): one that PowerDNS cannot compute, and gss-tsig,
/// which has no shared secret. They do not quote the text.
Result<std::string> canonical_tsig_algorithm(std::string_view text);

/// Octets that a secret of the algorithm should have: those of the hash (RFC 8945 section 5.2.2.1 says why fewer are
/// weaker). Requires a canonical algorithm.
std::size_t tsig_secret_octets(std::string_view algorithm);

/// Standard base64 with padding.
std::string base64(std::string_view octets);

/// The key with algorithm and secret in canonical form. Errors (kInvalidArgument) name the key, and never say anything
/// of the secret (P9).
Result<zone::TsigKey> checked_tsig_key(zone::TsigKey key);

/// An IPv4 or IPv6 address as inet_ntop writes it. Errors: kInvalidArgument.
Result<std::string> canonical_address(std::string_view text);

/// `ip`, `ip:port` or `[ip]:port` with the address in canonical form. Port 53 is left out. Errors: kInvalidArgument.
Result<std::string> canonical_primary(std::string_view text);

}  // namespace sdns::store
