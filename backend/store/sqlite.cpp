// SPDX-License-Identifier: MIT
#include "backend/store/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <unordered_map>
#include <utility>
#include <vector>

#include "backend/base/owned.h"
#include "backend/store/revision.h"
#include "backend/store/sqlite_file.h"

namespace sdns::store {
namespace {

using Database = Owned<sqlite3, sqlite3_close_v2>;
using SqliteStmt = Owned<sqlite3_stmt, sqlite3_finalize>;

bool out_of_space(int system_error) {
  return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
}

// What failed, in the words of Errc. `path` is for the message and for finding out why a file cannot be opened.
Error explain(sqlite3* db, int code, const std::string& path, std::string_view doing) {
  // A failing COMMIT does not note the system's error, but the last system call that failed was its write.
  const int last_error = errno;
  const int extended = db != nullptr ? sqlite3_extended_errcode(db) : code;
  const int noted_error = db != nullptr ? sqlite3_system_errno(db) : 0;
  const int system_error = noted_error != 0 ? noted_error : last_error;
  const std::string why =
      fmt::format("{}: {}: {}", path, doing, db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code));
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Errc::kBusy, why, "another program is writing to the database; nothing was changed, try again"};
    case SQLITE_FULL:
      return {Errc::kNoSpace, why, "nothing was changed; free space on the file system of the database"};
    case SQLITE_READONLY:
      return {Errc::kReadOnly, why,
              "nothing was changed; check owner and mode of the file, its directory and the mount"};
    case SQLITE_NOTADB:
      return {Errc::kForeign, fmt::format("{}: is not a SQLite database", path),
              "give the path of an authority database, or restore it from a backup"};
    case SQLITE_CORRUPT:
      return {Errc::kCorrupt, why, "the database is damaged; restore it from a backup"};
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {Errc::kPermission, why, "check owner and mode of the file"};
    case SQLITE_CANTOPEN:
      if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT)
        return {Errc::kNotFound, fmt::format("{}: there is no such file", path), {}};
      if (::access(path.c_str(), R_OK) != 0)
        return {Errc::kPermission, fmt::format("{}: may not be read: {}", path, std::strerror(errno)),
                "check owner and mode of the file and its directory"};
      if (::access(directory_of(path).c_str(), W_OK) != 0)
        return {Errc::kReadOnly, fmt::format("{}: its directory may not be written to: {}", path, std::strerror(errno)),
                "SQLite keeps its write-ahead log beside the database; make the directory writable"};
      if (out_of_space(system_error)) return {Errc::kNoSpace, why, "free space on the file system of the database"};
      return {Errc::kUnavailable, why, "check the path, its owner and its mode"};
    case SQLITE_IOERR:
      if (out_of_space(system_error) || extended == SQLITE_IOERR_SHMSIZE)
        return {Errc::kNoSpace, why, "nothing was changed; free space on the file system of the database"};
      if (extended == SQLITE_IOERR_SHORT_READ || extended == SQLITE_IOERR_CORRUPTFS)
        return {Errc::kCorrupt, why, "the database is cut short; restore it from a backup"};
      return {Errc::kIo, fmt::format("{} ({})", why, std::strerror(system_error)), "check the disk and the kernel log"};
    case SQLITE_ERROR:
      return {Errc::kForeign, why, "the schema is not the one that this program knows"};
    case SQLITE_CONSTRAINT:
      return {Errc::kConflict, why, "nothing was changed"};
    default:
      return {Errc::kIo, why, {}};
  }
}

// Called by SQLite while it waits for a lock. The library's own handler backs off to 100 ms and more.
int wait_a_moment(void* context, int times) {
  constexpr int kFirstSleeps = 5;
  const auto& limit = *static_cast<const std::chrono::milliseconds*>(context);
  if (times >= limit.count()) return 0;
  const timespec pause{0, times < kFirstSleeps ? 200'000 : 1'000'000};
  ::nanosleep(&pause, nullptr);
  return 1;
}

class SqliteRows;

class SqliteImpl final : public SqliteConnection {
 public:
  SqliteImpl(Database db, std::string path, std::unique_ptr<std::chrono::milliseconds> busy, FileIdentity file)
      : busy_(std::move(busy)), db_(std::move(db)), path_(std::move(path)), file_(file) {}
  ~SqliteImpl() override {
    if (in_transaction()) rollback();
    idle_.clear();
  }
  SqliteImpl(const SqliteImpl&) = delete;
  SqliteImpl& operator=(const SqliteImpl&) = delete;

  Result<void> begin(Access access) override {
    if (access == Access::kWrite) {
      if (auto same = require_same_file(); !same) return same;
    }
    const auto done = execute(access == Access::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
    if (!done) return fail(done.error());
    writing_ = access == Access::kWrite;
    return {};
  }
  Result<void> commit() override {
    Result<void> done = writing_ ? require_same_file() : Result<void>();
    if (done) {
      if (const auto committed = execute("COMMIT"); !committed) done = fail(committed.error());
    }
    if (!done) rollback();
    return done;
  }
  Result<void> rollback_to(std::string_view savepoint) override {
    if (!in_transaction())  // a full disk may have ended it
      return fail(Errc::kIo, fmt::format("{}: the transaction was rolled back", label()), "nothing was changed");
    auto done = execute(fmt::format("ROLLBACK TO SAVEPOINT {}", savepoint));
    if (!done) return fail(done.error());
    return {};
  }
  void rollback() override {
    if (in_transaction()) (void)execute("ROLLBACK");
  }
  bool in_transaction() const override { return sqlite3_get_autocommit(db_.get()) == 0; }

  Writers writers() const override { return Writers::kOne; }
  Result<void> hold(Lock) override { return {}; }
  Result<void> hold_shared(Lock) override { return {}; }
  Result<RowsPtr> query(std::string_view sql, Params params) override;
  Result<RowsPtr> stream(std::string_view sql, Params params) override { return query(sql, params); }
  Result<std::int64_t> next_number(std::string_view counter) override;
  Result<GivenRevision> commit_revision(const RevisionDraft& draft) override;
  Result<std::optional<std::int64_t>> shared_clock() override { return std::nullopt; }
  Result<std::int64_t> execute(std::string_view sql, Params params = {}) override;
  Result<void> script(const std::string& sql) override {
    const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return fail(error(code, "running a script"));
    return {};
  }
  Result<void> forget_former_rows() override;
  std::string translate(std::string_view sql) const override;
  Result<std::int64_t> data_version() override;

  std::uint64_t rows_read() const override { return rows_read_; }
  const std::string& label() const override { return path_; }
  FileIdentity file() const override { return file_; }

  Error error(int code, std::string_view doing) const { return explain(db_.get(), code, path_, doing); }

 private:
  friend class SqliteRows;
  struct Lease {
    SqliteStmt statement;
    std::vector<SqliteStmt>* home = nullptr;
  };
  // SQLite would go on writing to a file that lost its name, and acknowledge what nobody else can see.
  Result<void> require_same_file() const {
    if (file_.inode == 0 || file_identity(path_) == file_) return {};
    return fail(Errc::kUnavailable, fmt::format("{}: the file was replaced or removed while it was open", path_),
                "nothing was changed; put the file back, or open the new one");
  }
  Result<Lease> prepare(std::string_view sql, Params params, bool keep_params);
  static void give_back(Lease lease) {
    sqlite3_reset(lease.statement.get());
    sqlite3_clear_bindings(lease.statement.get());
    lease.home->push_back(std::move(lease.statement));
  }

  std::unique_ptr<std::chrono::milliseconds> busy_;
  Database db_;
  std::string path_;
  FileIdentity file_;  // nothing for a draft
  bool writing_ = false;
  std::uint64_t rows_read_ = 0;
  std::unordered_map<std::string, std::vector<SqliteStmt>> idle_;  // a statement in use is not here
  const std::string* last_sql_ = nullptr;                          // most calls repeat the statement before
  std::vector<SqliteStmt>* last_home_ = nullptr;
};

class SqliteRows final : public Rows {
 public:
  SqliteRows(SqliteImpl& connection, SqliteImpl::Lease lease)
      : connection_(connection), lease_(std::move(lease)), statement_(lease_.statement.get()) {}
  ~SqliteRows() override { SqliteImpl::give_back(std::move(lease_)); }
  SqliteRows(const SqliteRows&) = delete;
  SqliteRows& operator=(const SqliteRows&) = delete;

  Result<bool> next() override {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) {
      ++connection_.rows_read_;
      return true;
    }
    if (code == SQLITE_DONE) return false;
    return fail(connection_.error(code, "reading"));
  }
  std::int64_t integer(int column) const override { return sqlite3_column_int64(statement_, column); }
  std::string_view text(int column) const override {
    const void* octets = sqlite3_column_blob(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return octets == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(octets), size);
  }
  bool is_null(int column) const override { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  SqliteImpl& connection_;
  SqliteImpl::Lease lease_;
  sqlite3_stmt* statement_;
};

// SQLite numbers parameters with ?1; $1 would be a parameter with a name. Its writers have no rows to lock.
std::string in_sqlite(std::string_view sql) {
  constexpr std::string_view kLock = "{lock}";
  if (sql.ends_with(kLock)) sql.remove_suffix(kLock.size());
  std::string text(sql);
  for (char& c : text)
    if (c == '$') c = '?';
  return text;
}

int bind(sqlite3_stmt* statement, int index, const Param& param, bool keep) {
  // A pointer that is not null: SQLite takes a null one for NULL, whatever the length.
  const auto lifetime = keep ? SQLITE_TRANSIENT : SQLITE_STATIC;
  if (const auto* number = std::get_if<std::int64_t>(&param)) return sqlite3_bind_int64(statement, index, *number);
  if (const auto* text = std::get_if<std::string_view>(&param))
    return sqlite3_bind_text(statement, index, text->data() == nullptr ? "" : text->data(),
                             static_cast<int>(text->size()), lifetime);
  if (const auto* bytes = std::get_if<Bytes>(&param))
    return sqlite3_bind_blob(statement, index, bytes->octets.data() == nullptr ? "" : bytes->octets.data(),
                             static_cast<int>(bytes->octets.size()), lifetime);
  return sqlite3_bind_null(statement, index);
}

Result<SqliteImpl::Lease> SqliteImpl::prepare(std::string_view sql, Params params, bool keep_params) {
  if (last_sql_ == nullptr || *last_sql_ != sql) {
    const auto at = idle_.try_emplace(std::string(sql)).first;
    last_sql_ = &at->first;
    last_home_ = &at->second;
  }
  Lease lease;
  lease.home = last_home_;
  if (!last_home_->empty()) {
    lease.statement = std::move(last_home_->back());
    last_home_->pop_back();
  } else {
    sqlite3_stmt* raw = nullptr;
    const std::string text = in_sqlite(sql);
    const int code = sqlite3_prepare_v3(db_.get(), text.c_str(), static_cast<int>(text.size()) + 1,
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (code != SQLITE_OK) return fail(error(code, fmt::format("preparing \"{}\"", sql)));
    lease.statement.reset(raw);
  }
  int index = 0;
  for (const Param& param : params) {
    const int code = bind(lease.statement.get(), ++index, param, keep_params);
    if (code != SQLITE_OK) return fail(error(code, "binding a value"));
  }
  return lease;
}

Result<RowsPtr> SqliteImpl::query(std::string_view sql, Params params) {
  auto lease = prepare(sql, params, true);
  if (!lease) return fail(lease.error());
  return std::make_unique<SqliteRows>(*this, std::move(*lease));
}

Result<std::int64_t> SqliteImpl::execute(std::string_view sql, Params params) {
  auto lease = prepare(sql, params, false);
  if (!lease) return fail(lease.error());
  errno = 0;
  const int code = sqlite3_step(lease->statement.get());
  if (code != SQLITE_DONE && code != SQLITE_ROW) {
    Error failed = error(code, sql);
    give_back(std::move(*lease));
    return fail(std::move(failed));
  }
  give_back(std::move(*lease));
  return sqlite3_changes64(db_.get());
}

// Secure deletion (on in Debian's library, and set here) leaves nothing in the file; the write-ahead log is emptied.
Result<void> SqliteImpl::forget_former_rows() {
  auto rows = query("PRAGMA wal_checkpoint(TRUNCATE)", {});
  if (!rows) return fail(rows.error());
  const auto row = (*rows)->next();
  if (!row) return fail(row.error());
  if (*row && (*rows)->integer(0) != 0)
    return fail(Errc::kBusy, fmt::format("{}: its write-ahead log cannot be emptied while others read it", path_),
                "it still holds former rows; run the command again");
  return {};
}

std::string SqliteImpl::translate(std::string_view sql) const {
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"--sqlite: ", ""}, {"{int}", "INTEGER"}, {"{bytes}", "BLOB"}, {"{clustered}", "STRICT, WITHOUT ROWID"}};
  std::string text(sql);
  for (const auto& [from, to] : kWords)
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  return text;
}

Result<std::int64_t> SqliteImpl::next_number(std::string_view counter) {
  auto rows = query("UPDATE counter SET value = value + 1 WHERE name = $1 RETURNING value", {counter});
  if (!rows) return fail(rows.error());
  const auto there = (*rows)->next();
  if (!there) return fail(there.error());
  if (!*there) return 0;
  // The update is done when the first row is there; the statement must still run to its end.
  const std::int64_t number = (*rows)->integer(0);
  if (const auto end = (*rows)->next(); !end) return fail(end.error());
  return number;
}

Result<GivenRevision> SqliteImpl::commit_revision(const RevisionDraft& draft) {
  auto given = write_revision(*this, draft);
  if (!given) return given;
  if (auto done = commit(); !done) return fail(done.error());
  return given;
}

Result<std::int64_t> SqliteImpl::data_version() {
  auto rows = query("PRAGMA data_version", {});
  if (!rows) return fail(rows.error());
  const auto row = (*rows)->next();
  if (!row) return fail(row.error());
  --rows_read_;  // a number of the connection, not a row of the database
  return (*rows)->integer(0);
}

Result<std::unique_ptr<SqliteImpl>> connect(const std::string& path, bool read_only, std::chrono::milliseconds busy,
                                            FileIdentity file) {
  sqlite3* raw = nullptr;
  // Also a follower opens for writing where it may: readers of a write-ahead log write to its shared memory.
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database db(raw);
  auto limit = std::make_unique<std::chrono::milliseconds>(busy);
  if (raw != nullptr) sqlite3_busy_handler(raw, wait_a_moment, limit.get());  // before anything else
  if (code != SQLITE_OK) return fail(explain(raw, code, path, "opening"));
  auto connection = std::make_unique<SqliteImpl>(std::move(db), path, std::move(limit), file);
  auto ready = connection->script(
      "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF;"
      "PRAGMA journal_size_limit=67108864; PRAGMA secure_delete=ON;");
  // An import dirties many pages; a follower reads each page once.
  if (ready)
    ready =
        connection->script(read_only ? "PRAGMA cache_size=-8192; PRAGMA query_only=ON" : "PRAGMA cache_size=-65536");
  if (!ready) return fail(ready.error());
  return connection;
}

Result<std::string> pragma(SqliteImpl& connection, std::string_view name) {
  auto rows = connection.query(fmt::format("PRAGMA {}", name), {});
  if (!rows) return fail(rows.error());
  const auto row = (*rows)->next();
  if (!row) return fail(row.error());
  return std::string(*row ? (*rows)->text(0) : "");
}

}  // namespace

Result<std::unique_ptr<SqliteConnection>> open_sqlite(const std::string& path, SqliteOpen mode,
                                                      std::chrono::milliseconds busy) {
  const auto file = check_database_file(path);
  if (!file) return fail(file.error());
  auto connection = connect(path, mode == SqliteOpen::kFollow, busy, *file);
  if (!connection) return fail(connection.error());

  const auto application = pragma(**connection, "application_id");
  if (!application) return fail(application.error());
  if (*application != std::to_string(kSqliteApplicationId))
    return fail(Errc::kForeign,
                fmt::format("{}: is a SQLite database of another program (application id {}, not {})", path,
                            *application, kSqliteApplicationId),
                "give the path of an authority database");
  if (mode == SqliteOpen::kEdit) {
    const auto journal = pragma(**connection, "journal_mode");
    if (!journal) return fail(journal.error());
    if (*journal != "wal") {  // a copy made with VACUUM INTO comes without
      const auto set = pragma(**connection, "journal_mode=WAL");
      if (!set) return fail(set.error());
    }
  }
  if (file_identity(path) != *file)
    return fail(Errc::kUnavailable, fmt::format("{}: was replaced while it was opened", path), "try again");
  return std::unique_ptr<SqliteConnection>(std::move(*connection));
}

Result<void> create_sqlite(const std::string& path, const std::function<Result<void>(Connection&)>& fill) {
  auto draft = DraftFile::create(path);
  if (!draft) return fail(draft.error());
  {
    auto connection = connect(draft->path(), false, std::chrono::seconds(1), {});
    if (!connection) return fail(connection.error());
    SqliteImpl& db = **connection;
    auto done = db.script(fmt::format("PRAGMA application_id={};", kSqliteApplicationId));
    if (done) done = db.begin(Access::kWrite);
    if (done) done = fill(db);
    if (done) done = db.commit();
    if (!done) return fail(done.error());
    const auto wal = pragma(db, "journal_mode=WAL");
    if (!wal) return fail(wal.error());
    if (*wal != "wal")
      return fail(Errc::kUnsupported, fmt::format("{}: its file system cannot hold a write-ahead log", path),
                  "put the database on a local file system");
  }
  return draft->publish();
}

}  // namespace sdns::store
