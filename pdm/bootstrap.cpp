// SPDX-License-Identifier: MIT
#include "pdm/bootstrap.h"

#include <fmt/format.h>

#include <set>
#include <utility>
#include <vector>

#include "backend/store/checked_edit.h"
#include "backend/store/signing.h"
#include "pdm/allocations.h"
#include "pdm/sovereign_zone.h"

namespace sdns::pdm {
namespace {

Result<void> make(store::Transaction& edit, const PoolDomain& pool, const Ttls& ttls) {
  zone::ZoneHead head;
  head.apex = pool.apex;
  auto id = edit.create_zone(head, store::SerialPolicy::kCounter);
  if (!id) return fail(std::move(id.error()));
  auto row = edit.zone(*id);
  if (!row) return fail(std::move(row.error()));
  store::Findings findings;
  return store::replace_zone(edit, **row, pool_records(pool, ttls), findings);
}

Result<void> give_name_servers(store::Transaction& edit, const store::ZoneRow& zone, const PoolDomain& pool,
                               const Ttls& ttls) {
  store::Findings findings;
  store::WantedRrset servers{pool.apex, dns::kNS, {}, ttls.delegation};
  for (const NameServer& server : pool.nameservers) {
    servers.records.push_back({server.name.text(), false});
    if (!server.name.at_or_below(pool.apex)) continue;
    for (const dns::RrType type : {dns::kA, dns::kAAAA}) {
      store::WantedRrset addresses{server.name, type, {}, ttls.delegation};
      for (const dns::IpAddress& address : server.addresses)
        if (address.is_v4() == (type == dns::kA)) addresses.records.push_back({address.text(), false});
      if (addresses.records.empty()) continue;  // what an operator put there stays
      auto put = store::put_rrset(edit, zone, addresses, findings);
      if (!put) return fail(std::move(put.error()));
    }
  }
  auto put = store::put_rrset(edit, zone, servers, findings);
  if (!put) return fail(std::move(put.error()));
  return {};
}

Result<void> sign(store::Transaction& edit, const store::ZoneRow& zone) {
  auto signing = store::signing_of(edit, zone.head.id);
  if (!signing) return fail(std::move(signing.error()));
  if (signing->has_active_key() || signing->presigned()) return {};
  auto keys = make_zone_keys();
  if (!keys) return fail(std::move(keys.error()));
  store::Findings findings;
  for (const dns::GeneratedKey* key : {&keys->ksk, &keys->zsk}) {
    auto added = store::add_key(edit, zone, {0, key->flags, true, true, key->private_text}, findings);
    if (!added) return fail(std::move(added.error()));
  }
  return {};
}

struct Stale {
  std::vector<std::pair<dns::Name, dns::RrType>> rrsets;
};

// Wildcards of the pool domain, and delegations right below it that no allocation explains.
Result<Stale> find_stale(store::Transaction& edit, const store::ZoneRow& zone, const PoolDomain& pool) {
  std::set<std::string> allocated;
  constexpr std::int64_t kSlice = 10'000;
  for (std::string after;;) {
    auto rows = edit.ledger().allocations(pool.name, after, kSlice);
    if (!rows) return fail(std::move(rows.error()));
    for (const AllocationRow& row : *rows) allocated.insert(row.subdomain);
    if (static_cast<std::int64_t>(rows->size()) < kSlice) break;
    after = rows->back().subdomain;
  }
  std::set<std::pair<dns::Name, dns::RrType>> found;
  const std::size_t depth = pool.apex.label_count() + 1;
  auto read = edit.records(zone.head.id, [&](store::StoredRecord&& stored) {
    const dns::Name& owner = stored.record.owner;
    if (owner.label_count() != depth) return;
    const std::string text = owner.text();
    const std::string label = text.substr(0, text.find('.'));
    const dns::RrType type = stored.record.type;
    if (owner.is_wildcard() || ((type == dns::kNS || type == dns::kDS) && !allocated.contains(label)))
      found.emplace(owner, type);
  });
  if (!read) return fail(std::move(read.error()));
  return Stale{{found.begin(), found.end()}};
}

Result<void> prepare(store::Transaction& edit, const PoolDomain& pool, const Ttls& ttls, const Log& log) {
  auto zone = edit.zone(pool.apex);
  if (!zone) return fail(std::move(zone.error()));
  if (!*zone) {
    if (auto made = make(edit, pool, ttls); !made) return made;
    zone = edit.zone(pool.apex);
    if (!zone) return fail(std::move(zone.error()));
    log.info("pdm.pool_made", {{"pool", pool.name}});
  }
  if (auto done = give_name_servers(edit, **zone, pool, ttls); !done) return done;
  if (auto done = sign(edit, **zone); !done) return done;
  auto stale = find_stale(edit, **zone, pool);
  if (!stale) return fail(std::move(stale.error()));
  for (const auto& [owner, type] : stale->rrsets) {
    // A delegation may be of an installation that another service gave out: people decide about it.
    const bool remove = pool.remove_stale && owner.is_wildcard();
    log.warn("pdm.stale", {{"pool", pool.name}, {"owner", owner.text()}, {"type", type.text()}, {"removed", remove}});
    if (!remove) continue;
    if (auto done = edit.replace_rrset((*zone)->head.id, owner, type, {}); !done) return done;
  }
  return {};
}

}  // namespace

Result<void> prepare_pool_domains(store::Authority& authority, const Settings& settings, const Log& log) {
  for (const PoolDomain& pool : settings.pool_domains) {
    auto edit = authority.edit();
    if (!edit) return fail(std::move(edit.error()));
    if (auto done = prepare(**edit, pool, settings.ttls, log); !done) {
      Error error = done.error();
      error.what = fmt::format("the pool domain {}: {}", pool.name, error.what);
      return fail(std::move(error));
    }
    if (auto done = (*edit)->commit("sovereign-pdm"); !done) return fail(std::move(done.error()));
  }
  return {};
}

}  // namespace sdns::pdm
