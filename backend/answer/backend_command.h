// SPDX-License-Identifier: MIT
// `pdnsutil backend-cmd`: questions of an operator to the engine, over PowerDNS's own connection.
#pragma once

#include <string>
#include <string_view>

#include "backend/zone/zone_set.h"

namespace sdns::answer {

/// `version`, `stats`, `zones`, `explain NAME [TYPE]`, `help`. Text for people, lines ended by '\n'; a command that is
/// none says what there is. O(zones) for `stats` and `zones`.
std::string backend_command(std::string_view command, const zone::ZoneSet& zones, std::string_view version);

}  // namespace sdns::answer
