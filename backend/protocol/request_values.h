// SPDX-License-Identifier: MIT
// Values that both parsers of requests read in the same way.
#pragma once

#include <cstdint>
#include <string_view>

#include "backend/base/error.h"
#include "backend/dns/rrtype.h"

namespace sdns::protocol {

/// The type of a lookup. With `consistent-backends=no` PowerDNS passes on what the client asked, meta types included:
/// they are type 0, which no RRset has, and never an error.
inline dns::RrType lookup_type(std::string_view text) {
  if (text == "ANY") return dns::kANY;
  const Result<dns::RrType> type = dns::RrType::parse(text);
  return type ? *type : dns::RrType{};
}

/// Up to 4.9 PowerDNS casts an unknown id to an unsigned 32-bit number before it sends it.
constexpr std::int64_t known_zone_id(std::int64_t id) { return id == 4294967295 ? -1 : id; }

}  // namespace sdns::protocol
