// SPDX-License-Identifier: MIT
// What PDM keeps in the authority database besides zones: allocations, answers to be repeated, the audit trail, tasks,
// API tokens. Part of a Transaction: an allocation, its zone and its tasks are written together or not at all.
// Times are milliseconds since 1970 by the transaction's clock; 0 is "never".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/store/sql.h"
#include "backend/zone/source.h"

namespace sdns::store {

/// Of a name, apart from a reservation that may be upon it.
enum class AllocationState : std::uint8_t {
  kFree = 0,
  kActive = 1,
  kReleasing = 2,    ///< the way out, of DS, NS and zone, has begun
  kQuarantined = 3,  ///< gone from DNS, and kept from everybody but its last owner
};

struct AllocationRow {
  std::string pool_domain;  ///< lower case, without the final dot
  std::string subdomain;    ///< one label, lower case
  AllocationState state = AllocationState::kFree;
  std::int64_t generation = 0;  ///< counts the reservations of the name
  std::string owner;            ///< of the reservation, else of what is active or was last
  std::string created_by;
  bool held = false;        ///< the reservation is upon it until `expires_at_ms`
  std::string reservation;  ///< of the generation; the token is made from it
  std::int64_t reserved_at_ms = 0;
  std::int64_t expires_at_ms = 0;
  std::int64_t committed_at_ms = 0;
  std::int64_t released_at_ms = 0;
  std::int64_t quarantined_until_ms = 0;
  std::string sovereign_fqdn;
  std::string load_balancer_ip;
  std::string console_ip;
  std::string addresses;  ///< further ones, with commas between
  zone::ZoneId zone = 0;  ///< 0: none
  friend bool operator==(const AllocationRow&, const AllocationRow&) = default;
};

struct IdempotencyRow {
  std::string principal;
  std::string key;
  std::string request;  ///< digest of what was asked
  int status = 0;
  std::string body;
  std::string reservation;  ///< "" when no token belongs into the body
  std::int64_t created_at_ms = 0;
};

struct AuditRow {
  std::string chain;
  std::int64_t number = 0;
  std::int64_t at_ms = 0;
  std::string who;
  std::string verb;
  std::string object;
  std::string detail;
  std::string hash;  ///< 32 octets
};

/// What is wrong with an audit trail.
struct AuditFault {
  std::string chain;
  std::int64_t number = 0;
  std::string what;
};

struct TaskRow {
  std::string kind;
  std::string object;
  int step = 0;
  zone::Revision revision = 0;  ///< that every node has to serve before the step; 0: that of the row's own commit
  std::int64_t wait_ms = 0;     ///< from then on until the step after it
  std::int64_t started_at_ms = 0;
  std::int64_t due_at_ms = 0;
  std::int64_t attempts = 0;  ///< of this step
  std::string last_error;
  friend bool operator==(const TaskRow&, const TaskRow&) = default;
};

struct ApiTokenRow {
  std::string id;
  std::string hash;  ///< 32 octets
  std::string owner;
  std::string scopes;  ///< one a line
  std::string note;
  std::int64_t created_at_ms = 0;
  std::string created_by;
  std::int64_t expires_at_ms = 0;
  std::int64_t revoked_at_ms = 0;
};

/// Used within its transaction. Edits need one from Authority::edit(); the transaction says so.
class Ledger {
 public:
  /// `failed` takes the first error of a statement that writes: the transaction is not committed then. `locks`: there
  /// are several writers, and this one waits at its first look until the others' transactions have ended.
  Ledger(Connection& db, std::optional<Error>& failed, bool locks) : db_(db), failed_(failed), locks_(locks) {}

  [[nodiscard]] bool held() const { return held_; }
  /// After a return to a savepoint: what it was there.
  void set_held(bool held) { held_ = held; }

  Result<std::optional<AllocationRow>> allocation(std::string_view pool_domain, std::string_view subdomain);
  /// Those that are not free, or held, in order of their names; `after` "" starts from the first.
  Result<std::vector<AllocationRow>> allocations(std::string_view pool_domain, std::string_view after,
                                                 std::int64_t limit);
  /// Those whose reservation or quarantine has ended, the longest ended first.
  Result<std::vector<AllocationRow>> due_allocations(std::int64_t now_ms, std::int64_t limit);
  Result<void> put_allocation(const AllocationRow& row);

  Result<std::optional<IdempotencyRow>> answered(std::string_view principal, std::string_view key);
  Result<void> put_answer(const IdempotencyRow& row);
  /// Forgets answers given before. How many.
  Result<std::int64_t> forget_answers(std::int64_t before_ms, std::int64_t limit);

  /// Appends to the entry's chain; `number` and `hash` are filled in here.
  Result<void> append_audit(const AuditRow& entry);
  /// In order of chain and number.
  Result<std::vector<AuditRow>> audit(std::string_view chain, std::int64_t after, std::int64_t limit);
  /// Goes through every chain. How many rows there are; `faults` gets what does not fit.
  Result<std::int64_t> verify_audit(std::vector<AuditFault>& faults);

  Result<std::optional<TaskRow>> task(std::string_view kind, std::string_view object);
  Result<std::vector<TaskRow>> tasks(std::string_view kind);
  Result<std::vector<TaskRow>> due_tasks(std::int64_t now_ms, std::int64_t limit);
  Result<void> put_task(const TaskRow& row);
  Result<void> remove_task(std::string_view kind, std::string_view object);

  Result<std::vector<ApiTokenRow>> api_tokens();
  Result<std::optional<ApiTokenRow>> api_token_by_hash(std::string_view hash);
  Result<void> add_api_token(const ApiTokenRow& row);
  /// Errors: kNotFound.
  Result<void> revoke_api_token(std::string_view id, std::int64_t now_ms);

 private:
  Result<RowsPtr> query(std::string_view sql, Params params = {});
  Result<std::int64_t> run(std::string_view sql, Params params);
  Result<void> hold();

  Connection& db_;
  std::optional<Error>& failed_;
  bool locks_;
  bool held_ = false;
};

}  // namespace sdns::store
