// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace sdns::daemon {

/// "0.1.0": of this build, for --version, /v1/status and logs.
std::string_view version();

}  // namespace sdns::daemon
