// SPDX-License-Identifier: MIT
// Keeps what happens very often from filling the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "backend/base/clock.h"

namespace sdns {

/// At most one event within `every`. Used by one thread.
class EventLimit {
 public:
  explicit EventLimit(std::chrono::milliseconds every = std::chrono::seconds(1)) : every_(every) {}

  /// How many were left out since the last one that passed; nothing when this one is to be left out.
  [[nodiscard]] std::optional<std::uint64_t> pass(SteadyTime now) {
    if (any_ && now < next_) {
      ++left_out_;
      return std::nullopt;
    }
    any_ = true;
    next_ = now + every_;
    return std::exchange(left_out_, 0);
  }

 private:
  std::chrono::milliseconds every_;
  SteadyTime next_{};
  bool any_ = false;
  std::uint64_t left_out_ = 0;
};

}  // namespace sdns
