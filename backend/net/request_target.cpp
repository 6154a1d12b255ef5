// SPDX-License-Identifier: MIT
#include "backend/net/request_target.h"

#include <algorithm>
#include <utility>

namespace sdns::net {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
      c = static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    out += c;
  }
  return out;
}

bool has_control(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  return false;
}

// "http://host/path" (RFC 9112 section 3.2.2) is "/path".
std::string_view without_authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const auto slash = target.find('/', scheme.size());
    return slash == target.npos ? "/" : target.substr(slash);
  }
  return target;
}

}  // namespace

std::optional<RequestTarget> parse_request_target(std::string_view target) {
  target = without_authority(target);
  if (!target.starts_with('/') || target.find('#') != target.npos || has_control(target)) return std::nullopt;
  RequestTarget parsed;
  const auto question = target.find('?');
  std::string_view path = target.substr(1, question == target.npos ? target.npos : question - 1);
  if (!path.empty()) {
    for (;;) {
      const auto slash = path.find('/');
      auto segment = decoded(path.substr(0, slash), false);
      if (!segment || segment->empty() || *segment == "." || *segment == ".." || has_control(*segment) ||
          segment->find_first_of("/\\") != segment->npos)
        return std::nullopt;
      parsed.segments.push_back(std::move(*segment));
      if (slash == path.npos) break;
      path.remove_prefix(slash + 1);
    }
  }
  std::string_view query = question == target.npos ? std::string_view() : target.substr(question + 1);
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    const auto equals = part.find('=');
    auto name = decoded(part.substr(0, equals), true);
    auto value = equals == part.npos ? std::optional<std::string>("") : decoded(part.substr(equals + 1), true);
    if (!name || !value) return std::nullopt;
    parsed.query.emplace(std::move(*name), std::move(*value));
  }
  return parsed;
}

}  // namespace sdns::net
