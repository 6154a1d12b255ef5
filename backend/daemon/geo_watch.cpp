// SPDX-License-Identifier: MIT
#include "backend/daemon/geo_watch.h"

#include <chrono>
#include <utility>

namespace sdns::daemon {
namespace {

constexpr std::chrono::seconds kEvery{1};

}  // namespace

GeoWatch::GeoWatch(lua::GeoConfig config, lua::GeoCell& cell, const Log& log)
    : files_(std::move(config)), cell_(cell), log_(log), current_(cell.load()) {
  look();
  const lua::GeoConfig& watched = files_.config();
  if (watched.databases.empty() && watched.networks.empty() && watched.networks_file.empty())
    log_.info("geo.none",
              {{"hint", "LUA records by place take every client as unknown; set geo.databases or geo.networks"}});
  if (watched.databases.empty() && watched.networks_file.empty()) return;
  thread_ = std::thread([this] { run(); });
}

GeoWatch::~GeoWatch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void GeoWatch::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kEvery, [this] { return stopping_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

// An answering thread lets go of what was published a look ago before its next request, or when it goes idle.
void GeoWatch::look() {
  auto opened = files_.poll();
  if (!opened) {
    log_.error("geo.unreadable", {{"error", opened.error().what}, {"hint", opened.error().hint}});
    return;
  }
  if (!*opened) return;
  former_ = std::exchange(current_, std::move(*opened));
  cell_.publish(current_);
  for (const std::string& line : current_->describe()) log_.info("geo.loaded", {{"database", line}});
}

}  // namespace sdns::daemon
