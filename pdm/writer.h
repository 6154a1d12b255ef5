// SPDX-License-Identifier: MIT
// The one writing thread of the process: what waits is done in one database transaction, each part for itself, so that
// many requests share one fsync.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/store/authority.h"

namespace sdns::pdm {

using OpenAuthority = std::function<Result<std::unique_ptr<store::Authority>>()>;

class Writer {
 public:
  /// Does its work in the transaction, or fails and leaves nothing in it. Others' parts stand before and after it.
  using Part = std::function<Result<void>(store::Transaction&)>;
  /// Called on the writing thread when the transaction is durable, or the part's or the commit's error: must not block.
  using Done = std::function<void(const Result<zone::Revision>&)>;
  /// Called at "before-commit" and "after-commit": tests end the process there.
  using FaultPoint = std::function<void(std::string_view)>;

  Writer(OpenAuthority open, const Log& log, Metrics& metrics, FaultPoint fault_point = {});
  ~Writer();  ///< does what waits, then ends
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void submit(Part part, Done done);
  /// The same, waiting: not for the writing thread.
  Result<zone::Revision> run(Part part);

 private:
  struct Job {
    Part part;
    Done done;
    Result<void> outcome{};
  };
  void work();
  void commit(std::deque<Job>& batch);
  Result<zone::Revision> write(std::deque<Job>& batch);

  OpenAuthority open_;
  const Log& log_;
  FaultPoint fault_point_;
  Metric& commits_;
  Metric& parts_;
  Metric& failures_;
  std::unique_ptr<store::Authority> authority_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> waiting_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses all the others
};

/// Connections for reading, one per thread that reads at a time.
class Readers {
 public:
  explicit Readers(OpenAuthority open) : open_(std::move(open)) {}

  template <class T>
  Result<T> read(const std::function<Result<T>(store::Transaction&)>& look) {
    auto authority = take();
    if (!authority) return fail(std::move(authority.error()));
    Result<T> found = [&]() -> Result<T> {
      auto transaction = (*authority)->read();
      if (!transaction) return fail(std::move(transaction.error()));
      return look(**transaction);
    }();
    if (found) give_back(std::move(*authority));  // one that failed may be of a file that is gone
    return found;
  }

 private:
  Result<std::unique_ptr<store::Authority>> take();
  void give_back(std::unique_ptr<store::Authority> authority);

  OpenAuthority open_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<store::Authority>> idle_;
};

}  // namespace sdns::pdm
