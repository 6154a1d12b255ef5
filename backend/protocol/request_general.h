// SPDX-License-Identifier: MIT
// The complete parser's own parts: memory, and the members of a request's parameters. Only for request_*.cpp.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/protocol/request_parse.h"

namespace sdns::protocol {

struct RequestParser::General {
  simdjson::dom::parser json;
  std::string padded;  // the line, and the octets after it that simdjson reads
  std::string text;    // strings out of a line with marks; reserved ahead, so that views stay valid
  std::string qname_json;
  std::string options;
  std::vector<EditRecord> records;
  std::vector<std::string_view> values;
  bool marked = false;

  Result<Request> parse(std::string_view line);
  Result<Request> read(const simdjson::dom::object& request);
  /// A string as PowerDNS meant it: without marks. A line without marks needs no copy.
  std::string_view own(std::string_view value);
};

tl::unexpected<Error> malformed_request(std::string what);

/// The parameters of one method. The first member that is missing or wrong is kept; what is read after it is a default.
class Parameters {
 public:
  Parameters(RequestParser::General& memory, std::string_view method, const simdjson::dom::object& members)
      : memory_(memory), method_(method), members_(members) {}

  [[nodiscard]] std::string_view method() const { return method_; }
  [[nodiscard]] const simdjson::dom::object& members() const { return members_; }
  RequestParser::General& memory() { return memory_; }

  std::string_view text(const char* name);                        ///< required
  std::string_view optional_text(const char* name);               ///< "" when missing
  std::int64_t number(const char* name, std::int64_t otherwise);  ///< number, or text with a number
  std::int64_t id(const char* name);            ///< of a zone or key; -1 when missing, or when it is not known
  bool flag(const char* name, bool otherwise);  ///< true, false, 0, 1, "0", "1"
  std::uint32_t u32(const char* name);          ///< number, or text with a number; 0 when missing
  std::uint32_t ttl(const char* name);          ///< likewise, and modulo 2^32 what a cast to int made negative
  EditRecord record(const char* name);
  ViewOf<EditRecord> records(const char* name);      ///< required array
  ViewOf<std::string_view> texts(const char* name);  ///< required array
  Parameters inner(const char* name);                ///< required object; not to be read after a failure
  [[nodiscard]] const std::optional<Error>& failed() const { return failed_; }
  void take_failure(const Parameters& inner);

 private:
  void fail(std::string_view name, std::string_view rule);
  EditRecord record_of(const simdjson::dom::object& members, std::string_view name);

  RequestParser::General& memory_;
  std::string_view method_;
  simdjson::dom::object members_;
  std::optional<Error> failed_;
};

using ReadMethod = Request (*)(Parameters&);
/// Null: there is no such method.
ReadMethod find_method(std::string_view name);

}  // namespace sdns::protocol
