// SPDX-License-Identifier: MIT
// One thread with its event loop and the connections that it serves.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/net/line_handler.h"
#include "backend/net/stream.h"

namespace sdns::net {

struct LoopOptions {
  unsigned index = 0;
  std::size_t max_request_octets = 0;
  std::chrono::milliseconds not_ready_limit{};
};

/// All functions are safe from any thread; see UnixServer, which spreads connections over loops.
class Loop {
 public:
  /// `on_closed` is called on the loop's thread and outlives the loop.
  static Result<std::unique_ptr<Loop>> start(const LoopOptions& options, std::unique_ptr<LineHandler> handler,
                                             const Log& log, Metrics& metrics,
                                             const std::function<void(ConnectionId)>& on_closed);
  ~Loop();  ///< stop(), unless that was called
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void adopt(Stream stream, ConnectionId id, std::uint8_t* busy);
  void nudge();
  void retry_deferred();
  void resume(ConnectionId id);
  void quiesce(std::chrono::milliseconds limit, std::function<void()> done);
  /// Ends the thread and closes the descriptors; orders given later are dropped. Called once.
  void stop();
  /// Whether the thread has obeyed since the last call, which asks it to; true at the first.
  [[nodiscard]] bool came_round();
  [[nodiscard]] std::size_t connections() const;

 private:
  struct Impl;
  explicit Loop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::net
