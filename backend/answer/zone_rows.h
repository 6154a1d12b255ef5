// SPDX-License-Identifier: MIT
// Rows of many owner names: a whole zone, and what a pattern matches.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "backend/zone/zone_set.h"

namespace sdns::answer {

/// Appends a JSON array with every record of the zone, in canonical order of their owner names. Names in contents have
/// no final dots: PowerDNS's own check of a zone reads this list, and warns of them. O(records).
void append_zone_rows(const zone::Zone& zone, std::string& out);

/// Appends a JSON array with at most `limit` records whose owner name or content matches. Names match with and without
/// their final dot. O(records of all zones).
void append_matching_rows(const zone::ZoneSet& zones, std::string_view pattern, std::size_t limit, std::string& out);

/// `*` stands for any octets, `?` for one; ASCII letters in either case are the same.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text);

/// Appends the name of an owner, absolute, in presentation format.
void append_owner_name(const zone::Zone& zone, std::string_view relative_key, std::string& out);

}  // namespace sdns::answer
