// SPDX-License-Identifier: MIT
// The set of zones that is served at one revision: an immutable, structure-sharing index by id and by apex.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

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

 private:
  friend class ZoneSetBuilder;
  PTree<ByIdTraits> by_id_;
  PTree<ByApexTraits> by_apex_;
  Revision revision_ = 0;
  Chain chain_{};
  std::shared_ptr<const std::vector<TsigKey>> tsig_keys_ = std::make_shared<const std::vector<TsigKey>>();
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
};

/// The state after `batch`, sharing everything that it does not touch. O(changes × log n). Errors (kInvalidZone): the
/// batch breaks a rule or does not fit the set (unknown zone); nothing is published then.
Result<Applied> apply(const ZoneSet& before, const Batch& batch);

/// A set from whole zones, for the first load.
class ZoneSetBuilder {
 public:
  Result<void> add(ZoneContent&& zone);
  [[nodiscard]] std::size_t size() const { return zones_.size(); }
  /// `tsig_keys` in any order.
  ZoneSetPtr finish(Revision revision, const Chain& chain, std::vector<TsigKey> tsig_keys = {});
  /// A copy of `before` with some zones replaced or removed, and other TSIG keys when there are `tsig_keys`.
  static ZoneSetPtr edit(const ZoneSet& before, const std::vector<ZoneRef>& put, const std::vector<ZoneId>& erased,
                         Revision revision, const Chain& chain,
                         std::optional<std::vector<TsigKey>> tsig_keys = std::nullopt);

 private:
  std::vector<ZoneRef> zones_;
};

}  // namespace sdns::zone
