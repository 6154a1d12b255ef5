// SPDX-License-Identifier: MIT
// Statements are prepared once and kept; large results are read through cursors.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "backend/store/postgres_impl.h"

namespace sdns::store {
namespace {

constexpr std::size_t kMostStatements = 200;
constexpr std::int64_t kFirstFetch = 500;
constexpr std::int64_t kMostFetch = 20'000;
constexpr std::size_t kFetchOctets = 2U << 20;

std::string in_postgres(std::string_view sql) {
  constexpr std::string_view kLock = "{lock}";
  if (!sql.ends_with(kLock)) return std::string(sql);
  sql.remove_suffix(kLock.size());
  return std::string(sql) + " FOR UPDATE";
}

}  // namespace

/// A cursor. It ends with its transaction at the latest.
class PostgresStream final : public PostgresRows {
 public:
  PostgresStream(PostgresImpl& connection, std::string name, std::int64_t asked, PgResult first)
      : PostgresRows(connection.rows_read_, std::move(first)),
        connection_(connection),
        name_(std::move(name)),
        asked_(asked) {}
  ~PostgresStream() override {
    if (connection_.begun_ && !connection_.failed_) connection_.first_.push_back({"", "CLOSE " + name_});
  }
  PostgresStream(const PostgresStream&) = delete;
  PostgresStream& operator=(const PostgresStream&) = delete;

  Result<bool> next() override {
    auto there = PostgresRows::next();
    if (!there || *there || count() < asked_) return there;
    if (octets() < kFetchOctets) asked_ = std::min(asked_ * 2, kMostFetch);
    auto results = connection_.run({{"", fmt::format("FETCH {} FROM {}", asked_, name_)}});
    if (!results) return fail(results.error());
    take(std::move(results->back()));
    return PostgresRows::next();
  }

 private:
  PostgresImpl& connection_;
  const std::string name_;
  std::int64_t asked_;
};

// The steps that run a statement: it is prepared when it is new.
std::vector<PgStep> PostgresImpl::steps_for(std::string_view sql, std::vector<PgValue> values) {
  std::vector<PgStep> steps;
  std::string key(sql);
  for (const PgValue& value : values) key += fmt::format(",{}", value.type);
  if (const auto known = known_.find(key); known != known_.end()) {
    statements_.splice(statements_.begin(), statements_, known->second);
  } else {
    statements_.push_front({key, fmt::format("s{}", ++names_)});
    known_[key] = statements_.begin();
    PgStep prepare{statements_.front().name, in_postgres(sql)};
    for (const PgValue& value : values) prepare.values.push_back({value.type, {}});
    steps.push_back(std::move(prepare));
    if (statements_.size() > kMostStatements) {
      first_.push_back({"", "DEALLOCATE " + statements_.back().name});
      known_.erase(statements_.back().key);
      statements_.pop_back();
    }
  }
  steps.push_back({statements_.front().name, "", std::move(values)});
  return steps;
}

// The results of `steps`, without those of what goes first and of statements that are prepared.
Result<std::vector<PgResult>> PostgresImpl::run(std::vector<PgStep> steps) {
  if (failed_) return fail(*failed_);
  std::vector<PgStep> all = std::exchange(first_, {});
  const std::size_t before = all.size();
  std::move(steps.begin(), steps.end(), std::back_inserter(all));
  auto results = link_.run(all, limit());
  if (!results) {
    for (const PgStep& step : all) {
      if (step.name.empty() || step.sql.empty()) continue;  // which of them were prepared is not known
      const auto at = std::find_if(statements_.begin(), statements_.end(),
                                   [&](const Statement& one) { return one.name == step.name; });
      if (at == statements_.end()) continue;
      known_.erase(at->key);
      statements_.erase(at);
    }
    if (begun_) failed_ = results.error();
    return results;
  }
  std::vector<PgResult> wanted;
  for (std::size_t i = before; i < all.size(); ++i)
    if (all[i].name.empty() || all[i].sql.empty()) wanted.push_back(std::move((*results)[i]));
  return wanted;
}

Result<PgResult> PostgresImpl::run_one(std::string_view sql, Params params) {
  std::vector<PgValue> values;
  for (const Param& param : params) values.push_back(PgValue::of(param));
  auto results = run(steps_for(sql, std::move(values)));
  if (!results) return fail(results.error());
  return std::move(results->back());
}

Result<RowsPtr> PostgresImpl::query(std::string_view sql, Params params) {
  auto result = run_one(sql, params);
  if (!result) return fail(result.error());
  return std::make_unique<PostgresRows>(rows_read_, std::move(*result));
}

Result<RowsPtr> PostgresImpl::stream(std::string_view sql, Params params) {
  if (!begun_) return query(sql, params);  // there is no cursor without a transaction
  const std::string name = fmt::format("c{}", ++names_);
  PgStep declare{"", fmt::format("DECLARE {} NO SCROLL CURSOR FOR {}", name, sql)};
  for (const Param& param : params) declare.values.push_back(PgValue::of(param));
  auto results = run({std::move(declare), {"", fmt::format("FETCH {} FROM {}", kFirstFetch, name)}});
  if (!results) return fail(results.error());
  return std::make_unique<PostgresStream>(*this, name, kFirstFetch, std::move(results->back()));
}

Result<std::int64_t> PostgresImpl::execute(std::string_view sql, Params params) {
  const auto result = run_one(sql, params);
  if (!result) return fail(result.error());
  return std::atoll(PQcmdTuples(result->get()));
}

Result<std::int64_t> PostgresImpl::one_number(std::string_view sql, Params params) {
  auto rows = query(sql, params);
  if (!rows) return fail(rows.error());
  const auto there = (*rows)->next();
  if (!there) return fail(there.error());
  --rows_read_;  // of the connection, not of the database
  return *there ? (*rows)->integer(0) : 0;
}

}  // namespace sdns::store
