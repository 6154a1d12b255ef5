// SPDX-License-Identifier: MIT
// What follows from a publication: loops are nudged, PowerDNS's caches are purged, old snapshots go to be freed.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/event_limit.h"
#include "backend/base/snapshot_cell.h"
#include "backend/daemon/check_collector.h"
#include "backend/daemon/planned_checks.h"
#include "backend/daemon/publisher.h"
#include "backend/daemon/reclaimer.h"
#include "backend/daemon/shared_health.h"
#include "backend/daemon/wanted_checks.h"
#include "backend/health/checker.h"
#include "backend/health/registry.h"
#include "backend/purge/dependents.h"
#include "backend/purge/planner.h"
#include "backend/purge/purger.h"
#include "lua/geo.h"

namespace sdns::daemon {

/// Belongs to the publisher's thread, except for set_servers().
class Publication final : public PublicationSink {
 public:
  struct Parts {
    purge::AskedNames& asked;
    purge::Purger& purger;
    Reclaimer& reclaimer;
    const SnapshotCell<zone::ZoneSet>& zones;
    health::HealthCell& health;
    health::Checker* checker;        ///< null: nothing is probed
    SharedHealth* shared = nullptr;  ///< what other nodes say besides; null when nothing is probed
    answer::Rehearsal* rehearsal;    ///< finds what is to be probed; null: only what answers ask
    const lua::GeoCell& geo;
    std::vector<purge::ToldInbox*> told;  ///< of the answering threads
    std::chrono::seconds cache_life;      ///< how long PowerDNS keeps an answer
    CheckLimits check_limits;
    const Clock& clock;
    const WallClock& wall_clock;
    const Log& log;
  };
  explicit Publication(const Parts& parts)
      : parts_(parts),
        planner_(parts.asked),
        dependents_(parts.cache_life, parts.clock.now()),
        wanted_(parts.cache_life, parts.clock.now(), parts.check_limits),
        collector_(parts.rehearsal ? std::make_optional<CheckCollector>(
                                         *parts.rehearsal, std::max(parts.cache_life / 2, kShortestRound), parts.clock)
                                   : std::nullopt),
        registry_(parts.health),
        places_(parts.geo.load()->generation()) {}

  /// The PowerDNS servers from now on. Purging begins with the first publication: before it this process has answered
  /// nothing. Safe from any thread.
  void set_servers(std::vector<purge::ServerConfig> servers);

  std::function<void()> on_published;                  ///< set before the publisher runs; called at each publication
  std::function<void(const zone::ZoneSet&)> on_first;  ///< and after the first one

  void published(zone::ZoneSetPtr before, const zone::Applied& applied) override;
  void loaded(zone::ZoneSetPtr before, const zone::Applied& applied) override;
  void tick() override;

 private:
  void submit(const purge::Plan& plan);
  void rests_on_changed(const zone::ZoneSet* before, const zone::Applied& applied, std::set<dns::Name>& owners);
  void health_changed(const health::Changed& changed, std::set<dns::Name>& owners);
  void take_told(std::set<dns::Name>& owners);
  void ask(zone::ZoneId zone, const std::vector<std::string>& checks, const std::vector<std::string>& planned);
  CheckCollector::Asks asks();
  void begin_checks(std::set<dns::Name>& owners);
  SharedHealth::States observed();
  void plan_checks();
  void resume_checks(std::vector<health::ResumeOrder> orders);
  void say_refused();
  void let_go_of_checks();
  void keep_former_tables();
  [[nodiscard]] std::int64_t now_seconds() const;

  static constexpr std::chrono::seconds kShortestRound{10};  // of looking for checks

  const Parts parts_;
  purge::Planner planner_;
  purge::Dependents dependents_;
  WantedChecks wanted_;
  PlannedChecks planned_;
  std::unordered_set<std::string> asked_planned_;  // since planned_ was told
  std::optional<CheckCollector> collector_;
  std::uint64_t rounds_ = 0;        // of collector_, when checks were let go of last
  std::vector<std::string> fresh_;  // asked for the first time
  std::uint64_t refused_ = 0;       // of wanted_, when it was told last
  EventLimit refused_events_{std::chrono::minutes(1)};
  health::Registry registry_;
  std::vector<health::HealthTablePtr> former_;  // so that they are freed here
  std::vector<purge::Told> told_;
  std::uint64_t places_;  // generation of the location data that was looked at last
  zone::Revision submitted_ = 0;
  std::uint64_t submitted_health_ = 0;  // sequence of the table

  std::mutex mutex_;
  std::vector<purge::ServerConfig> servers_;
  bool purging_ = false;
};

}  // namespace sdns::daemon
