// SPDX-License-Identifier: MIT
// Contents as PowerDNS writes them itself.
#pragma once

#include <string>
#include <string_view>

#include "backend/dns/rrtype.h"

namespace sdns::dns {

/// Whether contents of the type have names.
bool has_names(RrType type);

/// `content`, as canonical_content() gave it, with its names without their final dots; the root stays ".". PowerDNS
/// takes both and writes this one: its check of a zone warns of the other.
std::string without_final_dots(RrType type, std::string_view content);

}  // namespace sdns::dns
