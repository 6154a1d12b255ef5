// SPDX-License-Identifier: MIT
// Query parameters of requests to the daemon.
#pragma once

#include <string>
#include <string_view>

namespace sdns::ctl {

/// `name=value`, after a `&` when there is one before it; the value percent-encoded (RFC 3986 section 2.3).
void append_parameter(std::string& query, std::string_view name, std::string_view value);

}  // namespace sdns::ctl
