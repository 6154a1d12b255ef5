// SPDX-License-Identifier: MIT
// A request that was taken, written as PowerDNS writes it, is taken as the same request; and the scanner for the usual
// lines never disagrees with the complete parser.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "backend/protocol/request_parse.h"
#include "tests/support/write_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sdns::protocol::RequestParser;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  RequestParser parser;
  const auto first = parser.parse(line);
  RequestParser complete;
  const auto general = complete.parse_general(line);
  if (first.has_value() != general.has_value()) std::abort();
  if (!first) return 0;
  if (*first != *general) std::abort();

  const std::string again = sdns::test::write_request(*first);
  RequestParser second;
  const auto same = second.parse(again);
  if (!same || *same != *first) std::abort();
  return 0;
}
