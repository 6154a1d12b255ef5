// SPDX-License-Identifier: MIT
#include "backend/daemon/reclaimer.h"

#include <utility>

namespace sdns::daemon {
namespace {
constexpr std::size_t kReserved = 1024;  // more than the loops can retire while one batch is freed
}

Reclaimer::Reclaimer(Metrics& metrics)
    : pending_(metrics.gauge("sdns_snapshots_retired", "Old snapshots that wait for being freed.")),
      reclaimed_(
          metrics.counter("sdns_snapshots_reclaimed_total", "References to old snapshots that were let go of.")) {
  retired_.reserve(kReserved);
  thread_ = std::thread([this] { run(); });
}

Reclaimer::~Reclaimer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Reclaimer::retire(zone::ZoneSetPtr old) {
  if (!old) return;
  {
    std::lock_guard lock(mutex_);
    retired_.push_back(std::move(old));
  }
  pending_.add(1);
  wake_.notify_one();
}

void Reclaimer::drain() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return retired_.empty() && !busy_; });
}

void Reclaimer::run() {
  std::vector<zone::ZoneSetPtr> batch;
  batch.reserve(kReserved);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !retired_.empty(); });
    if (retired_.empty()) return;
    batch.swap(retired_);
    busy_ = true;
    lock.unlock();
    const auto count = static_cast<std::int64_t>(batch.size());
    batch.clear();
    pending_.add(-count);
    reclaimed_.add(count);
    lock.lock();
    busy_ = false;
    idle_.notify_all();
  }
}

}  // namespace sdns::daemon
