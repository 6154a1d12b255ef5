// SPDX-License-Identifier: MIT
// Finds the health checks that configuration asks, round by round: those of target pools and of every LUA record.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backend/answer/rehearsal.h"
#include "backend/base/clock.h"
#include "backend/zone/zone_set.h"

namespace sdns::daemon {

/// Belongs to the publisher's thread.
class CheckCollector {
 public:
  /// A zone, or 0 for target pools, and the checks that it asks.
  using Asks = std::function<void(zone::ZoneId zone, const answer::AskedChecks& asked)>;

  /// A round begins every `every`. References outlive it.
  CheckCollector(answer::Rehearsal& rehearsal, std::chrono::seconds every, const Clock& clock)
      : rehearsal_(rehearsal), every_(every), clock_(clock) {}

  /// Goes on with the round for about `most`, one record at least. Nothing happens until the next one begins. A check
  /// may be asked for more than once.
  void step(const zone::ZoneSet& zones, std::chrono::microseconds most, const Asks& asks);
  /// What was changed there is looked at now, up to a number and for about `most`; beyond it, in a round that begins at
  /// once.
  void changed(const zone::Applied& applied, std::chrono::microseconds most, const Asks& asks);

  /// The next round begins when the one under way is complete, or at once.
  void restart() { begins_ = clock_.now(); }

  /// Rounds that are complete: everything that was there at the beginning of one has been looked at.
  [[nodiscard]] std::uint64_t rounds() const { return rounds_; }

 private:
  void look(const zone::ZoneSet& zones, const zone::Zone& zone, const zone::Owner& owner, const std::string& content,
            const Asks& asks);
  void look_at_pools(const zone::ZoneSet& zones, const Asks& asks);
  bool next_record(const zone::ZoneSet& zones, const Asks& asks);

  answer::Rehearsal& rehearsal_;
  const std::chrono::seconds every_;
  const Clock& clock_;
  std::uint64_t rounds_ = 0;
  SteadyTime begins_{};  // the next round; at once at first
  bool under_way_ = false;
  zone::ZoneId zone_ = 0;   // the round has come to this zone…
  std::string owner_;       // …and to this owner in it…
  std::size_t record_ = 0;  // …and to this record of it; all before are done
  bool in_zone_ = false;    // has an owner
  answer::AskedChecks found_;
};

}  // namespace sdns::daemon
