// SPDX-License-Identifier: MIT
// Small HTTP requests to configured servers. Blocks: not for answering threads (P1).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
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
  /// What messages say instead of method and URL, for a URL that carries a secret.
  std::string subject = {};
  /// A connection of its own: libcurl sends a request again, of any method, when a kept connection turns out to be
  /// dead.
  bool fresh_connection = false;
  /// Headers and body are overwritten in libcurl's lists as far as they are ours to overwrite.
  bool wipe = false;
};

struct HttpResponse {
  int status = 0;
  std::string body = {};
  /// In their order, names in lower case; those of the final response only.
  std::vector<std::pair<std::string, std::string>> headers = {};

  /// The first of this name (lower case); empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Keeps its connection to the last server for the next request. Follows no redirects; uses no proxy, .netrc or cookie,
/// whatever the environment says: it contacts the host of the URL and nobody else. Certificates are verified, paths are
/// sent as they are written. Used by one thread.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  /// A response of any status is a result. Errors: kUnavailable (no connection), kTimeout, kProtocol (response is not
  /// HTTP or over the limit), kInvalidArgument (URL, method or header). Messages name method and URL, never a header or
  /// body. Response headers of over 64 KiB are over the limit too.
  Result<HttpResponse> send(const HttpRequest& request);
  /// Whether the last request may have reached the peer, in part at least. False after a failure: nothing was sent.
  [[nodiscard]] bool request_sent() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::net
