// SPDX-License-Identifier: MIT
// Small HTTP requests to configured servers. Blocks: not for answering threads (P1).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/base/error.h"

namespace sdns::net {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< http or https, nothing else
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::chrono::milliseconds connect_timeout{1000};
  std::chrono::milliseconds timeout{5000};  ///< for everything, connecting included
  std::size_t max_response_octets = 1024 * 1024;
};

struct HttpResponse {
  int status = 0;
  std::string body = {};
};

/// Keeps its connection to the last server for the next request. Follows no redirects; uses no proxy, .netrc or cookie,
/// whatever the environment says: it contacts the host of the URL and nobody else. Used by one thread.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  /// A response of any status is a result. Errors: kUnavailable (no connection), kTimeout, kProtocol (response is not
  /// HTTP or over the limit), kInvalidArgument (URL, method or header). Messages name method and URL, never a header.
  Result<HttpResponse> send(const HttpRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::net
