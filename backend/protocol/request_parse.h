// SPDX-License-Identifier: MIT
// One request line of PowerDNS's remote backend to a Request.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backend/base/error.h"
#include "backend/protocol/request.h"

namespace sdns::protocol {

/// Parses requests; keeps the memory that their views point into. One per thread.
///
/// json11 writes a `lookup` and a `getBeforeAndAfterNamesAbsolute` always in the same way: keys in the order of their
/// octets, `": "` and `", "` between them. A scanner for exactly that takes the usual line in one pass and allocates
/// nothing. Whatever differs goes to a complete JSON parser: other order or white space, other escapes, numbers as
/// strings.
class RequestParser {
 public:
  RequestParser();
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// `line` with or without its final newline; the result's views point into it or into this parser, until the next
  /// call. A method that we do not have is Unknown. Octets that are not UTF-8 are taken inside strings as they are, as
  /// json11 sends them. Errors (kProtocol): not JSON, nested deeper than 32, no `method`, a parameter that is missing
  /// or has another type.
  Result<Request> parse(std::string_view line);

  /// The complete parser alone: for every line that parse() takes, it gives an equal Request.
  Result<Request> parse_general(std::string_view line);

  struct General;

 private:
  bool scan(std::string_view line, Request& out);

  std::string qname_;  // unescaped
  std::unique_ptr<General> general_;
};

}  // namespace sdns::protocol
