// SPDX-License-Identifier: MIT
// Rows as values, and the queries that transactions and the follower share.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/store/authority.h"
#include "backend/store/sql.h"

namespace sdns::store {

/// `change.kind`, in the order in which a zone's changes are told.
/// TSIG keys are of zone 0, and so are target pools and overrides of health, whose name or target is the row's owner.
enum class ChangeKind : std::uint8_t {
  kCreated = 1,
  kDeleted = 2,
  kHead = 3,
  kMetadata = 4,
  kKeys = 5,
  kRrset = 6,
  kTsigKeys = 7,
  kTargetPool = 8,
  kOverride = 9,
};

#define SDNS_ZONE_COLUMNS \
  "id, apex_key, kind, account, primaries, notified_serial, last_check, serial_policy, serial, revision"

/// The current row of a query of SDNS_ZONE_COLUMNS. Errors: kCorrupt.
Result<ZoneRow> zone_row(const Connection& db, const Rows& rows);
std::string joined_primaries(const std::vector<std::string>& primaries);

/// A stored name. Errors: kCorrupt.
Result<dns::Name> stored_name(const Connection& db, std::string_view key);
Error damaged(const Connection& db, std::string_view what);

/// What is served at one owner and type; no contents when there is nothing.
Result<dns::Rrset> read_rrset(Connection& db, ZoneId zone, const dns::Name& owner, std::string_view key,
                              dns::RrType type);
Result<std::vector<zone::Metadata>> read_metadata(Connection& db, ZoneId zone);
Result<std::vector<zone::Key>> read_keys(Connection& db, ZoneId zone);
Result<std::vector<zone::TsigKey>> read_tsig_keys(Connection& db);
/// In order of their names.
Result<std::vector<PoolRow>> read_target_pools(Connection& db);
Result<std::optional<PoolRow>> read_target_pool(Connection& db, std::string_view name);
std::vector<health::TargetPool> pools_of(std::vector<PoolRow> rows);
/// In order of their targets.
Result<std::vector<OverrideRow>> read_overrides(Connection& db);
Result<std::optional<health::Override>> read_override(Connection& db, std::string_view target);
health::Overrides overrides_of(std::vector<OverrideRow> rows);
Result<std::optional<ZoneRow>> read_zone(Connection& db, ZoneId zone);
/// Everything that is served of one zone. Errors: kNotFound.
Result<zone::ZoneContent> read_content(Connection& db, ZoneId zone);
/// Everything that is served, in order of the zones' ids; records in canonical order. Reads each table once.
Result<void> read_all(Connection& db, const std::function<Result<void>(zone::ZoneContent&&)>& each);
/// The same of the zones that were created in (from, to] and are there; besides records, in the same order.
Result<void> read_created(Connection& db, Revision from, Revision to,
                          const std::function<Result<void>(zone::ZoneContent&&)>& each);
/// Heads, metadata and keys of the zones, and RRsets, that were touched in (from, to], as they are now: what is gone is
/// left out. In order of zone, owner and type. One statement each, whatever their number.
Result<std::vector<zone::ZoneHead>> read_touched_heads(Connection& db, Revision from, Revision to);
Result<std::map<ZoneId, std::vector<zone::Metadata>>> read_touched_metadata(Connection& db, Revision from, Revision to);
Result<std::map<ZoneId, std::vector<zone::Key>>> read_touched_keys(Connection& db, Revision from, Revision to);
/// `key` is that of the owner.
Result<void> read_touched_rrsets(Connection& db, Revision from, Revision to,
                                 const std::function<void(ZoneId, const std::string& key, dns::Rrset&&)>& each);
/// The digest of one zone, without holding it in memory.
Result<std::array<std::uint8_t, 32>> read_zone_digest(Connection& db, const zone::ZoneHead& head);

Result<Position> read_position(Connection& db);

/// A chain as a parameter, and back.
inline std::string_view octets(const Chain& chain) {
  return {reinterpret_cast<const char*>(chain.data()), chain.size()};
}
Result<Chain> stored_chain(const Connection& db, std::string_view octets);

}  // namespace sdns::store
