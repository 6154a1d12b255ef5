// SPDX-License-Identifier: MIT
// What follows from a publication: loops are nudged, PowerDNS's caches are purged, old snapshots go to be freed.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/snapshot_cell.h"
#include "backend/daemon/publisher.h"
#include "backend/daemon/reclaimer.h"
#include "backend/purge/planner.h"
#include "backend/purge/purger.h"

namespace sdns::daemon {

/// Belongs to the publisher's thread, except for set_servers().
class Publication final : public PublicationSink {
 public:
  struct Parts {
    purge::AskedNames& asked;
    purge::Purger& purger;
    Reclaimer& reclaimer;
    const SnapshotCell<zone::ZoneSet>& zones;
    const Clock& clock;
  };
  explicit Publication(const Parts& parts) : parts_(parts), planner_(parts.asked) {}

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

  const Parts parts_;
  purge::Planner planner_;
  zone::Revision submitted_ = 0;

  std::mutex mutex_;
  std::vector<purge::ServerConfig> servers_;
  bool purging_ = false;
};

}  // namespace sdns::daemon
