// SPDX-License-Identifier: MIT
// Frees old snapshots on a thread of its own: a million nodes are not an answering thread's work, nor the publisher's.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "backend/base/metrics.h"
#include "backend/zone/zone_set.h"

namespace sdns::daemon {

class Reclaimer {
 public:
  explicit Reclaimer(Metrics& metrics);
  /// Frees what is left, then ends the thread. No retire() may come later.
  ~Reclaimer();
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  /// Takes one reference. The lock is held for a pointer's move by everybody, the freeing thread too (P1).
  void retire(zone::ZoneSetPtr old);
  /// For SnapshotCell::Reader: `context` is the Reclaimer.
  static void retire_hook(void* context, zone::ZoneSetPtr old) {
    static_cast<Reclaimer*>(context)->retire(std::move(old));
  }
  /// Waits until everything that was retired before is let go of: for tests.
  void drain();

 private:
  void run();

  Metric& pending_;
  Metric& reclaimed_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::vector<zone::ZoneSetPtr> retired_;
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sdns::daemon
