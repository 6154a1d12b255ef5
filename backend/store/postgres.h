// SPDX-License-Identifier: MIT
// The PostgreSQL connection, and what only a server needs: notifications, a lost connection, a pooler in between.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "backend/base/error.h"
#include "backend/store/sql.h"

namespace sdns::store {

class PostgresConnection : public Connection {
 public:
  /// Whether the tables of an authority database are there.
  virtual Result<bool> has_tables() = 0;
  /// Asks to be told of commits. False from a standby, which cannot tell.
  virtual Result<bool> listen() = 0;
  /// Takes what has arrived, without waiting; true when a commit was told.
  virtual Result<bool> take_notifications() = 0;
  /// Readable when the server has said something; -1 when the connection is lost.
  [[nodiscard]] virtual int socket() const = 0;
};

struct PostgresOptions {
  /// How long a statement waits for a lock that another program holds.
  std::chrono::milliseconds busy_limit{1'000};
  /// How long a statement may take besides; PostgreSQL ends it then, or, half as long after that, we do.
  std::chrono::milliseconds statement_limit{60'000};
  /// A descriptor that ends every wait when it is readable; -1: none.
  int interrupt = -1;
  /// begin() makes a lost connection anew. Not for who must see that it was lost.
  bool reconnect = true;
};

/// Connects, in a session that commits synchronously whatever the server's default. PostgreSQL 13 or newer, in UTF-8.
/// Errors: kUnavailable, kInvalidArgument (the URL), kUnsupported (an older server, a pooler that shares sessions).
Result<std::unique_ptr<PostgresConnection>> open_postgres(std::string_view url, const PostgresOptions& options);

}  // namespace sdns::store
