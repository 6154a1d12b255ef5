// SPDX-License-Identifier: MIT
// Clocks that stand still until a test moves them. Safe from any thread.
#pragma once

#include <atomic>
#include <chrono>

#include "backend/base/clock.h"

namespace sdns::test {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime now() const override { return SteadyTime(std::chrono::nanoseconds(now_.load())); }
  void advance(std::chrono::nanoseconds by) { now_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_{1'000'000'000};
};

/// Starts at 2026-01-02T03:04:05Z.
class ManualWallClock final : public WallClock {
 public:
  [[nodiscard]] WallTime wall_now() const override { return WallTime(std::chrono::seconds(seconds_.load())); }
  void advance(std::chrono::seconds by) { seconds_ += by.count(); }
  void set(std::chrono::sys_seconds to) { seconds_ = to.time_since_epoch().count(); }

 private:
  std::atomic<std::int64_t> seconds_{1'767'323'045};
};

}  // namespace sdns::test
