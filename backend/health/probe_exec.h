// SPDX-License-Identifier: MIT
// A program of the operator as a probe: bounded in time, memory and output, in a process group that ends with it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <unordered_map>

#include "backend/health/probe_run.h"

namespace sdns::health {

/// Waits for programs that were killed, so that nobody else has to.
class ProbeReaper final : private ProbePoller::Watcher {
 public:
  explicit ProbeReaper(ProbePoller& poller) : poller_(poller) {}
  /// Waits for each of them, a second at most: more is taken only by one that is stuck in the kernel.
  ~ProbeReaper();
  ProbeReaper(const ProbeReaper&) = delete;
  ProbeReaper& operator=(const ProbeReaper&) = delete;
  /// Requires that the program is being killed; `process` is its pidfd.
  void take_over(pid_t pid, Fd process);

 private:
  struct Killed {
    pid_t pid;
    Fd process;
  };
  void ready(int fd, std::uint32_t events) override;
  ProbePoller& poller_;
  std::unordered_map<int, Killed> killed_;
};

/// Requires an ExecProbe that check_probe() passes. The specification outlives the run. The run's destructor kills the
/// program's process group.
std::unique_ptr<ProbeRun> make_exec_run(ProbeWorld& world, const ProbeSpec& spec, ProbeSink& sink);

}  // namespace sdns::health
