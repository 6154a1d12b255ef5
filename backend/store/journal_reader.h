// SPDX-License-Identifier: MIT
// What followers of any database share: the state at one revision, and what the journal says was touched since.
#pragma once

#include <functional>
#include <string>

#include "backend/store/authority.h"
#include "backend/store/sql.h"

namespace sdns::store {

/// Runs `work` in one read transaction on the database with this identity, in the schema of this program. An empty
/// `identity` is set when `work` succeeds. Errors: kForeign (another identity), kTooNew, kUnavailable (an older
/// schema), and those of `work`.
Result<void> in_one_read(Connection& db, std::string& identity, const std::function<Result<void>()>& work);

/// In a read transaction.
Result<zone::LoadedState> read_state(Connection& db, const std::function<void(zone::ZoneContent&&)>& each);

/// What came after `at`, in a read transaction: first of all the chain there is compared. Errors: kDiverged.
Result<zone::Batch> read_range(Connection& db, Revision at, const Chain& chain);

Error history_is_another(const std::string& label, Revision at, std::string_view why);

}  // namespace sdns::store
