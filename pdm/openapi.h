// SPDX-License-Identifier: MIT
// The description of the API, compiled in.
#pragma once

#include <string_view>

namespace sdns::pdm {

/// pdm/openapi.yaml.
std::string_view openapi_text();

}  // namespace sdns::pdm
