// SPDX-License-Identifier: MIT
// How the SOA serial of an edited zone moves: pure decisions (RFC 1982, RFC 1912 section 2.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backend/base/clock.h"
#include "backend/store/authority.h"

namespace sdns::store {

/// The serial after `old`: always greater than it by RFC 1982, and never 0, which some secondaries take for "none".
/// kKeep gives `old`.
std::uint32_t next_serial(SerialPolicy policy, std::uint32_t old, WallTime now);

/// The serial that PowerDNS 4.7.3 shows for a stored one in a zone with this SOA-EDIT metadata, signed or not, but not
/// presigned. The INCEPTION kinds depend on the week's start, Thursday 00:00 UTC, from which its signatures count.
std::uint32_t served_serial(std::string_view soa_edit, std::uint32_t stored, WallTime now);

/// As next_serial(), and such that what is served grows too: secondaries go by that.
std::uint32_t next_serial(SerialPolicy policy, std::string_view soa_edit, std::uint32_t old, WallTime now);

/// The serial in the content of a SOA record; nothing when it is not one.
std::optional<std::uint32_t> soa_serial(std::string_view content);
/// The content with another serial. Requires a content that soa_serial() understands.
std::string with_soa_serial(std::string_view content, std::uint32_t serial);

}  // namespace sdns::store
