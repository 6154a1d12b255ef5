// SPDX-License-Identifier: MIT
// Which steered names were answered from what: health checks, target pools, other names' records, where addresses are.
// PowerDNS caches their answers, so a change there must purge them.
#pragma once

#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backend/base/clock.h"
#include "backend/dns/name.h"
#include "backend/zone/source.h"

namespace sdns::purge {

/// What an answer of one owner name rested on.
struct Told {
  zone::ZoneId zone = 0;
  dns::Name owner;                    ///< of the LUA records: a wildcard's own name
  std::uint64_t health_sequence = 0;  ///< of the health table that was read
  zone::Revision revision = 0;        ///< of the zones that were read
  std::uint64_t places = 0;           ///< generation of the location data that was read; 0: none was
  bool cached = false;                ///< PowerDNS may keep the answer
  bool weights = false;               ///< what the checks' targets say of their weight was read too
  bool steps = false;                 ///< and how soon their verdicts may change
  std::vector<std::string> checks;    ///< identities
  std::vector<std::string> pools;
  std::vector<dns::Name> names;  ///< whose records were read
};

/// One answering thread's notes on their way to the publisher. The answering thread never waits: what it cannot hand
/// over at once it hands over later, and the publisher notices that it is late.
class ToldInbox {
 public:
  /// By the answering thread only.
  void tell(Told&& told);
  /// By the answering thread, from time to time: hands over what was kept back.
  void flush();
  /// By the publisher: appends what came.
  void take(std::vector<Told>& out);

 private:
  std::vector<Told> kept_;  // the answering thread's
  std::mutex mutex_;
  std::vector<Told> handed_;
};

/// The index from what is read to the names that read it. Owned by the publisher's thread. A name is kept for at least
/// `life` after it was told last, and at most for twice that.
class Dependents {
 public:
  Dependents(std::chrono::seconds life, SteadyTime now) : life_(life), rotated_(now), swept_(now), now_(now) {}

  void set_life(std::chrono::seconds life) { life_ = life; }

  /// Files what was told. Adds to `late` the owners whose answer rests on what has changed since it was made.
  void file(const std::vector<Told>& told, SteadyTime now, std::set<dns::Name>& late);

  /// The owners that rest on these checks, which changed with this table.
  void checks_changed(const std::vector<std::string>& identities, std::uint64_t sequence, std::set<dns::Name>& owners);
  /// Those that rest on what these checks' targets say of their own weight.
  void weights_changed(const std::vector<std::string>& identities, std::uint64_t sequence, std::set<dns::Name>& owners);
  /// Those that rest on how soon these checks' verdicts may change.
  void steps_changed(const std::vector<std::string>& identities, std::uint64_t sequence, std::set<dns::Name>& owners);
  void pools_changed(const std::vector<std::string>& pools, zone::Revision revision, std::set<dns::Name>& owners);
  void names_changed(const std::vector<dns::Name>& names, zone::Revision revision, std::set<dns::Name>& owners);

  /// The owners that read names at or below this apex, which came or went with its zone. O(names that are read).
  void zone_changed(const dns::Name& apex, zone::Revision revision, std::set<dns::Name>& owners);
  /// The owners that rest on where addresses are, which may be elsewhere with this generation of the location data.
  void places_changed(std::uint64_t generation, std::set<dns::Name>& owners);

  [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }

 private:
  using Index = std::unordered_map<std::string, std::set<dns::Name>>;
  struct Change {
    std::uint64_t at = 0;  // sequence, revision or generation
    SteadyTime when{};
  };
  void rotate(SteadyTime now);
  void changed(const std::string& key, std::uint64_t at, std::set<dns::Name>& owners);
  bool changed_since(const std::string& key, std::uint64_t at) const;

  std::chrono::seconds life_;
  SteadyTime rotated_;
  SteadyTime swept_;
  SteadyTime now_{};
  Index young_;
  Index old_;
  std::unordered_map<std::string, Change> changes_;  // of the last while
};

}  // namespace sdns::purge
