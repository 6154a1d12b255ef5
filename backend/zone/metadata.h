// SPDX-License-Identifier: MIT
// What a zone's metadata say, read as PowerDNS reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/zone/source.h"

namespace sdns::zone {

/// The first value of a kind; none when it has no value.
std::optional<std::string> metadata_value(const std::vector<Metadata>& metadata, std::string_view kind);

/// Whether the zone brings its own signatures: PRESIGNED with the value `1`, as DNSSECKeeper::isPresigned() has it.
bool is_presigned(const std::vector<Metadata>& metadata);

}  // namespace sdns::zone
