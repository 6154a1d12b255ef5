// SPDX-License-Identifier: MIT
// Changes to a zone: each gives a new zone that shares what it did not touch, with auth, empty non-terminals and NSEC3
// neighbours kept true for the owners touched.
#pragma once

#include <string_view>
#include <vector>

#include "backend/zone/zone.h"

namespace sdns::zone {

/// Starts from nothing or from a zone, takes changes, gives the zone after them. Used by one thread.
class ZoneEditor {
 public:
  explicit ZoneEditor(const Zone& base);
  /// A whole zone. O(n log n). Errors (kInvalidZone): an owner outside of the zone.
  static Result<ZoneRef> build(ZoneContent&& content, Revision revision);

  /// A whole zone from its owner names, made already, in strictly ascending order of their keys, which the caller has
  /// checked; `settings` has no records. O(n).
  static ZoneRef restore(ZoneContent&& settings, std::vector<Ref<Owner>> owners, Revision revision);

  /// Replaces one RRset; empty contents remove it. O(log n), and O(names below) for a zone cut that comes or goes.
  /// Errors (kInvalidZone): owner outside of the zone.
  Result<void> set_rrset(const dns::Rrset& rrset);
  void set_head(ZoneHead head);
  /// A changed NSEC3PARAM rebuilds the hash index: O(n).
  void set_metadata(std::vector<Metadata> metadata);
  void set_keys(std::vector<Key> keys);

  ZoneRef finish(Revision revision);

 private:
  explicit ZoneEditor(ZoneContent&& content);  // without its records
  [[nodiscard]] bool below_cut(std::string_view key) const;
  void reflag_below(std::string_view cut_key, bool is_cut);
  [[nodiscard]] bool in_hash_chain(std::string_view key) const;
  [[nodiscard]] OwnerFlags empty_non_terminal_mask() const;
  [[nodiscard]] Nsec3Hash hash_of(std::string_view key) const;
  void sync_hash_with_ancestors(std::string_view key);
  void rebuild_hashes();
  void update_serial();

  std::shared_ptr<const ZoneHead> head_;
  std::string apex_key_;
  std::optional<dns::Serial> serial_;
  std::shared_ptr<const ZoneSettings> settings_;
  OwnerTree owners_;
  HashTree hashes_;
};

/// `NSEC3PARAM` metadata ("1 0 0 -") and `NSEC3NARROW`. What does not parse is NSEC, as in PowerDNS; zone_check refuses
/// it.
Denial parse_denial(const std::vector<Metadata>& metadata);

}  // namespace sdns::zone
