// SPDX-License-Identifier: MIT
// What is looked for in octets that come in pieces.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace sdns::health {

/// Whether `wanted` occurs in what was fed, across the borders of pieces too. Keeps less than `wanted` has. The wanted
/// text outlives it; "" is found at once.
class StreamMatch {
 public:
  explicit StreamMatch(std::string_view wanted) : wanted_(wanted), found_(wanted.empty()) {}

  void feed(std::string_view piece) {
    if (found_) return;
    const std::size_t keep = wanted_.size() - 1;
    if (!tail_.empty()) {
      tail_ += piece.substr(0, keep);  // enough for every occurrence that begins in the tail
      found_ = tail_.find(wanted_) != std::string::npos;
    }
    found_ = found_ || piece.find(wanted_) != std::string_view::npos;
    if (found_) return;
    if (piece.size() >= keep) tail_ = piece.substr(piece.size() - keep);
    else if (tail_.empty()) tail_ = piece;
    if (tail_.size() > keep) tail_.erase(0, tail_.size() - keep);
  }
  [[nodiscard]] bool found() const { return found_; }

 private:
  std::string_view wanted_;
  std::string tail_;
  bool found_;
};

/// The integer that a body begins with, as C's stoi reads it: blanks, a sign, decimal digits.
class LeadingWeight {
 public:
  void feed(std::string_view piece) {
    for (const char c : piece) {
      if (over_) return;
      const bool digit = c >= '0' && c <= '9';
      if (digit) value_ = std::min<std::uint64_t>(value_ * 10 + static_cast<std::uint64_t>(c - '0'), kTooMuch);
      else if (begun_ || !(is_blank(c) || c == '+' || c == '-')) over_ = true;
      else if (c == '-') over_ = true;  // below 0 is no weight
      begun_ = begun_ || digit || c == '+';
    }
  }
  /// 1 when there is none, or it is not from 1 to 2^31 - 1.
  [[nodiscard]] std::uint32_t weight() const {
    return value_ == 0 || value_ >= kTooMuch ? 1 : static_cast<std::uint32_t>(value_);
  }

 private:
  static constexpr std::uint64_t kTooMuch = std::uint64_t{1} << 31;
  static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  std::uint64_t value_ = 0;
  bool begun_ = false;
  bool over_ = false;
};

}  // namespace sdns::health
