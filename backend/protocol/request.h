// SPDX-License-Identifier: MIT
// PowerDNS remote backend: one struct per method. Names and spellings of the wire stay inside protocol/.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "backend/dns/rrtype.h"

namespace sdns::protocol {

// Views point into the line that was parsed, or into the parser's memory: valid until the parser's next parse.

struct Initialize {
  std::string_view options;  ///< the parameters object without white space, for the log
  friend bool operator==(const Initialize&, const Initialize&) = default;
};

/// The backend must answer for exactly this owner name and type.
struct Lookup {
  std::string_view qname;       ///< presentation format, JSON unescaped: absolute, client's letter case
  std::string_view qname_json;  ///< the same, JSON-escaped: as it stood between the quotes of the request
  dns::RrType qtype;            ///< kANY for all; 0 for a meta type (MAILB, TSIG …), which no RRset has
  std::int64_t zone_id = -1;    ///< -1: not known (4294967295 is read as -1)
  std::string_view remote;      ///< client address, text; "0.0.0.0" for lookups without a client
  std::string_view local;
  std::string_view real_remote;   ///< CIDR
  bool include_disabled = false;  ///< APILookup of 5.0
  friend bool operator==(const Lookup&, const Lookup&) = default;
};

struct GetAllDomains {
  bool include_disabled = false;
  friend bool operator==(const GetAllDomains&, const GetAllDomains&) = default;
};
struct GetDomainInfo {
  std::string_view name;
  friend bool operator==(const GetDomainInfo&, const GetDomainInfo&) = default;
};
struct GetAllDomainMetadata {
  std::string_view name;
  friend bool operator==(const GetAllDomainMetadata&, const GetAllDomainMetadata&) = default;
};
struct GetDomainMetadata {
  std::string_view name;
  std::string_view kind;
  friend bool operator==(const GetDomainMetadata&, const GetDomainMetadata&) = default;
};
struct GetDomainKeys {
  std::string_view name;
  friend bool operator==(const GetDomainKeys&, const GetDomainKeys&) = default;
};
struct GetBeforeAndAfterNamesAbsolute {
  std::int64_t id = -1;
  std::string_view qname;  ///< NSEC: relative to the zone with a final dot; NSEC3: base32hex hash with a final dot
  friend bool operator==(const GetBeforeAndAfterNamesAbsolute&, const GetBeforeAndAfterNamesAbsolute&) = default;
};
struct GetUpdatedMasters {
  friend bool operator==(const GetUpdatedMasters&, const GetUpdatedMasters&) = default;
};
struct GetUnfreshSlaveInfos {
  friend bool operator==(const GetUnfreshSlaveInfos&, const GetUnfreshSlaveInfos&) = default;
};
/// A method that we do not have: declined, never an error.
struct Unknown {
  std::string_view method;
  friend bool operator==(const Unknown&, const Unknown&) = default;
};

using Request =
    std::variant<Initialize, Lookup, GetAllDomains, GetDomainInfo, GetAllDomainMetadata, GetDomainMetadata,
                 GetDomainKeys, GetBeforeAndAfterNamesAbsolute, GetUpdatedMasters, GetUnfreshSlaveInfos, Unknown>;

}  // namespace sdns::protocol
