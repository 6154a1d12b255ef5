// SPDX-License-Identifier: MIT
// Numbers and texts as octets, and back: numbers in seven bits an octet, lowest first; texts with their length before
// them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sdns::store {

inline void put_number(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}
inline void put_signed(std::string& out, std::int64_t number) { put_number(out, std::bit_cast<std::uint64_t>(number)); }
inline void put_double(std::string& out, double number) { put_number(out, std::bit_cast<std::uint64_t>(number)); }
inline void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

/// Reads what these have put. After something that cannot be read it has failed for good, and gives zeros and nothing.
class OctetReader {
 public:
  explicit OctetReader(std::string_view octets) : rest_(octets) {}

  [[nodiscard]] std::uint64_t number() {
    std::uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return give_up();
      const auto octet = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      const std::uint64_t bits = octet & 0x7F;
      if (bits << shift >> shift != bits) return give_up();
      number |= bits << shift;
      // One way to write each number: the last octet is not empty.
      if ((octet & 0x80) == 0) return octet == 0 && shift != 0 ? give_up() : number;
    }
    return give_up();
  }
  /// At most `most`.
  [[nodiscard]] std::uint64_t number(std::uint64_t most) {
    const std::uint64_t value = number();
    return value > most ? give_up() : value;
  }
  /// Of things that take at least one octet each.
  [[nodiscard]] std::size_t count() { return static_cast<std::size_t>(number(rest_.size())); }
  [[nodiscard]] std::int64_t signed_number() { return std::bit_cast<std::int64_t>(number()); }
  [[nodiscard]] double floating() { return std::bit_cast<double>(number()); }
  [[nodiscard]] bool flag() { return number(1) != 0; }
  [[nodiscard]] std::string_view text() {
    const std::size_t size = static_cast<std::size_t>(number(rest_.size()));
    if (size > rest_.size()) return give_up(), std::string_view();  // its length was the last of the octets
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }

  std::uint64_t give_up() {
    failed_ = true;
    rest_ = {};
    return 0;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace sdns::store
