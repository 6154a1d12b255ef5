// SPDX-License-Identifier: MIT
// The set of zones that is served at one revision: an immutable, structure-sharing index by id and by apex.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/health/override.h"
#include "backend/health/target_pool.h"
#include "backend/zone/zone.h"

namespace sdns::zone {

struct ZoneItem {
  ZoneRef zone;
};
struct ByIdTraits {
  using Item = ZoneItem;
  using Key = ZoneId;
  using Probe = ZoneId;
  static Probe probe(ZoneId id) { return id; }
  static Probe probe(const ZoneItem& item) { return item.zone->id(); }
  static int compare(const ZoneItem& item, const Probe& probe);
  static std::uint8_t flags(const ZoneItem&) { return 0; }
};
struct ByApexTraits {
  using Item = ZoneItem;
  using Key = std::string_view;
  using Probe = std::string_view;
  static Probe probe(std::string_view apex_key) { return apex_key; }
  static Probe probe(const ZoneItem& item) { return item.zone->apex_key(); }
  static int compare(const ZoneItem& item, const Probe& probe);
  static std::uint8_t flags(const ZoneItem&) { return 0; }
};

/// Immutable; safe from any thread; lookups allocate nothing.
class ZoneSet {
 public:
  [[nodiscard]] const Zone* find(ZoneId id) const;
  [[nodiscard]] const Zone* find_apex(std::string_view apex_key) const;
  /// The zone with the longest apex at or above the name with this key, or null. O(labels log zones).
  [[nodiscard]] const Zone* closest(std::string_view key) const;
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  [[nodiscard]] Revision revision() const { return revision_; }
  [[nodiscard]] const Chain& chain() const { return chain_; }
  [[nodiscard]] const PTree<ByIdTraits>& by_id() const { return by_id_; }
  [[nodiscard]] const PTree<ByApexTraits>& by_apex() const { return by_apex_; }
  /// In order of their names.
  [[nodiscard]] const std::vector<TsigKey>& tsig_keys() const { return *tsig_keys_; }
  /// The key with this name, or null. O(log keys).
  [[nodiscard]] const TsigKey* find_tsig_key(const dns::Name& name) const;
  /// All that records may name: those of the configuration, and those of the database that have other names. Sets that
  /// differ in nothing of it share it.
  [[nodiscard]] const std::shared_ptr<const health::TargetPools>& target_pools() const { return target_pools_; }
  /// Those of the database, hidden ones too: what digest and changes are about.
  [[nodiscard]] const health::TargetPools& stored_target_pools() const { return *stored_pools_; }
  /// The names of stored pools that are hidden by pools of the configuration.
  [[nodiscard]] const std::vector<std::string>& hidden_target_pools() const { return hidden_pools_; }
  /// What operators say of targets' health; sets that differ in nothing of it share it.
  [[nodiscard]] const std::shared_ptr<const health::Overrides>& overrides() const { return overrides_; }

 private:
  friend class ZoneSetBuilder;
  using Pools = std::shared_ptr<const health::TargetPools>;
  void merge_pools();

  PTree<ByIdTraits> by_id_;
  PTree<ByApexTraits> by_apex_;
  Revision revision_ = 0;
  Chain chain_{};
  std::shared_ptr<const std::vector<TsigKey>> tsig_keys_ = std::make_shared<const std::vector<TsigKey>>();
  Pools configured_pools_ = std::make_shared<const health::TargetPools>();
  Pools stored_pools_ = configured_pools_;
  Pools target_pools_ = configured_pools_;
  std::vector<std::string> hidden_pools_;
  std::shared_ptr<const health::Overrides> overrides_ = std::make_shared<const health::Overrides>();
};
using ZoneSetPtr = std::shared_ptr<const ZoneSet>;

/// One RRset, or the whole name, that a batch touched: what the purge plan starts from.
struct Touched {
  ZoneId zone = 0;
  dns::Name owner;
  dns::RrType type;
};
struct ZoneTouch {
  enum class What { kCreated, kDeleted, kSettings };
  What what;
  ZoneId zone = 0;
  dns::Name apex;
};

struct Applied {
  ZoneSetPtr set;
  std::vector<Touched> rrsets;
  std::vector<ZoneTouch> zones;
  std::vector<std::string> target_pools;  ///< names of those in ZoneSet::target_pools() that came, went or changed
};

/// The state after `batch`, sharing everything that it does not touch. O(changes × log n). Errors (kInvalidZone): the
/// batch breaks a rule or does not fit the set (unknown zone); nothing is published then.
Result<Applied> apply(const ZoneSet& before, const Batch& batch);

/// What a set has besides zones; what is not there stays as it was.
struct Besides {
  std::optional<std::vector<TsigKey>> tsig_keys{};  ///< in any order
  std::optional<health::TargetPools> stored_pools{};
  std::optional<health::TargetPools> configured_pools{};
  std::optional<health::Overrides> overrides{};
};

/// The same revision with other target pools of the configuration.
Applied configure(const ZoneSet& before, health::TargetPools pools);

/// A set from whole zones, for the first load.
class ZoneSetBuilder {
 public:
  Result<void> add(ZoneContent&& zone);
  Result<void> add(ZoneRef zone);
  /// Those of the database. Errors (kInvalidZone): they break a rule.
  Result<void> add_target_pools(std::vector<health::TargetPool> pools);
  /// Those of the configuration.
  void configure(health::TargetPools pools) { configured_pools_ = std::move(pools); }
  /// In any order.
  void add_overrides(health::Overrides overrides) { overrides_ = std::move(overrides); }
  [[nodiscard]] std::size_t size() const { return zones_.size(); }
  /// `tsig_keys` in any order.
  ZoneSetPtr finish(Revision revision, const Chain& chain, std::vector<TsigKey> tsig_keys = {});
  /// A copy of `before` with some zones replaced or removed, and what there is of `besides`.
  static ZoneSetPtr edit(const ZoneSet& before, const std::vector<ZoneRef>& put, const std::vector<ZoneId>& erased,
                         Revision revision, const Chain& chain, Besides besides = {});

 private:
  std::vector<ZoneRef> zones_;
  health::TargetPools stored_pools_;
  health::TargetPools configured_pools_;
  health::Overrides overrides_;
};

}  // namespace sdns::zone
