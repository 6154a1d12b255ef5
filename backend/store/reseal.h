// SPDX-License-Identifier: MIT
// Sealing what is in the database already: slice by slice, each in a transaction of its own.
#pragma once

#include <cstddef>

#include "backend/store/authority.h"
#include "backend/store/sql.h"

namespace sdns::store {

/// Whether programs without a key file may store secrets no more: from the first one on that was sealed.
Result<bool> sealing_required(Connection& db);
Result<void> require_sealing(Connection& db, Sealing wanted);

/// As Authority::reseal(), in the caller's write transaction.
Result<bool> reseal_slice(Connection& db, Sealing wanted, SecretCursor& cursor, std::size_t limit);
Result<SecretCounts> count_secrets(Connection& db);

}  // namespace sdns::store
