// SPDX-License-Identifier: MIT
// Follows the source of zones, applies what changed, publishes it: one revision, one publication. Keeps what it has
// when the database is gone, damaged, replaced or went back in history (P2, P4).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/base/snapshot_cell.h"
#include "backend/daemon/serving_state.h"
#include "backend/zone/source.h"
#include "backend/zone/zone_set.h"

namespace sdns::daemon {

/// What follows from a publication. Called on the publisher's thread, in the order of publications. `before` is the
/// publisher's own reference, handed over so that the last one is not let go of on its thread.
class PublicationSink {
 public:
  virtual ~PublicationSink() = default;
  /// `applied.set` has been published in place of `before`; at the same revision when other target pools were
  /// configured.
  virtual void published(zone::ZoneSetPtr before, const zone::Applied& applied) = 0;
  /// A whole state has been published: at the start (`before` is null), after history had diverged, or after a revision
  /// that was rejected. `applied.zones` are the zones that came and went; `applied.rrsets` is empty.
  virtual void loaded(zone::ZoneSetPtr before, const zone::Applied& applied) = 0;
  /// Called at least every 50 ms while nothing else happens.
  virtual void tick() = 0;
};

class Publisher {
 public:
  using OpenSource = std::function<Result<std::unique_ptr<zone::Source>>()>;

  /// `open` is tried until it succeeds; the source then stays: it reopens what it lost, and tells another database from
  /// the one that it had. `zones` may hold null at first. All outlive the publisher.
  Publisher(OpenSource open, SnapshotCell<zone::ZoneSet>& zones, ServingState& state, PublicationSink& sink,
            const Clock& clock, const Log& log, Metrics& metrics);

  /// Until stop(): the body of the publisher's thread.
  void run();
  /// One look at the source; how long to wait before the next. The source's own wait() counts as part of the look.
  std::chrono::milliseconds turn();
  /// The target pools of the configuration from now on; published at the next turn. Safe from any thread.
  void set_target_pools(health::TargetPools pools);
  /// Safe from any thread. A load that is under way is abandoned.
  void stop();

 private:
  bool open();
  void load();
  void follow();
  enum class How { kChanges, kLoad };
  void publish(const zone::Applied& applied, How how);
  zone::ZoneSetPtr put_in_force(const zone::Applied& applied);
  void take_target_pools();
  void say_hidden_pools();
  void reject(zone::Revision revision, const Error& error, std::chrono::milliseconds pause);
  void database_failed(const Error& error);
  void database_is_up();
  void confirm();
  void say_age();

  OpenSource open_;
  SnapshotCell<zone::ZoneSet>& zones_;
  ServingState& state_;
  PublicationSink& sink_;
  const Clock& clock_;
  const Log& log_;

  std::unique_ptr<zone::Source> source_;
  zone::ZoneSetPtr current_;  // what is published
  std::string database_id_;   // of the database that current_ came from
  health::TargetPools configured_pools_;
  std::vector<std::string> told_hidden_;  // names of stored pools
  bool needs_load_ = true;
  bool diverged_ = false;  // what is published is no part of the database's history
  std::optional<zone::Revision> rejected_;
  DatabaseState database_ = DatabaseState::kOpening;
  Errc database_errc_{};
  SteadyTime next_look_{};
  SteadyTime down_since_{};
  SteadyTime confirmed_;
  std::chrono::milliseconds backoff_{0};
  std::chrono::seconds told_age_{0};

  Metric& published_revision_;
  Metric& zone_count_;
  Metric& pool_count_;
  Metric& ready_;
  Metric& database_up_;
  Metric& database_errors_;
  Metric& rows_read_;
  Metric& publications_;
  Metric& loads_;
  Metric& rejections_;
  Metric& publish_us_;

  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::optional<health::TargetPools> next_pools_;
  std::condition_variable wake_;
};

/// The zones that came or went between two states, and the target pools that differ, as a purge plan takes them;
/// `before` may be null.
zone::Applied difference(const zone::ZoneSet* before, zone::ZoneSetPtr after);

}  // namespace sdns::daemon
