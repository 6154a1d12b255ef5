// SPDX-License-Identifier: MIT
#include "backend/health/probe_url.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>

#include "backend/base/owned.h"

namespace sdns::health {
namespace {

using CurlUrl = Owned<CURLU, curl_url_cleanup>;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool part(CURLU* url, CURLUPart which, unsigned flags, std::string& out) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return false;
  out = text;
  curl_free(text);
  return true;
}

std::optional<ProbeUrl> read(CURLU* url) {
  ProbeUrl out;
  std::string scheme, port;
  if (!part(url, CURLUPART_SCHEME, 0, scheme) || (scheme != "http" && scheme != "https") ||
      !part(url, CURLUPART_URL, 0, out.text) || !part(url, CURLUPART_HOST, 0, out.host) ||
      !part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port))
    return std::nullopt;
  std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (!part(url, CURLUPART_HOST, CURLU_PUNYCODE, out.looked_up)) out.looked_up = out.host;
  std::transform(out.host.begin(), out.host.end(), out.host.begin(), lower);
  if (out.host.ends_with('.')) out.host.pop_back();
  return out;
}

}  // namespace

std::optional<ProbeUrl> read_url(const std::string& text) {
  const CurlUrl url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return std::nullopt;
  return read(url.get());
}

std::optional<ProbeUrl> resolve_url(const std::string& base, const std::string& reference) {
  const CurlUrl url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), CURLU_URLENCODE) != CURLUE_OK)
    return std::nullopt;
  return read(url.get());
}

std::optional<std::string_view> location_of(std::string_view line) {
  constexpr std::string_view kName = "location:";
  if (line.size() < kName.size() ||
      !std::equal(kName.begin(), kName.end(), line.begin(), [](char a, char b) { return a == lower(b); }))
    return std::nullopt;
  line.remove_prefix(kName.size());
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  while (!line.empty() && blank(line.back())) line.remove_suffix(1);
  return line;
}

}  // namespace sdns::health
