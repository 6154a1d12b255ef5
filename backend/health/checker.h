// SPDX-License-Identifier: MIT
// Health checks in a thread of their own: whatever is wanted is probed on its schedule, and what it comes to is handed
// over.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/health/check_book.h"
#include "backend/health/history.h"
#include "backend/health/host_addresses.h"
#include "backend/health/prober.h"

namespace sdns::health {

struct CheckerOptions {
  CheckBookOptions book;
  TargetPolicyOptions policy;  ///< besides the host's own addresses, which are
  std::function<Result<std::vector<dns::IpAddress>>()> host_addresses = health::host_addresses;
  std::chrono::milliseconds host_addresses_every{60'000};  ///< looked at again so often; more than 0
  ProberOptions prober;
  KeptChecks kept;  ///< where checks go on from
  std::uint64_t seed = 0;
};

/// All functions are safe from any thread and never wait, but report(), keep() and the destructor.
class Checker {
 public:
  /// Nothing is checked yet. Errors (kUnavailable, kIo): no descriptors for its loop. References outlive it.
  static Result<std::unique_ptr<Checker>> start(CheckerOptions options, const Clock& clock, const WallClock& wall_clock,
                                                const Log& log, Metrics& metrics);
  ~Checker();
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  /// These are checked from now on (CheckQuestion::identity()); those that are already go on as they are.
  void want(std::vector<std::string> identities);
  void forget(std::vector<std::string> identities);

  /// Whether it is to be known of these how soon their verdicts may change (State::ttl_step).
  void plan(std::vector<std::string> identities, Planning planning);
  /// What operators say of checks that are down; each order counts once.
  void resume(std::vector<ResumeOrder> orders);

  /// The states of checks that changed since the last call, in the order in which they did.
  std::vector<std::pair<std::string, State>> take();

  /// The state that a check which begins now has: what was kept of it, else what its options say.
  [[nodiscard]] State begins_as(const std::string& identity, Planning planning) const;
  /// How often what take() gives has changed: verdicts, weights, how soon verdicts may change.
  [[nodiscard]] std::uint64_t transitions() const;
  /// The last of them. Lives as long as the checker.
  [[nodiscard]] const History& history() const;
  /// A change that was decided elsewhere, for the history.
  void record(const Transition& transition);
  /// What is to be kept over a restart. Waits as report() does.
  std::vector<KeptCheck> keep();

  /// Of all checks that are shown with `part` in them. Waits for the checker's thread, which never waits long.
  std::vector<CheckReport> report(std::string_view part);

 private:
  struct Impl;
  explicit Checker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::health
