// SPDX-License-Identifier: MIT
#include "lua/meter.h"

#include <ctime>

#include <algorithm>

namespace sdns::lua {
namespace {

constexpr std::uint64_t kSlice = 2'000;  // steps between two looks at the clock

std::uint64_t now_nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

void Meter::start(const Limits& limits) {
  steps_ = limits.steps;
  half_ = limits.time_nanoseconds / 2;
  deadline_ = now_nanoseconds(CLOCK_MONOTONIC) + half_;
  by_thread_ = false;
  over_ = false;
  used_ = 0;
  slice_ = left_ = std::min(kSlice, steps_);
}

void Meter::stop() {
  used_ = used();
  over_ = false;
  by_thread_ = false;
  slice_ = left_ = steps_ = deadline_ = ~std::uint64_t{0};
}

// The thread's clock costs a system call, and a look at the beginning: it is asked when half of the time has passed on
// the wall, of which the thread had all or less. The other half is by it.
bool Meter::out_of_time() noexcept {
  if (by_thread_) return now_nanoseconds(CLOCK_THREAD_CPUTIME_ID) >= deadline_;
  if (now_nanoseconds(CLOCK_MONOTONIC) < deadline_) return false;
  by_thread_ = true;
  deadline_ = now_nanoseconds(CLOCK_THREAD_CPUTIME_ID) + half_;
  return half_ == 0;
}

void Meter::exhaust() noexcept {
  used_ += slice_ - left_;
  over_ = true;
  slice_ = left_ = 0;
}

std::uint64_t Meter::used() const { return used_ + (slice_ - left_); }

bool Meter::spend_slowly(std::uint64_t steps) noexcept {
  if (over_) return false;
  used_ += slice_ - left_ + steps;
  if (used_ >= steps_ || out_of_time()) {
    over_ = true;
    slice_ = left_ = 0;
    return false;
  }
  slice_ = left_ = std::min(kSlice, steps_ - used_);
  return true;
}

}  // namespace sdns::lua
