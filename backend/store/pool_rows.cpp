// SPDX-License-Identifier: MIT
// Target pools as rows.
#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <map>
#include <utility>

#include "backend/store/rows.h"

namespace sdns::store {
namespace {

using Pools = std::map<std::string, PoolRow, std::less<>>;

Error damaged_member(const Connection& db, const Rows& rows, std::string_view what) {
  return damaged(db, fmt::format("member {} of the target pool {}: {}", rows.text(1), rows.text(0), what));
}

// Columns: pool, name, value.
Result<void> take_option(const Connection&, const Rows& rows, PoolRow& row) {
  row.pool.options.emplace(rows.text(1), rows.text(2));
  return {};
}

Result<std::optional<double>> degrees(const Connection& db, const Rows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  const auto read = health::parse_degrees(rows.text(column));
  if (!read) return fail(damaged_member(db, rows, read.error().what));
  return *read;
}

Result<std::uint32_t> count(const Connection& db, const Rows& rows, int column) {
  const std::int64_t number = rows.integer(column);
  if (number < 0 || number > std::numeric_limits<std::uint32_t>::max())
    return fail(damaged_member(db, rows, "a number is out of range"));
  return static_cast<std::uint32_t>(number);
}

// Columns: pool, item, name, value.
Result<void> take_check(const Connection& db, const Rows& rows, PoolRow& row) {
  std::vector<health::PoolOptions>& checks = row.pool.checks;
  const auto item = static_cast<std::uint64_t>(rows.integer(1));
  if (item > checks.size() || item + 1 < checks.size())
    return fail(damaged(db, fmt::format("the target pool {} has no check {}, and later ones", rows.text(0), item)));
  if (item == checks.size()) checks.emplace_back();
  checks.back().emplace(rows.text(2), rows.text(3));
  return {};
}

// Columns: pool, name, address, weight, standby_group, region, latitude, longitude, enabled, probe.
Result<void> take_member(const Connection& db, const Rows& rows, PoolRow& row) {
  const auto address = dns::IpAddress::parse(rows.text(2));
  if (!address) return fail(damaged_member(db, rows, address.error().what));
  const auto weight = count(db, rows, 3);
  if (!weight) return fail(weight.error());
  const auto group = count(db, rows, 4);
  if (!group) return fail(group.error());
  const auto latitude = degrees(db, rows, 6);
  if (!latitude) return fail(latitude.error());
  const auto longitude = degrees(db, rows, 7);
  if (!longitude) return fail(longitude.error());
  row.pool.members.push_back({std::string(rows.text(1)), *address, *weight, *group, std::string(rows.text(5)),
                              *latitude, *longitude, rows.integer(8) != 0});
  if (rows.is_null(9)) return {};
  const auto probe = dns::IpAddress::parse(rows.text(9));
  if (!probe) return fail(damaged_member(db, rows, probe.error().what));
  row.pool.members.back().probe = *probe;
  return {};
}

// Gives each row to the pool that its first column names.
Result<void> distribute(const Connection& db, Result<RowsPtr> rows, Pools& pools,
                        Result<void> (*take)(const Connection&, const Rows&, PoolRow&)) {
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return {};
    const auto pool = pools.find((*rows)->text(0));
    if (pool == pools.end())
      return fail(damaged(db, fmt::format("there is no target pool {}, and parts of it", (*rows)->text(0))));
    if (auto taken = take(db, **rows, pool->second); !taken) return taken;
  }
}

Result<void> take_pools(Result<RowsPtr> rows, Pools& pools) {
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return {};
    PoolRow row;
    row.pool.name = (*rows)->text(0);
    row.revision = static_cast<Revision>((*rows)->integer(1));
    pools.emplace(row.pool.name, std::move(row));
  }
}

}  // namespace

Result<std::vector<PoolRow>> read_target_pools(Connection& db) {
  Pools pools;
  if (auto done = take_pools(db.query("SELECT name, revision FROM target_pool"), pools); !done)
    return fail(done.error());
  auto done = distribute(db, db.query("SELECT pool, name, value FROM pool_option"), pools, take_option);
  if (!done) return fail(done.error());
  done = distribute(db, db.query("SELECT pool, item, name, value FROM pool_check ORDER BY pool, item, name"), pools,
                    take_check);
  if (!done) return fail(done.error());
  done = distribute(db,
                    db.query("SELECT pool, name, address, weight, standby_group, region, latitude, longitude, enabled, "
                             "probe FROM pool_member ORDER BY pool, item"),
                    pools, take_member);
  if (!done) return fail(done.error());
  std::vector<PoolRow> rows;
  rows.reserve(pools.size());
  for (auto& [name, row] : pools) rows.push_back(std::move(row));
  return rows;
}

Result<std::optional<PoolRow>> read_target_pool(Connection& db, std::string_view name) {
  Pools pools;
  if (auto done = take_pools(db.query("SELECT name, revision FROM target_pool WHERE name = $1", {name}), pools); !done)
    return fail(done.error());
  if (pools.empty()) return std::nullopt;
  auto done =
      distribute(db, db.query("SELECT pool, name, value FROM pool_option WHERE pool = $1", {name}), pools, take_option);
  if (!done) return fail(done.error());
  done = distribute(
      db, db.query("SELECT pool, item, name, value FROM pool_check WHERE pool = $1 ORDER BY pool, item, name", {name}),
      pools, take_check);
  if (!done) return fail(done.error());
  done = distribute(db,
                    db.query("SELECT pool, name, address, weight, standby_group, region, latitude, longitude, enabled, "
                             "probe FROM pool_member WHERE pool = $1 ORDER BY pool, item",
                             {name}),
                    pools, take_member);
  if (!done) return fail(done.error());
  return std::move(pools.begin()->second);
}

std::vector<health::TargetPool> pools_of(std::vector<PoolRow> rows) {
  std::vector<health::TargetPool> pools;
  pools.reserve(rows.size());
  for (PoolRow& row : rows) pools.push_back(std::move(row.pool));
  return pools;
}

}  // namespace sdns::store
