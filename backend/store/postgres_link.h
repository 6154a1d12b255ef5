// SPDX-License-Identifier: MIT
// One libpq connection on which nothing waits for ever: every exchange has a deadline, and may be interrupted.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/base/owned.h"
#include "backend/store/postgres_target.h"
#include "backend/store/sql.h"

namespace sdns::store {

using PgResult = Owned<PGresult, PQclear>;
using PgConnection = Owned<PGconn, PQfinish>;

/// A value as libpq sends it: binary, with its type.
struct PgValue {
  Oid type = 0;
  std::string octets;
  bool null = false;

  static PgValue of(const Param& param);
  static PgValue integers(const std::vector<std::int64_t>& values);
  static PgValue byte_strings(const std::vector<std::string_view>& values);
  static PgValue texts(const std::vector<std::string>& values);
};

/// One step of an exchange. With a `name` but no `sql` the prepared statement of that name is run; with both it is
/// prepared, and not run.
struct PgStep {
  std::string name;
  std::string sql;
  std::vector<PgValue> values{};
};

class PostgresLink {
 public:
  /// Tries each host once. `interrupt` (or -1): a descriptor whose readiness ends every wait with kUnavailable.
  static Result<PostgresLink> connect(const PostgresTarget& target, int interrupt);

  /// Sends all steps at once and gives their results, in order; the first error ends the exchange, and what came
  /// after it was not run. After kTimeout and kUnavailable the link is dead.
  Result<std::vector<PgResult>> run(const std::vector<PgStep>& steps, std::chrono::milliseconds limit);
  /// Several statements without parameters; the result of the last one, as text.
  Result<PgResult> script(const std::string& sql, std::chrono::milliseconds limit);

  /// Takes what the server said meanwhile. True when a notification was among it.
  Result<bool> take_notifications();
  /// For poll(): readable when the server has said something.
  [[nodiscard]] int socket() const { return PQsocket(connection_.get()); }

  [[nodiscard]] bool alive() const { return connection_ && PQstatus(connection_.get()) == CONNECTION_OK; }
  /// What libpq knows of the transaction.
  [[nodiscard]] PGTransactionStatusType transaction() const { return PQtransactionStatus(connection_.get()); }
  /// The server process that answered when the connection was made; a pooler makes a number up.
  [[nodiscard]] int told_pid() const { return PQbackendPID(connection_.get()); }
  [[nodiscard]] const std::string& label() const { return label_; }
  void close() { connection_.reset(); }

 private:
  PostgresLink(PgConnection connection, std::string label, int interrupt)
      : connection_(std::move(connection)), label_(std::move(label)), interrupt_(interrupt) {}

  using Deadline = std::chrono::steady_clock::time_point;
  Result<void> send(const PgStep& step);
  Result<PgResult> next_result(Deadline deadline);
  Result<void> wait_result(Deadline deadline);
  tl::unexpected<Error> lost();

  PgConnection connection_;
  std::string label_;
  int interrupt_;
};

/// What a failed result says, in the words of Errc.
Error postgres_error(const PGresult* result, const std::string& label);

}  // namespace sdns::store
