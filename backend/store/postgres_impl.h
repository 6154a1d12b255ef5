// SPDX-License-Identifier: MIT
// The PostgreSQL connection from the inside: sessions, transactions and revisions in postgres.cpp, statements and rows
// in postgres_statements.cpp.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "backend/store/postgres.h"
#include "backend/store/postgres_link.h"

namespace sdns::store {

class PostgresRows : public Rows {
 public:
  PostgresRows(std::uint64_t& rows_read, PgResult result) : rows_read_(rows_read) { take(std::move(result)); }

  Result<bool> next() override {
    if (row_ + 1 >= count_) return false;
    ++row_;
    ++rows_read_;
    return true;
  }
  std::int64_t integer(int column) const override {
    const std::string_view octets = text(column);
    if (octets.empty()) return 0;
    std::uint64_t number = static_cast<signed char>(octets[0]) < 0 ? ~std::uint64_t{0} : 0;
    for (const char octet : octets) number = number << 8 | static_cast<unsigned char>(octet);
    return static_cast<std::int64_t>(number);
  }
  std::string_view text(int column) const override {
    return {PQgetvalue(result_.get(), row_, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
  }
  bool is_null(int column) const override { return PQgetisnull(result_.get(), row_, column) == 1; }

 protected:
  void take(PgResult result) {
    result_ = std::move(result);
    row_ = -1;
    count_ = PQntuples(result_.get());
  }
  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] std::size_t octets() const { return PQresultMemorySize(result_.get()); }

 private:
  std::uint64_t& rows_read_;
  PgResult result_;
  int row_ = -1;
  int count_ = 0;
};

class PostgresStream;

class PostgresImpl final : public PostgresConnection {
 public:
  PostgresImpl(PostgresTarget target, const PostgresOptions& options, PostgresLink link)
      : target_(std::move(target)), options_(options), link_(std::move(link)) {}
  ~PostgresImpl() override {
    if (begun_) rollback();
  }
  PostgresImpl(const PostgresImpl&) = delete;
  PostgresImpl& operator=(const PostgresImpl&) = delete;

  Result<void> prepare_session();

  Result<void> begin(Access access) override;
  Result<void> commit() override;
  void rollback() override;
  Result<void> rollback_to(std::string_view savepoint) override;
  bool in_transaction() const override { return begun_; }
  Writers writers() const override { return Writers::kSeveral; }
  Result<void> hold(Lock lock) override;
  Result<void> hold_shared(Lock lock) override;
  Result<RowsPtr> query(std::string_view sql, Params params) override;
  Result<RowsPtr> stream(std::string_view sql, Params params) override;
  Result<std::int64_t> execute(std::string_view sql, Params params) override;
  Result<void> script(const std::string& sql) override;
  Result<std::int64_t> next_number(std::string_view counter) override;
  Result<GivenRevision> commit_revision(const RevisionDraft& draft) override;
  Result<std::optional<std::int64_t>> shared_clock() override;
  Result<void> forget_former_rows() override;
  std::string translate(std::string_view sql) const override;
  std::uint64_t rows_read() const override { return rows_read_; }
  const std::string& label() const override { return target_.label; }

  Result<bool> has_tables() override;
  Result<bool> listen() override;
  Result<bool> take_notifications() override { return link_.take_notifications(); }
  int socket() const override { return link_.alive() ? link_.socket() : -1; }

 private:
  friend class PostgresStream;
  struct Statement {
    std::string key;
    std::string name;
  };

  [[nodiscard]] std::chrono::milliseconds limit() const {
    return options_.busy_limit + options_.statement_limit * 3 / 2;
  }
  std::vector<PgStep> steps_for(std::string_view sql, std::vector<PgValue> values);
  Result<std::vector<PgResult>> run(std::vector<PgStep> steps);
  Result<PgResult> run_one(std::string_view sql, Params params);
  Result<std::int64_t> one_number(std::string_view sql, Params params = {});
  Result<void> send_commit(std::vector<PgStep> steps, std::vector<PgResult>& results);
  Result<void> reconnect();
  Result<void> begin_once(Access access);
  Result<void> refuse_shared_session();
  Error pooled(std::string_view how) const;
  void forget_statements();

  const PostgresTarget target_;
  const PostgresOptions options_;
  PostgresLink link_;
  bool begun_ = false;
  std::optional<Error> failed_;  // of this transaction: PostgreSQL refuses everything after it
  std::uint64_t rows_read_ = 0;
  std::list<Statement> statements_;  // the last one used first
  std::unordered_map<std::string, std::list<Statement>::iterator> known_;
  std::vector<PgStep> first_;  // goes before the next exchange
  std::uint64_t names_ = 0;
  bool pooled_ = false;
  std::int64_t server_process_ = 0;
  bool standby_ = false;
};

}  // namespace sdns::store
