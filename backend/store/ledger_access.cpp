// SPDX-License-Identifier: MIT
// Answers that are repeated, and API tokens.
#include <fmt/format.h>

#include <utility>

#include "backend/store/ledger.h"

namespace sdns::store {
namespace {

#define SDNS_TOKEN_COLUMNS "id, hash, owner, scopes, note, created_at, created_by, expires_at, revoked_at"

Result<std::vector<ApiTokenRow>> all_tokens(Result<RowsPtr> rows) {
  if (!rows) return fail(rows.error());
  std::vector<ApiTokenRow> found;
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return found;
    const Rows& at = **rows;
    found.push_back({std::string(at.text(0)), std::string(at.text(1)), std::string(at.text(2)), std::string(at.text(3)),
                     std::string(at.text(4)), at.integer(5), std::string(at.text(6)), at.integer(7), at.integer(8)});
  }
}

}  // namespace

Result<std::optional<IdempotencyRow>> Ledger::answered(std::string_view principal, std::string_view key) {
  auto rows =
      query("SELECT request, status, body, reservation, created_at FROM idempotency WHERE principal = $1 AND key = $2",
            {principal, key});
  if (!rows) return fail(rows.error());
  const auto there = (*rows)->next();
  if (!there) return fail(there.error());
  if (!*there) return std::nullopt;
  return IdempotencyRow{std::string(principal),
                        std::string(key),
                        std::string((*rows)->text(0)),
                        static_cast<int>((*rows)->integer(1)),
                        std::string((*rows)->text(2)),
                        std::string((*rows)->text(3)),
                        (*rows)->integer(4)};
}

Result<void> Ledger::put_answer(const IdempotencyRow& row) {
  const auto done =
      run("INSERT INTO idempotency (principal, key, request, status, body, reservation, created_at) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (principal, key) DO UPDATE SET request = excluded.request, "
          "status = excluded.status, body = excluded.body, reservation = excluded.reservation, "
          "created_at = excluded.created_at",
          {row.principal, row.key, Bytes{row.request}, row.status, row.body, row.reservation, row.created_at_ms});
  if (!done) return fail(done.error());
  return {};
}

Result<std::int64_t> Ledger::forget_answers(std::int64_t before_ms, std::int64_t limit) {
  std::vector<std::pair<std::string, std::string>> old;
  {
    auto rows = query("SELECT principal, key FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2",
                      {before_ms, limit});
    if (!rows) return fail(rows.error());
    for (;;) {
      const auto there = (*rows)->next();
      if (!there) return fail(there.error());
      if (!*there) break;
      old.emplace_back((*rows)->text(0), (*rows)->text(1));
    }
  }
  for (const auto& [principal, key] : old)
    if (const auto done = run("DELETE FROM idempotency WHERE principal = $1 AND key = $2", {principal, key}); !done)
      return done;
  return static_cast<std::int64_t>(old.size());
}

Result<std::vector<ApiTokenRow>> Ledger::api_tokens() {
  return all_tokens(query("SELECT " SDNS_TOKEN_COLUMNS " FROM api_token ORDER BY id"));
}

Result<std::optional<ApiTokenRow>> Ledger::api_token_by_hash(std::string_view hash) {
  auto found = all_tokens(query("SELECT " SDNS_TOKEN_COLUMNS " FROM api_token WHERE hash = $1", {Bytes{hash}}));
  if (!found) return fail(found.error());
  if (found->empty()) return std::nullopt;
  return std::move(found->front());
}

Result<void> Ledger::add_api_token(const ApiTokenRow& row) {
  const auto done = run("INSERT INTO api_token (" SDNS_TOKEN_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                        {row.id, Bytes{row.hash}, row.owner, row.scopes, row.note, row.created_at_ms, row.created_by,
                         row.expires_at_ms, row.revoked_at_ms});
  if (!done) return fail(done.error());
  return {};
}

Result<void> Ledger::revoke_api_token(std::string_view id, std::int64_t now_ms) {
  const auto done = run("UPDATE api_token SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0", {id, now_ms});
  if (!done) return fail(done.error());
  if (*done == 0) return fail(Errc::kNotFound, fmt::format("there is no API token {} that is not revoked", id));
  return {};
}

}  // namespace sdns::store
