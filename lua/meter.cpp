// SPDX-License-Identifier: MIT
#include "lua/meter.h"

#include <ctime>

#include <algorithm>

namespace sdns::lua {
namespace {

constexpr std::uint64_t kSlice = 2'000;  // steps between two looks at the clock

std::uint64_t now_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

void Meter::start(const Limits& limits) {
  steps_ = limits.steps;
  deadline_ = now_nanoseconds() + limits.time_nanoseconds;
  over_ = false;
  used_ = 0;
  slice_ = left_ = std::min(kSlice, steps_);
}

void Meter::stop() {
  used_ = used();
  over_ = false;
  slice_ = left_ = steps_ = deadline_ = ~std::uint64_t{0};
}

std::uint64_t Meter::used() const { return used_ + (slice_ - left_); }

bool Meter::spend_slowly(std::uint64_t steps) noexcept {
  if (over_) return false;
  used_ += slice_ - left_ + steps;
  if (used_ >= steps_ || now_nanoseconds() >= deadline_) {
    over_ = true;
    slice_ = left_ = 0;
    return false;
  }
  slice_ = left_ = std::min(kSlice, steps_ - used_);
  return true;
}

}  // namespace sdns::lua
