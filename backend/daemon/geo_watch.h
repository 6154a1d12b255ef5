// SPDX-License-Identifier: MIT
// Keeps location databases as their files are, without a pause for those who answer.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "backend/base/log.h"
#include "lua/geo.h"

namespace sdns::daemon {

/// Looks at the files every second on a thread of its own. A file that cannot be read is told once, and what was read
/// before stays in force.
class GeoWatch {
 public:
  /// Reads the files and publishes them before it returns. All outlive it.
  GeoWatch(lua::GeoConfig config, lua::GeoCell& cell, const Log& log);
  ~GeoWatch();
  GeoWatch(const GeoWatch&) = delete;
  GeoWatch& operator=(const GeoWatch&) = delete;

 private:
  void look();
  void run();

  lua::GeoFiles files_;
  lua::GeoCell& cell_;
  const Log& log_;
  std::shared_ptr<const lua::Geo> current_;
  std::shared_ptr<const lua::Geo> former_;  // so that it is freed here
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sdns::daemon
