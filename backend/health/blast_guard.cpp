// SPDX-License-Identifier: MIT
#include "backend/health/blast_guard.h"

#include <algorithm>

namespace sdns::health {

BlastGuard::BlastGuard(const GuardLimits& limits)
    : limits_(limits), width_(std::max<std::chrono::nanoseconds>(limits.window, std::chrono::milliseconds(1))) {
  width_ = (width_ + std::chrono::nanoseconds(kBuckets - 2)) / (kBuckets - 1);  // rounded up: no less than the window
}

std::int64_t BlastGuard::tick(SteadyTime time) const {
  return std::chrono::floor<std::chrono::nanoseconds>(time.time_since_epoch()).count() / width_.count();
}

std::uint32_t& BlastGuard::bucket(std::int64_t tick) { return buckets_[static_cast<std::uint64_t>(tick) % kBuckets]; }

void BlastGuard::slide(SteadyTime now) {
  const std::int64_t to = tick(now);
  for (std::int64_t gone = std::max(newest_, to - kBuckets) + 1; gone <= to; ++gone) {
    in_window_ -= bucket(gone);
    bucket(gone) = 0;
  }
  newest_ = std::max(newest_, to);
  if (in_window_ * 2 < wave_needed_) spent_ = false;
}

std::chrono::nanoseconds BlastGuard::used(SteadyTime now) const {
  return std::max<std::chrono::nanoseconds>(used_ - (now - thawed_) / 4, std::chrono::nanoseconds(0));
}

GuardChange BlastGuard::thaw(GuardEvent event, SteadyTime now) {
  used_ = used(since_) + (std::min(now, until_) - since_);
  thawed_ = now;
  frozen_ = false;
  until_ = {};
  spent_ = event == GuardEvent::kTimedOut;
  return {event, wave_, targets_};
}

GuardChange BlastGuard::advance(SteadyTime now) {
  slide(now);
  if (frozen_ && now >= until_) return thaw(GuardEvent::kTimedOut, now);
  return {GuardEvent::kNone, in_window_, targets_};
}

GuardChange BlastGuard::began_to_fail(SteadyTime now, std::uint32_t targets) {
  targets_ = targets;
  GuardChange change = advance(now);
  ++bucket(tick(now));
  ++in_window_;
  if (frozen_) ++wave_;
  const std::uint64_t share = std::uint64_t{targets} * limits_.share_percent / 100;
  const bool guarded = limits_.share_percent != 0 && limits_.freeze.count() > 0;
  if (!guarded || frozen_ || spent_ || in_window_ <= share || in_window_ < limits_.least) return change;
  const std::chrono::nanoseconds left = limits_.freeze - used(now);
  if (left < limits_.freeze / 10) return change;
  frozen_ = true;
  since_ = now;
  until_ = now + left;
  wave_from_ = newest_ - kBuckets + 1;
  wave_ = wave_needed_ = in_window_;
  return {GuardEvent::kFrozen, wave_, targets_};
}

GuardChange BlastGuard::stopped_failing(SteadyTime since, SteadyTime now) {
  GuardChange change = advance(now);
  const std::int64_t began = tick(since);
  if (began > newest_ - kBuckets && began <= newest_ && bucket(began) > 0) {
    --bucket(began);
    --in_window_;
  }
  if (!frozen_ || began < wave_from_) return change;
  if (wave_ > 0) --wave_;
  return wave_ * 2 < wave_needed_ ? thaw(GuardEvent::kRecovered, now) : change;
}

Falling BlastGuard::falling(SteadyTime now) const {
  return frozen_ && now < until_ ? Falling::kFrozen : Falling::kAllowed;
}

}  // namespace sdns::health
