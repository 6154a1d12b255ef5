// SPDX-License-Identifier: MIT
// What time and tasks do to allocations (P5): a DS goes in when its zone is served, and out comes DS, its TTL, NS, its
// TTL, the zone.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/store/checked_edit.h"
#include "pdm/allocations.h"

namespace sdns::pdm {
namespace {

constexpr std::int64_t kAskAgainMs = 200;
constexpr std::int64_t kLongestPauseMs = 30'000;
constexpr std::int64_t kClockSlackMs = 1'000;  // resolvers count in whole seconds
constexpr int kSha256 = 2;                     // digest type of a DS, RFC 4509
constexpr std::string_view kRunner = "pdm.tasks";

Result<store::ZoneRow> pool_zone(store::Transaction& edit, const PoolDomain& pool) {
  auto zone = edit.zone(pool.apex);
  if (!zone) return fail(std::move(zone.error()));
  if (!*zone) return fail(Errc::kUnavailable, fmt::format("the pool domain {} has no zone", pool.name));
  return std::move(**zone);
}

// Asks more and more seldom.
std::int64_t pause_ms(std::int64_t attempts) {
  return std::min(kAskAgainMs << std::min<std::int64_t>(attempts, 8), kLongestPauseMs);
}

Result<void> wait_longer(store::Transaction& edit, store::TaskRow task, zone::Revision position, std::string why) {
  task.revision = task.revision != 0 ? task.revision : position;
  task.due_at_ms = now_ms(edit) + pause_ms(task.attempts);
  task.attempts += 1;
  task.last_error = std::move(why);
  return edit.ledger().put_task(task);
}

Result<void> next_step(store::Transaction& edit, store::TaskRow task, WithdrawStep step, std::int64_t pause,
                       std::int64_t wait_ms = 0) {
  task.step = static_cast<int>(step);
  task.revision = 0;
  task.wait_ms = wait_ms;
  task.due_at_ms = now_ms(edit) + pause;
  task.attempts = 0;
  task.last_error.clear();
  return edit.ledger().put_task(task);
}

// Takes an RRset out. Its TTL, or nothing when it was not there.
Result<std::optional<std::uint32_t>> take_out(store::Transaction& edit, const store::ZoneRow& zone,
                                              const dns::Name& owner, dns::RrType type) {
  auto records = store::rrset_at(edit, zone.head.id, owner, type);
  if (!records) return fail(std::move(records.error()));
  if (records->empty()) return std::nullopt;
  const std::uint32_t ttl = records->front().record.ttl.seconds;
  if (auto done = edit.replace_rrset(zone.head.id, owner, type, {}); !done) return fail(std::move(done.error()));
  return ttl;
}

}  // namespace

std::optional<Allocations::Named> Allocations::named(std::string_view object) const {
  const auto dot = object.find('.');
  if (dot == object.npos) return std::nullopt;
  const PoolDomain* pool = settings_.pool_domain(object.substr(dot + 1));
  if (pool == nullptr) return std::nullopt;
  return Named{pool, std::string(object.substr(0, dot))};
}

Result<std::int64_t> Allocations::sweep(store::Transaction& edit, std::int64_t limit) const {
  const std::int64_t now = now_ms(edit);
  auto due = edit.ledger().due_allocations(now, limit);
  if (!due) return fail(std::move(due.error()));
  for (AllocationRow& row : *due) {
    const bool expired = row.held;
    const AllocationRow next = swept(std::move(row), now);
    if (auto done = edit.ledger().put_allocation(next); !done) return fail(std::move(done.error()));
    auto noted = audit(edit, "pdm.sweeper", expired ? "expire" : "quarantine-end", next);
    if (!noted) return fail(std::move(noted.error()));
  }
  auto forgotten = edit.ledger().forget_answers(now - settings_.lifetimes.answers.count(), limit);
  if (!forgotten) return forgotten;
  return static_cast<std::int64_t>(due->size()) + *forgotten;
}

Result<void> Allocations::step(store::Transaction& edit, const store::TaskRow& task, Served served,
                               zone::Revision position) const {
  auto now_there = edit.ledger().task(task.kind, task.object);
  if (!now_there) return fail(std::move(now_there.error()));
  if (!*now_there || !(**now_there == task)) return {};  // somebody else took the step, or the task is of another day
  const auto name = named(task.object);
  if (!name)
    return postpone(edit, task,
                    {Errc::kConfig, fmt::format("{} is in no pool domain of the configuration", task.object), {}});
  if (task.kind == kPublishTask) return publish(edit, task, served, position, *name);
  if (task.kind == kWithdrawTask) return withdraw(edit, task, served, position, *name);
  return {};
}

Result<void> Allocations::postpone(store::Transaction& edit, const store::TaskRow& task, const Error& why) const {
  auto there = edit.ledger().task(task.kind, task.object);
  if (!there) return fail(std::move(there.error()));
  if (!*there || !(**there == task)) return {};
  return wait_longer(edit, task, task.revision, to_text(why));
}

Result<void> Allocations::publish(store::Transaction& edit, store::TaskRow task, Served served, zone::Revision position,
                                  const Named& name) const {
  auto row = edit.ledger().allocation(name.pool->name, name.subdomain);
  if (!row) return fail(std::move(row.error()));
  if (!*row || (*row)->state != AllocationState::kActive) return edit.ledger().remove_task(task.kind, task.object);
  // A first DS does not wait for ever for a node that says nothing; one that says "not yet" is waited for.
  const bool waited =
      task.step == kPublishFirst && now_ms(edit) - task.started_at_ms >= settings_.lifetimes.first_ds.count();
  if (served == Served::kNotYet || (served == Served::kSilent && !waited))
    return wait_longer(edit, std::move(task), position,
                       served == Served::kSilent ? "a name server does not say what it serves"
                                                 : "a name server does not serve the zone yet");
  if (task.wait_ms != 0) {
    task.due_at_ms = now_ms(edit) + task.wait_ms;
    task.wait_ms = 0;
    return edit.ledger().put_task(task);
  }
  auto parent = pool_zone(edit, *name.pool);
  if (!parent) return fail(std::move(parent.error()));
  const dns::Name apex = sovereign_apex(*name.pool, name.subdomain);
  auto keys = edit.keys((*row)->zone);
  if (!keys) return fail(std::move(keys.error()));
  constexpr std::uint16_t kEntryPoint = 1;
  store::WantedRrset ds{apex, dns::kDS, {}, settings_.ttls.ds};
  for (const zone::Key& key : *keys) {
    if (!key.active || !key.published || (key.flags & kEntryPoint) == 0) continue;
    auto content = dns::ds_content(apex, key.flags, key.content, kSha256);
    if (!content) return fail(std::move(content.error()));
    ds.records.push_back({std::move(*content), false});
  }
  if (!ds.records.empty()) {
    store::Findings findings;
    if (auto put = store::put_rrset(edit, *parent, ds, findings); !put) return fail(std::move(put.error()));
  }
  if (auto noted = audit(edit, kRunner, "ds-in", **row); !noted) return noted;
  return edit.ledger().remove_task(task.kind, task.object);
}

Result<void> Allocations::withdraw(store::Transaction& edit, store::TaskRow task, Served served,
                                   zone::Revision position, const Named& name) const {
  auto row = edit.ledger().allocation(name.pool->name, name.subdomain);
  if (!row) return fail(std::move(row.error()));
  if (!*row || (*row)->state != AllocationState::kReleasing) return edit.ledger().remove_task(task.kind, task.object);
  const dns::Name apex = sovereign_apex(*name.pool, name.subdomain);
  const auto seconds = [](std::uint32_t ttl) { return std::int64_t{ttl} * 1'000; };
  switch (static_cast<WithdrawStep>(task.step)) {
    case WithdrawStep::kTakeDsOut: {
      auto parent = pool_zone(edit, *name.pool);
      if (!parent) return fail(std::move(parent.error()));
      auto ttl = take_out(edit, *parent, apex, dns::kDS);
      if (!ttl) return fail(std::move(ttl.error()));
      if (auto noted = audit(edit, kRunner, "ds-out", **row); !noted) return noted;
      if (!*ttl) return next_step(edit, task, WithdrawStep::kTakeZoneOut, 0);
      return next_step(edit, task, WithdrawStep::kDsIsOut, 0, seconds(std::max(**ttl, settings_.ttls.ds)));
    }
    case WithdrawStep::kDsIsOut:
      // An old DS that some node still gives out would be cached again: no time-out ends this.
      if (served != Served::kByAll)
        return wait_longer(edit, task, position,
                           served == Served::kSilent ? "a name server does not say what it serves"
                                                     : "a name server still serves what was taken out");
      return next_step(edit, task, WithdrawStep::kTakeZoneOut, task.wait_ms + kClockSlackMs);
    case WithdrawStep::kTakeZoneOut:
      return take_zone_out(edit, task, name);
  }
  return fail(Errc::kCorrupt, fmt::format("the task of {} has no step {}", task.object, task.step));
}

Result<void> Allocations::take_zone_out(store::Transaction& edit, const store::TaskRow& task, const Named& name) const {
  auto row = edit.ledger().allocation(name.pool->name, name.subdomain);
  if (!row) return fail(std::move(row.error()));
  auto parent = pool_zone(edit, *name.pool);
  if (!parent) return fail(std::move(parent.error()));
  const dns::Name apex = sovereign_apex(*name.pool, name.subdomain);
  if (auto done = take_out(edit, *parent, apex, dns::kNS); !done) return fail(std::move(done.error()));
  for (const NameServer& server : name.pool->nameservers) {
    if (!server.name.at_or_below(apex)) continue;
    for (const dns::RrType type : {dns::kA, dns::kAAAA})
      if (auto done = take_out(edit, *parent, server.name, type); !done) return fail(std::move(done.error()));
  }
  auto zone = edit.zone((*row)->zone);
  if (!zone) return fail(std::move(zone.error()));
  if (*zone) {  // else an operator deleted it already
    if (auto done = edit.delete_zone((*row)->zone); !done) return done;
  }
  const AllocationRow next = withdrawn(**row, settings_.lifetimes.quarantine, now_ms(edit));
  if (auto done = edit.ledger().put_allocation(next); !done) return done;
  if (auto noted = audit(edit, kRunner, "zone-out", next); !noted) return noted;
  return edit.ledger().remove_task(task.kind, task.object);
}

}  // namespace sdns::pdm
