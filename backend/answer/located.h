// SPDX-License-Identifier: MIT
// Which zone and which owner name answer for a name, as PowerDNS finds them (RFC 1034 section 4.3.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backend/zone/zone_set.h"

namespace sdns::answer {

enum class Where : std::uint8_t {
  kNotHosted,  ///< no zone is at or above the name
  kNoData,     ///< the zone has no SOA yet
  kReferral,   ///< at or below a zone cut
  kExact,
  kEmptyNonTerminal,
  kDname,     ///< below a name with a DNAME record
  kWildcard,  ///< a wildcard answers
  kNowhere,   ///< the name does not exist
};

struct Located {
  Where where = Where::kNotHosted;
  const zone::Zone* zone = nullptr;  ///< lives as long as the set; null for kNotHosted
  /// The records at `at`; for kReferral those at the name itself, when there are some.
  zone::Zone::Found found{};
  std::string at;  ///< relative key of the name that answers: the cut, the DNAME's owner, the wildcard, the name itself
};

/// O(labels log n).
Located locate(const dns::Name& name, const zone::ZoneSet& zones);

/// An owner's name, absolute.
std::string owner_text(const zone::Zone& zone, std::string_view relative_key);

/// `unsigned`, `NSEC`, `NSEC3`, `NSEC3 opt-out`, `NSEC3 narrow`.
std::string_view denial_text(const zone::Zone& zone);

}  // namespace sdns::answer
