// SPDX-License-Identifier: MIT
// What is answered. "No" and "I cannot say" are different types: PowerDNS makes NXDOMAIN of the one and SERVFAIL of the
// other.
#pragma once

#include <span>
#include <string_view>
#include <variant>

#include "backend/base/error.h"
#include "backend/dns/rrtype.h"

namespace sdns::protocol {

// Views point into the request, the snapshot or the answering thread's scratch memory: valid until its next request.

/// Pre-rendered rows of one RRset.
struct RowBlock {
  std::string_view rows;  ///< for each record `"qtype":…,"content":…,"ttl":…` and a '\n'
  bool auth = true;
};

/// Rows of one owner and zone. Empty for ANY: no such owner name, so PowerDNS answers NXDOMAIN.
struct Records {
  std::string_view qname_json;  ///< as it came in the request; written back in lower case
  std::string_view zone_id;     ///< decimal
  std::span<const RowBlock> blocks;
  bool empty_non_terminal = false;  ///< one row with qtype "", for NODATA
  bool empty_non_terminal_auth = true;
};
/// A value that is rendered already: what stands after `"result":`.
struct Rendered {
  std::string_view json;
};
/// The neighbours for NSEC and NSEC3 denial, in presentation format.
struct Neighbours {
  std::string_view unhashed;  ///< NSEC3: the absolute owner name whose hash is `before`
  std::string_view before;    ///< NSEC: relative to the zone without a final dot, "" for the apex; NSEC3: a hash
  std::string_view after;
};
/// `{"result":true}`
struct Accepted {};
/// `{"result":false}`: "no" is the true answer; never for a failure.
struct Declined {};
/// Protocol out of step: no "result" member, so PowerDNS answers SERVFAIL and reconnects.
struct Broken {
  Error why;
};

using Reply = std::variant<Records, Rendered, Neighbours, Accepted, Declined, Broken>;

}  // namespace sdns::protocol
