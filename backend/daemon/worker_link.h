// SPDX-License-Identifier: MIT
// The worker's end of the channel to its holder.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/net/line_handler.h"
#include "backend/net/stream.h"

namespace sdns::daemon {

/// A worker that ends with this status before any worker was ever ready ends the holder with the same status: a
/// configuration that no repetition will mend. Any other end of a worker is followed by another start.
inline constexpr int kExitGiveUp = 78;

/// The orders of the holder, called on the thread that is in WorkerLink::run().
class WorkerEvents {
 public:
  virtual ~WorkerEvents() = default;
  /// Pass to UnixServer::adopt(). May come before the worker is ready: what it cannot answer yet is Outcome::kNotReady.
  virtual void connection(net::ConnectionId id, net::Stream stream, std::uint8_t* busy) = 0;
  /// Another worker takes over: UnixServer::quiesce(limit), then WorkerLink::released(); a stop() follows.
  virtual void quiesce(std::chrono::milliseconds limit) = 0;
  /// SIGHUP: read the configuration again, then WorkerLink::reloaded().
  virtual void reload() = 0;
  /// The helper of a connection with this pdns_server was killed: that pdns_server is to be restarted.
  virtual void orphaned(pid_t powerdns) = 0;
  /// Whether all threads that answer have come round since the last call.
  virtual bool alive() = 0;
  /// End: quiesce if that has not been done, then WorkerLink::finish(). Past `limit` the holder kills the process.
  virtual void stop(std::chrono::milliseconds limit) = 0;
};

/// Signals are the holder's: a worker starts with SIGINT, SIGTERM, SIGHUP, SIGUSR2 and SIGPIPE ignored, and is killed
/// when its holder dies. All functions but run() are safe from any thread, and none of them blocks.
class WorkerLink {
 public:
  /// From the descriptors that the environment names; removes those variables. Also drops core dumps (harden.h).
  /// Errors (kConfig): not started by a holder.
  static Result<std::unique_ptr<WorkerLink>> from_environment(const Log& log);
  ~WorkerLink();
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;

  /// Receives and calls `events` until finish() (no error) or until the holder is gone (kUnavailable).
  Result<void> run(WorkerEvents& events);
  void finish();

  void ready();                            ///< zones are loaded and served; once per worker
  void released();                         ///< after quiesce(): no socket is read any more
  void reloaded();                         ///< after reload(), whether it changed something or failed
  void closed(net::ConnectionId id);       ///< UnixServer's on_closed
  void status(std::string_view one_line);  ///< shown by `systemctl status`; cut at 200 octets

 private:
  struct Impl;
  explicit WorkerLink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::daemon
