// SPDX-License-Identifier: MIT
// Overrides of health: rows, and edits in a transaction.
#include <fmt/format.h>

#include <utility>

#include "backend/store/transaction.h"

namespace sdns::store {
namespace {

// Columns: target, verdict, reason, who, since, until, revision.
Result<OverrideRow> override_row(const Connection& db, const Rows& rows) {
  OverrideRow row;
  row.override.target = rows.text(0);
  if (!health::say_of(row.override, rows.text(1)))
    return fail(damaged(db, fmt::format("the override of {} says \"{}\"", row.override.target, rows.text(1))));
  row.override.reason = rows.text(2);
  row.override.who = rows.text(3);
  row.override.since_seconds = rows.integer(4);
  row.override.until_seconds = rows.integer(5);
  row.revision = static_cast<Revision>(rows.integer(6));
  if (const auto checked = health::check_override(row.override); !checked)
    return fail(damaged(db, checked.error().what));
  return row;
}

Result<std::vector<OverrideRow>> override_rows(const Connection& db, Result<RowsPtr> rows) {
  if (!rows) return fail(rows.error());
  std::vector<OverrideRow> read;
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return read;
    auto row = override_row(db, **rows);
    if (!row) return fail(row.error());
    read.push_back(std::move(*row));
  }
}

}  // namespace

Result<std::vector<OverrideRow>> read_overrides(Connection& db) {
  return override_rows(db, db.query("SELECT target, verdict, reason, who, since, until, revision FROM health_override "
                                    "ORDER BY target"));
}

Result<std::optional<health::Override>> read_override(Connection& db, std::string_view target) {
  auto rows = override_rows(
      db, db.query("SELECT target, verdict, reason, who, since, until, revision FROM health_override WHERE target = $1",
                   {target}));
  if (!rows) return fail(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front().override);
}

health::Overrides overrides_of(std::vector<OverrideRow> rows) {
  health::Overrides overrides;
  overrides.reserve(rows.size());
  for (OverrideRow& row : rows) overrides.push_back(std::move(row.override));
  return overrides;
}

Result<std::vector<OverrideRow>> SqlTransaction::overrides() { return read_overrides(db_); }

// What was there, for commit(): the first time that it is touched counts.
Result<std::optional<health::Override>> SqlTransaction::note_override(const std::string& target) {
  auto present = read_override(db_, target);
  if (present) overrides_before_.emplace(target, *present);
  return present;
}

Result<void> SqlTransaction::put_override(const health::Override& override) {
  if (auto ready = require_edit(); !ready) return ready;
  if (auto checked = health::check_override(override); !checked) return checked;
  if (auto held = hold(Lock::kOverrides); !held) return held;
  const auto present = note_override(override.target);
  if (!present) return fail(present.error());
  if (*present == override) return {};
  const auto done =
      run("INSERT INTO health_override (target, verdict, reason, who, since, until, revision) "
          "VALUES ($1, $2, $3, $4, $5, $6, 0) ON CONFLICT (target) DO UPDATE SET verdict = excluded.verdict, "
          "reason = excluded.reason, who = excluded.who, since = excluded.since, until = excluded.until",
          {override.target, health::said_of(override), override.reason, override.who, override.since_seconds,
           override.until_seconds});
  if (!done) return fail(done.error());
  return {};
}

Result<void> SqlTransaction::remove_override(const std::string& target) {
  if (auto ready = require_edit(); !ready) return ready;
  if (auto held = hold(Lock::kOverrides); !held) return held;
  const auto present = note_override(target);
  if (!present) return fail(present.error());
  if (!*present) return fail(Errc::kNotFound, fmt::format("there is no override of {}", target));
  if (const auto done = run("DELETE FROM health_override WHERE target = $1", {target}); !done)
    return fail(done.error());
  return {};
}

// Forgets what is as it was when the transaction began.
Result<void> SqlTransaction::settle_overrides() {
  for (auto at = overrides_before_.begin(); at != overrides_before_.end();) {
    const auto now = read_override(db_, at->first);
    if (!now) return fail(now.error());
    at = *now == at->second ? overrides_before_.erase(at) : std::next(at);
  }
  return {};
}

Result<void> SqlTransaction::journal_overrides(RevisionDraft& draft, zone::Hasher& hasher) {
  for (const auto& [target, before] : overrides_before_) {
    hasher.add(std::uint64_t{0});
    hasher.add(static_cast<std::uint64_t>(ChangeKind::kOverride));
    hasher.add(target);
    draft.changes.push_back({0, static_cast<std::int64_t>(ChangeKind::kOverride), target, 0});
    draft.overrides.push_back(target);
    const auto now = read_override(db_, target);
    if (!now) return fail(now.error());
    if (*now) zone::add_override(hasher, **now);
  }
  return {};
}

}  // namespace sdns::store
