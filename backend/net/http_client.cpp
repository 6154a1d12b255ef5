// SPDX-License-Identifier: MIT
#include "backend/net/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <mutex>

#include "backend/base/owned.h"

namespace sdns::net {
namespace {

using CurlEasy = Owned<CURL, curl_easy_cleanup>;
using CurlList = Owned<curl_slist, curl_slist_free_all>;

struct Body {
  std::string text;
  std::size_t limit = 0;
  bool over = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* context) {
  Body& body = *static_cast<Body*>(context);
  const std::size_t octets = size * count;
  if (octets > body.limit - body.text.size()) {
    body.over = true;
    return 0;
  }
  body.text.append(data, octets);
  return octets;
}

constexpr std::size_t kMostHeaderOctets = std::size_t{64} << 10;

struct Headers {
  std::vector<std::pair<std::string, std::string>> fields{};
  std::size_t octets = 0;
  bool over = false;
};

/// Called with a line each.
std::size_t take_header(char* data, std::size_t size, std::size_t count, void* context) {
  Headers& headers = *static_cast<Headers*>(context);
  const std::size_t octets = size * count;
  headers.octets += octets;
  if (headers.octets > kMostHeaderOctets) {
    headers.over = true;
    return 0;
  }
  const std::string_view line(data, octets);
  if (line.starts_with("HTTP/")) {  // after an interim response (RFC 9110 section 15.2) the final one begins anew
    headers.fields.clear();
    return octets;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return octets;
  std::string name(line.substr(0, colon));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string_view value = line.substr(colon + 1);
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = value.find_first_not_of(kBlank);
  value = first == std::string_view::npos ? std::string_view()
                                          : value.substr(first, value.find_last_not_of(kBlank) - first + 1);
  headers.fields.emplace_back(std::move(name), std::string(value));
  return octets;
}

bool has_line_break(const std::string& text) { return text.find_first_of("\r\n") != std::string::npos; }

Errc code_of(CURLcode code, bool request_was_sent) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Errc::kTimeout;
    case CURLE_URL_MALFORMAT:
      return Errc::kInvalidArgument;
    case CURLE_UNSUPPORTED_PROTOCOL:  // of the URL, or of the response: HTTP/0.9
      return request_was_sent ? Errc::kProtocol : Errc::kInvalidArgument;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_PARTIAL_FILE:
    case CURLE_WRITE_ERROR:
      return Errc::kProtocol;
    default:
      return Errc::kUnavailable;
  }
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& [field, value] : headers)
    if (field == name) return value;
  return {};
}

struct HttpClient::Impl {
  CurlEasy easy;
  bool sent = false;
};

HttpClient::HttpClient() : impl_(new Impl) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  impl_->easy.reset(curl_easy_init());
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

bool HttpClient::request_sent() const { return impl_->sent; }

Result<HttpResponse> HttpClient::send(const HttpRequest& request) {
  CURL* easy = impl_->easy.get();
  impl_->sent = false;
  const std::string subject =
      request.subject.empty() ? fmt::format("{} {}", request.method, request.url) : request.subject;
  if (easy == nullptr) return fail(Errc::kUnavailable, fmt::format("{}: libcurl could not be started", subject));
  const bool token = !request.method.empty() && std::all_of(request.method.begin(), request.method.end(),
                                                            [](unsigned char c) { return std::isupper(c) != 0; });
  if (!token) return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not an HTTP method", request.method));

  CurlList headers;
  const auto add_header = [&headers](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) return false;
    [[maybe_unused]] curl_slist* same = headers.release();
    headers.reset(longer);
    return true;
  };
  struct WipeAtEnd {
    const CurlList& list;
    const bool wanted;
    ~WipeAtEnd() {
      for (curl_slist* at = wanted ? list.get() : nullptr; at != nullptr; at = at->next)
        ::explicit_bzero(at->data, std::strlen(at->data));
    }
  } const wipe_at_end{headers, request.wipe};
  // Without this curl asks for permission to send a larger body, which costs a round trip and confuses small servers.
  bool added = add_header("Expect:");
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || has_line_break(name) || has_line_break(value))
      return fail(Errc::kInvalidArgument, fmt::format("{}: header \"{}\" has a line break in it", subject, name));
    std::string line = fmt::format("{}: {}", name, value);
    added = added && add_header(line);
    if (request.wipe) ::explicit_bzero(line.data(), line.size());
  }
  if (!added) return fail(Errc::kUnavailable, fmt::format("{}: out of memory", subject));

  Body body{{}, request.max_response_octets};
  Headers received;
  std::array<char, CURL_ERROR_SIZE> message{};
  curl_easy_reset(easy);  // keeps the connection
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // also when http_proxy is in the environment
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request.fresh_connection ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "sovereign-dns");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &received);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, message.data());
  if (request.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method == "HEAD" ? nullptr : request.method.c_str());

  const CURLcode code = curl_easy_perform(easy);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
  // The list and the body are gone when this returns; the handle stays.
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, nullptr);
  long sent = 0;
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
  impl_->sent = sent != 0;
  if (body.over)
    return fail(Errc::kProtocol,
                fmt::format("{}: the response has more than {} octets", subject, request.max_response_octets));
  if (received.over)
    return fail(Errc::kProtocol,
                fmt::format("{}: the headers of the response have more than {} octets", subject, kMostHeaderOctets));
  if (code != CURLE_OK)
    return fail(code_of(code, sent != 0),
                fmt::format("{}: {}", subject, message[0] != '\0' ? message.data() : curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return HttpResponse{static_cast<int>(status), std::move(body.text), std::move(received.fields)};
}

}  // namespace sdns::net
