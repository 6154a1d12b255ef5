// SPDX-License-Identifier: MIT
// This node's place among the nodes of its database: a heartbeat that says what it serves, what its probes say, and
// what the others' say. In a thread of its own, which may wait for the database as long as it likes: nobody waits for
// it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/base/owned.h"
#include "backend/base/random.h"
#include "backend/daemon/shared_health.h"
#include "backend/store/node_store.h"

namespace sdns::daemon {

struct NodeLinkOptions {
  std::string url;   ///< of the database
  std::string name;  ///< of this node
  std::string version;
  std::chrono::milliseconds max_stale{std::chrono::days(7)};
  std::chrono::milliseconds beat_every{5'000};
  std::chrono::milliseconds look_every{250};  ///< at what others say of targets, and between two writes of what we say
  std::chrono::milliseconds busy_limit{2'000};  ///< for other writers
  std::chrono::milliseconds backoff_most{5'000};
};

/// Clocks that differ by so much are told of, once, until they are within the other.
inline constexpr std::chrono::milliseconds kNodeClocksDiffer{2'000};
inline constexpr std::chrono::milliseconds kNodeClocksAgree{1'000};

class NodeLink {
 public:
  struct Parts {
    /// What is published and purged; nothing while nothing is served, or what is served is no part of the database.
    std::function<std::optional<zone::Revision>()> applied;
    std::function<std::string()> database_id;  ///< of what is served; "": not known yet
    SharedHealth* shared;                      ///< null: nothing is probed
    const Clock& clock;
    const WallClock& wall_clock;
    const Log& log;
    Metrics& metrics;
  };
  NodeLink(NodeLinkOptions options, const Parts& parts);
  ~NodeLink();
  NodeLink(const NodeLink&) = delete;
  NodeLink& operator=(const NodeLink&) = delete;

  /// Begins the thread. Without it a test takes turns itself.
  void start();
  /// Says nothing more: the next process of this node does. Never waits. Safe from any thread.
  void fall_silent() { silent_ = true; }
  /// There is something to write or to look for. Safe from any thread, never waits.
  void wake();

  /// One look at the database; how long to wait before the next unless it is woken.
  std::chrono::milliseconds turn();

  /// Until when others count on this node to serve what it has (P5), by the database's clock; nothing before the first
  /// heartbeat of this process. Safe from any thread.
  [[nodiscard]] std::optional<WallTime> serve_until() const;

 private:
  struct Other {
    store::NodeRow row;
    std::uint64_t read = 0;           // number of the last verdict that was read
    bool again = true;                // all that it says is to be read
    std::optional<SteadyTime> heard;  // when its beat was seen to move last
    store::NodeState state = store::NodeState::kLive;
    bool told_clock = false;
  };

  void run();
  bool open(SteadyTime now);
  void lose(const Error& error);
  Result<void> look(SteadyTime now, const std::vector<store::CheckDigest>& wanted);
  Result<void> look_at(const store::NodeRow& row, SteadyTime now, WallTime wall);
  enum class Reading { kAll, kMore };
  Result<void> read_verdicts(Other& other, Reading reading);
  Result<void> read_wanted(const std::vector<store::CheckDigest>& wanted);
  void forget_missing(const std::vector<store::NodeRow>& rows);
  void say_state(Other& other, WallTime wall);
  void compare_clocks(Other& other, bool moved);
  Result<void> beat(zone::Revision applied);
  Result<void> resynchronise();
  void say_beaten(const store::Beaten& beaten);
  void note_changes();
  void say_outlived();
  [[nodiscard]] bool writes_verdicts() const;
  [[nodiscard]] bool has_something_to_write() const;

  const NodeLinkOptions options_;
  const Parts parts_;
  SystemRandom random_;
  const WallTime started_;
  const Fd interrupt_;  // readable from the end on

  std::unique_ptr<store::NodeStore> store_;
  SteadyTime next_open_{};
  SteadyTime next_look_{};
  SteadyTime next_beat_{};
  SteadyTime next_write_{};
  SteadyTime next_revision_{};
  SteadyTime next_tidy_{};
  std::optional<zone::Revision> told_;  // by the last heartbeat
  std::chrono::milliseconds backoff_{0};
  std::optional<Errc> trouble_;  // that was told
  bool beaten_ = false;          // since the start
  bool clock_told_ = false;
  bool outlived_told_ = false;
  int others_of_our_name_ = 0;  // heartbeats in a row that were disturbed by another process
  WallTime looked_{};           // when others were looked at last
  std::map<std::string, Other> others_;
  bool all_wanted_ = true;  // what others say of all of our checks is to be read
  std::map<store::CheckDigest, store::SharedVerdict> unsent_;
  bool needs_resync_ = true;  // it is not known what the database has of ours

  std::atomic<std::int64_t> serve_until_ms_{0};
  std::atomic<bool> silent_{false};
  Metric& live_;
  Metric& silent_nodes_;
  Metric& expired_;
  Metric& behind_;
  Metric& beats_;
  Metric& failures_;
  Metric& last_beat_s_;
  Metric& clock_ahead_ms_;
  Metric& written_;
  Metric& read_;

  std::mutex mutex_;
  std::condition_variable woken_;
  bool news_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sdns::daemon
