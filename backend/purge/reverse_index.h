// SPDX-License-Identifier: MIT
// Who refers to a name: from the target of a CNAME, MX, SRV, NS, SVCB, … back to the owner names whose answers carry
// what stands at the target, in any zone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "backend/zone/zone_set.h"

namespace sdns::purge {

/// True for the types whose target PowerDNS follows (dns::followed_targets).
[[nodiscard]] bool is_followed(dns::RrType type);

/// Owned by the publisher's thread. Not indexed, because the purge plan finds them without:
/// - NS at a zone cut to a host at or below that cut: the host is glue, and a change of glue purges its cut;
/// - NS at an apex to a host in its own zone: the plan looks at the apex's NS.
/// So a delegation with hosts of its own costs nothing here, and a million delegations to the same two hosts two
/// entries.
class ReverseIndex {
 public:
  /// A target with more referrers than `listed_referrers` keeps a count and, while they are few, the zones.
  explicit ReverseIndex(std::size_t listed_referrers = 20'000) : listed_referrers_(listed_referrers) {}

  /// Starts anew. O(records).
  void load(const zone::ZoneSet& set);

  /// Takes out what the RRsets touched and the zones deleted had before the batch; add() puts in what they have after
  /// it. In between the index knows the referrers that the batch left alone: what the purge plan needs, since it has
  /// the others from the batch itself. O(changes log n), and O(records) of a zone deleted or created.
  void remove(const zone::ZoneSet& before, const zone::Applied& applied);
  void add(const zone::Applied& applied);

  struct Referrer {
    zone::ZoneId zone = 0;
    dns::RrType type;
    std::string_view relative_key;  ///< into the index: valid until the next change of it
    friend auto operator<=>(const Referrer&, const Referrer&) = default;
  };
  struct Referrers {
    std::vector<Referrer> listed;
    bool complete = true;             ///< false: too many to be listed
    std::vector<zone::ZoneId> zones;  ///< when not complete: where they are; empty: in too many zones to be listed
  };
  /// Of exactly this name (dns::Name::key), in no particular order.
  [[nodiscard]] Referrers to(std::string_view target_key) const;

  /// Whether a DNAME points at exactly this name.
  [[nodiscard]] bool has_dname_to(std::string_view target_key) const;

  /// The first target >= `key` in canonical order; none at the end.
  [[nodiscard]] std::optional<std::string_view> next_target(std::string_view key) const;

  [[nodiscard]] std::size_t target_count() const { return targets_.size(); }

 private:
  struct Many {
    std::map<zone::ZoneId, std::uint32_t> zones;
    bool zones_listed = true;
  };
  struct Target {
    std::uint32_t count = 0;
    std::uint32_t dnames = 0;
    std::string packed;  // for each referrer: type, key size (16 bits each), zone (32 bits), key
    std::unique_ptr<Many> many;
  };
  using Edge = std::function<void(std::string_view target_key, const Referrer& referrer)>;

  void each_edge(const zone::Zone& zone, const Edge& edge) const;
  void each_edge(const zone::Zone& zone, const zone::Owner& owner, const zone::RrsetView& rrset,
                 const Edge& edge) const;
  void each_touched_edge(const zone::ZoneSet& set, const zone::Applied& applied, zone::ZoneTouch::What whole,
                         const Edge& edge) const;
  void insert(std::string_view target_key, const Referrer& referrer);
  void erase(std::string_view target_key, const Referrer& referrer);

  std::size_t listed_referrers_;
  std::map<std::string, Target, std::less<>> targets_;
};

}  // namespace sdns::purge
