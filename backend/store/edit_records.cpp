// SPDX-License-Identifier: MIT
// Edits of records: one RRset, or a whole zone of which only the RRsets that differ are touched.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "backend/dns/serial.h"
#include "backend/store/serial_policy.h"
#include "backend/store/transaction.h"

namespace sdns::store {
namespace {

struct Keyed {
  std::string key;
  const StoredRecord* record;
};

/// One RRset to write: records [first, last) of a sorted list, none for one to remove.
struct Write {
  std::size_t first = 0;
  std::size_t last = 0;
  std::string gone;  ///< key of the owner when there are no records
  dns::RrType type;
  std::size_t stored_count = 0;
  RrsetDifference difference = RrsetDifference::kServed;
};

/// The stored RRsets of a zone, one at a time, in key order.
class StoredRrsets {
 public:
  explicit StoredRrsets(RowsPtr rows) : rows_(std::move(rows)) {}
  /// False after the last one.
  Result<bool> next() {
    if (!started_) {
      started_ = true;
      if (auto moved = advance(); !moved) return moved;
    }
    items.clear();
    if (!there_) return false;
    key = rows_->text(0);
    type = row_type();
    while (there_ && row_type() == type && rows_->text(0) == key) {
      items.push_back(
          {static_cast<std::uint32_t>(rows_->integer(2)), rows_->integer(3) != 0, std::string(rows_->text(4))});
      if (auto moved = advance(); !moved) return moved;
    }
    return true;
  }

  std::string key;
  dns::RrType type;
  std::vector<StoredItem> items;

 private:
  [[nodiscard]] dns::RrType row_type() const { return dns::RrType{static_cast<std::uint16_t>(rows_->integer(1))}; }
  Result<bool> advance() {
    auto row = rows_->next();
    if (row) there_ = *row;
    return row;
  }
  RowsPtr rows_;
  bool started_ = false;
  bool there_ = false;
};

StorableRrset wanted_span(const std::vector<Keyed>& sorted, std::size_t first, std::size_t last) {
  std::vector<const StoredRecord*> records;
  records.reserve(last - first);
  for (std::size_t i = first; i < last; ++i) records.push_back(sorted[i].record);
  return storable_rrset(std::move(records));
}

/// What of `sorted` (by key and type) differs from what is stored, in key order.
Result<std::vector<Write>> differences(const std::vector<Keyed>& sorted, StoredRrsets stored) {
  std::vector<Write> writes;
  std::size_t at = 0;
  const auto span_end = [&](std::size_t first) {
    std::size_t last = first + 1;
    while (last < sorted.size() && sorted[last].record->record.type == sorted[first].record->record.type &&
           sorted[last].key == sorted[first].key)
      ++last;
    return last;
  };
  const auto take_new = [&] {
    const std::size_t last = span_end(at);
    const bool served = std::any_of(sorted.begin() + static_cast<std::ptrdiff_t>(at),
                                    sorted.begin() + static_cast<std::ptrdiff_t>(last),
                                    [](const Keyed& one) { return !one.record->disabled; });
    writes.push_back({at,
                      last,
                      {},
                      sorted[at].record->record.type,
                      0,
                      served ? RrsetDifference::kServed : RrsetDifference::kUnserved});
    at = last;
  };
  for (;;) {
    const auto there = stored.next();
    if (!there) return fail(there.error());
    if (!*there) break;
    const auto before = [&] {
      return std::tie(sorted[at].key, sorted[at].record->record.type) < std::tie(stored.key, stored.type);
    };
    while (at < sorted.size() && before()) take_new();
    if (at < sorted.size() && sorted[at].key == stored.key && sorted[at].record->record.type == stored.type) {
      const std::size_t last = span_end(at);
      const RrsetDifference difference = compare(stored.items, wanted_span(sorted, at, last));
      if (difference != RrsetDifference::kNone)
        writes.push_back({at, last, {}, stored.type, stored.items.size(), difference});
      at = last;
    } else {
      writes.push_back({0, 0, stored.key, stored.type, stored.items.size(), compare(stored.items, {})});
    }
  }
  while (at < sorted.size()) take_new();
  return writes;
}

}  // namespace

Result<void> SqlTransaction::check_record(const Edited& zone, const StoredRecord& stored) const {
  const dns::Name& apex = zone.head.apex;
  if (!stored.record.owner.at_or_below(apex))
    return fail(Errc::kInvalidZone, fmt::format("{} {} is outside of the zone {}", stored.record.owner.text(),
                                                stored.record.type.text(), apex.text()));
  return {};
}

// In a whole zone a serial that goes back is taken for one that was not edited: importing a file twice changes nothing.
void SqlTransaction::keep_serial(const Edited& zone, StoredRecord& soa) const {
  if (soa.record.type != dns::kSOA || soa.disabled || !zone.serial) return;
  if (zone.policy == SerialPolicy::kKeep || zone.head.kind == zone::Kind::kSecondary) return;
  const auto wanted = soa_serial(soa.record.content);
  if (wanted && !(dns::Serial{*wanted} > dns::Serial{*zone.serial}))
    soa.record.content = with_soa_serial(soa.record.content, *zone.serial);
}

Result<void> SqlTransaction::note_serial(Edited& zone, std::optional<std::uint32_t> serial) {
  if (serial == zone.serial) return {};
  const auto done =
      run("UPDATE zone SET serial = $2 WHERE id = $1", {zone.head.id, serial ? Param(std::int64_t{*serial}) : Param()});
  if (!done) return fail(done.error());
  zone.serial = serial;
  return {};
}

Result<void> SqlTransaction::write_rrset(Edited& zone, std::string_view key, dns::RrType type,
                                         const StorableRrset& wanted, RrsetDifference difference,
                                         std::size_t stored_count) {
  const ZoneId id = zone.head.id;
  // Rows are written over where they are: half the work of removing and adding them.
  if (stored_count > wanted.records.size()) {
    const auto done = run("DELETE FROM record WHERE zone = $1 AND owner = $2 AND type = $3 AND item >= $4",
                          {id, Bytes{key}, type.value, static_cast<std::int64_t>(wanted.records.size())});
    if (!done) return fail(done.error());
  }
  std::int64_t item = 0;
  for (const StoredRecord* stored : wanted.records) {
    const auto done =
        run("INSERT INTO record (zone, owner, type, item, ttl, disabled, content) VALUES ($1, $2, $3, $4, $5, $6, $7) "
            "ON CONFLICT (zone, owner, type, item) "
            "DO UPDATE SET ttl = excluded.ttl, disabled = excluded.disabled, content = excluded.content",
            {id, Bytes{key}, type.value, item++, wanted.ttl, stored->disabled ? 1 : 0, stored->record.content});
    if (!done) return fail(done.error());
  }
  if (difference != RrsetDifference::kServed) return {};
  if (!zone.created) zone.rrsets.emplace_back(key, type.value);  // a new zone is journaled as a whole
  if (type != dns::kSOA || key != zone.head.apex.key()) return {};
  std::optional<std::uint32_t> serial;
  for (const StoredRecord* stored : wanted.records)
    if (!stored->disabled) serial = soa_serial(stored->record.content);
  return note_serial(zone, serial);
}

Result<void> SqlTransaction::replace_rrset(ZoneId id, const dns::Name& owner, dns::RrType type,
                                           const std::vector<StoredRecord>& records) {
  auto zone = edited(id);
  if (!zone) return fail(zone.error());
  std::vector<const StoredRecord*> wanted_records;
  for (const StoredRecord& stored : records) {
    if (stored.record.owner != owner || stored.record.type != type)
      return fail(Errc::kInvalidArgument, fmt::format("{} {} is not of the RRset {} {}", stored.record.owner.text(),
                                                      stored.record.type.text(), owner.text(), type.text()));
    if (auto sound = check_record(**zone, stored); !sound) return sound;
    wanted_records.push_back(&stored);
  }
  const StorableRrset wanted = storable_rrset(std::move(wanted_records));
  const std::string key = owner.key();
  auto rows = db_.query(
      "SELECT owner, type, ttl, disabled, content FROM record WHERE zone = $1 AND owner = $2 AND type = $3 "
      "ORDER BY item",
      {id, Bytes{key}, type.value});
  if (!rows) return fail(rows.error());
  StoredRrsets stored(std::move(*rows));
  if (const auto there = stored.next(); !there) return fail(there.error());
  const RrsetDifference difference = compare(stored.items, wanted);
  if (difference == RrsetDifference::kNone) return {};
  return write_rrset(**zone, key, type, wanted, difference, stored.items.size());
}

Result<void> SqlTransaction::replace_zone(ZoneId id, std::vector<StoredRecord> records) {
  auto zone = edited(id);
  if (!zone) return fail(zone.error());
  const dns::Name apex = (*zone)->head.apex;
  std::vector<Keyed> sorted;
  sorted.reserve(records.size());
  for (StoredRecord& stored : records) {
    if (auto sound = check_record(**zone, stored); !sound) return sound;
    if (stored.record.owner == apex) keep_serial(**zone, stored);
    sorted.push_back({stored.record.owner.key(), &stored});
  }
  std::sort(sorted.begin(), sorted.end(), [](const Keyed& a, const Keyed& b) {
    return std::tie(a.key, a.record->record.type) < std::tie(b.key, b.record->record.type);
  });

  auto rows = db_.stream(
      "SELECT owner, type, ttl, disabled, content FROM record WHERE zone = $1 ORDER BY zone, owner, type, item", {id});
  if (!rows) return fail(rows.error());
  auto writes = differences(sorted, StoredRrsets(std::move(*rows)));
  if (!writes) return fail(writes.error());
  for (const Write& write : *writes) {
    const std::string_view key = write.first < write.last ? sorted[write.first].key : write.gone;
    auto done = write_rrset(**zone, key, write.type, wanted_span(sorted, write.first, write.last), write.difference,
                            write.stored_count);
    if (!done) return done;
  }
  return {};
}

}  // namespace sdns::store
