// SPDX-License-Identifier: MIT
// What PowerDNS is told about zones as a whole: domain infos, and which of them its communicator has to do with.
#pragma once

#include <cstdint>
#include <string>

#include "backend/zone/zone_set.h"

namespace sdns::answer {

/// The shortest row of getAllDomains.
void append_zone_info(std::string& out, const zone::Zone& zone);
/// All members, for getDomainInfo.
void append_full_zone_info(std::string& out, const zone::Zone& zone);

/// Arrays, O(zones): all zones; primary zones whose serial secondaries have not been notified of; secondary zones that
/// have no data, or whose last check is older than their SOA's refresh. `now`: seconds since 1970.
void append_all_zones(std::string& out, const zone::ZoneSet& zones);
void append_updated_primaries(std::string& out, const zone::ZoneSet& zones);
void append_unfresh_secondaries(std::string& out, const zone::ZoneSet& zones, std::int64_t now);

}  // namespace sdns::answer
