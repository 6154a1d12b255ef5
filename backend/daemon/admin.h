// SPDX-License-Identifier: MIT
// The operator's HTTP interface: liveness, readiness, metrics, revision, status, digest, explanations. Reads only.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "backend/answer/explainer.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/daemon/config.h"
#include "backend/daemon/serving_state.h"
#include "backend/daemon/shared_health.h"
#include "backend/health/check_book.h"
#include "backend/health/health_table.h"
#include "backend/health/history.h"
#include "backend/net/http_server.h"
#include "backend/purge/server.h"
#include "backend/zone/zone_set.h"

namespace sdns::daemon {

/// What the interface shows. Functions are called on HTTP threads, several at once.
struct AdminSources {
  ServingState& state;
  Metrics& metrics;
  const Clock& clock;
  const WallClock& wall_clock;
  std::function<zone::Revision()> purged;
  std::function<bool(zone::Revision, std::chrono::milliseconds)> wait_purged;
  std::function<std::uint64_t()> purged_health;  ///< sequence of the health table that caches are purged up to
  std::function<std::vector<purge::ServerStatus>()> powerdns;
  std::function<std::size_t()> connections;
  std::function<zone::ZoneSetPtr()> zones;  ///< null before the first load
  std::function<health::HealthTablePtr()> health{};
  /// What the checker says of checks whose identity contains this; nothing when nothing is probed.
  std::function<std::vector<health::CheckReport>(std::string_view)> checks{};
  const health::History* history = nullptr;  ///< null when nothing is probed
  const SharedHealth* shared = nullptr;      ///< the same
  std::string node{};                        ///< this node's name
  bool metrics_per_check = false;
  /// Why a name is answered as it is; called by one thread at a time, with zones that are loaded.
  std::function<Result<answer::Explanation>(const answer::ExplainQuestion&, zone::ZoneSetPtr)> explain{};
};

class Admin {
 public:
  explicit Admin(AdminSources sources);

  [[nodiscard]] net::HttpServer::Routes routes();

 private:
  net::HttpReply readyz() const;
  net::HttpReply metrics();
  net::HttpReply revision(const net::HttpGet& request);
  net::HttpReply status() const;
  net::HttpReply digest();
  net::HttpReply explain(const net::HttpGet& request);
  net::HttpReply health(const net::HttpGet& request);
  net::HttpReply health_history(const net::HttpGet& request);
  net::HttpReply health_events(const net::HttpGet& request);
  void wait_for_transition(std::uint64_t after, std::string_view part, std::chrono::milliseconds limit) const;
  [[nodiscard]] bool wait_for(zone::Revision revision, std::chrono::milliseconds limit) const;
  [[nodiscard]] std::string revision_json() const;

  AdminSources sources_;
  SteadyTime started_;
  std::atomic<unsigned> waiters_{0};
  std::atomic<unsigned> watchers_{0};
  std::shared_ptr<std::atomic<unsigned>> streams_ = std::make_shared<std::atomic<unsigned>>(0);
  std::atomic<bool> digesting_{false};
  std::atomic<unsigned> explainers_{0};
  std::mutex explaining_;
  Metric& age_ms_;
  Metric& uptime_s_;
  Metric& resident_octets_;
};

/// The digest of all that is served, as zone/digest.h defines it, in hexadecimal. O(records).
std::string state_digest(const zone::ZoneSet& zones);

/// Keeps the interface reachable: binds as soon as the address is free, which during a hot restart is when the former
/// worker has let go of it.
class AdminDoor {
 public:
  AdminDoor(AdminEndpoint endpoint, net::HttpServer::Routes routes, const Log& log);
  /// close(), then waits for requests in work.
  ~AdminDoor();
  AdminDoor(const AdminDoor&) = delete;
  AdminDoor& operator=(const AdminDoor&) = delete;

  /// Lets go of the address soon; does not wait.
  void close();
  /// Bound port; 0 while there is none.
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void run();

  const AdminEndpoint endpoint_;
  const net::HttpServer::Routes routes_;
  const Log& log_;
  std::atomic<std::uint16_t> port_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace sdns::daemon
