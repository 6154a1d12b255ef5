// SPDX-License-Identifier: MIT
// What the unix door asks of whoever answers: a line in, a line out. Knows nothing of sockets or of JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sdns::net {

/// Given by the holder, unique for as long as the holder lives: a connection keeps it when another worker takes over.
using ConnectionId = std::uint64_t;

enum class Outcome {
  kReply,     ///< send the reply (nothing when it is empty) and go on
  kClose,     ///< the peer broke the protocol: send the reply (nothing when it is empty), then close
  kNotReady,  ///< the server keeps the line, stops reading the connection and hands the line in again after
              ///< UnixServer::retry_deferred(); it closes the connection when that takes longer than the limit (1 s)
  kPending,   ///< the handler has another thread at work on the line: the server keeps it, stops reading the connection
              ///< and hands the line in again after UnixServer::resume(); without limit, but a peer that hangs up is
              ///< noticed
};

/// One instance per loop thread, made by a HandlerFactory: none of its functions is called by two threads.
class LineHandler {
 public:
  virtual ~LineHandler() = default;

  /// Answers one request. `line` has no '\n', is not empty, and is valid during the call only. `reply` is empty on
  /// entry, keeps its capacity from call to call, and takes the whole reply *with* its final '\n'. Must not block (P1).
  virtual Outcome handle(ConnectionId connection, std::string_view line, std::string& reply) = 0;

  /// A connection was adopted by this loop: new, or taken over from another worker.
  virtual void opened(ConnectionId) {}

  /// The connection is gone, for whatever reason; whatever it had begun is to be aborted. Also called when a quiesced
  /// connection is left to another worker.
  virtual void closed(ConnectionId) {}

  /// True while the connection has state that lives in this process only, such as an open transaction. Such a
  /// connection counts as busy after its reply too: quiesce() waits for it, and after a crash it is closed and not
  /// handed over.
  virtual bool holds_state(ConnectionId) { return false; }

  /// Called on the loop thread some time after UnixServer::nudge(), so that an idle loop lets go of an old snapshot.
  virtual void refresh() {}
};

/// Called once per loop, on the thread that starts the server; `loop` counts from 0.
using HandlerFactory = std::function<std::unique_ptr<LineHandler>(unsigned loop)>;

}  // namespace sdns::net
