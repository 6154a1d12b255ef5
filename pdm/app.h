// SPDX-License-Identifier: MIT
// Builds the parts of sovereign-pdm, connects them, and runs until a signal.
#pragma once

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "pdm/config.h"

namespace sdns::pdm {

class App {
 public:
  App(Config config, const SystemClock& clock, const Log& log) : config_(std::move(config)), clock_(clock), log_(log) {}
  /// The exit status. SIGTERM and SIGINT end it when every request in work is answered.
  int run();

 private:
  Result<void> serve();
  const Config config_;
  const SystemClock& clock_;
  const Log& log_;
};

}  // namespace sdns::pdm
