// SPDX-License-Identifier: MIT
// Many zones in a few statements: everything, and what the journal says was touched. Over a long way each statement
// costs more than its rows.
#include <fmt/format.h>

#include <utility>

#include "backend/store/row_walk.h"
#include "backend/store/rows.h"

namespace sdns::store {
namespace {

// The zones whose change rows of this kind lie in ($1, $2].
std::string touched(ChangeKind kind) {
  return fmt::format("(SELECT zone FROM change WHERE revision > $1 AND revision <= $2 AND kind = {})",
                     static_cast<int>(kind));
}

using EachZone = std::function<Result<void>(zone::ZoneContent&&)>;

// `which` is an SQL list of ids; empty for all.
Result<void> read_zones(Connection& db, const std::string& which, Params params, const EachZone& each) {
  const std::string of_ids = which.empty() ? "" : " WHERE id IN " + which;
  const std::string of_zones = which.empty() ? "" : " WHERE zone IN " + which;
  auto zones = db.stream("SELECT " SDNS_ZONE_COLUMNS " FROM zone" + of_ids + " ORDER BY id", params);
  if (!zones) return fail(zones.error());
  auto records =
      ByZone::start(db,
                    "SELECT zone, owner, type, ttl, content FROM record" + of_zones +
                        (which.empty() ? " WHERE" : " AND") + " disabled = 0 ORDER BY zone, owner, type, item",
                    params);
  if (!records) return fail(records.error());
  auto metadata = ByZone::start(
      db, "SELECT zone, kind, value FROM zone_metadata" + of_zones + " ORDER BY zone, kind, item", params);
  if (!metadata) return fail(metadata.error());
  auto keys = ByZone::start(
      db, "SELECT zone, id, flags, active, published, content FROM cryptokey" + of_zones + " ORDER BY zone, id",
      params);
  if (!keys) return fail(keys.error());

  RecordReader reader;
  return for_each(std::move(zones), [&](const Rows& rows) -> Result<void> {
    auto row = zone_row(db, rows);
    if (!row) return fail(row.error());
    const ZoneId id = row->head.id;
    zone::ZoneContent content;
    content.head = std::move(row->head);
    auto done = records->of(id, [&](const Rows& r) -> Result<void> {
      auto record = reader.read(db, r);
      if (!record) return fail(record.error());
      content.records.push_back(std::move(*record));
      return {};
    });
    if (!done) return done;
    done = metadata->of(id, [&](const Rows& r) -> Result<void> {
      append_metadata(content.metadata, r);
      return {};
    });
    if (!done) return done;
    done = keys->of(id, [&](const Rows& r) { return append_key(db, content.keys, r); });
    if (!done) return done;
    return each(std::move(content));
  });
}

std::int64_t number(Revision revision) { return static_cast<std::int64_t>(revision); }

}  // namespace

Result<void> read_all(Connection& db, const EachZone& each) { return read_zones(db, {}, {}, each); }

Result<void> read_created(Connection& db, Revision from, Revision to, const EachZone& each) {
  return read_zones(db, touched(ChangeKind::kCreated), {number(from), number(to)}, each);
}

Result<std::vector<zone::ZoneHead>> read_touched_heads(Connection& db, Revision from, Revision to) {
  std::vector<zone::ZoneHead> heads;
  auto read = for_each(
      db.stream("SELECT " SDNS_ZONE_COLUMNS " FROM zone WHERE id IN " + touched(ChangeKind::kHead) + " ORDER BY id",
                {number(from), number(to)}),
      [&](const Rows& rows) -> Result<void> {
        auto row = zone_row(db, rows);
        if (!row) return fail(row.error());
        heads.push_back(std::move(row->head));
        return {};
      });
  if (!read) return fail(read.error());
  return heads;
}

Result<std::map<ZoneId, std::vector<zone::Metadata>>> read_touched_metadata(Connection& db, Revision from,
                                                                            Revision to) {
  std::map<ZoneId, std::vector<zone::Metadata>> metadata;
  auto read = for_each(db.stream("SELECT zone, kind, value FROM zone_metadata WHERE zone IN " +
                                     touched(ChangeKind::kMetadata) + " ORDER BY zone, kind, item",
                                 {number(from), number(to)}),
                       [&](const Rows& rows) -> Result<void> {
                         append_metadata(metadata[static_cast<ZoneId>(rows.integer(0))], rows);
                         return {};
                       });
  if (!read) return fail(read.error());
  return metadata;
}

Result<std::map<ZoneId, std::vector<zone::Key>>> read_touched_keys(Connection& db, Revision from, Revision to) {
  std::map<ZoneId, std::vector<zone::Key>> keys;
  auto read =
      for_each(db.stream("SELECT zone, id, flags, active, published, content FROM cryptokey WHERE zone IN " +
                             touched(ChangeKind::kKeys) + " ORDER BY zone, id",
                         {number(from), number(to)}),
               [&](const Rows& rows) { return append_key(db, keys[static_cast<ZoneId>(rows.integer(0))], rows); });
  if (!read) return fail(read.error());
  return keys;
}

Result<void> read_touched_rrsets(Connection& db, Revision from, Revision to,
                                 const std::function<void(ZoneId, const std::string& key, dns::Rrset&&)>& each) {
  RecordReader reader;
  ZoneId zone = 0;
  std::string key;
  dns::Rrset rrset;
  const auto tell = [&] {
    if (!rrset.contents.empty()) each(zone, key, std::exchange(rrset, {}));
  };
  auto read = for_each(
      db.stream(
          fmt::format("SELECT DISTINCT r.zone, r.owner, r.type, r.ttl, r.content, r.item FROM change c JOIN record "
                      "r ON r.zone = c.zone AND r.owner = c.owner AND r.type = c.type WHERE c.revision > $1 AND "
                      "c.revision <= $2 AND c.kind = {} AND r.disabled = 0 "
                      "ORDER BY r.zone, r.owner, r.type, r.item",
                      static_cast<int>(ChangeKind::kRrset)),
          {number(from), number(to)}),
      [&](const Rows& rows) -> Result<void> {
        const auto row_zone = static_cast<ZoneId>(rows.integer(0));
        auto record = reader.read(db, rows);
        if (!record) return fail(record.error());
        if (row_zone != zone || record->type != rrset.type || rows.text(1) != key) {
          tell();
          zone = row_zone;
          key = rows.text(1);
          rrset = {std::move(record->owner), record->type, record->ttl, {}};
        }
        rrset.contents.push_back(std::move(record->content));
        return {};
      });
  if (!read) return read;
  tell();
  return {};
}

}  // namespace sdns::store
