// SPDX-License-Identifier: MIT
// Time comes in through constructors; only main() makes the real clock.
#pragma once

#include <chrono>

namespace sdns {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

/// For intervals: never goes back.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual SteadyTime now() const = 0;
};

/// For people and databases: may jump.
class WallClock {
 public:
  virtual ~WallClock() = default;
  [[nodiscard]] virtual WallTime wall_now() const = 0;
};

class SystemClock final : public Clock, public WallClock {
 public:
  [[nodiscard]] SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime wall_now() const override { return std::chrono::system_clock::now(); }
};

}  // namespace sdns
