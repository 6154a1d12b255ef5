// SPDX-License-Identifier: MIT
// The doors to PowerDNS: lines in, lines out, over connections that the holder accepted. N threads with a libuv loop
// each.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/net/line_handler.h"
#include "backend/net/stream.h"

namespace sdns::net {

struct UnixServerOptions {
  unsigned threads = 0;                               ///< 0: one per core, at most 8
  std::size_t max_request_octets = 16 * 1024 * 1024;  ///< a longer line is logged and its connection closed
  std::chrono::milliseconds not_ready_limit{1000};    ///< how long a line that was Outcome::kNotReady is kept
};

/// Requests of one connection are answered strictly in order, and the next is looked at when the former reply has been
/// written completely: a peer that never reads costs one reply. No allocation per request in the steady state.
/// All functions are safe from any thread; callbacks run on a loop thread and must not block.
class UnixServer {
 public:
  using OnClosed = std::function<void(ConnectionId)>;

  /// Starts the threads. `on_closed` is called for each connection that has ended here (end of file, error, protocol,
  /// limit), after its socket was shut down; not for those that quiesce() or stop() leave as they are.
  static Result<std::unique_ptr<UnixServer>> start(const UnixServerOptions& options, const HandlerFactory& make_handler,
                                                   const Log& log, Metrics& metrics, OnClosed on_closed = {});
  ~UnixServer();  ///< stop()
  UnixServer(const UnixServer&) = delete;
  UnixServer& operator=(const UnixServer&) = delete;

  /// Serves a connected stream socket, or two pipes. `busy`, if not null, outlives the server: it is 1 from before the
  /// octets of a request are read until the last octet of the reply has been written, else 0. After quiesce() the
  /// descriptors are closed unread.
  void adopt(Stream stream, ConnectionId id, std::uint8_t* busy = nullptr);

  /// Has LineHandler::refresh() called on each loop thread soon. Cheap; several calls may become one.
  void nudge();

  /// Hands the lines that were Outcome::kNotReady in again.
  void retry_deferred();

  /// Hands the line of this connection in again, if it was Outcome::kPending; else nothing happens.
  void resume(ConnectionId id);

  /// Stops reading each connection once it is between a reply and the next request. Unfinished lines, unwritten replies
  /// and held state get until `limit`; then those connections are closed. `done` is called once, on a loop thread, when
  /// nothing is read any more: octets that were not read are still in the sockets, for another process to read.
  void quiesce(std::chrono::milliseconds limit, std::function<void()> done);

  /// Ends the threads and closes the descriptors, without shutting the sockets down: whoever has a duplicate keeps the
  /// connection. Not to be called from a callback.
  void stop();

  /// Whether every loop has come round since the last call; true at the first. For one thread.
  [[nodiscard]] bool came_round();

  [[nodiscard]] std::size_t connections() const;

 private:
  struct Impl;
  explicit UnixServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::net
