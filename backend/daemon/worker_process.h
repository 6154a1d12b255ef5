// SPDX-License-Identifier: MIT
// Starting a worker: fork, exec, and what it inherits.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "backend/base/error.h"
#include "backend/base/owned.h"

namespace sdns::daemon {

struct WorkerProcess {
  pid_t pid = -1;
  Fd channel;  ///< the holder's end
};

/// Runs argv[0] with `argv`. The worker inherits standard input, output and error, its channel and `busy_memory`, named
/// in kChannelVariable; it has default signal handling but for SIGINT, SIGTERM, SIGHUP, SIGUSR2 and SIGPIPE, which it
/// ignores, and is killed when the holder dies. What systemd passed is the holder's: LISTEN_*, NOTIFY_SOCKET and
/// WATCHDOG_* are taken out of its environment. Errors (kUnavailable, kIo): it could not be run. The caller has one
/// thread.
Result<WorkerProcess> start_worker(const std::vector<std::string>& argv, int busy_memory);

/// "status 1" or "signal 9 (Killed)".
std::string describe_exit(int wait_status);

}  // namespace sdns::daemon
