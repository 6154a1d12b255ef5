// SPDX-License-Identifier: MIT
// The admin interface of a daemon whose parts a test plays.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backend/daemon/admin.h"
#include "tests/support/manual_clock.h"
#include "tests/unit/daemon/fake_source.h"

namespace sdns::daemon {

using Json = nlohmann::json;

inline zone::ZoneSetPtr set_of(std::vector<zone::ZoneContent> zones, zone::Revision revision) {
  zone::ZoneSetBuilder builder;
  for (zone::ZoneContent& zone : zones) EXPECT_TRUE(builder.add(std::move(zone)));
  return builder.finish(revision, zone::Chain{7});
}

class AdminTest : public testing::Test {
 protected:
  net::HttpReply get(const std::string& path, std::map<std::string, std::string, std::less<>> query = {}) {
    return routes_.at(path)({path, std::move(query)});
  }
  Json json(const net::HttpReply& reply) { return Json::parse(reply.body); }
  void publish(zone::Revision revision) {
    zones_ = set_of({test::small_zone(1, "example."), test::small_zone(2, "org.")}, revision);
    state_.published(revision, zones_->chain(), zones_->size());
  }

  test::ManualClock clock_;
  test::ManualWallClock wall_;
  health::History history_{wall_.wall_now()};
  Metrics metrics_;
  ServingState state_{clock_};
  std::atomic<zone::Revision> purged_{0};
  std::atomic<std::uint64_t> purged_health_{0};
  std::vector<purge::ServerStatus> powerdns_;
  zone::ZoneSetPtr zones_;
  health::HealthTablePtr health_ = std::make_shared<const health::HealthTable>();
  std::vector<health::CheckReport> checks_;
  std::string asked_part_;
  AdminSources sources() {
    return {.state = state_,
            .metrics = metrics_,
            .clock = clock_,
            .wall_clock = wall_,
            .purged = [this] { return purged_.load(); },
            .wait_purged = [this](zone::Revision revision, std::chrono::milliseconds) { return purged_ >= revision; },
            .purged_health = [this] { return purged_health_.load(); },
            .powerdns = [this] { return powerdns_; },
            .connections = [] { return std::size_t{3}; },
            .zones = [this] { return zones_; },
            .health = [this] { return health_; },
            .checks =
                [this](std::string_view part) {
                  asked_part_ = part;
                  return checks_;
                },
            .history = &history_};
  }
  Admin admin_{sources()};
  net::HttpServer::Routes routes_ = admin_.routes();
};

}  // namespace sdns::daemon
