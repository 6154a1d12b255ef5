// SPDX-License-Identifier: MIT
// Keeps the caches of every configured pdns_server true (P8) and knows up to which revision they are.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/purge/server.h"

namespace sdns::purge {

/// Safe from any thread. Works with no server at all: then what is submitted is purged.
class Purger {
 public:
  using OpenDoor = std::function<std::unique_ptr<Door>(const ServerConfig&)>;

  Purger(const Log& log, Metrics& metrics, OpenDoor open = open_door, PurgerOptions options = {});
  ~Purger();
  Purger(const Purger&) = delete;
  Purger& operator=(const Purger&) = delete;

  /// The servers from now on. Those that were there with the same configuration go on; a new one begins with a purge of
  /// everything, because its caches may hold what a former process served, and announces what one of its name had still
  /// to announce. So it is to be called, the first time, when this process answers from its first published state and
  /// nobody answers from an older one any more. Never waits for a server: one that is gone ends after its call in
  /// progress.
  void set_servers(const std::vector<ServerConfig>& servers);

  /// Has the plan executed everywhere, after those submitted before; again after PurgerOptions::again_after. Never
  /// waits. Revisions go down by restart_history() only; an empty plan says that the revision needs no purge. When the
  /// first one of a history is a purge of everything, nothing waits for its announcements: its zones are those that
  /// were there, not new ones.
  /// `health` is the sequence of the health table that answers are made from by now; it never goes down.
  void submit(const Plan& plan, zone::Revision revision, std::uint64_t health = 0);

  /// The database's history went back (a restored backup) and goes on with `revision`: what is submitted next. Nothing
  /// is submitted or purged of it and those after it, whatever the former history had.
  void restart_history(zone::Revision revision);

  /// The revision up to which all that was submitted has been executed, once, by every server that is not absent.
  /// Goes down by restart_history() only.
  [[nodiscard]] zone::Revision purged() const;

  /// Likewise the sequence of the health table: whoever asks now gets an answer made from this table or a later one.
  [[nodiscard]] std::uint64_t purged_health() const;

  /// True when purged() has reached `revision`, false when the time is over.
  bool wait_purged(zone::Revision revision, std::chrono::milliseconds limit) const;

  [[nodiscard]] std::vector<ServerStatus> status() const;

 private:
  void update();

  const Log& log_;
  Metrics& metrics_;
  const OpenDoor open_;
  const PurgerOptions options_;
  std::map<std::string, std::unique_ptr<ServerMetrics>> server_metrics_;  // by name; under reload_

  std::mutex reload_;  // held over the starting and stopping of servers; never by their threads
  std::vector<std::shared_ptr<Server>> leaving_;  // retired, maybe in a last call; under reload_
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::shared_ptr<Server>> servers_;
  bool history_begins_ = true;  // nothing of it was submitted
  Reach submitted_;
  Reach purged_;
};

}  // namespace sdns::purge
