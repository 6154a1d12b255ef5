// SPDX-License-Identifier: MIT
// What may happen to a name of a pool domain: free → reserved → active → releasing → quarantined → free (DESIGN section
// 9). Pure decisions over one row: no database, clock or socket. `row` null: the name was never reserved.
//
// A reservation lies upon the name, whatever else it is: the last owner may reserve a name that is on its way out, and
// the way out goes on until the commit. A reservation or a quarantine whose time is over counts as gone, swept or not.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "backend/store/ledger.h"

namespace sdns::pdm {

using store::AllocationRow;
using store::AllocationState;

/// What a name is at a moment, as callers see it.
enum class Phase : std::uint8_t { kFree, kReserved, kActive, kReleasing, kQuarantined };
/// `free`, `reserved`, `active`, `releasing`, `quarantined`.
std::string_view phase_text(Phase phase);
Phase phase_of(const AllocationRow* row, std::int64_t now_ms);

/// Why not; the answer's code follows from it.
enum class Refusal : std::uint8_t {
  kTaken,               ///< reserve: somebody has it
  kNotFound,            ///< commit: nothing is reserved; release: never allocated
  kTokenMismatch,       ///< commit: the token is of another reservation
  kAlreadyActive,       ///< commit: it is active, with another token or other addresses
  kReservationExpired,  ///< commit: the token was good once
  kForbidden,           ///< release: it is another owner's
};

template <class T>
using Decided = tl::expected<T, Refusal>;

struct ReserveRequest {
  std::string pool_domain;
  std::string subdomain;
  std::string owner;
  std::string created_by;
  std::string reservation;  ///< of the new reservation
  std::chrono::milliseconds ttl{};
  bool has_live_token = false;  ///< came with the token of the reservation in `row`: extends it
};
/// The row as it is then.
Decided<AllocationRow> reserve(const AllocationRow* row, const ReserveRequest& request, std::int64_t now_ms);

/// Where an allocation points.
struct Target {
  std::string sovereign_fqdn;
  std::string load_balancer_ip;
  std::string console_ip;
  std::string addresses;
};
struct CommitPlan {
  enum class Zone : std::uint8_t {
    kNew,      ///< none is there: a new one, with new keys
    kKeep,     ///< the withdrawal ends; keys and id stay, records do not
    kNothing,  ///< a repeated commit: all is as it shall be
  };
  Zone zone = Zone::kNew;
  AllocationRow row;
};
Decided<CommitPlan> commit(const AllocationRow* row, const Target& target, bool token_matches, std::int64_t now_ms);

struct ReleasePlan {
  bool withdraw = false;  ///< the way out begins now
  bool changed = false;
  AllocationRow row;
};
Decided<ReleasePlan> release(const AllocationRow* row, std::string_view owner, std::int64_t now_ms);

/// The row after time has done its part: reservations and quarantines that are over are gone from it.
AllocationRow swept(AllocationRow row, std::int64_t now_ms);

/// After the zone of a releasing name is gone from DNS and database.
AllocationRow withdrawn(AllocationRow row, std::chrono::milliseconds quarantine, std::int64_t now_ms);

}  // namespace sdns::pdm
