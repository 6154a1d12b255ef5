// SPDX-License-Identifier: MIT
// What LUA records return, as content of records: read and written canonically once.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "backend/dns/rrtype.h"

namespace sdns::answer {

/// One answering thread's.
class SteeredContents {
 public:
  /// The canonical content of `value`, without the quotes that a TXT record takes around it. Null when it is none, with
  /// `why` set. Valid until the next call.
  const std::string* of(dns::RrType type, std::string_view value, std::string& why);

 private:
  std::unordered_map<std::string, std::string> known_;
  std::string text_;
};

}  // namespace sdns::answer
