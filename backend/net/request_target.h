// SPDX-License-Identifier: MIT
// The target of an HTTP request line, taken apart (RFC 9112 section 3.2, RFC 3986). Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sdns::net {

struct RequestTarget {
  std::vector<std::string> segments;
  std::map<std::string, std::string, std::less<>> query;
};

/// Nothing for a target that two readers could read in two ways: dot segments, empty segments, encoded slashes,
/// backslashes, control characters, broken escapes, fragments.
std::optional<RequestTarget> parse_request_target(std::string_view target);

}  // namespace sdns::net
