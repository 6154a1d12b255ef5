// SPDX-License-Identifier: MIT
// Octets that are not UTF-8, carried through a JSON parser that takes only UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace sdns::protocol {

/// Appends `json` with each octet that is not part of valid UTF-8 replaced by a mark: U+10FF80 to U+10FFFF, the last of
/// the private use, for 0x80 to 0xFF. Where these stand in `json` themselves, each of their octets is replaced too, so
/// that append_unmarked() gives back the very octets. Appends up to four octets for one.
void append_marked(std::string& out, std::string_view json);

/// Appends `text` with each mark replaced by its octet.
void append_unmarked(std::string& out, std::string_view text);

}  // namespace sdns::protocol
