// SPDX-License-Identifier: MIT
// What the name servers serve, and waiting for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/zone/source.h"

namespace sdns::pdm {

/// The name servers that may answer now. Used by one thread.
class Nodes {
 public:
  virtual ~Nodes() = default;
  /// The revision up to which each of them serves and has had caches purged; waits until that is `wanted`, at most for
  /// `limit`. Errors: one of them does not say (kUnavailable), or follows another database (kForeign).
  virtual Result<zone::Revision> serve_up_to(zone::Revision wanted, std::chrono::milliseconds limit) = 0;
};

/// The daemon on this host alone, by its admin HTTP.
class LocalDaemon final : public Nodes {
 public:
  /// `address`: "127.0.0.1:8053". `database_id`: of the database that it has to follow; "" for any.
  LocalDaemon(std::string address, std::string database_id);
  ~LocalDaemon() override;
  Result<zone::Revision> serve_up_to(zone::Revision wanted, std::chrono::milliseconds limit) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Tells requests when what they wrote is served (P3), on a thread of its own. Any number may wait.
class Acknowledger {
 public:
  using Told = std::function<void(bool served)>;

  Acknowledger(std::unique_ptr<Nodes> nodes, const Clock& clock, std::chrono::milliseconds limit);
  ~Acknowledger();  ///< tells all that wait "no"
  Acknowledger(const Acknowledger&) = delete;
  Acknowledger& operator=(const Acknowledger&) = delete;

  /// `told` is called once, on the thread, within the limit or little more.
  void wait(zone::Revision revision, Told told);
  /// What it was told last; 0 for nothing yet.
  [[nodiscard]] zone::Revision last_seen() const;

 private:
  struct Waiter {
    zone::Revision revision;
    SteadyTime deadline;
    Told told;
  };
  void work();

  std::unique_ptr<Nodes> nodes_;
  const Clock& clock_;
  std::chrono::milliseconds limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiter> waiting_;
  zone::Revision seen_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace sdns::pdm
