// SPDX-License-Identifier: MIT
#include "backend/store/authority.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/store/postgres.h"
#include "backend/store/postgres_target.h"
#include "backend/store/reseal.h"
#include "backend/store/rows.h"
#include "backend/store/schema.h"
#include "backend/store/sqlite.h"
#include "backend/store/transaction.h"
#include "backend/zone/digest.h"

namespace sdns::store {
namespace {

class SqlAuthority final : public Authority {
 public:
  SqlAuthority(std::unique_ptr<Connection> db, const WallClock& clock) : db_(std::move(db)), clock_(clock) {}

  Result<Identity> identity() override { return read_identity(*db_); }
  Result<std::unique_ptr<Transaction>> read() override { return begin(Access::kRead); }
  Result<std::unique_ptr<Transaction>> edit() override { return begin(Access::kWrite); }
  Result<void> prune_journal(Revision floor) override;
  Result<bool> reseal(Sealing wanted, SecretCursor& cursor, std::size_t limit) override;
  Result<void> forget_former_rows() override { return db_->forget_former_rows(); }
  Result<SecretCounts> count_secrets() override;
  Result<WallTime> shared_now() override {
    const auto shared = db_->shared_clock();
    if (!shared) return fail(shared.error());
    return *shared ? WallTime(std::chrono::microseconds(**shared)) : clock_.wall_now();
  }
  std::uint64_t rows_read() const override { return db_->rows_read(); }

 private:
  Result<std::unique_ptr<Transaction>> begin(Access access) {
    if (db_->in_transaction())
      return fail(Errc::kInvalidArgument, "the connection has a transaction already", "end it first");
    if (auto begun = db_->begin(access); !begun) return fail(begun.error());
    return std::make_unique<SqlTransaction>(*db_, clock_, access);
  }

  std::unique_ptr<Connection> db_;
  const WallClock& clock_;
};

Result<void> SqlAuthority::prune_journal(Revision floor) {
  if (db_->in_transaction())
    return fail(Errc::kInvalidArgument, "the connection has a transaction already", "end it first");
  if (auto begun = db_->begin(Access::kWrite); !begun) return begun;
  const auto pruned = [&]() -> Result<void> {
    const auto now = read_position(*db_);
    if (!now) return fail(now.error());
    const auto at = static_cast<std::int64_t>(std::min(floor, now->revision));
    // The journal row at the floor stays: its chain lets followers that are there go on.
    if (const auto done = db_->execute("DELETE FROM change WHERE revision <= $1", {at}); !done)
      return fail(done.error());
    if (const auto done = db_->execute("DELETE FROM journal WHERE revision < $1", {at}); !done)
      return fail(done.error());
    return db_->commit();
  }();
  if (!pruned) db_->rollback();
  return pruned;
}

Result<bool> SqlAuthority::reseal(Sealing wanted, SecretCursor& cursor, std::size_t limit) {
  if (db_->in_transaction())
    return fail(Errc::kInvalidArgument, "the connection has a transaction already", "end it first");
  if (auto begun = db_->begin(Access::kWrite); !begun) return fail(std::move(begun.error()));
  SecretCursor moved = cursor;
  auto more = reseal_slice(*db_, wanted, moved, limit);
  if (more)
    if (auto done = db_->commit(); !done) more = fail(std::move(done.error()));
  if (!more) {
    db_->rollback();
    return more;
  }
  cursor = std::move(moved);
  return more;
}

Result<SecretCounts> SqlAuthority::count_secrets() {
  if (auto begun = db_->begin(Access::kRead); !begun) return fail(std::move(begun.error()));
  auto counts = store::count_secrets(*db_);
  db_->rollback();
  return counts;
}

// The tables are made by whoever comes first; the others wait for it and find them.
Result<void> create_tables(PostgresConnection& db, const WallClock& clock, Random& random) {
  if (auto begun = db.begin(Access::kWrite); !begun) return begun;
  Result<void> done = db.hold(Lock::kSchema);
  if (done) {
    const auto there = db.has_tables();
    if (!there) done = fail(there.error());
    else if (!*there) done = initialise(db, clock, random);
  }
  if (done) return db.commit();
  db.rollback();
  return done;
}

Result<std::unique_ptr<Connection>> open_server(std::string_view url, OpenMode mode, const WallClock& clock,
                                                Random& random, std::chrono::milliseconds busy_limit) {
  auto db = open_postgres(url, {.busy_limit = busy_limit});
  if (!db) return fail(db.error());
  const auto there = (*db)->has_tables();
  if (!there) return fail(there.error());
  if (!*there && mode == OpenMode::kExisting)
    return fail(Errc::kNotFound, fmt::format("{}: has no tables of an authority database", (*db)->label()),
                "create them with `sdnsctl database init`, or correct database.url");
  if (!*there)
    if (auto made = create_tables(**db, clock, random); !made) return fail(made.error());
  return std::unique_ptr<Connection>(std::move(*db));
}

Result<std::unique_ptr<Connection>> open_file(std::string_view url, OpenMode mode, const WallClock& clock,
                                              Random& random, std::chrono::milliseconds busy_limit) {
  const auto path = sqlite_path(url);
  if (!path) return fail(path.error());
  if (mode == OpenMode::kCreateIfMissing && !file_identity(*path)) {
    const auto made = create_sqlite(*path, [&](Connection& db) { return initialise(db, clock, random); });
    // When another program was quicker, its database is the one.
    if (!made && made.error().code != Errc::kExists) return fail(made.error());
  }
  auto db = open_sqlite(*path, SqliteOpen::kEdit, busy_limit);
  if (!db) return fail(db.error());
  return std::unique_ptr<Connection>(std::move(*db));
}

}  // namespace

Result<std::unique_ptr<Authority>> open_authority(std::string_view url, OpenMode mode, const WallClock& clock,
                                                  Random& random, std::chrono::milliseconds busy_limit,
                                                  KeyFilePtr key_file) {
  auto db = is_postgres_url(url) ? open_server(url, mode, clock, random, busy_limit)
                                 : open_file(url, mode, clock, random, busy_limit);
  if (!db) return fail(db.error());
  (*db)->set_key_file(std::move(key_file));
  if (auto ready = migrate(**db, clock); !ready) return fail(ready.error());
  return std::make_unique<SqlAuthority>(std::move(*db), clock);
}

std::string shown_url(std::string_view url) {
  if (!is_postgres_url(url)) return std::string(url);
  const auto target = parse_postgres_url(url);
  return target ? target->label : "postgresql://***";
}

Result<std::string> state_digest(Transaction& transaction) {
  auto zones = transaction.zones();
  if (!zones) return fail(zones.error());
  std::sort(zones->begin(), zones->end(), [](const ZoneRow& a, const ZoneRow& b) { return a.head.id < b.head.id; });
  zone::StateDigest state;
  for (const ZoneRow& row : *zones) {
    zone::ZoneContent content;
    content.head = row.head;
    auto read = transaction.records(row.head.id, [&](StoredRecord&& stored) {
      if (!stored.disabled) content.records.push_back(std::move(stored.record));
    });
    if (!read) return fail(read.error());
    auto metadata = transaction.metadata(row.head.id);
    if (!metadata) return fail(metadata.error());
    auto keys = transaction.keys(row.head.id);
    if (!keys) return fail(keys.error());
    content.metadata = std::move(*metadata);
    content.keys = std::move(*keys);
    state.add(zone::content_digest(std::move(content)));
  }
  const auto tsig_keys = transaction.tsig_keys();
  if (!tsig_keys) return fail(tsig_keys.error());
  auto pools = transaction.target_pools();
  if (!pools) return fail(pools.error());
  auto overrides = transaction.overrides();
  if (!overrides) return fail(overrides.error());
  return zone::to_hex(state.finish(*tsig_keys, pools_of(std::move(*pools)), overrides_of(std::move(*overrides))));
}

}  // namespace sdns::store
