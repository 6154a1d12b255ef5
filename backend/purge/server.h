// SPDX-License-Identifier: MIT
// One pdns_server whose caches are kept true, with a thread of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/purge/door.h"
#include "backend/purge/purge_plan.h"

namespace sdns::purge {

struct PurgerOptions {
  std::chrono::milliseconds again_after{400};   ///< an answer in flight may be stored after the first purge
  std::chrono::milliseconds retry_after{1000};  ///< absent pdns, failed API
  std::chrono::milliseconds ping_every{5000};   ///< when there is nothing to purge
  std::size_t waiting_names = 20'000;           ///< more exact names than this waiting for one pdns: everything
  std::size_t waiting_announcements = 20'000;   ///< more zones than this: the list of zones is read anew
};

/// How far something has come: of changes of zone data, and of targets' health. The two do not depend on each other.
struct Reach {
  zone::Revision revision = 0;
  std::uint64_t health = 0;  ///< sequence of the health table (health_table.h)

  [[nodiscard]] Reach or_further(const Reach& other) const {
    return {std::max(revision, other.revision), std::max(health, other.health)};
  }
  [[nodiscard]] Reach or_nearer(const Reach& other) const {
    return {std::min(revision, other.revision), std::min(health, other.health)};
  }
  friend bool operator==(const Reach&, const Reach&) = default;
};

enum class ServerState {
  kUnknown,  ///< not tried yet; its caches may hold what a former process served
  kPresent,
  kAbsent,  ///< does not answer; everything is purged when it comes back
};
[[nodiscard]] std::string_view state_text(ServerState state);

struct ServerStatus {
  std::string name;
  ServerState state = ServerState::kUnknown;
  bool announcing = true;       ///< false: the HTTP API fails; zones that came are unknown to this pdns until it works
  Reach purged{};               ///< of everything up to there all is purged
  Reach tried{};                ///< up to there it was at least asked: what an absent one is waited for
  bool hangs = false;           ///< absent, and asking takes until a timeout: not waited for at all
  std::size_t unannounced = 0;  ///< zones
  std::string last_error;       ///< of the state it is in; empty when all is well
};

/// One pdns's metrics, which outlive a reload.
struct ServerMetrics {
  ServerMetrics(Metrics& metrics, const std::string& name);
  Metric& up;
  Metric& announcing;
  Metric& purged_revision;
  Metric& waiting;
  Metric& names;
  Metric& subtrees;
  Metric& announcements;
  Metric& everything;
  Metric& failures;
  Metric& microseconds;
};

/// Executes plans in order, merging those that wait. Starts with a purge of everything, and again whenever the server
/// was absent. Threads: any may call; `changed` is called from the server's own, without locks held. No call waits for
/// the server's PowerDNS, except the end of the object.
class Server {
 public:
  struct Flush {
    dns::Name name;
    bool announce = false;
    Reach done_before{};  // what came up to there does not wait for it
  };
  /// What a server still had to announce.
  struct Unfinished {
    std::set<dns::Name> unannounced;
    std::deque<Flush> flushes;  ///< `purged` waits for these
  };

  Server(ServerConfig config, std::unique_ptr<Door> door, const PurgerOptions& options, const Log& log,
         ServerMetrics& metrics, std::function<void()> changed);
  /// Waits for the call in progress, at most its timeout.
  ~Server();
  /// Starts the thread. What is submitted or inherited before is part of its first work.
  void start();
  /// Goes on with what another one left; before start().
  void inherit(Unfinished unfinished);
  /// Ends the thread after the call in progress, which counts as not done. From now on the metrics are another's.
  [[nodiscard]] Unfinished retire();
  /// True when a retired one's thread is through: to end it waits for nothing.
  [[nodiscard]] bool ended() const;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// `zones_are_old`: `reach` does not wait for the plan's announcements.
  void submit(const Plan& plan, const Reach& reach, bool zones_are_old = false);
  /// No revision after `last` was submitted.
  void restart_history(zone::Revision last);
  [[nodiscard]] ServerStatus status() const;
  [[nodiscard]] const ServerConfig& config() const { return config_; }

 private:
  using Steady = std::chrono::steady_clock;
  struct Again {
    Steady::time_point due;
    Plan plan;
  };

  template <class Call>
  Result<void> unlocked(Call&& call);
  void stop();  // with the lock held
  void run();
  void turn(std::unique_lock<std::mutex>& lock);
  void execute(Plan plan, const Reach& reach);
  void try_return();
  void first_purge(const Plan& plan);
  void flush_some(std::deque<Flush>& queue);
  bool announce(const Flush& item);
  bool flush(const Flush& item);
  void purge_again();
  void announce_again();
  void queue_flushes(const Plan& plan, std::deque<Flush>& queue, const Reach& done_before);
  bool read_zones_anew(Plan& plan);
  void absent(const Error& error);
  void api_failed(const Error& error, const dns::Name& name);
  void api_works();
  bool present_after(const Result<void>& result);
  void report();
  [[nodiscard]] Steady::time_point next_wake() const;

  const ServerConfig config_;
  const std::unique_ptr<Door> door_;
  const PurgerOptions options_;
  const Log& log_;
  ServerMetrics& metrics_;
  const std::function<void()> changed_;

  // Held by the thread except while it waits, in calls of the door and in changed_. The thread alone changes the queues
  // once it runs, and what it works on stays in them until it is done.
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  ServerState state_ = ServerState::kUnknown;
  bool nobody_listened_ = false;  // when it was found absent: asking again costs nothing
  bool api_works_ = true;
  std::string last_error_;
  Reach taken_;
  std::deque<Flush> flushes_;        // of first purges: `purged` waits for them
  std::deque<Flush> flushes_again_;  // of second ones
  std::set<dns::Name> unannounced_;
  std::deque<Again> again_;
  Steady::time_point retry_at_{};
  Steady::time_point api_retry_at_{};
  Steady::time_point ping_at_{};

  Plan pending_;
  std::set<dns::Name> pending_old_zones_;
  Reach pending_reach_;
  bool has_pending_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  ServerStatus status_;

  std::thread thread_;
};

}  // namespace sdns::purge
