// SPDX-License-Identifier: MIT
// Strings as JSON text, for what is rendered ahead of the query path.
#pragma once

#include <string>
#include <string_view>

namespace sdns {

/// Appends `text` with the escapes that JSON needs (RFC 8259 section 7), without the quotes. Octets of 0x80 and above
/// go through as they are: PowerDNS's parser takes them so.
void append_json_escaped(std::string& out, std::string_view text);

/// The same within quotes.
inline void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, text);
  out += '"';
}

/// The inverse of append_json_escaped(), for text that it gave.
[[nodiscard]] std::string json_unescaped(std::string_view text);

}  // namespace sdns
