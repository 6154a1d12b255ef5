// SPDX-License-Identifier: MIT
// The SQLite connection, and what only a database in one file needs: creation, replacement, lookout for changes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "backend/base/error.h"
#include "backend/store/sql.h"

namespace sdns::store {

/// "SDNS" in the header of the file (PRAGMA application_id).
inline constexpr std::int64_t kSqliteApplicationId = 0x53444E53;

/// Which file stands at a path.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

class SqliteConnection : public Connection {
 public:
  /// A number that differs when another connection has committed since the last call. Cheap.
  virtual Result<std::int64_t> data_version() = 0;
  /// The file that this connection has open.
  [[nodiscard]] virtual FileIdentity file() const = 0;
};

enum class SqliteOpen {
  kEdit,    ///< by programs that edit; a missing WAL mode is set again
  kFollow,  ///< read only: refuses every statement that writes
};

/// The path of `sqlite:PATH`. Errors: kUnsupported (another scheme), kInvalidArgument.
Result<std::string> sqlite_path(std::string_view url);

/// Opens an existing database file of ours. Waits up to `busy` for locks, in sleeps of at most 1 ms.
/// Errors: kNotFound, kForeign, kCorrupt, kReadOnly, kPermission, kUnsupported (network file system), kNoSpace, kIo.
Result<std::unique_ptr<SqliteConnection>> open_sqlite(const std::string& path, SqliteOpen mode,
                                                      std::chrono::milliseconds busy);

/// Creates the database at `path`, owner-only, in one step: it is there complete or not at all. `fill` makes its
/// content, in a transaction. Errors: kExists, and as open_sqlite.
Result<void> create_sqlite(const std::string& path, const std::function<Result<void>(Connection&)>& fill);

/// What is at `path` now; nothing when there is no file.
std::optional<FileIdentity> file_identity(const std::string& path);

/// The name of a network (or possibly networked) file system by its `statfs` magic; nothing for others.
std::optional<std::string_view> network_file_system(std::uint64_t magic);

}  // namespace sdns::store
