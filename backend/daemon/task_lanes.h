// SPDX-License-Identifier: MIT
// A thread for long lists, one for edits and one for the communicator's notes: what a loop thread must not wait for.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "backend/answer/editor.h"

namespace sdns::daemon {

class TaskLanes final : public answer::TaskRunner {
 public:
  TaskLanes();
  ~TaskLanes() override;  ///< stop()
  void run(Lane lane, std::function<void()> task) override;
  /// Ends the tasks that are under way, drops the others. Called once at most from outside.
  void stop();

 private:
  struct Queue {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::function<void()>> tasks;
    bool stopping = false;
    std::thread thread;
  };
  static void work(Queue& queue);
  std::array<Queue, 3> lanes_;
};

}  // namespace sdns::daemon
