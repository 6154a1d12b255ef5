// SPDX-License-Identifier: MIT
#include "lua/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sdns::lua {
namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// The octet after a long bracket that opens at source[at] (`[[`, `[==[`), or `at` when there is none.
std::size_t skip_long_bracket(std::string_view source, std::size_t at) {
  std::size_t level = at + 1;
  while (level < source.size() && source[level] == '=') ++level;
  if (level >= source.size() || source[level] != '[') return at;
  const std::string close = ']' + std::string(level - at - 1, '=') + ']';
  const std::size_t end = source.find(close, level + 1);
  return end == std::string_view::npos ? source.size() : end + close.size();
}

std::size_t skip_quoted(std::string_view source, std::size_t at) {
  const char quote = source[at++];
  while (at < source.size() && source[at] != quote) at += source[at] == '\\' ? 2 : 1;
  return at + 1;
}

// As in {selector='picknamehashed'}: the one that reads the query name.
bool names_selector(std::string_view quoted) { return quoted.find("picknamehashed") != std::string_view::npos; }

constexpr std::array<std::string_view, 13> kReadQueryName = {
    "qname",         "createForward",  "createForward6",
    "createReverse", "createReverse6", "closestMagic",
    "latlonMagic",   "picknamehashed", "_G",
    "_ENV",          "getfenv",        "setfenv",
    "include",
};
constexpr std::array<std::string_view, 5> kPowerdnsOnly = {"dh", "dnssecOK", "tcp", "ednsPKTSize", "resolve"};

}  // namespace

Result<ChunkJoin> parse_chunk_join(std::string_view text) {
  if (text == "yes") return ChunkJoin::kYes;
  if (text == "no") return ChunkJoin::kNo;
  if (text == "auto") return ChunkJoin::kAuto;
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a way to join chunks", text), "use yes, no or auto");
}

// PowerDNS splits at every `"`, escaped or not, and undoes no escape: a quote can never be part of the code.
std::string join_chunks(std::string_view quoted, ChunkJoin join) {
  std::string source;
  std::size_t last = 0;
  bool any = false;
  for (std::size_t at = 0; at < quoted.size();) {
    const std::size_t end = std::min(quoted.find('"', at), quoted.size());
    const std::string_view piece = quoted.substr(at, end - at);
    at = end + 1;
    if (piece.empty()) continue;
    if (join == ChunkJoin::kYes) {
      source.append(piece) += ' ';
      continue;
    }
    if (piece == " ") continue;
    if (any && join == ChunkJoin::kAuto && last != 255) source += ' ';
    source.append(piece);
    last = piece.size();
    any = true;
  }
  return source;
}

Result<Code> parse_record(std::string_view content, ChunkJoin join) {
  const std::size_t space = content.find(' ');
  if (space == std::string_view::npos || space == 0)
    return fail(Errc::kInvalidRecord, "a LUA record needs a type and its code",
                R"--(as in: A "pickrandom({'192.0.2.1'})")--");
  auto type = dns::RrType::parse(content.substr(0, space));
  if (!type) return fail(type.error());
  std::string source = join_chunks(content.substr(space + 1), join);
  if (source.empty())
    return fail(Errc::kInvalidRecord, "a LUA record without code", "PowerDNS answers SERVFAIL for it");
  if (*type == dns::kLUA) return Code{*type, std::move(source)};
  if (source.front() == ';') source.erase(0, 1);
  else source.insert(0, "return ");
  return Code{*type, std::move(source)};
}

Mentions mentions_of(std::string_view source) {
  Mentions found;
  for (std::size_t at = 0; at < source.size();) {
    const char c = source[at];
    if (c == '"' || c == '\'') {
      const std::size_t end = skip_quoted(source, at);
      found.query_name |= names_selector(source.substr(at, end - at));
      at = end;
    } else if (c == '[') {
      const std::size_t end = skip_long_bracket(source, at);
      found.query_name |= names_selector(source.substr(at, end - at));
      at = end == at ? at + 1 : end;
    } else if (c == '-' && source.substr(at, 2) == "--") {
      const std::size_t long_end =
          at + 2 < source.size() && source[at + 2] == '[' ? skip_long_bracket(source, at + 2) : at + 2;
      at = long_end != at + 2 ? long_end : std::min(source.find('\n', at), source.size());
    } else if (is_word(c)) {
      std::size_t end = at;
      while (end < source.size() && is_word(source[end])) ++end;
      const std::string_view word = source.substr(at, end - at);
      // A field or method of that name is not the variable.
      const bool field =
          at > 0 && (source[at - 1] == ':' || (source[at - 1] == '.' && (at < 2 || source[at - 2] != '.')));
      if (!field) {
        if (std::find(kReadQueryName.begin(), kReadQueryName.end(), word) != kReadQueryName.end())
          found.query_name = true;
        if (!found.powerdns_only &&
            std::find(kPowerdnsOnly.begin(), kPowerdnsOnly.end(), word) != kPowerdnsOnly.end()) {
          found.powerdns_only = true;
          found.powerdns_word = word;
        }
      }
      at = end;
    } else {
      ++at;
    }
  }
  return found;
}

}  // namespace sdns::lua
