// SPDX-License-Identifier: MIT
// The last changes of verdicts, for who looks back and for who waits for the next one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backend/base/clock.h"
#include "backend/health/check_book.h"

namespace sdns::health {

/// One change, and when it was. Numbers grow, over restarts too as long as the wall clock does not go back.
struct PastTransition {
  std::uint64_t sequence = 0;
  WallTime time{};
  Transition transition;
};

struct HistoryLimits {
  std::size_t of_a_check = 32;
  std::size_t of_all = 10'000;
};

/// Beyond the limits the oldest go. What a check that is gone has left stays until then. Safe from any thread.
class History {
 public:
  /// Numbers begin with the microseconds since 1970 at `now`.
  explicit History(WallTime now, HistoryLimits limits = {});

  /// O(log changes).
  void add(const Transition& transition, WallTime now);

  struct Page {
    std::uint64_t last = 0;                   ///< the number of the last change of any check; where to go on from
    std::vector<PastTransition> transitions;  ///< oldest first
  };
  /// Changes after the one with this number, of checks that are shown with `part` in them: the newest `most` of them. A
  /// number that is not given out yet is one of another history: everything is after it. O(changes).
  [[nodiscard]] Page after(std::uint64_t sequence, std::string_view part,
                           std::size_t most = std::numeric_limits<std::size_t>::max()) const;
  /// Whether after() has something within `limit`. Waits.
  bool wait(std::uint64_t sequence, std::string_view part, std::chrono::milliseconds limit) const;

 private:
  void forget_oldest();
  [[nodiscard]] std::uint64_t known(std::uint64_t sequence) const { return sequence > last_ ? 0 : sequence; }

  const HistoryLimits limits_;
  mutable std::mutex mutex_;
  mutable std::condition_variable added_;
  std::uint64_t last_;
  std::map<std::uint64_t, PastTransition> all_;
  std::unordered_map<std::string, std::deque<std::uint64_t>> by_check_;
};

}  // namespace sdns::health
