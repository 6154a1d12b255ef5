// SPDX-License-Identifier: MIT
// When each check is probed: at once when it is new, then once in each interval, at a place of its own in it, so that
// ten thousand checks are no burst.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/random.h"

namespace sdns::health {

/// Numbers of checks are the caller's, small and used again. Used by one thread; O(log n) per call.
class Schedule {
 public:
  explicit Schedule(std::uint64_t seed) : random_(seed) {}

  /// Due at `now` for the first time, then every `interval` (more than 0), give or take a twentieth of it. Delays do
  /// not add up. A check that is there already starts anew.
  void add(std::uint32_t check, std::chrono::milliseconds interval, SteadyTime now);
  /// Nothing happens when it is not there.
  void remove(std::uint32_t check);

  struct Due {
    std::uint32_t check = 0;
    SteadyTime since{};
  };
  /// The one that has been due for longest, and when it was to be probed; its next time is set.
  std::optional<Due> take(SteadyTime now);
  /// When the next one is due; nothing when there is none.
  [[nodiscard]] std::optional<SteadyTime> next();
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  struct Check {
    std::chrono::nanoseconds interval{0};  // 0: there is none of this number
    SteadyTime slot{};                     // of its next time, without what chance adds
    std::uint32_t generation = 0;          // of its one entry in heap_ that counts
  };
  struct Entry {
    SteadyTime due{};
    std::uint32_t check = 0;
    std::uint32_t generation = 0;
    bool operator>(const Entry& other) const { return due > other.due; }
  };
  void push(std::uint32_t check, SteadyTime due);
  void drop_stale();

  QuickRandom random_;
  std::vector<Check> checks_;
  std::vector<Entry> heap_;  // the earliest in front
  std::size_t count_ = 0;
};

}  // namespace sdns::health
