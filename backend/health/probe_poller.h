// SPDX-License-Identifier: MIT
// The descriptors and deadlines of all probes, as one poll handle and one timer of a libuv loop: opening and closing
// ten thousand sockets costs libuv nothing, and nothing of a probe outlives it until the loop turns.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/error.h"

struct uv_loop_s;

namespace sdns::health {

/// Used by the loop's thread. Once it has been destroyed, the loop must turn once more before it is closed.
class ProbePoller {
 public:
  /// Who waits for descriptors.
  class Watcher {
   public:
    /// `events` as of epoll(7). May watch and unwatch anything, and destroy itself.
    virtual void ready(int fd, std::uint32_t events) = 0;

   protected:
    ~Watcher() = default;
  };

  /// A point in time that somebody waits for; disarmed by its destructor.
  class Timer {
   public:
    explicit Timer(ProbePoller& poller) : poller_(poller) {}
    virtual ~Timer() { disarm(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    /// Called from the loop, disarmed already. May destroy itself.
    virtual void expired() = 0;
    void arm(SteadyTime at);
    void disarm();

   private:
    ProbePoller& poller_;
    SteadyTime at_{};
    bool armed_ = false;
  };

  /// Errors: kIo, no descriptors left.
  static Result<std::unique_ptr<ProbePoller>> make(uv_loop_s& loop);
  ~ProbePoller();
  ProbePoller(const ProbePoller&) = delete;
  ProbePoller& operator=(const ProbePoller&) = delete;

  /// Level-triggered, until unwatch(); replaces what was watched before. 0, or an errno.
  int watch(int fd, std::uint32_t events, Watcher& watcher);
  /// Before the descriptor is closed. No event that is on its way is delivered any more.
  void unwatch(int fd);

 private:
  struct Handles;
  struct Slot {
    Watcher* watcher = nullptr;
    std::uint32_t generation = 0;
    std::uint32_t events = 0;
  };
  explicit ProbePoller(Handles* handles) : handles_(handles) {}
  void poll();
  void expire();
  void arm_uv_timer();

  Handles* handles_;         // freed by libuv's close callbacks
  std::vector<Slot> slots_;  // by descriptor
  std::set<std::pair<SteadyTime, Timer*>> timers_;
  SteadyTime uv_timer_at_ = SteadyTime::max();
};

}  // namespace sdns::health
