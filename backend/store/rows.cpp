// SPDX-License-Identifier: MIT
#include "backend/store/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/dns/name_key.h"
#include "backend/store/row_walk.h"
#include "backend/zone/digest.h"

namespace sdns::store {
namespace {

std::vector<std::string> split_primaries(std::string_view text) {
  std::vector<std::string> primaries;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    primaries.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return primaries;
}

constexpr std::string_view kServedOfZone =
    "SELECT zone, owner, type, ttl, content FROM record WHERE zone = $1 AND disabled = 0 ORDER BY zone, owner, type, "
    "item";

}  // namespace

Result<void> append_key(const Connection& db, std::vector<zone::Key>& keys, const Rows& rows) {
  const auto zone = static_cast<ZoneId>(rows.integer(0));
  const auto id = static_cast<std::uint32_t>(rows.integer(1));
  std::string content(rows.text(5));
  if (is_sealed(content)) {
    auto plain = plain_secret(db.key_file(), content, key_context(zone, id),
                              fmt::format("{}: private key {} of the zone with the id {}", db.label(), id, zone));
    if (!plain) return fail(std::move(plain.error()));
    content = std::move(*plain);
  }
  keys.push_back({id, static_cast<std::uint16_t>(rows.integer(2)), rows.integer(3) != 0, rows.integer(4) != 0,
                  std::move(content)});
  return {};
}

std::string joined_primaries(const std::vector<std::string>& primaries) {
  return fmt::format("{}", fmt::join(primaries, ","));
}

Error damaged(const Connection& db, std::string_view what) {
  return {Errc::kCorrupt, fmt::format("{}: is damaged: {}", db.label(), what), "restore the database from a backup"};
}

Result<dns::Name> stored_name(const Connection& db, std::string_view key) {
  // Name::from_key takes only what Name::key gave; a damaged page may hold anything.
  const auto octets = dns::key_wire_octets(key);
  if (!octets || *octets > 254) return fail(damaged(db, "a stored name is not one"));
  return dns::Name::from_key(key);
}

Result<ZoneRow> zone_row(const Connection& db, const Rows& rows) {
  ZoneRow row;
  auto apex = stored_name(db, rows.text(1));
  if (!apex) return fail(apex.error());
  if (rows.integer(2) < 0 || rows.integer(2) > 2) return fail(damaged(db, "a zone has an unknown kind"));
  row.head.id = static_cast<ZoneId>(rows.integer(0));
  row.head.apex = std::move(*apex);
  row.head.kind = static_cast<zone::Kind>(rows.integer(2));
  row.head.account = rows.text(3);
  row.head.primaries = split_primaries(rows.text(4));
  row.head.notified_serial = static_cast<std::uint32_t>(rows.integer(5));
  row.head.last_check = static_cast<std::uint32_t>(rows.integer(6));
  if (rows.integer(7) < 0 || rows.integer(7) > 2) return fail(damaged(db, "a zone has an unknown serial policy"));
  row.serial_policy = static_cast<SerialPolicy>(rows.integer(7));
  if (!rows.is_null(8)) row.serial = static_cast<std::uint32_t>(rows.integer(8));
  row.revision = static_cast<Revision>(rows.integer(9));
  return row;
}

Result<dns::Rrset> read_rrset(Connection& db, ZoneId zone, const dns::Name& owner, std::string_view key,
                              dns::RrType type) {
  dns::Rrset rrset{owner, type, {}, {}};
  auto read = for_each(db.query("SELECT ttl, content FROM record WHERE zone = $1 AND owner = $2 AND type = $3 AND "
                                "disabled = 0 ORDER BY item",
                                {zone, Bytes{key}, type.value}),
                       [&](const Rows& rows) -> Result<void> {
                         rrset.ttl.seconds = static_cast<std::uint32_t>(rows.integer(0));
                         rrset.contents.emplace_back(rows.text(1));
                         return {};
                       });
  if (!read) return fail(read.error());
  return rrset;
}

Result<std::vector<zone::Metadata>> read_metadata(Connection& db, ZoneId zone) {
  std::vector<zone::Metadata> metadata;
  auto read = for_each(
      db.query("SELECT zone, kind, value FROM zone_metadata WHERE zone = $1 ORDER BY zone, kind, item", {zone}),
      [&](const Rows& rows) -> Result<void> {
        append_metadata(metadata, rows);
        return {};
      });
  if (!read) return fail(read.error());
  return metadata;
}

Result<std::vector<zone::Key>> read_keys(Connection& db, ZoneId zone) {
  std::vector<zone::Key> keys;
  auto read = for_each(db.query("SELECT zone, id, flags, active, published, content FROM cryptokey WHERE zone = $1 "
                                "ORDER BY zone, id",
                                {zone}),
                       [&](const Rows& rows) { return append_key(db, keys, rows); });
  if (!read) return fail(read.error());
  return keys;
}

Result<std::vector<zone::TsigKey>> read_tsig_keys(Connection& db) {
  std::vector<zone::TsigKey> keys;
  auto read = for_each(db.query("SELECT name_key, algorithm, secret FROM tsig_key ORDER BY name_key"),
                       [&](const Rows& rows) -> Result<void> {
                         auto name = stored_name(db, rows.text(0));
                         if (!name) return fail(name.error());
                         auto secret = plain_secret(db.key_file(), rows.text(2), tsig_context(rows.text(0)),
                                                    fmt::format("{}: TSIG key {}", db.label(), name->text()));
                         if (!secret) return fail(std::move(secret.error()));
                         keys.push_back({std::move(*name), std::string(rows.text(1)), std::move(*secret)});
                         return {};
                       });
  if (!read) return fail(read.error());
  return keys;
}

Result<std::optional<ZoneRow>> read_zone(Connection& db, ZoneId zone) {
  std::optional<ZoneRow> found;
  auto read = for_each(db.query("SELECT " SDNS_ZONE_COLUMNS " FROM zone WHERE id = $1", {zone}),
                       [&](const Rows& rows) -> Result<void> {
                         auto row = zone_row(db, rows);
                         if (!row) return fail(row.error());
                         found = std::move(*row);
                         return {};
                       });
  if (!read) return fail(read.error());
  return found;
}

Result<zone::ZoneContent> read_content(Connection& db, ZoneId zone) {
  auto row = read_zone(db, zone);
  if (!row) return fail(row.error());
  if (!*row) return fail(Errc::kNotFound, fmt::format("there is no zone with the id {}", zone));
  zone::ZoneContent content;
  content.head = std::move((*row)->head);
  RecordReader reader;
  auto read = for_each(db.stream(kServedOfZone, {zone}), [&](const Rows& rows) -> Result<void> {
    auto record = reader.read(db, rows);
    if (!record) return fail(record.error());
    content.records.push_back(std::move(*record));
    return {};
  });
  if (!read) return fail(read.error());
  auto metadata = read_metadata(db, zone);
  if (!metadata) return fail(metadata.error());
  content.metadata = std::move(*metadata);
  auto keys = read_keys(db, zone);
  if (!keys) return fail(keys.error());
  content.keys = std::move(*keys);
  return content;
}

Result<std::array<std::uint8_t, 32>> read_zone_digest(Connection& db, const zone::ZoneHead& head) {
  zone::ZoneDigest digest(head);
  RecordReader reader;
  dns::Rrset rrset;
  auto read = for_each(db.stream(kServedOfZone, {head.id}), [&](const Rows& rows) -> Result<void> {
    auto record = reader.read(db, rows);
    if (!record) return fail(record.error());
    if (!rrset.contents.empty() && (rrset.type != record->type || rrset.owner != record->owner)) {
      digest.add(rrset);
      rrset.contents.clear();
    }
    rrset.owner = std::move(record->owner);
    rrset.type = record->type;
    rrset.ttl = record->ttl;
    rrset.contents.push_back(std::move(record->content));
    return {};
  });
  if (!read) return fail(read.error());
  if (!rrset.contents.empty()) digest.add(rrset);
  const auto metadata = read_metadata(db, head.id);
  if (!metadata) return fail(metadata.error());
  const auto keys = read_keys(db, head.id);
  if (!keys) return fail(keys.error());
  return digest.finish(*metadata, *keys);
}

Result<Chain> stored_chain(const Connection& db, std::string_view text) {
  Chain chain{};
  if (text.size() != chain.size()) return fail(damaged(db, "a chain in the journal has the wrong size"));
  std::copy(text.begin(), text.end(), chain.begin());
  return chain;
}

Result<Position> read_position(Connection& db) {
  auto rows = db.query("SELECT revision, chain FROM journal ORDER BY revision DESC LIMIT 1");
  if (!rows) return fail(rows.error());
  const auto row = (*rows)->next();
  if (!row) return fail(row.error());
  if (!*row) return fail(damaged(db, "its journal is empty"));
  const auto chain = stored_chain(db, (*rows)->text(1));
  if (!chain) return fail(chain.error());
  return Position{static_cast<Revision>((*rows)->integer(0)), *chain};
}

}  // namespace sdns::store
