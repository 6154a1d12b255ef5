// SPDX-License-Identifier: MIT
#include "backend/store/transaction.h"

#include <utility>

namespace sdns::store {
namespace {

// Columns: type, ttl, disabled, content.
StoredRecord stored_record(const dns::Name& owner, const Rows& rows) {
  return {dns::Record{owner, dns::RrType{static_cast<std::uint16_t>(rows.integer(0))},
                      dns::Ttl{static_cast<std::uint32_t>(rows.integer(1))}, std::string(rows.text(3))},
          rows.integer(2) != 0};
}

}  // namespace

SqlTransaction::~SqlTransaction() {
  if (!ended_) db_.rollback();
}

// A statement that fails here fails all that follow.
WallTime SqlTransaction::now() const {
  if (db_.writers() == Writers::kOne) return clock_.wall_now();
  if (!now_) {
    const auto shared = db_.shared_clock();
    now_ = shared && *shared ? WallTime(std::chrono::microseconds(**shared)) : clock_.wall_now();
  }
  return *now_;
}

Result<Position> SqlTransaction::position() { return read_position(db_); }

Result<std::vector<ZoneRow>> SqlTransaction::zones() {
  std::vector<ZoneRow> zones;
  auto rows = db_.stream("SELECT " SDNS_ZONE_COLUMNS " FROM zone ORDER BY apex_key");
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return zones;
    auto row = zone_row(db_, **rows);
    if (!row) return fail(row.error());
    zones.push_back(std::move(*row));
  }
}

Result<std::optional<ZoneRow>> SqlTransaction::zone(const dns::Name& apex) {
  const std::string key = apex.key();
  if (!locks()) return one_zone(db_.query("SELECT " SDNS_ZONE_COLUMNS " FROM zone WHERE apex_key = $1", {Bytes{key}}));
  auto row = one_zone(db_.query("SELECT " SDNS_ZONE_COLUMNS " FROM zone WHERE apex_key = $1{lock}", {Bytes{key}}));
  if (row && *row) held_.insert((*row)->head.id);
  return row;
}

Result<std::optional<ZoneRow>> SqlTransaction::zone(ZoneId id) {
  if (auto held = hold_zone(id); !held) return fail(held.error());
  return read_zone(db_, id);
}

Result<void> SqlTransaction::hold_zone(ZoneId id) {
  if (!locks() || held_.contains(id)) return {};
  auto rows = db_.query("SELECT id FROM zone WHERE id = $1{lock}", {id});
  if (!rows) return fail(rows.error());
  const auto there = (*rows)->next();
  if (!there) return fail(there.error());
  if (*there) held_.insert(id);
  return {};
}

Result<void> SqlTransaction::hold(Lock lock) {
  auto held = db_.hold(lock);
  if (!held && !failed_) failed_ = held.error();
  return held;
}

Result<std::optional<ZoneRow>> SqlTransaction::one_zone(Result<RowsPtr> rows) {
  if (!rows) return fail(rows.error());
  const auto there = (*rows)->next();
  if (!there) return fail(there.error());
  if (!*there) return std::nullopt;
  auto row = zone_row(db_, **rows);
  if (!row) return fail(row.error());
  return std::move(*row);
}

// Does not lock: it is asked for warnings, and every zone below a busy one asks it.
Result<std::optional<ZoneRow>> SqlTransaction::enclosing_zone(const dns::Name& name) {
  for (dns::Name at = name;; at = at.parent()) {
    auto found = one_zone(db_.query("SELECT " SDNS_ZONE_COLUMNS " FROM zone WHERE apex_key = $1", {Bytes{at.key()}}));
    if (!found || *found || at.is_root()) return found;
  }
}

Result<void> SqlTransaction::records(ZoneId id, const std::function<void(StoredRecord&&)>& each) {
  if (auto held = hold_zone(id); !held) return held;
  auto rows = db_.stream(
      "SELECT type, ttl, disabled, content, owner FROM record WHERE zone = $1 ORDER BY zone, owner, type, item", {id});
  if (!rows) return fail(rows.error());
  std::string key;
  std::optional<dns::Name> owner;
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return {};
    if (!owner || key != (*rows)->text(4)) {
      key = (*rows)->text(4);
      auto name = stored_name(db_, key);
      if (!name) return fail(name.error());
      owner = std::move(*name);
    }
    each(stored_record(*owner, **rows));
  }
}

Result<std::vector<StoredRecord>> SqlTransaction::records_at(ZoneId id, const dns::Name& owner) {
  std::vector<StoredRecord> found;
  if (auto held = hold_zone(id); !held) return fail(held.error());
  auto rows =
      db_.query("SELECT type, ttl, disabled, content FROM record WHERE zone = $1 AND owner = $2 ORDER BY type, item",
                {id, Bytes{owner.key()}});
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return found;
    found.push_back(stored_record(owner, **rows));
  }
}

Result<void> SqlTransaction::records_of_type(dns::RrType type,
                                             const std::function<void(ZoneId, StoredRecord&&)>& each) {
  auto rows = db_.stream(
      "SELECT type, ttl, disabled, content, owner, zone FROM record WHERE type = $1 ORDER BY zone, owner, item",
      {type.value});
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return {};
    const auto owner = stored_name(db_, (*rows)->text(4));
    if (!owner) return fail(owner.error());
    each(static_cast<ZoneId>((*rows)->integer(5)), stored_record(*owner, **rows));
  }
}

Result<bool> SqlTransaction::has_names_below(ZoneId id, const dns::Name& owner) {
  if (auto held = hold_zone(id); !held) return fail(held.error());
  const std::string from = owner.key();
  std::string to = from;  // the keys below begin with `from`, whose last octet is 0x00
  if (!to.empty()) to.back() = '\x01';
  auto rows = to.empty() ? db_.query("SELECT 1 FROM record WHERE zone = $1 AND owner > $2 AND disabled = 0 LIMIT 1",
                                     {id, Bytes{from}})
                         : db_.query(
                               "SELECT 1 FROM record WHERE zone = $1 AND owner > $2 AND owner < $3 AND "
                               "disabled = 0 LIMIT 1",
                               {id, Bytes{from}, Bytes{to}});
  if (!rows) return fail(rows.error());
  return (*rows)->next();
}

Result<void> SqlTransaction::attempt(const std::function<Result<void>()>& part) {
  if (auto ready = require_edit(); !ready) return ready;
  const auto edited = edited_;
  const auto held = held_;
  const bool ledger_held = ledger_.held();
  const bool tsig_keys_touched = tsig_keys_touched_;
  const auto pools_before = pools_before_;
  const auto overrides_before = overrides_before_;
  if (const auto begun = run("SAVEPOINT attempt", {}); !begun) return fail(begun.error());
  auto done = part();
  if (done && failed_) done = fail(*failed_);
  if (!done) {
    if (const auto undone = db_.rollback_to("attempt"); undone) {
      failed_.reset();
      edited_ = edited;
      held_ = held;
      ledger_.set_held(ledger_held);
      tsig_keys_touched_ = tsig_keys_touched;
      pools_before_ = pools_before;
      overrides_before_ = overrides_before;
    } else {
      failed_ = done.error();
      return done;
    }
  }
  if (const auto ended = run("RELEASE SAVEPOINT attempt", {}); !ended) return fail(ended.error());
  return done;
}

Result<std::vector<zone::Metadata>> SqlTransaction::metadata(ZoneId id) {
  if (auto held = hold_zone(id); !held) return fail(held.error());
  return read_metadata(db_, id);
}

Result<std::vector<zone::Key>> SqlTransaction::keys(ZoneId id) {
  if (auto held = hold_zone(id); !held) return fail(held.error());
  return read_keys(db_, id);
}

}  // namespace sdns::store
