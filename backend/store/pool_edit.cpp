// SPDX-License-Identifier: MIT
// Target pools in a transaction.
#include <fmt/format.h>

#include "backend/store/transaction.h"

namespace sdns::store {

// A pool is read by several statements, between which another edit must not commit.
Result<std::vector<PoolRow>> SqlTransaction::target_pools() {
  if (locks())
    if (auto held = hold(Lock::kTargetPools); !held) return fail(held.error());
  return read_target_pools(db_);
}

Result<std::optional<PoolRow>> SqlTransaction::target_pool(std::string_view name) {
  if (locks())
    if (auto held = hold(Lock::kTargetPools); !held) return fail(held.error());
  return read_target_pool(db_, name);
}

// Takes the pool's options and members away. What was there, for commit(); the first time that it is touched counts.
Result<bool> SqlTransaction::clear_target_pool(const std::string& name) {
  auto present = read_target_pool(db_, name);
  if (!present) return fail(present.error());
  const bool there = present->has_value();
  if (there) {
    for (const char* statement : {"DELETE FROM pool_option WHERE pool = $1", "DELETE FROM pool_check WHERE pool = $1",
                                  "DELETE FROM pool_member WHERE pool = $1"})
      if (const auto done = run(statement, {name}); !done) return fail(done.error());
  }
  pools_before_.emplace(name, there ? std::optional(std::move((*present)->pool)) : std::nullopt);
  return there;
}

Result<void> SqlTransaction::put_target_pool(const health::TargetPool& given) {
  if (auto ready = require_edit(); !ready) return ready;
  if (auto checked = health::check_pool(given); !checked) return checked;
  health::TargetPool pool = given;
  pool.from_configuration = false;
  if (auto held = hold(Lock::kTargetPools); !held) return held;
  const auto present = read_target_pool(db_, pool.name);
  if (!present) return fail(present.error());
  if (*present && (*present)->pool == pool) return {};
  const auto there = clear_target_pool(pool.name);
  if (!there) return fail(there.error());
  if (!*there) {
    const auto done = run("INSERT INTO target_pool (name, revision) VALUES ($1, 0)", {pool.name});
    if (!done) return fail(done.error());
  }
  for (const auto& [option, value] : pool.options) {
    const auto done =
        run("INSERT INTO pool_option (pool, name, value) VALUES ($1, $2, $3)", {pool.name, option, value});
    if (!done) return fail(done.error());
  }
  for (std::size_t check = 0; check < pool.checks.size(); ++check)
    for (const auto& [option, value] : pool.checks[check]) {
      const auto done = run("INSERT INTO pool_check (pool, item, name, value) VALUES ($1, $2, $3, $4)",
                            {pool.name, static_cast<std::int64_t>(check), option, value});
      if (!done) return fail(done.error());
    }
  std::int64_t item = 0;
  for (const health::PoolMember& member : pool.members) {
    const std::string address = member.address.text();
    const std::string latitude = member.latitude ? health::degrees_text(*member.latitude) : std::string();
    const std::string longitude = member.longitude ? health::degrees_text(*member.longitude) : std::string();
    const std::string probe = member.probe ? member.probe->text() : std::string();
    const auto or_null = [](const std::string& text) { return text.empty() ? Param() : Param(std::string_view(text)); };
    const auto done =
        run("INSERT INTO pool_member (pool, item, name, address, weight, standby_group, region, latitude, longitude, "
            "enabled, probe) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            {pool.name, item++, member.name, address, member.weight, member.group, member.region, or_null(latitude),
             or_null(longitude), member.enabled ? 1 : 0, or_null(probe)});
    if (!done) return fail(done.error());
  }
  return {};
}

Result<void> SqlTransaction::remove_target_pool(const std::string& name) {
  if (auto ready = require_edit(); !ready) return ready;
  if (auto held = hold(Lock::kTargetPools); !held) return held;
  const auto there = clear_target_pool(name);
  if (!there) return fail(there.error());
  if (!*there) return fail(Errc::kNotFound, fmt::format("there is no target pool {}", name));
  if (const auto done = run("DELETE FROM target_pool WHERE name = $1", {name}); !done) return fail(done.error());
  return {};
}

// Forgets what is as it was when the transaction began.
Result<void> SqlTransaction::settle_target_pools() {
  for (auto at = pools_before_.begin(); at != pools_before_.end();) {
    const auto now = read_target_pool(db_, at->first);
    if (!now) return fail(now.error());
    const bool same = now->has_value() == at->second.has_value() && (!*now || (*now)->pool == *at->second);
    at = same ? pools_before_.erase(at) : std::next(at);
  }
  return {};
}

Result<void> SqlTransaction::journal_target_pools(RevisionDraft& draft, zone::Hasher& hasher) {
  for (const auto& [name, before] : pools_before_) {
    hasher.add(std::uint64_t{0});
    hasher.add(static_cast<std::uint64_t>(ChangeKind::kTargetPool));
    hasher.add(name);
    draft.changes.push_back({0, static_cast<std::int64_t>(ChangeKind::kTargetPool), name, 0});
    draft.pools.push_back(name);
    const auto now = read_target_pool(db_, name);
    if (!now) return fail(now.error());
    if (*now) zone::add_target_pool(hasher, (*now)->pool);
  }
  return {};
}

}  // namespace sdns::store
