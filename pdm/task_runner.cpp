// SPDX-License-Identifier: MIT
#include "pdm/task_runner.h"

#include <algorithm>
#include <utility>

namespace sdns::pdm {
namespace {

constexpr std::int64_t kMostTasks = 100;  // of one look
constexpr std::int64_t kMostSwept = 500;  // of one transaction
constexpr std::chrono::milliseconds kWaitForNodes{250};

struct Due {
  std::vector<store::TaskRow> tasks;
  zone::Revision position = 0;
};

}  // namespace

TaskRunner::TaskRunner(const Allocations& allocations, Writer& writer, Readers& readers, std::unique_ptr<Nodes> nodes,
                       const Clock& clock, const Log& log, Metrics& metrics, TaskRunnerOptions options)
    : allocations_(allocations),
      writer_(writer),
      readers_(readers),
      nodes_(std::move(nodes)),
      clock_(clock),
      log_(log),
      steps_(metrics.counter("sdns_pdm_task_steps_total", "Steps of tasks that were taken or looked at again later")),
      failures_(metrics.counter("sdns_pdm_task_failures_total", "Steps of tasks that failed")),
      swept_(metrics.counter("sdns_pdm_swept_total", "Reservations, quarantines and kept answers that ended")),
      options_(options),
      thread_([this] { work(); }) {}

TaskRunner::~TaskRunner() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void TaskRunner::wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void TaskRunner::work() {
  SteadyTime next_sweep = clock_.now();
  std::unique_lock lock(mutex_);
  while (!ending_) {
    woken_ = false;
    lock.unlock();
    if (clock_.now() >= next_sweep) {
      sweep();
      next_sweep = clock_.now() + options_.sweep_every;
    }
    const bool again = step();
    lock.lock();
    if (!again) changed_.wait_for(lock, options_.look_every, [this] { return woken_ || ending_; });
  }
}

void TaskRunner::sweep() {
  std::int64_t swept = kMostSwept;
  while (swept >= kMostSwept) {
    const auto done = writer_.run([&](store::Transaction& edit) -> Result<void> {
      auto count = allocations_.sweep(edit, kMostSwept);
      if (!count) return fail(std::move(count.error()));
      swept = *count;
      return {};
    });
    if (!done) return log_.warn("pdm.sweep_failed", {{"error", done.error().what}, {"hint", done.error().hint}});
    swept_.add(swept);
  }
}

bool TaskRunner::step() {
  auto due = readers_.read<Due>([](store::Transaction& read) -> Result<Due> {
    auto tasks = read.ledger().due_tasks(now_ms(read), kMostTasks);
    if (!tasks) return fail(std::move(tasks.error()));
    auto position = read.position();
    if (!position) return fail(std::move(position.error()));
    return Due{std::move(*tasks), position->revision};
  });
  if (!due || due->tasks.empty()) return false;
  const auto wanted_by = [&](const store::TaskRow& task) { return task.revision != 0 ? task.revision : due->position; };
  zone::Revision wanted = 0;
  for (const store::TaskRow& task : due->tasks) wanted = std::max(wanted, wanted_by(task));
  const auto serves = nodes_->serve_up_to(wanted, kWaitForNodes);
  std::vector<Result<zone::Revision>> outcomes(due->tasks.size(), zone::Revision{0});
  std::mutex mutex;
  std::condition_variable all;
  std::size_t open = due->tasks.size();
  for (std::size_t i = 0; i < due->tasks.size(); ++i) {
    const store::TaskRow& task = due->tasks[i];
    const Served served = !serves ? Served::kSilent : *serves >= wanted_by(task) ? Served::kByAll : Served::kNotYet;
    writer_.submit([this, &task, served, position = due->position](
                       store::Transaction& edit) { return allocations_.step(edit, task, served, position); },
                   [&, i](const Result<zone::Revision>& done) {
                     std::lock_guard lock(mutex);
                     outcomes[i] = done;
                     --open;
                     all.notify_all();
                   });
  }
  std::unique_lock lock(mutex);
  all.wait(lock, [&] { return open == 0; });
  lock.unlock();
  bool failed = false;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    steps_.add();
    if (outcomes[i]) continue;
    failed = true;
    failures_.add();
    const Error& why = outcomes[i].error();
    const store::TaskRow& task = due->tasks[i];
    log_.warn(
        "pdm.task_failed",
        {{"task", task.kind}, {"object", task.object}, {"step", task.step}, {"error", why.what}, {"hint", why.hint}});
    (void)writer_.run([&](store::Transaction& edit) { return allocations_.postpone(edit, task, why); });
  }
  return !failed;
}

}  // namespace sdns::pdm
