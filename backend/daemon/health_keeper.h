// SPDX-License-Identifier: MIT
// Keeps verdicts in a file, so that the next process answers as this one did.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/health/checker.h"
#include "backend/health/kept_health.h"

namespace sdns::daemon {

/// What is in the file; nothing when there is none. Errors: kUnavailable, kCorrupt, kUnsupported.
Result<std::optional<health::KeptHealth>> read_kept_health(const std::filesystem::path& path);
/// Replaces the file as a whole, mode 0600. Errors: kUnavailable.
Result<void> write_kept_health(const std::filesystem::path& path, const health::KeptHealth& kept);

/// Writes within a tenth of a second of a change of a verdict, a weight or a planned TTL, every half minute, and at its
/// end; what takes long to write is not written more than a tenth of the time. What cannot be written is said once, and
/// tried again.
class HealthKeeper {
 public:
  /// References outlive it.
  HealthKeeper(std::filesystem::path path, health::Checker& checker, const WallClock& clock, const Log& log);
  ~HealthKeeper();
  HealthKeeper(const HealthKeeper&) = delete;
  HealthKeeper& operator=(const HealthKeeper&) = delete;

 private:
  void run();
  void write();

  const std::filesystem::path path_;
  health::Checker& checker_;
  const WallClock& clock_;
  const Log& log_;
  bool failed_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sdns::daemon
