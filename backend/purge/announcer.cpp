// SPDX-License-Identifier: MIT
#include "backend/purge/announcer.h"

#include <fmt/format.h>

#include <utility>

namespace sdns::purge {

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Announcer::Announcer(std::string api_url, std::string api_key, Send send, std::chrono::milliseconds timeout)
    : server_url_(std::move(api_url)), api_key_(std::move(api_key)), send_(std::move(send)), timeout_(timeout) {
  while (server_url_.ends_with('/')) server_url_.pop_back();
  server_url_ += "/api/v1/servers/localhost";
}

Result<void> Announcer::flush(const dns::Name& name) {
  return call("PUT", server_url_ + "/cache/flush?domain=" + percent_encoded(name.text()));
}

Result<void> Announcer::ping() { return call("GET", server_url_); }

Result<void> Announcer::call(const char* method, const std::string& url) {
  net::HttpRequest request;
  request.method = method;
  request.url = url;
  request.headers = {{"X-API-Key", api_key_}};
  request.connect_timeout = timeout_;
  request.timeout = timeout_;
  auto response = send_(request);
  if (!response) return fail(response.error());
  if (response->status == 401 || response->status == 403)
    return fail(Errc::kPermission,
                fmt::format("{} {}: status {}: PowerDNS does not take the key", method, url, response->status),
                "powerdns.api_key must be api-key of pdns.conf, and webserver-allow-from must have this host");
  if (response->status < 200 || response->status > 299)
    return fail(Errc::kProtocol,
                fmt::format("{} {}: status {}: {:.200}", method, url, response->status, response->body),
                "pdns.conf needs api=yes");
  return {};
}

}  // namespace sdns::purge
