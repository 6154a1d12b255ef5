// SPDX-License-Identifier: MIT
#include "backend/daemon/task_lanes.h"

#include <pthread.h>

#include <utility>

namespace sdns::daemon {

TaskLanes::TaskLanes() {
  constexpr const char* kNames[] = {"sdns-lists", "sdns-edits", "sdns-notes"};
  for (std::size_t i = 0; i < lanes_.size(); ++i)
    lanes_[i].thread = std::thread([this, i, name = kNames[i]] {
      pthread_setname_np(pthread_self(), name);
      work(lanes_[i]);
    });
}

TaskLanes::~TaskLanes() { stop(); }

void TaskLanes::run(Lane lane, std::function<void()> task) {
  Queue& queue = lanes_[static_cast<std::size_t>(lane)];
  std::lock_guard lock(queue.mutex);
  if (queue.stopping) return;
  queue.tasks.push_back(std::move(task));
  queue.wake.notify_one();
}

void TaskLanes::stop() {
  for (Queue& queue : lanes_) {
    std::lock_guard lock(queue.mutex);
    queue.stopping = true;
    queue.wake.notify_one();
  }
  for (Queue& queue : lanes_)
    if (queue.thread.joinable()) queue.thread.join();
}

void TaskLanes::work(Queue& queue) {
  std::unique_lock lock(queue.mutex);
  for (;;) {
    queue.wake.wait(lock, [&] { return queue.stopping || !queue.tasks.empty(); });
    if (queue.stopping) return;
    std::function<void()> task = std::move(queue.tasks.front());
    queue.tasks.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it holds is freed without the lock
    lock.lock();
  }
}

}  // namespace sdns::daemon
