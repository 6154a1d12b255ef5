// SPDX-License-Identifier: MIT
// The schema: numbered migrations, applied under the writers' lock, forward only.
#pragma once

#include <string>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/random.h"
#include "backend/store/authority.h"
#include "backend/store/sql.h"

namespace sdns::store {

struct Migration {
  int version;
  std::string name;
  std::string sql;
};

/// migrations/NNNN_name.sql, in order; compiled into the library.
const std::vector<Migration>& migrations();

/// Makes a new database: the schema, its identity and the empty history. In the caller's write transaction.
Result<void> initialise(Connection& db, const WallClock& clock, Random& random,
                        const std::vector<Migration>& all = migrations());

/// Brings the schema up to date. Errors: kTooNew, kForeign (no schema of ours), kReadOnly, kBusy, …
Result<void> migrate(Connection& db, const WallClock& clock, const std::vector<Migration>& all = migrations());

/// Who the database is and its schema's version. Errors: kForeign.
Result<Identity> read_identity(Connection& db);

/// kTooNew when the schema is newer than `newest`; kUnavailable when it is older.
Result<void> require_current_schema(const Connection& db, int version, int newest);

}  // namespace sdns::store
