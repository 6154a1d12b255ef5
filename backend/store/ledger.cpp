// SPDX-License-Identifier: MIT
// Allocations and tasks; the audit trail is in ledger_audit.cpp, answers and tokens are in ledger_access.cpp.
#include "backend/store/ledger.h"

#include <utility>

#include "backend/store/rows.h"

namespace sdns::store {
namespace {

#define SDNS_ALLOCATION_COLUMNS                                                                                \
  "pool_domain, subdomain, state, generation, owner, created_by, held, reservation, reserved_at, expires_at, " \
  "committed_at, released_at, quarantined_until, sovereign_fqdn, load_balancer_ip, console_ip, addresses, zone"
#define SDNS_TASK_COLUMNS "kind, object, step, revision, wait_ms, started_at, due_at, attempts, last_error"

Result<AllocationRow> allocation_row(const Connection& db, const Rows& rows) {
  AllocationRow row;
  row.pool_domain = rows.text(0);
  row.subdomain = rows.text(1);
  if (rows.integer(2) < 0 || rows.integer(2) > 3) return fail(damaged(db, "an allocation has an unknown state"));
  row.state = static_cast<AllocationState>(rows.integer(2));
  row.generation = rows.integer(3);
  row.owner = rows.text(4);
  row.created_by = rows.text(5);
  row.held = rows.integer(6) != 0;
  row.reservation = rows.text(7);
  row.reserved_at_ms = rows.integer(8);
  row.expires_at_ms = rows.integer(9);
  row.committed_at_ms = rows.integer(10);
  row.released_at_ms = rows.integer(11);
  row.quarantined_until_ms = rows.integer(12);
  row.sovereign_fqdn = rows.text(13);
  row.load_balancer_ip = rows.text(14);
  row.console_ip = rows.text(15);
  row.addresses = rows.text(16);
  row.zone = static_cast<zone::ZoneId>(rows.integer(17));
  return row;
}

Result<std::vector<AllocationRow>> all_allocations(const Connection& db, Result<RowsPtr> rows) {
  if (!rows) return fail(rows.error());
  std::vector<AllocationRow> found;
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return found;
    auto row = allocation_row(db, **rows);
    if (!row) return fail(row.error());
    found.push_back(std::move(*row));
  }
}

Result<std::vector<TaskRow>> all_tasks(Result<RowsPtr> rows) {
  if (!rows) return fail(rows.error());
  std::vector<TaskRow> found;
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return found;
    const Rows& at = **rows;
    found.push_back({std::string(at.text(0)), std::string(at.text(1)), static_cast<int>(at.integer(2)),
                     static_cast<zone::Revision>(at.integer(3)), at.integer(4), at.integer(5), at.integer(6),
                     at.integer(7), std::string(at.text(8))});
  }
}

// When time alone changes the row.
Param due_at(const AllocationRow& row) {
  if (row.held) return row.expires_at_ms;
  if (row.state == AllocationState::kQuarantined) return row.quarantined_until_ms;
  return std::monostate();
}

}  // namespace

// Most of what is looked for is not there yet, and what is not there cannot be locked: one writer at a time.
Result<void> Ledger::hold() {
  if (!locks_ || held_) return {};
  auto held = db_.hold(Lock::kLedger);
  held_ = held.has_value();
  if (!held && !failed_) failed_ = held.error();
  return held;
}

Result<RowsPtr> Ledger::query(std::string_view sql, Params params) {
  if (auto held = hold(); !held) return fail(held.error());
  return db_.query(sql, params);
}

Result<std::int64_t> Ledger::run(std::string_view sql, Params params) {
  if (failed_) return fail(*failed_);
  if (auto held = hold(); !held) return fail(held.error());
  auto done = db_.execute(sql, params);
  if (!done) failed_ = done.error();
  return done;
}

Result<std::optional<AllocationRow>> Ledger::allocation(std::string_view pool_domain, std::string_view subdomain) {
  auto found = all_allocations(
      db_, query("SELECT " SDNS_ALLOCATION_COLUMNS " FROM allocation WHERE pool_domain = $1 AND subdomain = $2",
                 {pool_domain, subdomain}));
  if (!found) return fail(found.error());
  if (found->empty()) return std::nullopt;
  return std::move(found->front());
}

Result<std::vector<AllocationRow>> Ledger::allocations(std::string_view pool_domain, std::string_view after,
                                                       std::int64_t limit) {
  return all_allocations(
      db_, query("SELECT " SDNS_ALLOCATION_COLUMNS " FROM allocation WHERE pool_domain = $1 AND subdomain > $2 AND "
                 "(state <> 0 OR held = 1) ORDER BY pool_domain, subdomain LIMIT $3",
                 {pool_domain, after, limit}));
}

Result<std::vector<AllocationRow>> Ledger::due_allocations(std::int64_t now_ms, std::int64_t limit) {
  return all_allocations(db_, query("SELECT " SDNS_ALLOCATION_COLUMNS
                                    " FROM allocation WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at "
                                    "LIMIT $2",
                                    {now_ms, limit}));
}

Result<void> Ledger::put_allocation(const AllocationRow& row) {
  const auto done = run(
      "INSERT INTO allocation (" SDNS_ALLOCATION_COLUMNS
      ", due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) "
      "ON CONFLICT (pool_domain, subdomain) DO UPDATE SET state = excluded.state, generation = excluded.generation, "
      "owner = excluded.owner, created_by = excluded.created_by, held = excluded.held, "
      "reservation = excluded.reservation, reserved_at = excluded.reserved_at, expires_at = excluded.expires_at, "
      "committed_at = excluded.committed_at, released_at = excluded.released_at, "
      "quarantined_until = excluded.quarantined_until, sovereign_fqdn = excluded.sovereign_fqdn, "
      "load_balancer_ip = excluded.load_balancer_ip, console_ip = excluded.console_ip, "
      "addresses = excluded.addresses, zone = excluded.zone, due_at = excluded.due_at",
      {row.pool_domain, row.subdomain, static_cast<std::int64_t>(row.state), row.generation, row.owner, row.created_by,
       row.held ? 1 : 0, row.reservation, row.reserved_at_ms, row.expires_at_ms, row.committed_at_ms,
       row.released_at_ms, row.quarantined_until_ms, row.sovereign_fqdn, row.load_balancer_ip, row.console_ip,
       row.addresses, row.zone, due_at(row)});
  if (!done) return fail(done.error());
  return {};
}

Result<std::optional<TaskRow>> Ledger::task(std::string_view kind, std::string_view object) {
  auto found =
      all_tasks(query("SELECT " SDNS_TASK_COLUMNS " FROM task WHERE kind = $1 AND object = $2", {kind, object}));
  if (!found) return fail(found.error());
  if (found->empty()) return std::nullopt;
  return std::move(found->front());
}

Result<std::vector<TaskRow>> Ledger::tasks(std::string_view kind) {
  return all_tasks(query("SELECT " SDNS_TASK_COLUMNS " FROM task WHERE kind = $1 ORDER BY kind, object", {kind}));
}

Result<std::vector<TaskRow>> Ledger::due_tasks(std::int64_t now_ms, std::int64_t limit) {
  return all_tasks(query("SELECT " SDNS_TASK_COLUMNS
                         " FROM task WHERE due_at <= $1 ORDER BY due_at, kind, object LIMIT $2",
                         {now_ms, limit}));
}

Result<void> Ledger::put_task(const TaskRow& row) {
  const auto done = run(
      "INSERT INTO task (" SDNS_TASK_COLUMNS
      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (kind, object) DO UPDATE SET step = excluded.step, "
      "revision = excluded.revision, wait_ms = excluded.wait_ms, started_at = excluded.started_at, due_at = "
      "excluded.due_at, "
      "attempts = excluded.attempts, last_error = excluded.last_error",
      {row.kind, row.object, row.step, static_cast<std::int64_t>(row.revision), row.wait_ms, row.started_at_ms,
       row.due_at_ms, row.attempts, row.last_error});
  if (!done) return fail(done.error());
  return {};
}

Result<void> Ledger::remove_task(std::string_view kind, std::string_view object) {
  const auto done = run("DELETE FROM task WHERE kind = $1 AND object = $2", {kind, object});
  if (!done) return fail(done.error());
  return {};
}

}  // namespace sdns::store
