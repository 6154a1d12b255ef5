// SPDX-License-Identifier: MIT
// Edits of zones, metadata and keys; edits of records are in edit_records.cpp.
#include <fmt/format.h>

#include <limits>
#include <utility>

#include "backend/store/reseal.h"
#include "backend/store/transaction.h"

namespace sdns::store {
namespace {

constexpr std::int64_t kMaxId = 0x7FFF'FFFF;

tl::unexpected<Error> no_zone(ZoneId id) {
  return fail(Errc::kNotFound, fmt::format("there is no zone with the id {}", id));
}

}  // namespace

Result<void> SqlTransaction::require_edit() {
  if (failed_) return fail(*failed_);
  if (access_ != Access::kWrite || ended_)
    return fail(Errc::kInvalidArgument, "the transaction is read-only or has ended", "begin one with edit()");
  return {};
}

Result<std::int64_t> SqlTransaction::run(std::string_view sql, Params params) {
  auto done = db_.execute(sql, params);
  if (!done && !failed_) failed_ = done.error();
  return done;
}

Result<SqlTransaction::Edited*> SqlTransaction::edited(ZoneId id) {
  if (auto ready = require_edit(); !ready) return fail(ready.error());
  const auto known = edited_.find(id);
  if (known != edited_.end()) {
    if (known->second.deleted) return no_zone(id);
    return &known->second;
  }
  auto row = zone(id);
  if (!row) return fail(row.error());
  if (!*row) return no_zone(id);
  Edited& entry = edited_[id];
  entry.head = std::move((*row)->head);
  entry.policy = (*row)->serial_policy;
  entry.serial_before = entry.serial = (*row)->serial;
  return &entry;
}

Result<std::int64_t> SqlTransaction::next_number(std::string_view counter) {
  auto number = db_.next_number(counter);
  if (number && *number == 0) number = fail(damaged(db_, fmt::format("it has no counter \"{}\"", counter)));
  if (number && *number > kMaxId)
    number = fail(Errc::kUnsupported, fmt::format("all {} ids of the counter \"{}\" are used up", kMaxId, counter),
                  "export the zones into a new database");
  if (!number && !failed_) failed_ = number.error();
  return number;
}

Result<ZoneId> SqlTransaction::create_zone(const zone::ZoneHead& head, SerialPolicy policy) {
  if (auto ready = require_edit(); !ready) return fail(ready.error());
  const auto taken = zone(head.apex);
  if (!taken) return fail(taken.error());
  if (*taken)
    return fail(Errc::kExists,
                fmt::format("the zone {} exists already, with the id {}", head.apex.text(), (*taken)->head.id));
  const auto id = next_number("zone");
  if (!id) return fail(id.error());
  const std::string key = head.apex.key();
  const auto made =
      run("INSERT INTO zone (id, apex, apex_key, kind, account, primaries, notified_serial, last_check, serial_policy, "
          "serial, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, 0) ON CONFLICT (apex_key) DO NOTHING",
          {*id, head.apex.text(), Bytes{key}, static_cast<std::int64_t>(head.kind), head.account,
           joined_primaries(head.primaries), head.notified_serial, head.last_check, static_cast<std::int64_t>(policy)});
  if (!made) return fail(made.error());
  if (*made == 0)  // another writer was quicker
    return fail(Errc::kExists, fmt::format("the zone {} exists already", head.apex.text()));
  held_.insert(static_cast<ZoneId>(*id));
  const auto zone_id = static_cast<ZoneId>(*id);
  Edited& entry = edited_[zone_id];
  entry.head = head;
  entry.head.id = zone_id;
  entry.policy = policy;
  entry.created = true;
  return zone_id;
}

Result<void> SqlTransaction::delete_zone(ZoneId id) {
  auto zone = edited(id);
  if (!zone) return fail(zone.error());
  for (const std::string_view sql : {"DELETE FROM cryptokey WHERE zone = $1", "DELETE FROM record WHERE zone = $1",
                                     "DELETE FROM zone_metadata WHERE zone = $1", "DELETE FROM zone WHERE id = $1"})
    if (const auto done = run(sql, {id}); !done) return fail(done.error());
  (*zone)->deleted = true;
  (*zone)->rrsets.clear();
  return {};
}

Result<void> SqlTransaction::set_head(const zone::ZoneHead& head) {
  auto zone = edited(head.id);
  if (!zone) return fail(zone.error());
  zone::ZoneHead& now = (*zone)->head;
  if (head.apex != now.apex)
    return fail(Errc::kInvalidArgument,
                fmt::format("the zone {} cannot become {}: a zone keeps its apex", now.apex.text(), head.apex.text()),
                "create the other zone and delete this one");
  if (head == now) return {};
  // What a name server notes of its zones is apart: it may write nothing else of them (deploy/postgresql/roles.sql).
  const bool noted = head.notified_serial != now.notified_serial || head.last_check != now.last_check;
  const bool edited = head.kind != now.kind || head.account != now.account || head.primaries != now.primaries;
  if (noted)
    if (const auto done = run("UPDATE zone SET notified_serial = $2, last_check = $3 WHERE id = $1",
                              {head.id, head.notified_serial, head.last_check});
        !done)
      return fail(done.error());
  if (edited)
    if (const auto done =
            run("UPDATE zone SET kind = $2, account = $3, primaries = $4 WHERE id = $1",
                {head.id, static_cast<std::int64_t>(head.kind), head.account, joined_primaries(head.primaries)});
        !done)
      return fail(done.error());
  now = head;
  (*zone)->head_touched = true;
  return {};
}

Result<void> SqlTransaction::set_serial_policy(ZoneId id, SerialPolicy policy) {
  auto zone = edited(id);
  if (!zone) return fail(zone.error());
  const auto done = run("UPDATE zone SET serial_policy = $2 WHERE id = $1", {id, static_cast<std::int64_t>(policy)});
  if (!done) return fail(done.error());
  (*zone)->policy = policy;
  return {};
}

Result<void> SqlTransaction::set_metadata(ZoneId id, const std::string& kind, const std::vector<std::string>& values) {
  auto zone = edited(id);
  if (!zone) return fail(zone.error());
  const auto present = read_metadata(db_, id);
  if (!present) return fail(present.error());
  std::vector<std::string> old;
  for (const zone::Metadata& one : *present)
    if (one.kind == kind) old = one.values;
  if (old == values) return {};
  if (const auto done = run("DELETE FROM zone_metadata WHERE zone = $1 AND kind = $2", {id, kind}); !done)
    return fail(done.error());
  std::int64_t item = 0;
  for (const std::string& value : values) {
    const auto done =
        run("INSERT INTO zone_metadata (zone, kind, item, value) VALUES ($1, $2, $3, $4)", {id, kind, item++, value});
    if (!done) return fail(done.error());
  }
  (*zone)->metadata_touched = true;
  return {};
}

// From the first secret that is sealed on, a program that does not seal stores none.
Result<std::string> SqlTransaction::storable_secret(std::string_view plain, std::string_view context) {
  if (!db_.key_file().configured())
    if (auto held = db_.hold_shared(Lock::kSealing); !held) return fail(std::move(held.error()));
  auto required = sealing_required(db_);
  if (!required) return fail(std::move(required.error()));
  if (*required && !db_.key_file().configured())
    return fail(Errc::kConfig,
                fmt::format("{}: its secrets are sealed, and no key file is configured to seal this one", db_.label()),
                "nothing was changed; set database.key_file (sdnsctl: --key-file)");
  if (!*required && db_.key_file().configured())
    if (auto set = require_sealing(db_, Sealing::kSealed); !set) return fail(std::move(set.error()));
  return stored_secret(db_.key_file(), plain, context);
}

Result<std::uint32_t> SqlTransaction::add_key(ZoneId id, const zone::Key& key) {
  auto zone = edited(id);
  if (!zone) return fail(zone.error());
  const auto number = key.id != 0 ? Result<std::int64_t>(key.id) : next_number("cryptokey");
  if (!number) return fail(number.error());
  const auto content = storable_secret(key.content, key_context(id, static_cast<std::uint32_t>(*number)));
  if (!content) return fail(content.error());
  const auto done =
      run("INSERT INTO cryptokey (zone, id, flags, active, published, content) VALUES ($1, $2, $3, $4, $5, $6)",
          {id, *number, key.flags, key.active ? 1 : 0, key.published ? 1 : 0, *content});
  if (!done) return fail(done.error());
  (*zone)->keys_touched = true;
  return static_cast<std::uint32_t>(*number);
}

Result<std::uint32_t> SqlTransaction::reserve_key_id() {
  if (auto ready = require_edit(); !ready) return fail(ready.error());
  const auto number = next_number("cryptokey");
  if (!number) return fail(number.error());
  return static_cast<std::uint32_t>(*number);
}

Result<void> SqlTransaction::set_key_state(ZoneId id, std::uint32_t key, bool active, bool published) {
  auto zone = edited(id);
  if (!zone) return fail(zone.error());
  const auto keys = read_keys(db_, id);
  if (!keys) return fail(keys.error());
  for (const zone::Key& one : *keys) {
    if (one.id != key) continue;
    if (one.active == active && one.published == published) return {};
    const auto done = run("UPDATE cryptokey SET active = $3, published = $4 WHERE zone = $1 AND id = $2",
                          {id, key, active ? 1 : 0, published ? 1 : 0});
    if (!done) return fail(done.error());
    (*zone)->keys_touched = true;
    return {};
  }
  return fail(Errc::kNotFound, fmt::format("the zone {} has no key with the id {}", (*zone)->head.apex.text(), key));
}

Result<void> SqlTransaction::remove_key(ZoneId id, std::uint32_t key) {
  auto zone = edited(id);
  if (!zone) return fail(zone.error());
  const auto done = run("DELETE FROM cryptokey WHERE zone = $1 AND id = $2", {id, key});
  if (!done) return fail(done.error());
  if (*done == 0)
    return fail(Errc::kNotFound, fmt::format("the zone {} has no key with the id {}", (*zone)->head.apex.text(), key));
  (*zone)->keys_touched = true;
  return {};
}

}  // namespace sdns::store
