// SPDX-License-Identifier: MIT
// The one call of PowerDNS's HTTP API that we make: cache/flush, which announces a zone and forgets its subtree.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "backend/base/error.h"
#include "backend/dns/name.h"
#include "backend/net/http_client.h"

namespace sdns::purge {

/// Sends `PUT /api/v1/servers/localhost/cache/flush?domain=NAME` to one pdns_server: it asks us whether the zone
/// exists, adds it to its zone cache if so, and forgets everything at or below the name. 0.9 ms whatever the number of
/// zones; for a name that is no zone it purges only. Used by one thread.
class Announcer {
 public:
  using Send = std::function<Result<net::HttpResponse>(const net::HttpRequest&)>;

  /// `api_url` as "http://127.0.0.1:8081". `send` does the request: HttpClient::send, or a test's.
  Announcer(std::string api_url, std::string api_key, Send send,
            std::chrono::milliseconds timeout = std::chrono::milliseconds(2000));

  /// Errors: those of HttpClient, kPermission (wrong key), kProtocol (any other status). The key is in none of them.
  Result<void> flush(const dns::Name& name);

  /// Whether the API answers and takes the key.
  Result<void> ping();

 private:
  Result<void> call(const char* method, const std::string& url);

  std::string server_url_;
  std::string api_key_;
  Send send_;
  std::chrono::milliseconds timeout_;
};

/// RFC 3986 section 2.1: everything but unreserved characters.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace sdns::purge
