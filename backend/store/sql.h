// SPDX-License-Identifier: MIT
// A thin SQL connection: what the statements of this folder need from SQLite or PostgreSQL. Placeholders are $1, $2, …
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

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
  kWrite,  ///< the only writer, from the start on
};

/// A connection with at most one transaction, used by one thread. Statements are prepared once and kept.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual Result<void> begin(Access access) = 0;
  /// After an error the transaction is rolled back.
  virtual Result<void> commit() = 0;
  virtual void rollback() = 0;
  [[nodiscard]] virtual bool in_transaction() const = 0;

  virtual Result<RowsPtr> query(std::string_view sql, Params params = {}) = 0;
  /// Runs a statement that returns no rows; the number of rows that it touched.
  virtual Result<std::int64_t> execute(std::string_view sql, Params params = {}) = 0;
  /// Runs several statements without parameters.
  virtual Result<void> script(const std::string& sql) = 0;
  /// The text of a migration in this database's dialect: see migrations/0001_authority.sql.
  [[nodiscard]] virtual std::string translate(std::string_view sql) const = 0;

  /// Rows that queries have returned so far.
  [[nodiscard]] virtual std::uint64_t rows_read() const = 0;
  /// What is connected to, for messages: no secrets.
  [[nodiscard]] virtual const std::string& label() const = 0;
  /// Has nothing of what rows held before they were changed, as far as that is in the database's hand.
  virtual Result<void> forget_former_rows() { return {}; }

  /// What seals and opens the secrets of its rows.
  [[nodiscard]] const KeyFile& key_file() const { return *key_file_; }
  void set_key_file(KeyFilePtr file) { key_file_ = std::move(file); }

 private:
  KeyFilePtr key_file_ = std::make_shared<const KeyFile>();
};

}  // namespace sdns::store
