// SPDX-License-Identifier: MIT
// A thin SQL connection: what the statements of this folder need from SQLite or PostgreSQL. Placeholders are $1, $2, …
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "backend/base/error.h"
#include "backend/store/key_file.h"

namespace sdns::store {

/// An octet string as a parameter.
struct Bytes {
  std::string_view octets;
};
/// A borrowed parameter: NULL, integer, text or octets. Must live until the call returns.
using Param = std::variant<std::monostate, std::int64_t, std::string_view, Bytes>;
using Params = std::initializer_list<Param>;

/// The rows of a running query; its destruction ends the query. Columns count from 0.
class Rows {
 public:
  virtual ~Rows() = default;
  /// Moves to the next row; false after the last one.
  virtual Result<bool> next() = 0;
  [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
  /// Text or octets; valid until next().
  [[nodiscard]] virtual std::string_view text(int column) const = 0;
  [[nodiscard]] virtual bool is_null(int column) const = 0;
};
using RowsPtr = std::unique_ptr<Rows>;

enum class Access {
  kRead,   ///< a consistent snapshot of one moment
  kWrite,  ///< see Writers
};

enum class Writers {
  kOne,      ///< a write transaction is the only one, from its start on
  kSeveral,  ///< each statement sees what others have committed; rows and Locks keep them apart
};

/// What several writers must not do at the same time; held until the end of the transaction.
enum class Lock : std::int32_t { kJournal = 1, kSchema, kTsigKeys, kTargetPools, kOverrides, kSealing, kLedger };

/// A revision that is about to be given: its rows of `journal` and `change`, and whose `revision` it becomes.
struct RevisionDraft {
  struct Change {
    std::int64_t zone = 0;
    std::int64_t kind = 0;
    std::string owner;
    std::int64_t type = 0;
  };
  std::string_view who;
  std::int64_t committed_at = 0;  ///< milliseconds since 1970
  std::string_view digest;        ///< octets
  std::vector<Change> changes;    ///< in the order of their keys, each once
  std::vector<std::int64_t> zones;
  std::vector<std::string> pools;
  std::vector<std::string> overrides;
};
struct GivenRevision {
  std::int64_t revision = 0;
  std::string chain;  ///< octets: SHA-256 of the chain before and the digest
};

/// A connection with at most one transaction, used by one thread. Statements are prepared once and kept.
///
/// `{lock}` at the end of a SELECT locks its rows against other writers, where there are several.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual Result<void> begin(Access access) = 0;
  /// After an error the transaction is rolled back.
  virtual Result<void> commit() = 0;
  virtual void rollback() = 0;
  /// Back to a SAVEPOINT of this transaction, also after a statement that failed; locks taken since are given up.
  /// Errors: the whole transaction has ended, or the connection is lost.
  virtual Result<void> rollback_to(std::string_view savepoint) = 0;
  [[nodiscard]] virtual bool in_transaction() const = 0;

  [[nodiscard]] virtual Writers writers() const = 0;
  /// Waits until no other transaction holds it, and holds it until the end of this one. Nothing where one writes alone.
  virtual Result<void> hold(Lock lock) = 0;
  /// The same together with all others that hold it so.
  virtual Result<void> hold_shared(Lock lock) = 0;

  /// For a result of moderate size, which may be held in memory.
  virtual Result<RowsPtr> query(std::string_view sql, Params params = {}) = 0;
  /// The same for a result of any size, in a transaction: rows are fetched while they are walked.
  virtual Result<RowsPtr> stream(std::string_view sql, Params params = {}) = 0;
  /// Runs a statement that returns no rows; the number of rows that it touched.
  virtual Result<std::int64_t> execute(std::string_view sql, Params params = {}) = 0;
  /// Runs several statements without parameters.
  virtual Result<void> script(const std::string& sql) = 0;
  /// The next number of `zone` or `cryptokey`, which nobody ever had.
  virtual Result<std::int64_t> next_number(std::string_view counter) = 0;
  /// Gives the next revision, writes its rows and commits. Where there are several writers they wait for each other
  /// here alone. Errors as commit(): nothing was changed, or, when the connection was lost, it may have been: the error
  /// says which.
  virtual Result<GivenRevision> commit_revision(const RevisionDraft& draft) = 0;
  /// The wall clock that all programs on this database share, in microseconds since 1970; nothing: each has its own.
  virtual Result<std::optional<std::int64_t>> shared_clock() = 0;

  /// The text of a migration in this database's dialect: see migrations/0001_authority.sql.
  [[nodiscard]] virtual std::string translate(std::string_view sql) const = 0;

  /// Rows that queries have returned so far.
  [[nodiscard]] virtual std::uint64_t rows_read() const = 0;
  /// What is connected to, for messages: no secrets.
  [[nodiscard]] virtual const std::string& label() const = 0;
  /// Has nothing of what the rows with secrets held before they were changed, as far as that is in the database's hand.
  virtual Result<void> forget_former_rows() = 0;

  /// What seals and opens the secrets of its rows.
  [[nodiscard]] const KeyFile& key_file() const { return *key_file_; }
  void set_key_file(KeyFilePtr file) { key_file_ = std::move(file); }

 private:
  KeyFilePtr key_file_ = std::make_shared<const KeyFile>();
};

}  // namespace sdns::store
