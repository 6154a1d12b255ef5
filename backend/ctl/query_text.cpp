// SPDX-License-Identifier: MIT
#include "backend/ctl/query_text.h"

#include <fmt/format.h>

namespace sdns::ctl {

void append_parameter(std::string& query, std::string_view name, std::string_view value) {
  if (!query.empty()) query += '&';
  query.append(name) += '=';
  for (const char c : value) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) query += c;
    else query += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
}

}  // namespace sdns::ctl
