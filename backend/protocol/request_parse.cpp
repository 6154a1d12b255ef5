// SPDX-License-Identifier: MIT
#include "backend/protocol/request_parse.h"

#include <cstring>

#include "backend/protocol/request_values.h"

namespace sdns::protocol {
namespace {

constexpr std::size_t kMaxName = 1020;  // 255 octets as `\DDD`; what is longer is no name, and its memory not kept

// Walks over one line; every step says whether the line still looks as expected.
class Scanner {
 public:
  explicit Scanner(std::string_view line) : at_(line.data()), end_(line.data() + line.size()) {}

  bool literal(std::string_view text) {
    if (static_cast<std::size_t>(end_ - at_) < text.size() || std::memcmp(at_, text.data(), text.size()) != 0)
      return false;
    at_ += text.size();
    return true;
  }

  // The rest of a string without escapes, and its closing quote.
  bool plain(std::string_view& out) {
    const char* const start = at_;
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20) ++at_;
    if (at_ == end_ || *at_ != '"') return false;
    out = {start, static_cast<std::size_t>(at_ - start)};
    ++at_;
    return true;
  }

  // Likewise with `\\` and `\"`, which are the only escapes that a name can bring; `text` is unescaped, in `memory`
  // when there is any.
  bool name(std::string_view& json, std::string_view& text, std::string& memory) {
    const char* const start = at_;
    if (plain(text)) {
      json = text;
      return true;
    }
    if (at_ == end_ || *at_ != '\\') return false;
    if (static_cast<std::size_t>(at_ - start) > kMaxName) return false;
    memory.assign(start, at_);
    while (at_ != end_ && *at_ != '"') {
      if (static_cast<unsigned char>(*at_) < 0x20) return false;
      if (*at_ == '\\') {
        ++at_;
        if (at_ == end_ || (*at_ != '\\' && *at_ != '"')) return false;
      }
      if (memory.size() == kMaxName) return false;
      memory.push_back(*at_++);
    }
    if (at_ == end_) return false;
    json = {start, static_cast<std::size_t>(at_ - start)};
    text = memory;
    ++at_;
    return true;
  }

  // JSON's integers without exponent, of up to 18 digits.
  bool integer(std::int64_t& out) {
    const bool negative = at_ != end_ && *at_ == '-';
    if (negative) ++at_;
    const char* const start = at_;
    std::int64_t value = 0;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9' && at_ - start < 18) value = value * 10 + (*at_++ - '0');
    if (at_ == start || (*start == '0' && at_ - start > 1)) return false;
    out = negative ? -value : value;
    return true;
  }

  [[nodiscard]] bool at_end() const { return at_ == end_; }

 private:
  const char* at_;
  const char* end_;
};

bool scan_lookup(Scanner& s, Lookup& out, std::string& memory) {
  std::string_view qtype;
  std::int64_t id = -1;
  if (!s.literal(R"(l": ")") || !s.plain(out.local) || !s.literal(R"(, "qname": ")") ||
      !s.name(out.qname_json, out.qname, memory) || !s.literal(R"(, "qtype": ")") || !s.plain(qtype) ||
      !s.literal(R"(, "real-remote": ")") || !s.plain(out.real_remote) || !s.literal(R"(, "remote": ")") ||
      !s.plain(out.remote) || !s.literal(R"(, "zone-id": )") || !s.integer(id) || !s.literal("}}") || !s.at_end())
    return false;
  out.qtype = lookup_type(qtype);
  out.zone_id = known_zone_id(id);
  return true;
}

bool scan_neighbours(Scanner& s, GetBeforeAndAfterNamesAbsolute& out, std::string& memory) {
  std::string_view json;
  std::int64_t id = -1;
  if (!s.integer(id) || !s.literal(R"(, "qname": ")") || !s.name(json, out.qname, memory) || !s.literal("}}") ||
      !s.at_end())
    return false;
  out.id = known_zone_id(id);
  return true;
}

}  // namespace

bool RequestParser::scan(std::string_view line, Request& out) {
  Scanner s(line);
  if (s.literal(R"({"method": "lookup", "parameters": {"loca)")) return scan_lookup(s, out.emplace<Lookup>(), qname_);
  if (s.literal(R"({"method": "getBeforeAndAfterNamesAbsolute", "parameters": {"id": )"))
    return scan_neighbours(s, out.emplace<GetBeforeAndAfterNamesAbsolute>(), qname_);
  return false;
}

Result<Request> RequestParser::parse(std::string_view line) {
  if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  Request request;
  if (scan(line, request)) return request;
  return parse_general(line);
}

}  // namespace sdns::protocol
