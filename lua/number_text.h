// SPDX-License-Identifier: MIT
// The text of numbers in string.format as LuaJIT writes it, which is C's but for halves: they are rounded away from
// zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sdns::lua {

/// Enough for 99 digits behind the point of the greatest number.
using NumberBuffer = std::array<char, 512>;

/// `magnitude` is finite and not negative; `precision` is 0 to 99. With `keep_point`, the point stays that has no
/// digits behind it, and %g keeps its zeros (flag '#'). Lower case. The result is in `buffer`.
[[nodiscard]] std::string_view fixed_text(double magnitude, int precision, bool keep_point, NumberBuffer& buffer);
[[nodiscard]] std::string_view exponent_text(double magnitude, int precision, bool keep_point, NumberBuffer& buffer);
[[nodiscard]] std::string_view general_text(double magnitude, int precision, bool keep_point, NumberBuffer& buffer);
/// Without the `0x`; a negative precision is as many digits as are needed.
[[nodiscard]] std::string_view hex_text(double magnitude, int precision, bool keep_point, NumberBuffer& buffer);

/// Digits in base 8, 10 or 16, at least `precision` of them: none for 0 with precision 0.
[[nodiscard]] std::string_view integer_text(std::uint64_t value, unsigned base, int precision, NumberBuffer& buffer);

}  // namespace sdns::lua
