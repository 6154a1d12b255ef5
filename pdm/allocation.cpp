// SPDX-License-Identifier: MIT
#include "pdm/allocation.h"

#include <utility>

namespace sdns::pdm {
namespace {

tl::unexpected<Refusal> refuse(Refusal why) { return tl::unexpected<Refusal>(why); }

bool points_to(const AllocationRow& row, const Target& target) {
  return row.sovereign_fqdn == target.sovereign_fqdn && row.load_balancer_ip == target.load_balancer_ip &&
         row.console_ip == target.console_ip && row.addresses == target.addresses;
}

}  // namespace

std::string_view phase_text(Phase phase) {
  switch (phase) {
    case Phase::kReserved:
      return "reserved";
    case Phase::kActive:
      return "active";
    case Phase::kReleasing:
      return "releasing";
    case Phase::kQuarantined:
      return "quarantined";
    case Phase::kFree:
      break;
  }
  return "free";
}

Phase phase_of(const AllocationRow* row, std::int64_t now_ms) {
  if (row == nullptr) return Phase::kFree;
  if (row->held && row->expires_at_ms > now_ms) return Phase::kReserved;
  switch (row->state) {
    case AllocationState::kActive:
      return Phase::kActive;
    case AllocationState::kReleasing:
      return Phase::kReleasing;
    case AllocationState::kQuarantined:
      return row->quarantined_until_ms > now_ms ? Phase::kQuarantined : Phase::kFree;
    case AllocationState::kFree:
      break;
  }
  return Phase::kFree;
}

AllocationRow swept(AllocationRow row, std::int64_t now_ms) {
  if (row.held && row.expires_at_ms <= now_ms) row.held = false;
  if (row.state == AllocationState::kQuarantined && row.quarantined_until_ms <= now_ms)
    row.state = AllocationState::kFree;
  return row;
}

AllocationRow withdrawn(AllocationRow row, std::chrono::milliseconds quarantine, std::int64_t now_ms) {
  row.state = AllocationState::kQuarantined;
  row.quarantined_until_ms = now_ms + quarantine.count();
  row.zone = 0;
  return row;
}

Decided<AllocationRow> reserve(const AllocationRow* row, const ReserveRequest& request, std::int64_t now_ms) {
  const Phase phase = phase_of(row, now_ms);
  if (phase == Phase::kActive) return refuse(Refusal::kTaken);
  if (phase == Phase::kReserved) {
    if (!request.has_live_token) return refuse(Refusal::kTaken);
    AllocationRow next = *row;
    next.expires_at_ms = now_ms + request.ttl.count();
    return next;
  }
  if (phase != Phase::kFree && row->owner != request.owner) return refuse(Refusal::kTaken);
  AllocationRow next = row != nullptr ? swept(*row, now_ms) : AllocationRow();
  next.pool_domain = request.pool_domain;
  next.subdomain = request.subdomain;
  next.generation += 1;
  next.owner = request.owner;
  next.created_by = request.created_by;
  next.held = true;
  next.reservation = request.reservation;
  next.reserved_at_ms = now_ms;
  next.expires_at_ms = now_ms + request.ttl.count();
  return next;
}

Decided<CommitPlan> commit(const AllocationRow* row, const Target& target, bool token_matches, std::int64_t now_ms) {
  const Phase phase = phase_of(row, now_ms);
  if (row == nullptr) return refuse(Refusal::kNotFound);
  if (phase == Phase::kActive) {
    if (!token_matches || !points_to(*row, target)) return refuse(Refusal::kAlreadyActive);
    return CommitPlan{CommitPlan::Zone::kNothing, *row};
  }
  if (phase != Phase::kReserved) return refuse(token_matches ? Refusal::kReservationExpired : Refusal::kNotFound);
  if (!token_matches) return refuse(Refusal::kTokenMismatch);
  CommitPlan plan;
  plan.zone = row->state == AllocationState::kReleasing ? CommitPlan::Zone::kKeep : CommitPlan::Zone::kNew;
  plan.row = *row;
  plan.row.state = AllocationState::kActive;
  plan.row.held = false;
  plan.row.committed_at_ms = now_ms;
  plan.row.released_at_ms = 0;
  plan.row.quarantined_until_ms = 0;
  plan.row.sovereign_fqdn = target.sovereign_fqdn;
  plan.row.load_balancer_ip = target.load_balancer_ip;
  plan.row.console_ip = target.console_ip;
  plan.row.addresses = target.addresses;
  return plan;
}

Decided<ReleasePlan> release(const AllocationRow* row, std::string_view owner, std::int64_t now_ms) {
  if (row == nullptr) return refuse(Refusal::kNotFound);
  const Phase phase = phase_of(row, now_ms);
  // Of a free name nobody but its last owner knows that it ever was.
  if (row->owner != owner) return refuse(phase == Phase::kFree ? Refusal::kNotFound : Refusal::kForbidden);
  ReleasePlan plan;
  plan.row = *row;
  if (phase == Phase::kReserved) {
    plan.row.held = false;
    plan.row.released_at_ms = plan.row.released_at_ms != 0 ? plan.row.released_at_ms : now_ms;
    plan.changed = true;
  } else if (phase == Phase::kActive) {
    plan.row.state = AllocationState::kReleasing;
    plan.row.released_at_ms = now_ms;
    plan.withdraw = plan.changed = true;
  }
  return plan;
}

}  // namespace sdns::pdm
