// SPDX-License-Identifier: MIT
// The worker: builds the parts of the engine, connects them, and obeys its holder.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/random.h"
#include "backend/daemon/config.h"
#include "backend/daemon/worker_link.h"

namespace sdns::daemon {

class App {
 public:
  /// `source` says where the configuration came from, for reload(). All references outlive the app.
  App(Config config, ConfigSource source, WorkerLink& link, const SystemClock& clock, Log& log);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Serves until the holder says stop or is gone; the exit status.
  int run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::daemon
