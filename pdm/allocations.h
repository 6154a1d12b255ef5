// SPDX-License-Identifier: MIT
// Allocations in the authority database: each function is a part of one transaction, which the caller commits. What is
// decided is in allocation.h; here it is written, with the zone, the delegation, the audit row and the task.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dns/dnssec_key.h"
#include "backend/store/authority.h"
#include "pdm/allocation.h"
#include "pdm/reservation_token.h"
#include "pdm/settings.h"
#include "pdm/sovereign_zone.h"

namespace sdns::pdm {

/// Milliseconds since 1970 by the database's clock, which alone decides what has expired.
std::int64_t now_ms(const store::Transaction& transaction);

/// The keys of a new zone, made before its transaction: making them takes longer than writing them.
struct ZoneKeys {
  dns::GeneratedKey ksk;
  dns::GeneratedKey zsk;
};
Result<ZoneKeys> make_zone_keys();

/// On whose behalf, for the audit trail and for ownership.
struct Caller {
  std::string principal;  ///< who asked
  std::string owner;      ///< whose the name is
};

struct ReserveCall {
  const PoolDomain* pool = nullptr;
  std::string subdomain;
  std::string created_by;
  std::string reservation;  ///< of a new one: unique
  std::string live_token;   ///< "" for none
};
struct CommitCall {
  const PoolDomain* pool = nullptr;
  std::string subdomain;
  std::string token;
  Addresses addresses;
  ZoneKeys keys;
};
struct Committed {
  AllocationRow row;
  bool changed = true;
  bool kept_keys = false;
};

/// Kinds of tasks; their object is "subdomain.pool".
inline constexpr std::string_view kPublishTask = "publish";    ///< the zone is served, then its DS goes into the parent
inline constexpr std::string_view kWithdrawTask = "withdraw";  ///< DS, its TTL, then NS and zone

/// The step of a publish task: only a first DS stops waiting for a silent node after a time.
inline constexpr int kPublishFirst = 0;
inline constexpr int kPublishAgain = 1;

/// NS and zone go in one revision: the name servers have the pool domain too, and while they answer from a zone that it
/// denies, validating resolvers fail.
enum class WithdrawStep : int {
  kTakeDsOut = 0,
  kDsIsOut = 1,  ///< waits until no node has the DS; then its TTL
  kTakeZoneOut = 2,
};

/// What the name servers said of the revision that a task waits for.
enum class Served : std::uint8_t {
  kByAll,
  kNotYet,
  kSilent,  ///< a node that may still answer says nothing
};

/// One instance serves all threads: it has no state but settings.
class Allocations {
 public:
  /// `chain`: of the audit rows, one per writer.
  Allocations(const Settings& settings, TokenKey key, std::string chain)
      : settings_(settings), key_(std::move(key)), chain_(std::move(chain)) {}

  Result<Decided<AllocationRow>> reserve(store::Transaction& edit, const Caller& caller, const ReserveCall& call) const;
  /// Errors besides: kExists (somebody else's zone stands at the name), kUnavailable (the pool domain has no zone).
  Result<Decided<Committed>> commit(store::Transaction& edit, const Caller& caller, const CommitCall& call) const;
  Result<Decided<ReleasePlan>> release(store::Transaction& edit, const Caller& caller, const PoolDomain& pool,
                                       const std::string& subdomain) const;

  /// Ends reservations and quarantines whose time is over, and forgets old answers. How many rows changed.
  Result<std::int64_t> sweep(store::Transaction& edit, std::int64_t limit) const;

  /// Takes the step that `task` says, unless another has taken it since. `served` is what the nodes said of the
  /// task's revision, or of `position` when it names none.
  Result<void> step(store::Transaction& edit, const store::TaskRow& task, Served served, zone::Revision position) const;
  /// The step failed: it is tried again later.
  Result<void> postpone(store::Transaction& edit, const store::TaskRow& task, const Error& why) const;

  /// An audit row of its own about an allocation, or about something else.
  Result<void> note(store::Transaction& edit, std::string_view who, std::string_view verb, const AllocationRow& row,
                    std::string_view detail) const {
    return audit(edit, who, verb, row, detail);
  }
  Result<void> note_object(store::Transaction& edit, std::string_view who, std::string_view verb,
                           std::string_view object, std::string_view detail) const;

  [[nodiscard]] std::string token(const AllocationRow& row) const { return key_.token(row); }
  [[nodiscard]] const Settings& settings() const { return settings_; }

 private:
  struct Named {
    const PoolDomain* pool;
    std::string subdomain;
  };
  [[nodiscard]] std::optional<Named> named(std::string_view object) const;
  Result<void> audit(store::Transaction& edit, std::string_view who, std::string_view verb, const AllocationRow& row,
                     std::string_view detail = {}) const;
  Result<void> write_zone(store::Transaction& edit, const Caller& caller, const CommitCall& call,
                          CommitPlan& plan) const;
  Result<void> publish(store::Transaction& edit, store::TaskRow task, Served served, zone::Revision position,
                       const Named& name) const;
  Result<void> withdraw(store::Transaction& edit, store::TaskRow task, Served served, zone::Revision position,
                        const Named& name) const;
  Result<void> take_zone_out(store::Transaction& edit, const store::TaskRow& task, const Named& name) const;

  const Settings& settings_;
  TokenKey key_;
  std::string chain_;
};

/// "subdomain.pool".
std::string full_name(std::string_view pool_domain, std::string_view subdomain);

}  // namespace sdns::pdm
