// SPDX-License-Identifier: MIT
// The checks that there are, when each is probed and what its probes have come to. No clock, socket or thread: probing
// is the checker's.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "backend/base/clock.h"
#include "backend/health/blast_guard.h"
#include "backend/health/check_question.h"
#include "backend/health/guarded_targets.h"
#include "backend/health/health_table.h"
#include "backend/health/kept_health.h"
#include "backend/health/override.h"
#include "backend/health/probe.h"
#include "backend/health/schedule.h"
#include "backend/health/verdict.h"

namespace sdns::health {

/// What a probe's result says of its target. What was not probed (forbidden, not run here, no descriptors) says
/// nothing.
[[nodiscard]] ProbeOutcome outcome_of(ProbeFailure failure);

struct CheckBookOptions {
  std::chrono::milliseconds interval{5000};         ///< of checks that do not say theirs
  std::string user_agent;                           ///< of checks that do not say theirs
  std::size_t most_in_flight = 500;                 ///< probes at a time; further ones wait for one to end
  std::chrono::milliseconds longest_probe{10'000};  ///< a longer timeout of a check is cut to this
  Programs programs;                                ///< that checks may name; they have their own time and places
  GuardLimits guard;
};

/// What was kept of checks over a restart, by identity. It is of no use once it is an hour old. Safe from any thread.
class KeptChecks {
 public:
  KeptChecks() = default;
  /// `now` is the moment at which it was `elapsed` old.
  KeptChecks(std::vector<KeptCheck> checks, SteadyTime now, std::chrono::milliseconds elapsed);
  /// Nothing when nothing was kept of it, or it is too old. `elapsed` is its age then.
  [[nodiscard]] std::optional<KeptCheck> find(const std::string& identity, SteadyTime now,
                                              std::chrono::milliseconds& elapsed);
  /// It was probed since: what was kept is out of date.
  void drop(const std::string& identity);
  /// To the millisecond: when it was saved.
  [[nodiscard]] SteadyTime saved() const { return saved_; }

 private:
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();  // so that it can be moved before it is used
  std::unordered_map<std::string, KeptCheck> checks_;
  SteadyTime saved_{};
};

/// Whether an answer's TTL is planned by the check: only of those it is kept how soon the verdict may change.
enum class Planning : std::uint8_t { kNo, kYes };

/// What a check of this identity is before its next result: what was kept of it, else what its options say; unknown
/// when they say nothing. `interval` is that of checks that do not say theirs.
[[nodiscard]] State first_state(const std::string& identity, KeptChecks& kept, std::chrono::milliseconds interval,
                                Planning planning, SteadyTime now);

/// One change of a verdict.
struct Transition {
  std::string check;  ///< shown_check()
  Verdict from = Verdict::kUnknown;
  Verdict to = Verdict::kUnknown;
  Why why = Why::kNothing;
  ProbeFailure failure = ProbeFailure::kNone;  ///< of the probe that decided
  std::string text;                            ///< what that probe says
};

/// Of the time that a probe took, in microseconds; a probe may take seconds, most take one round trip.
inline constexpr std::array<std::int64_t, 6> kLatencyBounds{1'000, 5'000, 25'000, 100'000, 500'000, 2'500'000};
/// How many probes took at most so long, and longer than the bound before; the last one: longer than all.
using LatencyCounts = std::array<std::uint32_t, kLatencyBounds.size() + 1>;
[[nodiscard]] std::size_t latency_bucket(std::chrono::microseconds took);

/// What there is to see of a check.
struct CheckReport {
  std::string identity;
  VerdictState state;
  std::uint32_t weight = 1;
  Thresholds thresholds;
  std::chrono::milliseconds interval{0};
  std::chrono::milliseconds until_next{0};  ///< to the next probe; 0 while one is in flight
  std::uint64_t probes = 0;
  std::uint64_t failures = 0;
  std::uint32_t transitions = 0;
  ProbeFailure last_failure = ProbeFailure::kNone;  ///< of the last probe
  std::string last_text;
  std::chrono::microseconds last_total{0};
  std::chrono::microseconds all_totals{0};        ///< of all probes by this process that say something of the target
  LatencyCounts latencies{};                      ///< of the same
  bool probed = false;                            ///< a result is there
  ProbeFailure last_error = ProbeFailure::kNone;  ///< of the last probe by this process that did not succeed
  std::string last_error_text;
  SteadyTime last_error_at{};
  std::uint8_t ttl_step = 0;  ///< State::ttl_step
  SteadyTime last_up{};       ///< State::last_up
};

/// Used by one thread. A check is known by a number while it is there; numbers are used again.
class CheckBook {
 public:
  /// `kept`, which outlives it, is where checks that are added for the first time go on from.
  CheckBook(CheckBookOptions options, std::uint64_t seed, KeptChecks& kept)
      : options_(std::move(options)), kept_(kept), schedule_(seed), targets_(options_.guard) {
    slow_.most = share(2);
    for (const auto& [name, program] : options_.programs) programs_[name].most = program.at_once;
  }

  CheckBook(const CheckBook&) = delete;
  CheckBook& operator=(const CheckBook&) = delete;

  /// A check of this identity (CheckQuestion), due at once; nothing happens when it is there. What is no identity is
  /// never probed.
  void add(const std::string& identity, SteadyTime now);
  struct Removed {
    GuardChange guard;
    std::uint64_t ticket = 0;  ///< of its probe in flight, which comes to nothing and is to be cancelled; 0: none is
  };
  Removed remove(const std::string& identity, SteadyTime now);

  struct Due {
    std::uint32_t check = 0;
    std::uint64_t ticket = 0;  ///< for result()
    SteadyTime since{};        ///< when it was to begin
  };
  /// A check whose probe is to begin now; it is in flight until result() or remove(). So that targets that are silent
  /// do not have all others wait: checks that took over a second the last time, or are new, have half of what may be in
  /// flight together, and the others of one target (of its /64, of one host where that is looked up) a quarter. Who
  /// finds no place there waits for one in turn. Those by a program have the places of that program, and no others.
  /// O(1), and what Schedule costs.
  std::optional<Due> take(SteadyTime now);
  [[nodiscard]] std::shared_ptr<const ProbeSpec> spec(std::uint32_t check) const { return checks_[check].spec; }
  /// When to call take() again; nothing while nothing is due or as many as may be are in flight.
  [[nodiscard]] std::optional<SteadyTime> next();

  struct Result {
    std::optional<Transition> transition;
    std::optional<std::pair<std::string, State>> state;  ///< when it is another one than before
    GuardChange guard;
    bool resumed = false;  ///< by resume(): it rises, now or once it has the successes
  };
  /// What the probe of this ticket came to.
  Result result(const Due& due, const ProbeResult& found, SteadyTime now);

  using Known = std::pair<std::string, State>;
  /// What is known of the check when that is another step than before. Nothing happens when it is not there.
  std::optional<Known> plan(const std::string& identity, Planning planning, SteadyTime now);
  /// A check whose step ends with time alone, and what is known of it from now on; nothing when there is none.
  std::optional<Known> next_step(SteadyTime now);
  /// When the first step ends.
  [[nodiscard]] std::optional<SteadyTime> step_ends() const {
    return step_ends_.empty() ? std::nullopt : std::optional(step_ends_.begin()->first);
  }

  /// What an operator says, once: a down check rises now, when it has the successes that it takes, or once it has them.
  /// Nothing happens to one that is not down, or has had no result, nor when the order is not newer than the last one.
  Result resume(const ResumeOrder& order, SteadyTime now);

  [[nodiscard]] std::size_t size() const { return by_identity_.size(); }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  /// All that have a verdict, to be kept over a restart.
  [[nodiscard]] std::vector<KeptCheck> keep(SteadyTime now) const;
  /// Checks that are shown with `part` in them, in the order of their identities.
  [[nodiscard]] std::vector<CheckReport> report(std::string_view part, SteadyTime now) const;

 private:
  // Of those that share places in flight.
  struct Lane {
    std::size_t most = 0;
    std::size_t taken = 0;
    std::list<std::uint32_t> waiting{};  // empty unless all are taken
  };
  struct Crowd {
    Lane lane;
    std::size_t checks = 0;
  };
  using Crowds = std::map<std::string, Crowd>;  // checks keep iterators
  struct Check {
    std::string identity;
    std::shared_ptr<const ProbeSpec> spec;
    Thresholds thresholds;
    VerdictState state;
    std::chrono::milliseconds interval{0};
    std::uint64_t ticket = 0;  // of the probe in flight; 0: none
    std::uint64_t probes = 0;
    std::uint64_t failures = 0;
    std::uint32_t transitions = 0;
    std::uint32_t weight = 1;
    ProbeFailure last_failure = ProbeFailure::kNone;
    std::chrono::microseconds last_total{0};
    std::chrono::microseconds all_totals{0};
    LatencyCounts latencies{};
    std::string last_text;
    ProbeFailure last_error = ProbeFailure::kNone;
    std::string last_error_text;
    SteadyTime last_error_at{};
    SteadyTime last_begun{};
    GuardedTargets::Hold hold;
    bool probed = false;  // by this process
    bool quick = false;   // the last probe took less than a second
    bool planned = false;
    std::uint8_t ttl_step = 0;
    SteadyTime may_change{};  // at the earliest; unless ttl_step is 0
    SteadyTime last_up{};
    std::int64_t resumed = 0;  // ResumeOrder::seconds of the last one
    std::string resumed_by;    // who and why, until it rises or fails
    Crowds::iterator crowd{};
    Lane* program = nullptr;                    // of its program; null: it runs none
    Lane* lane = nullptr;                       // in which it has a place: in flight, or about to be
    std::list<std::uint32_t>* queue = nullptr;  // in which it waits: for a place, or with one to be taken
    std::list<std::uint32_t>::iterator queued{};
    SteadyTime due{};  // while it waits
  };

  // A part of what may be in flight; what is small is not parted.
  [[nodiscard]] std::size_t share(std::size_t parts) const {
    return std::max(options_.most_in_flight / parts, std::min<std::size_t>(options_.most_in_flight, 8));
  }
  [[nodiscard]] static State state_of(const Check& check);
  [[nodiscard]] std::chrono::milliseconds until_next(const Check& check, SteadyTime now) const;
  static void note(Check& check, const Step& next, SteadyTime now);
  bool set_step(std::uint32_t number, std::optional<SteadyTime> change, SteadyTime now);
  bool plan_anew(std::uint32_t number, SteadyTime now);
  void leave_queue(Check& check);
  void leave_lane(Check& check);

  const CheckBookOptions options_;
  KeptChecks& kept_;
  Schedule schedule_;
  GuardedTargets targets_;
  std::vector<Check> checks_;
  std::vector<std::uint32_t> unused_;  // numbers
  std::unordered_map<std::string, std::uint32_t> by_identity_;
  std::uint64_t tickets_ = 0;
  std::size_t in_flight_ = 0;
  Lane slow_;
  std::map<std::string, Lane, std::less<>> programs_;  // by name; all that there are, so that checks keep pointers
  Crowds crowds_;                                      // by whom they probe
  std::list<std::uint32_t> next_;                      // have a place
  std::set<std::pair<SteadyTime, std::uint32_t>> step_ends_;
};

}  // namespace sdns::health
