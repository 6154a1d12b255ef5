// SPDX-License-Identifier: MIT
#include "pdm/writer.h"

#include <future>
#include <utility>

namespace sdns::pdm {
namespace {

constexpr std::size_t kMostParts = 64;  // of one transaction
constexpr std::size_t kMostWaiting = 10'000;
constexpr std::string_view kWho = "sovereign-pdm";

}  // namespace

Writer::Writer(OpenAuthority open, const Log& log, Metrics& metrics, FaultPoint fault_point)
    : open_(std::move(open)),
      log_(log),
      fault_point_(std::move(fault_point)),
      commits_(metrics.counter("sdns_pdm_commits_total", "Database transactions that were committed")),
      parts_(metrics.counter("sdns_pdm_writes_total", "Writes in these transactions")),
      failures_(metrics.counter("sdns_pdm_commit_failures_total", "Database transactions that failed")),
      thread_([this] { work(); }) {}

Writer::~Writer() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Writer::submit(Part part, Done done) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() < kMostWaiting) {
      waiting_.push_back({std::move(part), std::move(done)});
      part = nullptr;
    }
  }
  if (part) return done(fail(Errc::kBusy, "too many writes wait for the database", "try again"));
  wake_.notify_all();
}

Result<zone::Revision> Writer::run(Part part) {
  std::promise<Result<zone::Revision>> promise;
  auto future = promise.get_future();
  submit(std::move(part), [&promise](const Result<zone::Revision>& done) { promise.set_value(done); });
  return future.get();
}

void Writer::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::deque<Job> batch;
    while (!waiting_.empty() && batch.size() < kMostParts) {
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    lock.unlock();
    commit(batch);
    lock.lock();
  }
}

void Writer::commit(std::deque<Job>& batch) {
  const Result<zone::Revision> written = write(batch);
  if (!written) {
    failures_.add();
    log_.error("pdm.write_failed",
               {{"error", written.error().what}, {"hint", written.error().hint}, {"writes", batch.size()}});
    // The connection may be of a file that was replaced, or lost.
    if (written.error().code != Errc::kBusy && written.error().code != Errc::kNoSpace) authority_.reset();
  } else {
    commits_.add();
    parts_.add(static_cast<std::int64_t>(batch.size()));
  }
  for (Job& job : batch) {
    if (!job.outcome) job.done(fail(job.outcome.error()));
    else job.done(written);
  }
}

Result<zone::Revision> Writer::write(std::deque<Job>& batch) {
  if (!authority_) {
    auto opened = open_();
    if (!opened) return fail(std::move(opened.error()));
    authority_ = std::move(*opened);
  }
  auto edit = authority_->edit();
  if (!edit) return fail(std::move(edit.error()));
  bool any = false;
  for (Job& job : batch) {
    job.outcome = (*edit)->attempt([&] { return job.part(**edit); });
    any = any || job.outcome.has_value();
  }
  if (!any) return zone::Revision{0};  // each part has its own error
  if (fault_point_) fault_point_("before-commit");
  auto position = (*edit)->commit(kWho);
  if (!position) return fail(std::move(position.error()));
  if (fault_point_) fault_point_("after-commit");
  return position->revision;
}

Result<std::unique_ptr<store::Authority>> Readers::take() {
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto authority = std::move(idle_.front());
      idle_.pop_front();
      return authority;
    }
  }
  return open_();
}

void Readers::give_back(std::unique_ptr<store::Authority> authority) {
  std::lock_guard lock(mutex_);
  idle_.push_front(std::move(authority));
}

}  // namespace sdns::pdm
