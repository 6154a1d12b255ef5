// SPDX-License-Identifier: MIT
// The document of `/v1/explain` for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>

#include "backend/base/error.h"

namespace sdns::ctl {

/// Errors (kProtocol): it is no such document.
Result<void> print_explanation(std::ostream& out, const nlohmann::ordered_json& document);

}  // namespace sdns::ctl
