// SPDX-License-Identifier: MIT
#include "backend/purge/purger.h"

#include <algorithm>
#include <utility>

namespace sdns::purge {

Purger::Purger(const Log& log, Metrics& metrics, OpenDoor open, PurgerOptions options)
    : log_(log), metrics_(metrics), open_(std::move(open)), options_(options) {}

Purger::~Purger() {
  set_servers({});
  leaving_.clear();  // waits for their threads, which call update()
}

void Purger::set_servers(const std::vector<ServerConfig>& servers) {
  std::lock_guard reload(reload_);
  std::erase_if(leaving_, [](const auto& server) { return server->ended(); });
  std::vector<std::shared_ptr<Server>> old;
  {
    std::lock_guard lock(mutex_);
    old = servers_;
  }
  std::vector<std::shared_ptr<Server>> next;
  std::vector<Server*> fresh;
  for (const ServerConfig& config : servers) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const auto& s) { return s && s->config() == config; });
    if (same != old.end()) {
      next.push_back(std::move(*same));
      same->reset();
      continue;
    }
    auto& metrics = server_metrics_[config.name];
    if (!metrics) metrics = std::make_unique<ServerMetrics>(metrics_, config.name);
    next.push_back(std::make_shared<Server>(config, open_(config), options_, log_, *metrics, [this] { update(); }));
    fresh.push_back(next.back().get());
  }
  {
    std::lock_guard lock(mutex_);
    // Under the lock: what is submitted goes to the former servers before, and to the next ones after.
    for (const auto& gone : old) {
      if (!gone) continue;
      Server::Unfinished unfinished = gone->retire();
      for (Server* server : fresh)
        if (server->config().name == gone->config().name) server->inherit(std::move(unfinished));
    }
    for (const auto& server : next) server->submit(Plan{}, submitted_);
    // Under the lock: a purge of everything that came before a plan which this server did not get would be too early.
    for (Server* server : fresh) server->start();
    servers_ = std::move(next);
  }
  for (auto& gone : old)
    if (gone) leaving_.push_back(std::move(gone));
  update();
}

void Purger::submit(const Plan& plan, zone::Revision revision, std::uint64_t health) {
  {
    std::lock_guard lock(mutex_);
    submitted_ = submitted_.or_further({revision, health});
    const bool zones_are_old = std::exchange(history_begins_, false) && plan.everything;
    for (const auto& server : servers_) server->submit(plan, submitted_, zones_are_old);
  }
  update();
}

void Purger::restart_history(zone::Revision revision) {
  const zone::Revision last = revision == 0 ? 0 : revision - 1;
  std::lock_guard lock(mutex_);
  submitted_.revision = std::min(submitted_.revision, last);
  purged_.revision = std::min(purged_.revision, last);
  history_begins_ = true;
  for (const auto& server : servers_) server->restart_history(last);
}

// Servers call this from their threads, without locks of theirs.
void Purger::update() {
  {
    std::lock_guard lock(mutex_);
    Reach reached = submitted_;
    for (const auto& server : servers_) {
      const ServerStatus status = server->status();
      if (!status.hangs)
        reached = reached.or_nearer(status.state == ServerState::kAbsent ? status.tried : status.purged);
    }
    purged_ = purged_.or_further(reached);
  }
  changed_.notify_all();
}

zone::Revision Purger::purged() const {
  std::lock_guard lock(mutex_);
  return purged_.revision;
}

std::uint64_t Purger::purged_health() const {
  std::lock_guard lock(mutex_);
  return purged_.health;
}

bool Purger::wait_purged(zone::Revision revision, std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] { return purged_.revision >= revision; });
}

std::vector<ServerStatus> Purger::status() const {
  std::lock_guard lock(mutex_);
  std::vector<ServerStatus> all;
  for (const auto& server : servers_) all.push_back(server->status());
  return all;
}

}  // namespace sdns::purge
