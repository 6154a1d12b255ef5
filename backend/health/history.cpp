// SPDX-License-Identifier: MIT
#include "backend/health/history.h"

#include <algorithm>

namespace sdns::health {

History::History(WallTime now, HistoryLimits limits)
    : limits_(limits),
      last_(static_cast<std::uint64_t>(std::max<std::int64_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count(), 0))) {}

void History::add(const Transition& transition, WallTime now) {
  {
    std::lock_guard lock(mutex_);
    ++last_;
    all_.emplace_hint(all_.end(), last_, PastTransition{last_, now, transition});
    auto& of_check = by_check_[transition.check];
    of_check.push_back(last_);
    if (of_check.size() > limits_.of_a_check) {
      all_.erase(of_check.front());
      of_check.pop_front();
    }
    if (all_.size() > limits_.of_all) forget_oldest();
  }
  added_.notify_all();
}

// The oldest of all is the oldest of its check.
void History::forget_oldest() {
  const auto oldest = all_.begin();
  const auto of_check = by_check_.find(oldest->second.transition.check);
  of_check->second.pop_front();
  if (of_check->second.empty()) by_check_.erase(of_check);
  all_.erase(oldest);
}

History::Page History::after(std::uint64_t sequence, std::string_view part, std::size_t most) const {
  std::lock_guard lock(mutex_);
  Page page{last_, {}};
  sequence = known(sequence);
  for (auto at = all_.rbegin(); at != all_.rend() && at->first > sequence && page.transitions.size() < most; ++at)
    if (at->second.transition.check.find(part) != std::string::npos) page.transitions.push_back(at->second);
  std::reverse(page.transitions.begin(), page.transitions.end());
  return page;
}

bool History::wait(std::uint64_t sequence, std::string_view part, std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  std::uint64_t looked_at = known(sequence);
  return added_.wait_for(lock, limit, [&] {
    for (auto at = all_.upper_bound(looked_at); at != all_.end(); ++at) {
      if (at->second.transition.check.find(part) != std::string::npos) return true;
      looked_at = at->first;
    }
    return false;
  });
}

}  // namespace sdns::health
