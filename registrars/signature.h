// SPDX-License-Identifier: MIT
// The signatures of OVH and of Dynadot's REST API.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sdns::registrars {

/// `"$1$" + hex(SHA-1(secret "+" consumer key "+" method "+" URL "+" body "+" timestamp))`: the URL as it is sent,
/// the timestamp in seconds of the server's clock.
std::string ovh_signature(std::string_view application_secret, std::string_view consumer_key, std::string_view method,
                          std::string_view url, std::string_view body, std::int64_t timestamp);

/// `base64(HMAC-SHA-256(secret, key LF path LF request id LF body))`: the path with its query, /restful/v2 included.
/// The method is not part of it.
std::string dynadot_signature(std::string_view secret, std::string_view key, std::string_view path,
                              std::string_view request_id, std::string_view body);

}  // namespace sdns::registrars
