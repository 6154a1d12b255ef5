// SPDX-License-Identifier: MIT
// What PostgreSQL's SQLSTATEs mean to a program of ours (PostgreSQL documentation, appendix A).
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "backend/store/postgres_link.h"

namespace sdns::store {
namespace {

struct Meaning {
  std::string_view state;  ///< a whole SQLSTATE, or its class of two characters
  Errc code;
  std::string_view hint;
};

constexpr std::string_view kTryAgain = "another program edits the same; nothing was changed, try again";
constexpr std::string_view kPooler =
    "a pooler between this program and PostgreSQL gives a session's connection to others: it must be in session mode "
    "(PgBouncer: pool_mode = session)";

// The first that fits.
constexpr Meaning kMeanings[] = {
    {"40001", Errc::kBusy, kTryAgain},
    {"40P01", Errc::kBusy, kTryAgain},
    {"55P03", Errc::kBusy, kTryAgain},
    {"57014", Errc::kTimeout,
     "nothing was changed; PostgreSQL ended the statement (statement_timeout, or an operator)"},
    {"25006", Errc::kReadOnly,
     "nothing was changed; the server is a standby or read-only: name the primary, or several hosts with "
     "target_session_attrs=read-write"},
    {"42501", Errc::kPermission, "nothing was changed; deploy/postgresql/roles.sql says what each role may do"},
    {"42P01", Errc::kForeign, "the schema is not the one that this program knows"},
    {"42703", Errc::kForeign, "the schema is not the one that this program knows"},
    {"3F000", Errc::kForeign, "no schema of the search_path exists: see deploy/postgresql/roles.sql"},
    {"26000", Errc::kUnsupported, kPooler},
    {"42P05", Errc::kUnsupported, kPooler},
    {"34000", Errc::kUnsupported, kPooler},
    {"53100", Errc::kNoSpace, "nothing was changed; free space on the disk of PostgreSQL"},
    {"53", Errc::kUnavailable, "PostgreSQL is out of a resource; see its log"},
    {"57P", Errc::kUnavailable, "PostgreSQL is starting, stopping or ended the connection; tried again later"},
    {"08", Errc::kUnavailable, "see the network and PostgreSQL's log"},
    {"25P0", Errc::kTimeout, "nothing was changed; PostgreSQL ended the transaction, as it was idle for too long"},
    {"28", Errc::kPermission, "check user, password and pg_hba.conf"},
    {"3D000", Errc::kNotFound, "create the database, as in docs/authority-database.md"},
    {"22", Errc::kInvalidArgument, "nothing was changed"},
    {"23", Errc::kConflict, "nothing was changed"},
    {"XX001", Errc::kCorrupt, "the database is damaged; restore it from a backup"},
    {"XX002", Errc::kCorrupt, "an index of the database is damaged: REINDEX it, or restore a backup"},
    {"0A", Errc::kUnsupported, "PostgreSQL 13 or newer is needed"},
    {"42", Errc::kForeign, "the schema is not the one that this program knows"},
};

}  // namespace

Error postgres_error(const PGresult* result, const std::string& label) {
  const char* state_text = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view state = state_text == nullptr ? "" : state_text;
  // The detail is left out: it may quote values, and keys are values too (P9).
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string what = fmt::format("{}: {} (SQLSTATE {})", label, primary == nullptr ? "a statement failed" : primary,
                                 state.empty() ? "unknown" : state);
  for (const Meaning& meaning : kMeanings)
    if (state.starts_with(meaning.state)) return {meaning.code, std::move(what), std::string(meaning.hint)};
  return {Errc::kIo, std::move(what), "see PostgreSQL's log"};
}

}  // namespace sdns::store
