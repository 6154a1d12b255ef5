// SPDX-License-Identifier: MIT
// A Reply to the line that PowerDNS reads.
#pragma once

#include <string>

#include "backend/protocol/reply.h"

namespace sdns::protocol {

/// Appends one complete line with its '\n'. No white space, and no member that has PowerDNS's default: its unix
/// connector reads 1500 octets at a time and parses from the start after each (unixconnector.cc). `domain_id` is always
/// there: of an SOA it is the zone id of all that PowerDNS asks next. Allocates nothing once `out` has the capacity.
void write_reply(const Reply& reply, std::string& out);

}  // namespace sdns::protocol
