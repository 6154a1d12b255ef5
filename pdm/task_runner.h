// SPDX-License-Identifier: MIT
// Takes the steps of tasks when they are due, and sweeps, on a thread of its own. Steps are rows of the database: a
// process that ends anywhere leaves them to the next one, and two processes do not take one twice.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "pdm/allocations.h"
#include "pdm/nodes.h"
#include "pdm/writer.h"

namespace sdns::pdm {

struct TaskRunnerOptions {
  std::chrono::milliseconds look_every{200};
  std::chrono::milliseconds sweep_every{30'000};
};

class TaskRunner {
 public:
  TaskRunner(const Allocations& allocations, Writer& writer, Readers& readers, std::unique_ptr<Nodes> nodes,
             const Clock& clock, const Log& log, Metrics& metrics, TaskRunnerOptions options);
  ~TaskRunner();
  TaskRunner(const TaskRunner&) = delete;
  TaskRunner& operator=(const TaskRunner&) = delete;

  /// There may be something due. From any thread.
  void wake();

 private:
  void work();
  void sweep();
  /// True when there was something to do.
  bool step();

  const Allocations& allocations_;
  Writer& writer_;
  Readers& readers_;
  std::unique_ptr<Nodes> nodes_;
  const Clock& clock_;
  const Log& log_;
  Metric& steps_;
  Metric& failures_;
  Metric& swept_;
  TaskRunnerOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace sdns::pdm
