// SPDX-License-Identifier: MIT
// The rules of backend/health/verdict.h once more, written out over the whole log of a check instead of counters; and
// those of PowerDNS, HAProxy and gdnsd, as those programs have them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend/health/verdict.h"

namespace sdns::health::test {

/// Each question is answered by reading the log from one end to the other.
class VerdictModel {
 public:
  VerdictModel(SteadyTime start, const Thresholds& thresholds) : rules_(thresholds) {
    Verdict first = Verdict::kUnknown;
    if (thresholds.initial == Initial::kUp) first = Verdict::kUp;
    if (thresholds.initial == Initial::kDown) first = Verdict::kDown;
    log_.push_back({start, What::kStart, first});
  }

  [[nodiscard]] Verdict verdict() const { return log_.back().then; }

  void probe(bool failed, SteadyTime now, bool frozen) {
    const Verdict before = verdict();
    log_.push_back({now, failed ? What::kFailure : What::kSuccess, before});
    log_.back().then = failed ? with_failure(before, frozen) : with_success(before, now);
  }

  void resume(SteadyTime now) {
    const Verdict before = verdict();
    log_.push_back({now, What::kResume, before});
    if (before == Verdict::kDown) log_.back().then = with_success(before, now);
  }

 private:
  enum class What { kStart, kSuccess, kFailure, kResume };
  struct Entry {
    SteadyTime at;
    What what;
    Verdict then;
  };

  [[nodiscard]] bool is_probe(std::size_t i) const {
    return log_[i].what == What::kSuccess || log_[i].what == What::kFailure;
  }

  [[nodiscard]] std::size_t run(What what, std::size_t end) const {
    std::size_t length = 0;
    for (std::size_t i = end; i-- > 0;) {
      if (!is_probe(i)) continue;
      if (log_[i].what != what) break;
      ++length;
    }
    return length;
  }

  /// Failures since the last run of successes that makes them forgotten, or since it became up from something else.
  [[nodiscard]] std::size_t remembered(std::size_t end) const {
    std::size_t failures = 0;
    std::size_t successes = 0;
    for (std::size_t i = 1; i < end; ++i) {
      if (log_[i].what == What::kFailure) ++failures;
      successes = log_[i].what == What::kSuccess ? successes + 1 : is_probe(i) ? 0 : successes;
      const bool rose = log_[i].then == Verdict::kUp && log_[i - 1].then != Verdict::kUp;
      if (successes >= rules_.forget_after || (rose && log_[i].what != What::kFailure)) failures = 0;
    }
    return failures;
  }

  struct Past {
    std::size_t falls = 0;
    std::size_t needed = 0;
    SteadyTime held_until{};
  };

  [[nodiscard]] Past past(std::size_t end) const {
    Past known{0, rules_.rise, {}};
    SteadyTime changed = log_[0].at;
    for (std::size_t i = 1; i < end; ++i) {
      const Entry& entry = log_[i];
      const Verdict before = log_[i - 1].then;
      if (entry.what == What::kResume) known = {0, rules_.rise, {}};
      if (before == Verdict::kUp && entry.then == Verdict::kDown) {
        if (entry.at - changed >= rules_.quiet_time) known = {0, rules_.rise, {}};
        ++known.falls;
        const bool in_one_run = remembered_at_fall(i) <= run(What::kFailure, i + 1);
        known.needed = std::max<std::size_t>(known.needed, in_one_run ? rules_.rise : rules_.rise_after_loss);
        if (rules_.storm_falls != 0 && known.falls >= rules_.storm_falls) {
          const double doubled =
              static_cast<double>(rules_.hold_down.count()) *
              static_cast<double>(1ULL << std::min<std::size_t>(known.falls - rules_.storm_falls, 40));
          const double most = static_cast<double>(rules_.hold_most.count());
          known.held_until = entry.at + std::chrono::seconds(static_cast<std::int64_t>(std::min(doubled, most)));
        }
      } else if (before == Verdict::kDown && entry.what == What::kFailure && run(What::kSuccess, i) > 0) {
        known.needed = std::min<std::size_t>(2 * known.needed, rules_.rise_most);
      }
      if (before != entry.then) changed = entry.at;
    }
    return known;
  }

  [[nodiscard]] std::size_t remembered_at_fall(std::size_t i) const { return remembered(i + 1); }

  [[nodiscard]] bool has_permission() const {
    for (std::size_t i = log_.size(); i-- > 0;) {
      if (log_[i].what == What::kFailure || log_[i].then == Verdict::kUp) return false;
      if (log_[i].what == What::kResume) return true;
    }
    return false;
  }

  [[nodiscard]] Verdict with_success(Verdict before, SteadyTime now) const {
    if (before != Verdict::kDown) return log_.back().what == What::kResume ? before : Verdict::kUp;
    const Past known = past(log_.size());
    if (run(What::kSuccess, log_.size()) < known.needed) return before;
    if (rules_.resume == Resume::kManual && !has_permission()) return before;
    return now < known.held_until ? before : Verdict::kUp;
  }

  [[nodiscard]] Verdict with_failure(Verdict before, bool frozen) const {
    if (before == Verdict::kDown) return before;
    const std::size_t in_row = run(What::kFailure, log_.size());
    const bool falls = (rules_.fall != 0 && in_row >= rules_.fall) ||
                       (rules_.fall_remembered != 0 && remembered(log_.size()) >= rules_.fall_remembered) ||
                       (before == Verdict::kUnknown && rules_.initial != Initial::kUnknownThenUp);
    if (!falls) return Verdict::kUp;
    return frozen ? before : Verdict::kDown;
  }

  Thresholds rules_;
  std::vector<Entry> log_;
};

/// setStatus() of PowerDNS 5.
struct PowerDnsModel {
  unsigned minimum_failures = 1;
  unsigned failures = 0;
  bool up = false;
  void probe(bool failed) {
    if (!failed) failures = 0;
    up = !failed || ++failures < std::max(minimum_failures, 1U);
  }
};

/// HAProxy's one number, `health`: below `rise` it is down (DOWN 0 … UP rise + fall - 1).
struct HaproxyModel {
  int rise = 2;
  int fall = 3;
  int health = 2 + 3 - 1;
  [[nodiscard]] bool up() const { return health >= rise; }
  void probe(bool failed) {
    if (failed) {
      health = health > rise ? health - 1 : 0;
    } else if (++health >= rise) {
      health = rise + fall - 1;
    }
  }
};

/// gdnsd.config(5): up_thresh successes in a row bring it up; down_thresh failures, not necessarily in a row, bring it
/// down; ok_thresh successes in a row clear the count of failures.
struct GdnsdModel {
  unsigned up_thresh = 20;
  unsigned ok_thresh = 10;
  unsigned down_thresh = 10;
  bool up = true;
  unsigned failures = 0;
  unsigned successes = 0;
  void probe(bool failed) {
    successes = failed ? 0 : successes + 1;
    if (up) {
      failures = failed ? failures + 1 : successes >= ok_thresh ? 0 : failures;
      if (failures >= down_thresh) up = false;
    } else if (successes >= up_thresh) {
      up = true;
      failures = 0;
    }
  }
};

}  // namespace sdns::health::test
