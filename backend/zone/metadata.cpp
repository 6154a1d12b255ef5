// SPDX-License-Identifier: MIT
#include "backend/zone/metadata.h"

namespace sdns::zone {

std::optional<std::string> metadata_value(const std::vector<Metadata>& metadata, std::string_view kind) {
  for (const Metadata& entry : metadata)
    if (entry.kind == kind && !entry.values.empty()) return entry.values.front();
  return std::nullopt;
}

bool is_presigned(const std::vector<Metadata>& metadata) { return metadata_value(metadata, "PRESIGNED") == "1"; }

}  // namespace sdns::zone
