// SPDX-License-Identifier: MIT
// PowerDNS remote backend: one struct per method. Names and spellings of the wire stay inside protocol/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "backend/dns/rrtype.h"

namespace sdns::protocol {

/// Views point into the line that was parsed, or into the parser's scratch memory: valid until the next parse.

struct Initialize {
  std::string_view options;  ///< the parameters object as it came, for the log
};

/// The backend must answer for exactly this owner name and type.
struct Lookup {
  std::string_view qname;       ///< presentation format, JSON unescaped: absolute, client's letter case
  std::string_view qname_json;  ///< the same as it stood between the quotes of the request: still JSON-escaped
  dns::RrType qtype;            ///< kANY for all
  std::int64_t zone_id = -1;    ///< -1: not known (4294967295 is read as -1)
  std::string_view remote;      ///< client address, text; "0.0.0.0" for lookups without a client
  std::string_view local;
  std::string_view real_remote;  ///< CIDR
  bool include_disabled = false;  ///< APILookup of 5.0
};

struct GetAllDomains {
  bool include_disabled = false;
};
struct GetDomainInfo {
  std::string_view name;
};
struct GetAllDomainMetadata {
  std::string_view name;
};
struct GetDomainMetadata {
  std::string_view name;
  std::string_view kind;
};
struct GetDomainKeys {
  std::string_view name;
};
struct GetBeforeAndAfterNamesAbsolute {
  std::int64_t id = -1;
  std::string_view qname;  ///< NSEC: relative to the zone with a final dot; NSEC3: base32hex hash with a final dot
};
struct GetUpdatedMasters {};
struct GetUnfreshSlaveInfos {};
/// A method that we do not have: declined, never an error.
struct Unknown {
  std::string_view method;
};

using Request = std::variant<Initialize, Lookup, GetAllDomains, GetDomainInfo, GetAllDomainMetadata, GetDomainMetadata,
                             GetDomainKeys, GetBeforeAndAfterNamesAbsolute, GetUpdatedMasters, GetUnfreshSlaveInfos, Unknown>;

}  // namespace sdns::protocol
