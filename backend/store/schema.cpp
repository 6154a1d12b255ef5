// SPDX-License-Identifier: MIT
#include "backend/store/schema.h"

#include <fmt/format.h>

#include <chrono>

#include "backend/zone/digest.h"

namespace sdns::store {
namespace {

std::int64_t milliseconds(const WallClock& clock) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall_now().time_since_epoch()).count();
}

Error too_new(const Connection& db, int version, int newest) {
  return {Errc::kTooNew,
          fmt::format("{}: its schema has version {}, this program knows up to {}", db.label(), version, newest),
          "nothing was changed; use a program as new as the one that wrote the database"};
}

Result<void> apply_after(Connection& db, int version, const WallClock& clock, const std::vector<Migration>& all) {
  for (const Migration& migration : all) {
    if (migration.version <= version) continue;
    if (const auto done = db.script(db.translate(migration.sql)); !done) {
      Error error = done.error();
      error.what = fmt::format("migration {}: {}", migration.name, error.what);
      return fail(std::move(error));
    }
    const auto noted = db.execute("INSERT INTO migration (version, name, applied_at) VALUES ($1, $2, $3)",
                                  {migration.version, migration.name, milliseconds(clock)});
    if (!noted) return fail(noted.error());
  }
  return {};
}

}  // namespace

Result<void> initialise(Connection& db, const WallClock& clock, Random& random, const std::vector<Migration>& all) {
  if (const auto made = apply_after(db, 0, clock, all); !made) return made;
  const std::string id = fmt::format("{:016x}{:016x}", random.next(), random.next());
  const auto named = db.execute("INSERT INTO meta (name, value) VALUES ('database_id', $1)", {id});
  if (!named) return fail(named.error());
  zone::Hasher hasher;  // so that the empty histories of two databases differ
  hasher.add(id);
  const zone::Digest chain = hasher.finish();
  const std::string_view octets(reinterpret_cast<const char*>(chain.data()), chain.size());
  const auto begun = db.execute(
      "INSERT INTO journal (revision, epoch, committed_at, who, digest, chain) VALUES (0, 1, $1, '', $2, $2)",
      {milliseconds(clock), Bytes{octets}});
  if (!begun) return fail(begun.error());
  return {};
}

Result<void> migrate(Connection& db, const WallClock& clock, const std::vector<Migration>& all) {
  const int newest = all.back().version;
  const auto seen = read_identity(db);
  if (!seen) return fail(seen.error());
  if (seen->schema_version == newest) return {};
  if (seen->schema_version > newest) return fail(too_new(db, seen->schema_version, newest));

  if (const auto begun = db.begin(Access::kWrite); !begun) return begun;
  Result<void> done = db.hold(Lock::kSchema);
  const auto now = done ? read_identity(db) : Result<Identity>(fail(done.error()));  // another may have been quicker
  if (!now) done = fail(now.error());
  if (done && now->schema_version > newest) done = fail(too_new(db, now->schema_version, newest));
  if (done) done = apply_after(db, now->schema_version, clock, all);
  if (!done) {
    db.rollback();
    return done;
  }
  return db.commit();
}

Result<Identity> read_identity(Connection& db) {
  auto rows =
      db.query("SELECT (SELECT value FROM meta WHERE name = 'database_id'), (SELECT max(version) FROM migration)");
  const auto foreign = [&db](std::string_view why) {
    return fail(Errc::kForeign, fmt::format("{}: is no authority database: {}", db.label(), why),
                "give the path of an authority database, or restore it from a backup");
  };
  if (!rows) {
    // The tables are there from the moment that a database has its name, so a statement about them always prepares.
    if (rows.error().code == Errc::kForeign) return foreign(rows.error().what);
    return fail(rows.error());
  }
  const auto row = (*rows)->next();
  if (!row) return fail(row.error());
  if (!*row || (*rows)->is_null(0) || (*rows)->is_null(1)) return foreign("it has no identity");
  return Identity{std::string((*rows)->text(0)), static_cast<int>((*rows)->integer(1))};
}

Result<void> require_current_schema(const Connection& db, int version, int newest) {
  if (version > newest) return fail(too_new(db, version, newest));
  if (version < newest)
    return fail(Errc::kUnavailable,
                fmt::format("{}: its schema has version {}, this program needs {}", db.label(), version, newest),
                "run `sdnsctl database init`, which brings it up to date");
  return {};
}

}  // namespace sdns::store
