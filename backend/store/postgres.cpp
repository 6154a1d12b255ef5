// SPDX-License-Identifier: MIT
#include "backend/store/postgres.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "backend/store/postgres_impl.h"

namespace sdns::store {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kLockClass = 0x53444E53LL << 32;  // "SDNS": advisory locks belong to the whole database
constexpr int kOldestServer = 130'000;

constexpr std::string_view kTakeRevision =
    "WITH head AS (SELECT revision, epoch, chain FROM journal ORDER BY revision DESC LIMIT 1), "
    "taken AS (INSERT INTO journal (revision, epoch, committed_at, who, digest, chain) VALUES "
    "((SELECT revision FROM head) + 1, (SELECT epoch FROM head), $1, $2, $3, "
    "sha256((SELECT chain FROM head) || $3)) RETURNING revision, chain), "
    "changes AS (INSERT INTO change (revision, zone, kind, owner, type) "
    "SELECT taken.revision, c.zone, c.kind, c.owner, c.type "
    "FROM taken, unnest($4, $5, $6, $7) AS c (zone, kind, owner, type)), "
    "zones AS (UPDATE zone SET revision = taken.revision FROM taken WHERE id = ANY($8)), "
    "pools AS (UPDATE target_pool SET revision = taken.revision FROM taken WHERE name = ANY($9)), "
    "overrides AS (UPDATE health_override SET revision = taken.revision FROM taken WHERE target = ANY($10)) "
    "SELECT revision, chain FROM taken";

}  // namespace

Error PostgresImpl::pooled(std::string_view how) const {
  return {Errc::kUnsupported, fmt::format("{}: a pooler gives this session's connection to others: {}", label(), how),
          "nothing was changed; use the pooler in session mode (PgBouncer: pool_mode = session), or PostgreSQL itself"};
}

void PostgresImpl::forget_statements() {
  statements_.clear();
  known_.clear();
  first_.clear();
}

// Everything that a session needs, in one round trip.
Result<void> PostgresImpl::prepare_session() {
  forget_statements();
  const auto statement = options_.busy_limit + options_.statement_limit;
  // Statements go by keys: with the statistics of a table that has just been filled PostgreSQL would at times rather
  // read all of it. A cost above that of a disabled plan would start its JIT compiler.
  const auto about = link_.script(
      fmt::format("SET jit = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; "
                  "SET lock_timeout = {}; "
                  "SELECT set_config('synchronous_commit', 'on', false) "
                  "WHERE current_setting('synchronous_commit') = 'off'; "
                  "SELECT set_config('statement_timeout', '{}', false) "
                  "WHERE current_setting('statement_timeout') = '0'; "
                  "SELECT set_config('idle_in_transaction_session_timeout', '300000', false) "
                  "WHERE current_setting('idle_in_transaction_session_timeout') = '0'; "
                  "SELECT pg_backend_pid(), current_setting('server_version_num'), current_setting('server_version'), "
                  "current_setting('server_encoding'), pg_is_in_recovery()::int",
                  options_.busy_limit.count(), statement.count()),
      limit());
  if (!about) return fail(about.error());
  const auto text = [&](int column) { return std::string(PQgetvalue(about->get(), 0, column)); };
  if (std::atoi(text(1).c_str()) < kOldestServer)
    return fail(Errc::kUnsupported, fmt::format("{}: PostgreSQL {} is too old", label(), text(2)),
                "PostgreSQL 13 or newer is needed");
  if (text(3) != "UTF8")
    return fail(Errc::kUnsupported, fmt::format("{}: the database has the encoding {}, not UTF8", label(), text(3)),
                "create another with `createdb -T template0 -E UTF8`");
  server_process_ = std::atoll(text(0).c_str());
  standby_ = text(4) == "1";
  pooled_ = link_.told_pid() != server_process_;
  return pooled_ ? refuse_shared_session() : Result<void>();
}

// A pooler in session mode has a connection to PostgreSQL for each of ours. In another mode a second one of ours mostly
// meets the process that has just served the first; begin() sees what this does not.
Result<void> PostgresImpl::refuse_shared_session() {
  auto second = PostgresLink::connect(target_, options_.interrupt);
  if (!second) return fail(second.error());
  const auto result = second->script("SELECT pg_backend_pid()", limit());
  if (!result) return fail(result.error());
  if (std::atoll(PQgetvalue(result->get(), 0, 0)) == server_process_)
    return fail(pooled("two sessions share one process of PostgreSQL"));
  return {};
}

Result<void> PostgresImpl::reconnect() {
  auto link = PostgresLink::connect(target_, options_.interrupt);
  if (!link) return fail(link.error());
  link_ = std::move(*link);
  return prepare_session();
}

Result<void> PostgresImpl::begin_once(Access access) {
  std::vector<PgStep> steps{{"", access == Access::kWrite ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                                                          : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}};
  if (pooled_) steps.push_back({"", "SELECT pg_backend_pid()::int8"});
  auto begun = run(std::move(steps));
  if (!begun) return fail(begun.error());
  begun_ = true;
  if (!pooled_) return {};
  PostgresRows process(rows_read_, std::move(begun->back()));
  (void)process.next();
  --rows_read_;  // of the connection, not of the database
  if (process.integer(0) == server_process_) return {};
  rollback();
  link_.close();
  return fail(pooled("it is another process of PostgreSQL now"));
}

Result<void> PostgresImpl::begin(Access access) {
  failed_.reset();
  const bool fresh = !link_.alive() && options_.reconnect;
  if (fresh)
    if (auto again = reconnect(); !again) return again;
  auto begun = begin_once(access);
  // The connection may have been lost long ago: nothing has been done on it.
  if (!begun && !link_.alive() && !fresh && options_.reconnect && begun.error().code == Errc::kUnavailable) {
    if (auto again = reconnect(); !again) return again;
    begun = begin_once(access);
  }
  return begun;
}

Result<void> PostgresImpl::send_commit(std::vector<PgStep> steps, std::vector<PgResult>& results) {
  if (failed_) {
    Error error = *failed_;
    rollback();
    return fail(std::move(error));
  }
  steps.push_back({"", "COMMIT"});
  auto done = run(std::move(steps));
  if (!done) {
    Error error = done.error();
    if (!link_.alive()) {
      error.what += "; whether the change was committed is not known";
      error.hint = "look at what is there before you repeat it";
    }
    rollback();
    return fail(std::move(error));
  }
  begun_ = false;
  first_.clear();
  // A transaction in which a statement failed is rolled back by COMMIT, without an error.
  if (std::strcmp(PQcmdStatus(done->back().get()), "COMMIT") != 0)
    return fail(Errc::kIo, fmt::format("{}: the transaction was rolled back", label()), "nothing was changed");
  done->pop_back();
  results = std::move(*done);
  return {};
}

Result<void> PostgresImpl::commit() {
  std::vector<PgResult> none;
  return send_commit({}, none);
}

void PostgresImpl::rollback() {
  if (!std::exchange(begun_, false)) return;
  first_.clear();  // cursors end with the transaction
  failed_.reset();
  if (link_.alive()) (void)link_.run({{"", "ROLLBACK"}}, limit());
}

Result<void> PostgresImpl::rollback_to(std::string_view savepoint) {
  if (!begun_ || !link_.alive())
    return fail(failed_.value_or(Error{Errc::kUnavailable, fmt::format("{}: no transaction is open", label()), ""}));
  failed_.reset();
  std::erase_if(first_, [](const PgStep& step) { return step.sql.starts_with("CLOSE "); });  // they may be gone
  const auto done = run({{"", fmt::format("ROLLBACK TO SAVEPOINT {}", savepoint)}});
  if (!done) return fail(done.error());
  return {};
}

Result<void> PostgresImpl::script(const std::string& sql) {
  if (failed_) return fail(*failed_);
  if (auto done = link_.script(sql, limit()); !done) {
    if (begun_) failed_ = done.error();
    return fail(done.error());
  }
  return {};
}

Result<void> PostgresImpl::hold(Lock lock) {
  const auto held = run_one("SELECT pg_advisory_xact_lock($1)", {Param(kLockClass | static_cast<std::int64_t>(lock))});
  if (!held) return fail(held.error());
  return {};
}

Result<void> PostgresImpl::hold_shared(Lock lock) {
  const auto held =
      run_one("SELECT pg_advisory_xact_lock_shared($1)", {Param(kLockClass | static_cast<std::int64_t>(lock))});
  if (!held) return fail(held.error());
  return {};
}

// A table that is written anew: VACUUM alone would leave the octets of former rows in its pages. Of whom the tables are
// not, PostgreSQL would leave it undone with a warning.
Result<void> PostgresImpl::forget_former_rows() {
  for (const std::string table : {"cryptokey", "tsig_key"}) {
    const auto owned = one_number("SELECT pg_has_role(relowner, 'USAGE')::int FROM pg_class WHERE oid = $1::regclass",
                                  {std::string_view(table)});
    if (!owned) return fail(owned.error());
    if (*owned == 0)
      return fail(Errc::kPermission, fmt::format("{}: only the owner of {} may write it anew", label(), table),
                  "it still holds former rows; run the command again as the role that owns the tables");
    if (auto done = script("VACUUM FULL " + table); !done) return done;
  }
  return {};
}

Result<std::int64_t> PostgresImpl::next_number(std::string_view counter) {
  return one_number("SELECT nextval(('counter_' || $1)::regclass)", {counter});
}

Result<std::optional<std::int64_t>> PostgresImpl::shared_clock() {
  const auto now = one_number("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8");
  if (!now) return fail(now.error());
  return *now;
}

// The lock, the statement, whose snapshot is taken after the lock was given, and COMMIT go out together: nobody else
// waits for the way between us and the server.
Result<GivenRevision> PostgresImpl::commit_revision(const RevisionDraft& draft) {
  std::vector<std::int64_t> zones;
  std::vector<std::int64_t> kinds;
  std::vector<std::string_view> owners;
  std::vector<std::int64_t> types;
  for (const RevisionDraft::Change& change : draft.changes) {
    zones.push_back(change.zone);
    kinds.push_back(change.kind);
    owners.push_back(change.owner);
    types.push_back(change.type);
  }
  std::vector<PgValue> values{PgValue::of(draft.committed_at),  PgValue::of(draft.who),
                              PgValue::of(Bytes{draft.digest}), PgValue::integers(zones),
                              PgValue::integers(kinds),         PgValue::byte_strings(owners),
                              PgValue::integers(types),         PgValue::integers(draft.zones),
                              PgValue::texts(draft.pools),      PgValue::texts(draft.overrides)};
  auto take = steps_for(kTakeRevision, std::move(values));
  std::vector<PgStep> steps;
  if (take.size() > 1) steps.push_back(std::move(take.front()));  // prepared before the lock
  steps.push_back(
      {"", fmt::format("SELECT pg_advisory_xact_lock({})", kLockClass | static_cast<std::int64_t>(Lock::kJournal))});
  steps.push_back(std::move(take.back()));
  steps.push_back({"", "NOTIFY sovereign_dns"});
  std::vector<PgResult> results;
  if (auto done = send_commit(std::move(steps), results); !done) return fail(done.error());
  PostgresRows taken(rows_read_, std::move(results[1]));
  (void)taken.next();
  --rows_read_;
  return GivenRevision{taken.integer(0), std::string(taken.text(1))};
}

Result<bool> PostgresImpl::has_tables() {
  const auto found = one_number("SELECT (to_regclass('meta') IS NOT NULL)::int");
  if (!found) return fail(found.error());
  return *found == 1;
}

Result<bool> PostgresImpl::listen() {
  if (standby_) return false;
  if (auto done = link_.script("LISTEN sovereign_dns", limit()); !done) return fail(done.error());
  return true;
}

// Text compares octet by octet, whatever the locale, so that orders are those of SQLite and an update of the system's
// locales damages no index.
std::string PostgresImpl::translate(std::string_view sql) const {
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"--postgresql: ", ""},
      {"{int}", "BIGINT"},
      {"{bytes}", "BYTEA"},
      {" {clustered}", ""},
      {" TEXT,", " TEXT COLLATE \"C\","},
      {" TEXT;", " TEXT COLLATE \"C\";"},
      {" TEXT NOT NULL", " TEXT COLLATE \"C\" NOT NULL"}};
  std::string text(sql);
  for (const auto& [from, to] : kWords)
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  return text;
}

Result<std::unique_ptr<PostgresConnection>> open_postgres(std::string_view url, const PostgresOptions& options) {
  auto target = parse_postgres_url(url);
  if (!target) return fail(target.error());
  auto link = PostgresLink::connect(*target, options.interrupt);
  if (!link) return fail(link.error());
  auto connection = std::make_unique<PostgresImpl>(std::move(*target), options, std::move(*link));
  if (auto ready = connection->prepare_session(); !ready) return fail(ready.error());
  return std::unique_ptr<PostgresConnection>(std::move(connection));
}

}  // namespace sdns::store
