// SPDX-License-Identifier: MIT
// Keeps what is served in the snapshot file, and begins with it (P2).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/base/snapshot_cell.h"
#include "backend/daemon/config.h"
#include "backend/daemon/publisher.h"
#include "backend/daemon/reclaimer.h"
#include "backend/daemon/serving_state.h"
#include "backend/store/snapshot_file.h"

namespace sdns::daemon {

struct RestoreParts {
  const Config::Snapshot& config;
  const store::KeyFile& key_file;
  unsigned threads = 1;
  const WallClock& wall;
  const Log& log;
};
/// For Publisher::Restore: what the snapshot file holds, if it can be used. What keeps it from being used is logged; a
/// missing file is nothing to tell.
std::optional<KeptState> restore_snapshot(const RestoreParts& parts, zone::ZoneSetBuilder& zones,
                                          const std::string& database_id);

/// Writes the file when what is served has moved on, and hourly, on a thread of the lowest priority that rests as long
/// as it works and writes at most 64 MiB a second. Not more often than the configured interval, nor for more than a
/// twentieth of the time; while the database is away, which makes the file what the next start begins with, for up to a
/// sixth. What cannot be written is said once, and tried again.
class SnapshotKeeper {
 public:
  struct Parts {
    const SnapshotCell<zone::ZoneSet>& zones;
    const ServingState& state;
    Reclaimer& reclaimer;  ///< gets what was written, so that it is freed there
    store::KeyFilePtr key_file;
    const WallClock& wall;
    const Log& log;
    Metrics& metrics;
  };
  /// Begins at once. References outlive it.
  SnapshotKeeper(const Config::Snapshot& config, Parts parts);
  ~SnapshotKeeper();
  SnapshotKeeper(const SnapshotKeeper&) = delete;
  SnapshotKeeper& operator=(const SnapshotKeeper&) = delete;

  /// Ends the thread; a file that is being written is given up. The file may be another process's now.
  void stop();
  /// The same, and then writes what is served if the file lacks it, as fast as it goes and for at most `limit`.
  void finish(std::chrono::milliseconds limit);

 private:
  void run();
  void look();
  [[nodiscard]] bool lacks(const zone::ZoneSet& set, const ServingState::View& view) const;
  void write(zone::ZoneSetPtr set, const ServingState::View& view, const store::SnapshotPace& pace);
  bool rest(std::size_t octets);
  void note(const store::SnapshotFacts& facts);

  const std::string path_;
  const std::chrono::milliseconds interval_;
  const Parts parts_;
  Metric& revision_;
  Metric& octets_;
  Metric& age_ms_;
  Metric& write_ms_;
  Metric& writes_;
  Metric& errors_;

  std::optional<store::SnapshotFacts> in_file_;  // as far as is known
  bool written_ = false;                         // by this process
  std::string failed_;                           // why the last write did
  SteadyTime ended_{};
  std::chrono::nanoseconds took_{0};
  SteadyTime block_began_{};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sdns::daemon
