// SPDX-License-Identifier: MIT
// A revision where one writer has the database to itself.
#pragma once

#include "backend/base/error.h"
#include "backend/store/sql.h"

namespace sdns::store {

/// Writes the rows of the next revision, in a write transaction that is the only one; does not commit.
Result<GivenRevision> write_revision(Connection& db, const RevisionDraft& draft);

}  // namespace sdns::store
