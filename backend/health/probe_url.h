// SPDX-License-Identifier: MIT
// http and https URLs as redirects need them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sdns::health {

struct ProbeUrl {
  std::string text;        ///< absolute
  std::string host;        ///< lower case
  std::string looked_up;   ///< the host as it stands there, in ASCII
  std::uint16_t port = 0;  ///< the scheme's own when the URL has none
};
/// Nothing: no http or https URL.
std::optional<ProbeUrl> read_url(const std::string& text);
/// What `reference`, absolute or not, means at `base` (RFC 3986 section 5).
std::optional<ProbeUrl> resolve_url(const std::string& base, const std::string& reference);

/// The value of a header line when it is a Location.
std::optional<std::string_view> location_of(std::string_view line);

}  // namespace sdns::health
