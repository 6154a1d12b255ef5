// SPDX-License-Identifier: MIT
// `/v1/health/events`: changes of verdicts as server-sent events (WHATWG HTML, section 9.2).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "backend/base/clock.h"
#include "backend/health/history.h"

namespace sdns::daemon {

/// One stream, used by one thread. The history and the clock outlive it.
class HealthEvents {
 public:
  struct Options {
    std::string part{};                    ///< of checks that are shown with this in them
    std::optional<std::uint64_t> after{};  ///< the number of the last change that the reader has; none: from now on
    std::chrono::milliseconds keep_alive{15'000};  ///< without an event for so long, a comment
  };
  HealthEvents(const health::History& history, Options options, const Clock& clock);

  /// Appends the events that there are, after waiting for `limit` at most for one.
  void next(std::string& out, std::chrono::milliseconds limit);

 private:
  const health::History& history_;
  const Options options_;
  const Clock& clock_;
  std::uint64_t last_ = 0;
  SteadyTime sent_{};
  bool begun_ = false;
};

}  // namespace sdns::daemon
