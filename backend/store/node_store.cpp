// SPDX-License-Identifier: MIT
#include "backend/store/node_store.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <utility>

#include "backend/store/postgres.h"
#include "backend/store/postgres_target.h"
#include "backend/store/rows.h"
#include "backend/store/schema.h"
#include "backend/store/sqlite.h"

namespace sdns::store {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr milliseconds kStatementLimit{5'000};
constexpr std::string_view kNodeColumns =
    "name, applied_revision, last_seen, serve_until, clock, started, beat, incarnation, version, verdicts, "
    "verdicts_floor";

std::int64_t to_ms(WallTime time) { return duration_cast<milliseconds>(time.time_since_epoch()).count(); }
WallTime from_ms(std::int64_t ms) { return WallTime(milliseconds(ms)); }
std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }

std::string_view octets_of(const CheckDigest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

NodeRow node_of(const Rows& row) {
  const auto count = [&](int column) { return static_cast<std::uint64_t>(row.integer(column)); };
  return {.name = std::string(row.text(0)),
          .applied = count(1),
          .last_seen = from_ms(row.integer(2)),
          .serve_until = from_ms(row.integer(3)),
          .clock = from_ms(row.integer(4)),
          .started = from_ms(row.integer(5)),
          .beat = count(6),
          .incarnation = count(7),
          .version = std::string(row.text(8)),
          .verdicts = count(9),
          .verdicts_floor = count(10)};
}

Result<health::Verdict> stored_verdict(const Connection& db, std::string_view text) {
  for (const auto verdict : {health::Verdict::kUp, health::Verdict::kDown, health::Verdict::kUnknown})
    if (health::verdict_name(verdict) == text) return verdict;
  return fail(damaged(db, fmt::format("a verdict of a node is \"{}\"", text)));
}

// `first` is the column of the digest; the verdict and when it changed follow.
Result<SharedVerdict> shared_of(const Connection& db, const Rows& row, int first) {
  SharedVerdict shared;
  const std::string_view digest = row.text(first);
  if (digest.size() != shared.check.size()) return fail(damaged(db, "a verdict of a node is of no check"));
  std::copy(digest.begin(), digest.end(), shared.check.begin());
  const auto verdict = stored_verdict(db, row.text(first + 1));
  if (!verdict) return fail(verdict.error());
  shared.verdict = *verdict;
  shared.changed = from_ms(row.integer(first + 2));
  return shared;
}

// A statement for each row would be a round trip for each where the database is far away.
template <std::size_t... Places>
Result<std::int64_t> put_rows(Connection& db, const std::array<Param, sizeof...(Places)>& values,
                              std::index_sequence<Places...> /*places*/) {
  static const std::string statement = [] {
    std::string text = "INSERT INTO verdict (node, check_digest, verdict, changed, number) VALUES ";
    for (std::size_t at = 1; at < sizeof...(Places); at += 5)
      text += fmt::format("{}(${}, ${}, ${}, ${}, ${})", at == 1 ? "" : ", ", at, at + 1, at + 2, at + 3, at + 4);
    return text +
           " ON CONFLICT (node, check_digest) DO UPDATE SET verdict = excluded.verdict, changed = excluded.changed, "
           "number = excluded.number";
  }();
  return db.execute(statement, {values[Places]...});
}

template <std::size_t Count>
Result<void> put_some(Connection& db, const std::string& node, std::span<const SharedVerdict>& changes,
                      std::uint64_t& number) {
  for (; changes.size() >= Count; changes = changes.subspan(Count)) {
    std::array<Param, 5 * Count> values;
    for (std::size_t i = 0; i < Count; ++i) {
      const SharedVerdict& change = changes[i];
      values[5 * i] = std::string_view(node);
      values[5 * i + 1] = Bytes{octets_of(change.check)};
      values[5 * i + 2] = health::verdict_name(change.verdict);
      values[5 * i + 3] = to_ms(change.changed);
      values[5 * i + 4] = signed_of(++number);
    }
    if (auto done = put_rows(db, values, std::make_index_sequence<5 * Count>()); !done) return fail(done.error());
  }
  return {};
}

// A connection that was lost is not made again: what was written on it is not known then.
Result<std::unique_ptr<Connection>> connect_to_server(std::string_view url, milliseconds busy_limit, int interrupt) {
  auto db = open_postgres(
      url, {.busy_limit = busy_limit, .statement_limit = kStatementLimit, .interrupt = interrupt, .reconnect = false});
  if (!db) return fail(db.error());
  const auto there = (*db)->has_tables();
  if (!there) return fail(there.error());
  if (!*there)
    return fail(Errc::kUnavailable, fmt::format("{}: has no tables of an authority database", (*db)->label()),
                "create them with `sdnsctl database init`");
  return std::unique_ptr<Connection>(std::move(*db));
}

Result<std::unique_ptr<Connection>> open_file(std::string_view url, milliseconds busy_limit) {
  const auto path = sqlite_path(url);
  if (!path) return fail(path.error());
  auto db = open_sqlite(*path, SqliteOpen::kEdit, busy_limit);
  if (!db) return fail(db.error());
  return std::unique_ptr<Connection>(std::move(*db));
}

}  // namespace

Result<std::vector<NodeRow>> read_nodes(Connection& db) {
  std::vector<NodeRow> nodes;
  static const std::string statement = fmt::format("SELECT {} FROM node ORDER BY name", kNodeColumns);
  auto rows = db.query(statement);
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return nodes;
    nodes.push_back(node_of(**rows));
  }
}

Result<void> delete_node(Connection& db, const std::string& name) {
  const auto gone = db.execute("DELETE FROM node WHERE name = $1", {name});
  if (!gone) return fail(gone.error());
  if (*gone == 0) return fail(Errc::kNotFound, fmt::format("there is no node {}", name), "`sdnsctl node list`");
  const auto cleared = db.execute("DELETE FROM verdict WHERE node = $1", {name});
  if (!cleared) return fail(cleared.error());
  return {};
}

Result<std::optional<WallTime>> database_clock(Connection& db) {
  const auto shared = db.shared_clock();
  if (!shared) return fail(shared.error());
  if (!*shared) return std::nullopt;
  return from_ms(**shared / 1'000);
}

CheckDigest check_digest(std::string_view identity) {
  zone::Hasher hasher;
  hasher.add(identity);
  return hasher.finish();
}

NodeStore::NodeStore(std::unique_ptr<Connection> db, const WallClock& clock, Random& random)
    : db_(std::move(db)), clock_(clock), random_(random) {}

Result<std::unique_ptr<NodeStore>> NodeStore::open(std::string_view url, const WallClock& clock, Random& random,
                                                   milliseconds busy_limit, int interrupt) {
  auto db = is_postgres_url(url) ? connect_to_server(url, busy_limit, interrupt) : open_file(url, busy_limit);
  if (!db) {
    Error error = db.error();
    if (error.code == Errc::kNotFound) error.code = Errc::kUnavailable;  // it may come back
    return fail(std::move(error));
  }
  const auto identity = read_identity(**db);
  if (!identity) return fail(identity.error());
  if (auto fits = require_current_schema(**db, identity->schema_version, migrations().back().version); !fits)
    return fail(fits.error());
  return std::make_unique<NodeStore>(std::move(*db), clock, random);
}

Result<std::string> NodeStore::database_id() {
  auto identity = read_identity(*db_);
  if (!identity) return fail(identity.error());
  return std::move(identity->database_id);
}

Result<WallTime> NodeStore::now() {
  const auto own = database_clock(*db_);
  if (!own) return fail(own.error());
  return own->value_or(clock_.wall_now());
}

Result<Beaten> NodeStore::beat(const Heartbeat& heartbeat, std::span<const SharedVerdict> changes) {
  if (auto begun = db_->begin(Access::kWrite); !begun) return fail(begun.error());
  auto beaten = beat_in_transaction(heartbeat, changes);
  if (!beaten) {
    db_->rollback();
    written_.reset();
    return beaten;
  }
  if (auto done = db_->commit(); !done) {
    written_.reset();  // it may be there or not
    return fail(done.error());
  }
  return beaten;
}

Result<Beaten> NodeStore::beat_in_transaction(const Heartbeat& heartbeat, std::span<const SharedVerdict> changes) {
  Beaten beaten;
  const auto their_clock = database_clock(*db_);
  if (!their_clock) return fail(their_clock.error());
  NodeRow row{.name = heartbeat.name,
              .applied = heartbeat.applied,
              .clock = clock_.wall_now(),
              .started = heartbeat.started,
              .version = heartbeat.version};
  row.last_seen = their_clock->value_or(row.clock);
  if (*their_clock) beaten.clock_ahead = duration_cast<milliseconds>(row.clock - **their_clock);
  row.serve_until = row.last_seen + heartbeat.max_stale;

  std::optional<NodeRow> before;
  {
    static const std::string statement = fmt::format("SELECT {} FROM node WHERE name = $1{{lock}}", kNodeColumns);
    auto rows = db_->query(statement, {heartbeat.name});
    if (!rows) return fail(rows.error());
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (*there) before = node_of(**rows);
  }
  beaten.is_new = !before;
  beaten.disturbed =
      !written_ || !before || before->beat != written_->beat || before->incarnation != written_->incarnation;
  beaten.other_process = before && written_ && before->started != written_->started;
  if (before) {
    row.beat = before->beat;
    row.verdicts = before->verdicts;
    row.verdicts_floor = before->verdicts_floor;
  }
  ++row.beat;
  row.incarnation = beaten.disturbed ? random_.next() >> 1 : before->incarnation;
  if (auto put = put_verdicts(heartbeat.name, changes, row.verdicts); !put) return fail(put.error());
  const auto done = db_->execute(
      "INSERT INTO node (name, applied_revision, last_seen, serve_until, clock, started, beat, incarnation, version, "
      "verdicts, verdicts_floor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (name) DO UPDATE "
      "SET applied_revision = excluded.applied_revision, last_seen = excluded.last_seen, serve_until = "
      "excluded.serve_until, clock = excluded.clock, started = excluded.started, beat = excluded.beat, incarnation = "
      "excluded.incarnation, version = excluded.version, verdicts = excluded.verdicts, verdicts_floor = "
      "excluded.verdicts_floor",
      {row.name, signed_of(row.applied), to_ms(row.last_seen), to_ms(row.serve_until), to_ms(row.clock),
       to_ms(row.started), signed_of(row.beat), signed_of(row.incarnation), row.version, signed_of(row.verdicts),
       signed_of(row.verdicts_floor)});
  if (!done) return fail(done.error());
  beaten.serve_until = row.serve_until;
  // As the database has them: to the millisecond.
  row.started = from_ms(to_ms(row.started));
  written_ = std::move(row);
  return beaten;
}

Result<void> NodeStore::put_verdicts(const std::string& node, std::span<const SharedVerdict> changes,
                                     std::uint64_t& number) {
  auto done = put_some<32>(*db_, node, changes, number);
  if (done) done = put_some<8>(*db_, node, changes, number);
  if (done) done = put_some<1>(*db_, node, changes, number);
  return done;
}

Result<std::vector<SharedVerdict>> NodeStore::verdicts_of(const std::string& node) {
  std::vector<SharedVerdict> found;
  const auto read = verdicts_after(node, 0, std::numeric_limits<std::int32_t>::max(),
                                   [&](const SharedVerdict& shared) { found.push_back(shared); });
  if (!read) return fail(read.error());
  return found;
}

Result<std::uint64_t> NodeStore::verdicts_after(const std::string& node, std::uint64_t after, std::size_t most,
                                                const std::function<void(const SharedVerdict&)>& each) {
  auto rows = db_->query(
      "SELECT check_digest, verdict, changed, number FROM verdict WHERE node = $1 AND number > $2 ORDER BY number "
      "LIMIT $3",
      {node, signed_of(after), static_cast<std::int64_t>(most)});
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return after;
    const auto shared = shared_of(*db_, **rows, 0);
    if (!shared) return fail(shared.error());
    after = static_cast<std::uint64_t>((*rows)->integer(3));
    each(*shared);
  }
}

Result<void> NodeStore::verdicts_on(const CheckDigest& check,
                                    const std::function<void(const std::string&, const SharedVerdict&)>& each) {
  auto rows = db_->query("SELECT node, check_digest, verdict, changed FROM verdict WHERE check_digest = $1",
                         {Bytes{octets_of(check)}});
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return {};
    const auto shared = shared_of(*db_, **rows, 1);
    if (!shared) return fail(shared.error());
    each(std::string((*rows)->text(0)), *shared);
  }
}

Result<std::int64_t> NodeStore::drop_unknown(const std::string& node, WallTime before) {
  if (auto begun = db_->begin(Access::kWrite); !begun) return fail(begun.error());
  const auto dropped = [&]() -> Result<std::int64_t> {
    std::int64_t floor = 0;  // the greatest number of what goes
    {
      auto rows = db_->query(
          "SELECT coalesce(max(number), 0) FROM verdict WHERE node = $1 AND verdict = 'unknown' AND changed < $2",
          {node, to_ms(before)});
      if (!rows) return fail(rows.error());
      const auto there = (*rows)->next();
      if (!there) return fail(there.error());
      if (*there) floor = (*rows)->integer(0);
    }
    const auto raised =
        db_->execute("UPDATE node SET verdicts_floor = $2 WHERE name = $1 AND verdicts_floor < $2", {node, floor});
    if (!raised) return fail(raised.error());
    auto gone = db_->execute("DELETE FROM verdict WHERE node = $1 AND verdict = 'unknown' AND changed < $2",
                             {node, to_ms(before)});
    if (!gone) return gone;
    if (auto done = db_->commit(); !done) return fail(done.error());
    return gone;
  }();
  if (!dropped) {
    if (db_->in_transaction()) db_->rollback();
    written_.reset();
  }
  return dropped;
}

}  // namespace sdns::store
