// SPDX-License-Identifier: MIT
// What callers ask for; what time and tasks do is in allocation_tasks.cpp.
#include "pdm/allocations.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/base/json_text.h"
#include "backend/store/checked_edit.h"

namespace sdns::pdm {
namespace {

constexpr std::uint16_t kKsk = 257;
constexpr std::uint16_t kZsk = 256;

std::string joined(const std::vector<dns::IpAddress>& addresses, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < addresses.size(); ++i) text += (text.empty() ? "" : ",") + addresses[i].text();
  return text;
}

Target target_of(const CommitCall& call) {
  return {full_name(call.pool->name, call.subdomain), call.addresses.main.front().text(),
          call.addresses.console ? call.addresses.console->text() : "", joined(call.addresses.main, 1)};
}

std::string target_json(const AllocationRow& row) {
  std::string json = "{\"loadBalancerIP\":";
  append_json_string(json, row.load_balancer_ip);
  json += ",\"consoleLoadBalancerIP\":";
  append_json_string(json, row.console_ip);
  json += ",\"addresses\":";
  append_json_string(json, row.addresses);
  return json + fmt::format(",\"zone\":{}}}", row.zone);
}

}  // namespace

std::int64_t now_ms(const store::Transaction& transaction) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(transaction.now().time_since_epoch()).count();
}

Result<ZoneKeys> make_zone_keys() {
  ZoneKeys keys;
  for (auto* key : {&keys.ksk, &keys.zsk}) {
    auto made = dns::generate_key(dns::Algorithm::kEcdsaP256Sha256, key == &keys.ksk ? kKsk : kZsk);
    if (!made) return fail(std::move(made.error()));
    *key = std::move(*made);
  }
  return keys;
}

std::string full_name(std::string_view pool_domain, std::string_view subdomain) {
  return fmt::format("{}.{}", subdomain, pool_domain);
}

Result<void> Allocations::audit(store::Transaction& edit, std::string_view who, std::string_view verb,
                                const AllocationRow& row, std::string_view detail) const {
  return note_object(edit, who, verb, fmt::format("{} {}", full_name(row.pool_domain, row.subdomain), row.generation),
                     detail);
}

Result<void> Allocations::note_object(store::Transaction& edit, std::string_view who, std::string_view verb,
                                      std::string_view object, std::string_view detail) const {
  return edit.ledger().append_audit(
      {chain_, 0, now_ms(edit), std::string(who), std::string(verb), std::string(object), std::string(detail), {}});
}

Result<Decided<AllocationRow>> Allocations::reserve(store::Transaction& edit, const Caller& caller,
                                                    const ReserveCall& call) const {
  auto row = edit.ledger().allocation(call.pool->name, call.subdomain);
  if (!row) return fail(std::move(row.error()));
  const AllocationRow* before = *row ? &**row : nullptr;
  ReserveRequest request{call.pool->name,
                         call.subdomain,
                         caller.owner,
                         call.created_by,
                         call.reservation,
                         settings_.lifetimes.reservation,
                         false};
  request.has_live_token = before != nullptr && key_.matches(*before, call.live_token);
  auto next = pdm::reserve(before, request, now_ms(edit));
  if (!next) return Decided<AllocationRow>(tl::unexpected(next.error()));
  if (auto done = edit.ledger().put_allocation(*next); !done) return fail(std::move(done.error()));
  auto noted = audit(edit, caller.principal, request.has_live_token ? "extend" : "reserve", *next);
  if (!noted) return fail(std::move(noted.error()));
  return next;
}

Result<void> Allocations::write_zone(store::Transaction& edit, const Caller& caller, const CommitCall& call,
                                     CommitPlan& plan) const {
  const dns::Name apex = sovereign_apex(*call.pool, call.subdomain);
  auto parent = edit.zone(call.pool->apex);
  if (!parent) return fail(std::move(parent.error()));
  if (!*parent)
    return fail(Errc::kUnavailable, fmt::format("the pool domain {} has no zone", call.pool->name),
                "nothing was changed; restart sovereign-pdm, which makes it");
  AllocationRow& row = plan.row;
  const bool fresh = plan.zone == CommitPlan::Zone::kNew;
  if (fresh) {
    zone::ZoneHead head;
    head.apex = apex;
    head.account = caller.owner;
    auto id = edit.create_zone(head, store::SerialPolicy::kCounter);
    if (!id) return fail(std::move(id.error()));
    row.zone = *id;
  }
  auto zone = edit.zone(row.zone);
  if (!zone) return fail(std::move(zone.error()));
  if (!*zone)
    return fail(Errc::kConflict, fmt::format("the zone {} of {} is gone", row.zone, apex.text()),
                "nothing was changed; somebody deleted it while the name was on its way out; it is free soon");
  store::Findings findings;
  auto records = sovereign_records(*call.pool, settings_.ttls, apex, call.addresses, row.generation);
  if (auto done = store::replace_zone(edit, **zone, std::move(records), findings); !done) return done;
  if (fresh) {
    for (const dns::GeneratedKey* key : {&call.keys.ksk, &call.keys.zsk}) {
      auto added = edit.add_key(row.zone, {0, key->flags, true, true, key->private_text});
      if (!added) return fail(std::move(added.error()));
    }
    if (auto done = edit.set_metadata(row.zone, "SOA-EDIT", {store::first_soa_edit(1, edit.now())}); !done) return done;
  }
  if (fresh) {  // of an earlier zone, and nobody's now: it would make the new one bogus
    if (auto done = edit.replace_rrset((*parent)->head.id, apex, dns::kDS, {}); !done) return done;
  }
  store::WantedRrset delegation{apex, dns::kNS, {}, settings_.ttls.delegation};
  for (const NameServer& server : call.pool->nameservers) delegation.records.push_back({server.name.text(), false});
  auto put = store::put_rrset(edit, **parent, delegation, findings);
  if (!put) return fail(std::move(put.error()));
  for (const NameServer& server : call.pool->nameservers) {
    if (!server.name.at_or_below(apex)) continue;
    for (const dns::RrType type : {dns::kA, dns::kAAAA}) {
      store::WantedRrset glue{server.name, type, {}, settings_.ttls.delegation};
      for (const dns::IpAddress& address : server.addresses)
        if (address.is_v4() == (type == dns::kA)) glue.records.push_back({address.text(), false});
      auto glued = store::put_rrset(edit, **parent, glue, findings);
      if (!glued) return fail(std::move(glued.error()));
    }
  }
  return {};
}

Result<Decided<Committed>> Allocations::commit(store::Transaction& edit, const Caller& caller,
                                               const CommitCall& call) const {
  auto row = edit.ledger().allocation(call.pool->name, call.subdomain);
  if (!row) return fail(std::move(row.error()));
  const AllocationRow* before = *row ? &**row : nullptr;
  const bool matches = before != nullptr && key_.matches(*before, call.token);
  const std::int64_t now = now_ms(edit);
  auto plan = pdm::commit(before, target_of(call), matches, now);
  if (!plan) return Decided<Committed>(tl::unexpected(plan.error()));
  if (plan->zone == CommitPlan::Zone::kNothing)
    return Decided<Committed>(Committed{std::move(plan->row), false, false});

  if (auto done = write_zone(edit, caller, call, *plan); !done) return fail(std::move(done.error()));
  store::Ledger& ledger = edit.ledger();
  const std::string object = full_name(call.pool->name, call.subdomain);
  const bool kept = plan->zone == CommitPlan::Zone::kKeep;
  // Resolvers may have the DNSKEYs of the zone that stood here before: the DS of the new ones waits until they are
  // forgotten everywhere.
  const bool succeeds = !kept && before->quarantined_until_ms != 0;
  const std::int64_t ttl = std::int64_t{std::max(settings_.ttls.negative, settings_.ttls.delegation)} + 1;
  const std::int64_t wait_ms = succeeds ? ttl * 1'000 : 0;
  Result<void> done = kept ? ledger.remove_task(kWithdrawTask, object) : Result<void>();
  if (done)
    done = ledger.put_task(
        {std::string(kPublishTask), object, kept ? kPublishAgain : kPublishFirst, 0, wait_ms, now, now, 0, ""});
  if (done) done = ledger.put_allocation(plan->row);
  if (done) done = audit(edit, caller.principal, kept ? "take-back" : "commit", plan->row, target_json(plan->row));
  if (!done) return fail(std::move(done.error()));
  return Decided<Committed>(Committed{std::move(plan->row), true, kept});
}

Result<Decided<ReleasePlan>> Allocations::release(store::Transaction& edit, const Caller& caller,
                                                  const PoolDomain& pool, const std::string& subdomain) const {
  auto row = edit.ledger().allocation(pool.name, subdomain);
  if (!row) return fail(std::move(row.error()));
  const std::int64_t now = now_ms(edit);
  auto plan = pdm::release(*row ? &**row : nullptr, caller.owner, now);
  if (!plan) return Decided<ReleasePlan>(tl::unexpected(plan.error()));
  if (!plan->changed) return plan;
  store::Ledger& ledger = edit.ledger();
  Result<void> done;
  if (plan->withdraw) {
    const std::string object = full_name(pool.name, subdomain);
    done = ledger.remove_task(kPublishTask, object);
    const int first = static_cast<int>(WithdrawStep::kTakeDsOut);
    if (done) done = ledger.put_task({std::string(kWithdrawTask), object, first, 0, 0, now, now, 0, ""});
  }
  if (done) done = ledger.put_allocation(plan->row);
  if (done) done = audit(edit, caller.principal, "release", plan->row);
  if (!done) return fail(std::move(done.error()));
  return plan;
}

}  // namespace sdns::pdm
