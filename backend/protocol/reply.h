// SPDX-License-Identifier: MIT
// What is answered. "No" and "I cannot say" are different types: PowerDNS makes NXDOMAIN of the one and SERVFAIL of the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/rrtype.h"

namespace sdns::protocol {

/// Pre-rendered rows of one RRset; views into the snapshot.
struct RowBlock {
  std::string_view rows;  ///< for each record `"qtype":…,"content":…,"ttl":…` and a '\n'
  bool auth = true;
};

/// All rows have the same owner and zone. Empty for ANY: no such owner name, so PowerDNS answers NXDOMAIN.
struct Records {
  std::string_view qname_json;  ///< as it came in the request; written back in lower case
  std::string_view zone_id;     ///< decimal
  std::vector<RowBlock> blocks;
  bool empty_non_terminal = false;  ///< one row with qtype "", for NODATA
  bool empty_non_terminal_auth = true;
};
/// An object or array that is rendered already, views into the snapshot: what stands after `"result":`.
struct Rendered {
  std::string_view json;
};
/// Rendered for this reply.
struct Document {
  std::string json;
};
/// The neighbours for NSEC and NSEC3 denial. Names without need of JSON escapes are the rule; the writer escapes anyway.
struct Neighbours {
  std::string unhashed;
  std::string before;
  std::string after;
};
struct Accepted {};                       ///< {"result":true}
struct Declined {};                       ///< {"result":false}: "no" is the true answer; never for a failure
struct Unanswerable { dns::RrType type; };  ///< this name fails for this client: one row with content "!", SERVFAIL, no reset
struct Broken { Error why; };             ///< protocol out of step: no "result" member, PowerDNS answers SERVFAIL and reconnects

using Reply = std::variant<Records, Rendered, Document, Neighbours, Accepted, Declined, Unanswerable, Broken>;

}  // namespace sdns::protocol
