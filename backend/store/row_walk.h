// SPDX-License-Identifier: MIT
// How the rows of queries are walked: for the sources that read zones.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backend/store/rows.h"

namespace sdns::store {

/// Walks a query whose first column is a zone's id and which is ordered by it.
class ByZone {
 public:
  static Result<ByZone> start(Connection& db, std::string_view sql, Params params) {
    auto rows = db.stream(sql, params);
    if (!rows) return fail(rows.error());
    ByZone walk(std::move(*rows));
    if (const auto moved = walk.advance(); !moved) return fail(moved.error());
    return walk;
  }
  /// Gives each row of the zone to `take`. Requires growing ids from call to call.
  template <class Take>
  Result<void> of(ZoneId zone, const Take& take) {
    while (there_ && rows_->integer(0) <= zone) {
      if (rows_->integer(0) == zone) {
        if (auto taken = take(*rows_); !taken) return taken;
      }
      if (auto moved = advance(); !moved) return moved;
    }
    return {};
  }

 private:
  explicit ByZone(RowsPtr rows) : rows_(std::move(rows)) {}
  Result<void> advance() {
    const auto row = rows_->next();
    if (!row) return fail(row.error());
    there_ = *row;
    return {};
  }
  RowsPtr rows_;
  bool there_ = false;
};

/// Calls `take` for each row.
template <class Take>
Result<void> for_each(Result<RowsPtr> rows, const Take& take) {
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto row = (*rows)->next();
    if (!row) return fail(row.error());
    if (!*row) return {};
    if (auto taken = take(**rows); !taken) return taken;
  }
}

/// Columns: zone, kind, value.
inline void append_metadata(std::vector<zone::Metadata>& metadata, const Rows& rows) {
  if (metadata.empty() || metadata.back().kind != rows.text(1)) metadata.push_back({std::string(rows.text(1)), {}});
  metadata.back().values.emplace_back(rows.text(2));
}

/// Columns: zone, id, flags, active, published, content.
Result<void> append_key(const Connection& db, std::vector<zone::Key>& keys, const Rows& rows);

/// Columns: zone, owner, type, ttl, content. Neighbours mostly have the same owner, whose name is then copied.
class RecordReader {
 public:
  Result<dns::Record> read(const Connection& db, const Rows& rows) {
    if (!known_ || key_ != rows.text(1)) {
      key_ = rows.text(1);
      auto name = stored_name(db, key_);
      if (!name) return fail(name.error());
      owner_ = std::move(*name);
      known_ = true;
    }
    return dns::Record{owner_, dns::RrType{static_cast<std::uint16_t>(rows.integer(2))},
                       dns::Ttl{static_cast<std::uint32_t>(rows.integer(3))}, std::string(rows.text(4))};
  }

 private:
  std::string key_;
  dns::Name owner_;
  bool known_ = false;
};

}  // namespace sdns::store
