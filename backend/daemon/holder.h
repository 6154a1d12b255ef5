// SPDX-License-Identifier: MIT
// The holder: a tiny parent that owns the listening sockets and every accepted connection, so that they outlive
// workers. One thread, one poll loop, no work per query.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/log.h"

namespace sdns::daemon {

struct HolderOptions {
  std::string socket_path;       ///< not used when systemd passes the socket (LISTEN_FDS)
  std::string pipe_socket_path;  ///< where sovereign-dns-connect hands pipes over; "": nowhere
  mode_t socket_mode = 0660;
  std::optional<gid_t> socket_group;  ///< none: left as it is created
  std::vector<uid_t> allowed_uids;    ///< besides our own
  std::size_t max_connections = 10000;

  std::vector<std::string> worker_argv;  ///< program (own_program()) and arguments, `--worker` included

  std::chrono::milliseconds hung_after{2'000};     ///< a worker without a heartbeat for so long is killed; 0: never
  std::chrono::milliseconds helper_grace{1'000};   ///< from the end of a helper to the end of its PowerDNS's pipe
  std::chrono::milliseconds ready_limit{60'000};   ///< hot restart: the new worker is given up after this
  std::chrono::milliseconds quiesce_limit{2'000};  ///< hot restart: unfinished requests get this long
  std::chrono::milliseconds kill_after{3'000};     ///< past a limit, an old worker gets this much more before SIGKILL
  std::chrono::milliseconds stop_limit{10'000};    ///< SIGTERM: the worker is killed after this
  std::chrono::milliseconds backoff_first{50};     ///< crash: the first start is at once, the next after this, doubling
  std::chrono::milliseconds backoff_most{
      1'000};  ///< below the 2 s that PowerDNS waits: requests held meanwhile are still answered
  std::chrono::milliseconds steady_after{10'000};  ///< a worker that was ready this long resets the back-off
};

/// The path by which this program was started, absolute and with symbolic links kept, so that a hot restart runs the
/// binary that an upgrade put there; the path of the running file when `argv0` does not lead to it.
Result<std::string> own_program(const char* argv0);

/// Signals: SIGUSR2 hot restart, SIGHUP forwarded as reload, SIGTERM and SIGINT stop. The process must have one thread.
class Holder {
 public:
  /// Binds, or takes over from systemd, the listening socket. Errors: kExists (another process listens there),
  /// kInvalidArgument (path), kPermission, kIo.
  static Result<std::unique_ptr<Holder>> create(HolderOptions options, const Clock& clock, const Log& log);
  ~Holder();
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  /// Runs until it is told to stop; the exit status of the program.
  int run();

 private:
  struct Impl;
  explicit Holder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::daemon
