// SPDX-License-Identifier: MIT
#include "lua/number_text.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace sdns::lua {
namespace {

// magnitude == mantissa * 2^exponent, with an odd mantissa.
struct Binary {
  std::uint64_t mantissa;
  int exponent;
};
Binary binary_of(double magnitude) {
  int exponent = 0;
  const auto mantissa = static_cast<std::uint64_t>(std::ldexp(std::frexp(magnitude, &exponent), 53));
  const int zeros = std::countr_zero(mantissa);
  return {mantissa >> zeros, exponent - 53 + zeros};
}

// Whether magnitude / 10^unit has a fraction of exactly one half. That is so for no power of two but one, since the
// last of the digits that a binary fraction has in decimal is a 5.
bool is_half(const Binary& binary, int unit) {
  if (binary.exponent != unit - 1) return false;
  if (unit <= 0) return true;
  std::uint64_t mantissa = binary.mantissa;
  for (int i = 0; i < unit; ++i) {
    if (mantissa % 5 != 0) return false;
    mantissa /= 5;
  }
  return true;
}

// Adds one at the last digit of [begin, end), which may have a point in it. True when that needs one digit more.
bool round_up(char* begin, char* end) {
  while (end != begin) {
    --end;
    if (*end == '.') continue;
    if (*end != '9') {
      ++*end;
      return false;
    }
    *end = '0';
  }
  return true;
}

int print(NumberBuffer& buffer, const char* format, int precision, double magnitude) {
  return std::snprintf(buffer.data(), buffer.size(), format, precision, magnitude);
}

// `count` significant digits in `digits`; the power of ten of the first is returned.
int significant(double magnitude, int count, char* digits) {
  if (magnitude == 0) {
    std::fill_n(digits, count, '0');
    return 0;
  }
  NumberBuffer buffer;
  const auto read = [&buffer, digits](int wanted) {
    digits[0] = buffer[0];
    std::copy_n(buffer.data() + 2, wanted - 1, digits + 1);
    return std::atoi(buffer.data() + (wanted > 1 ? wanted + 2 : 2));
  };
  // Were it half of a unit in the last place, this would be the power of ten of its first digit.
  const Binary binary = binary_of(magnitude);
  const int halved = binary.exponent + count;
  constexpr double kLog2 = 0.30103;
  const int bits = binary.exponent + std::bit_width(binary.mantissa) - 1;
  if (std::abs(halved - bits * kLog2) < 2 && is_half(binary, halved - count + 1)) {
    print(buffer, "%.*e", count, magnitude);
    const char last = buffer[static_cast<std::size_t>(count) + 1];
    const int power = std::atoi(buffer.data() + count + 3);
    if (power == halved && last == '5') {
      digits[0] = buffer[0];
      std::copy_n(buffer.data() + 2, count - 1, digits + 1);
      if (!round_up(digits, digits + count)) return power;
      digits[0] = '1';
      return power + 1;
    }
  }
  print(buffer, "%.*e", count - 1, magnitude);
  return read(count);
}

// Appends e+NN to what ends at `end`.
std::string_view with_exponent(NumberBuffer& buffer, char* end, int power) {
  end += std::snprintf(end, 8, "e%c%02d", power < 0 ? '-' : '+', std::abs(power));
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

// The first digit, the point and the others.
char* lay_out(NumberBuffer& buffer, const char* digits, int count, bool keep_point) {
  char* end = buffer.data();
  *end++ = digits[0];
  if (count > 1 || keep_point) *end++ = '.';
  return std::copy_n(digits + 1, count - 1, end);
}

}  // namespace

std::string_view fixed_text(double magnitude, int precision, bool keep_point, NumberBuffer& buffer) {
  char* const begin = buffer.data() + 1;  // a digit more may come before it
  const auto print_digits = [&](int digits) {
    return begin + std::snprintf(begin, buffer.size() - 1, "%.*f", digits, magnitude);
  };
  char* end = nullptr;
  bool carried = false;
  if (magnitude != 0 && is_half(binary_of(magnitude), -precision)) {
    end = print_digits(precision + 1) - 1;
    if (precision == 0) --end;
    carried = round_up(begin, end);
  } else {
    end = print_digits(precision);
  }
  if (keep_point && precision == 0) *end++ = '.';
  char* const first = carried ? begin - 1 : begin;
  if (carried) *first = '1';
  return {first, static_cast<std::size_t>(end - first)};
}

std::string_view exponent_text(double magnitude, int precision, bool keep_point, NumberBuffer& buffer) {
  char digits[100];
  const int power = significant(magnitude, precision + 1, digits);
  return with_exponent(buffer, lay_out(buffer, digits, precision + 1, keep_point), power);
}

std::string_view general_text(double magnitude, int precision, bool keep_point, NumberBuffer& buffer) {
  char digits[100];
  int count = std::max(precision, 1);
  const int power = significant(magnitude, count, digits);
  const bool fixed = power >= -4 && power < count;
  if (!keep_point)
    while (count > 1 && digits[count - 1] == '0') --count;
  if (!fixed) return with_exponent(buffer, lay_out(buffer, digits, count, keep_point), power);
  char* end = buffer.data();
  if (power < 0) {
    end = std::copy_n("0.0000", 1 - power, end);
    end = std::copy_n(digits, count, end);
  } else {
    const int whole = power + 1;
    end = std::copy_n(digits, std::min(whole, count), end);
    end = std::fill_n(end, std::max(whole - count, 0), '0');
    if (count > whole || keep_point) *end++ = '.';
    if (count > whole) end = std::copy_n(digits + whole, count - whole, end);
  }
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

std::string_view hex_text(double magnitude, int precision, bool keep_point, NumberBuffer& buffer) {
  constexpr int kDigits = 13;  // of the 52 bits behind the point
  int power = 0;
  std::uint64_t mantissa = 0;
  if (magnitude != 0) {
    mantissa = static_cast<std::uint64_t>(std::ldexp(std::frexp(magnitude, &power), 53));
    --power;
  }
  int count = precision < 0 || precision > kDigits ? kDigits : precision;
  const int dropped = 4 * (kDigits - count);
  if (dropped > 0) mantissa = (mantissa + (std::uint64_t{1} << (dropped - 1))) >> dropped;
  if (precision < 0) {
    while (count > 0 && (mantissa & 15U) == 0) {
      mantissa >>= 4;
      --count;
    }
  }
  char* end = buffer.data();
  *end++ = static_cast<char>('0' + (mantissa >> (4 * count)));
  const int zeros = precision > kDigits ? precision - kDigits : 0;
  if (count > 0 || zeros > 0 || keep_point) *end++ = '.';
  for (int i = count - 1; i >= 0; --i) *end++ = "0123456789abcdef"[(mantissa >> (4 * i)) & 15U];
  end = std::fill_n(end, zeros, '0');
  end += std::snprintf(end, 8, "p%+d", power);
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

std::string_view integer_text(std::uint64_t value, unsigned base, int precision, NumberBuffer& buffer) {
  char* const end = buffer.data() + buffer.size();
  char* begin = end;
  for (; value != 0; value /= base) *--begin = "0123456789abcdef"[value % base];
  while (end - begin < precision) *--begin = '0';
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace sdns::lua
