// SPDX-License-Identifier: MIT
// A database with one pool domain, and short ways to reserve, commit, release and let time and tasks go on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pdm/allocations.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::pdm::test {

using store::test::name;
using store::test::ok;

inline Settings small_settings() {
  Settings settings;
  PoolDomain pool;
  pool.name = "pool.example";
  pool.apex = name("pool.example.");
  pool.nameservers = {{name("ns1.pool.example."), {*dns::IpAddress::parse("192.0.2.53")}},
                      {name("ns2.example.net."), {}}};
  settings.pool_domains = {pool};
  settings.lifetimes.reservation = std::chrono::seconds(20);
  settings.lifetimes.quarantine = std::chrono::seconds(60);
  settings.lifetimes.first_ds = std::chrono::seconds(15);
  settings.ttls = {.address = 5, .delegation = 8, .ds = 6, .negative = 4, .pool_negative = 3};
  return settings;
}

class PdmTest : public store::test::StoreTest {
 protected:
  PdmTest() {
    authority = open();
    auto edit = ok(authority->edit());
    const auto id = ok(edit->create_zone(store::test::head("pool.example."), store::SerialPolicy::kCounter));
    ok(edit->replace_zone(id, pool_records(pool(), settings.ttls)));
    ok(edit->commit("test"));
  }
  const PoolDomain& pool() const { return settings.pool_domains.front(); }
  Allocations allocations(const std::string& chain = "one") const {
    return Allocations(settings, TokenKey::from_octets({7}), chain);
  }
  CommitCall commit_call(const std::string& subdomain, const std::string& token,
                         const std::string& address = "192.0.2.1") const {
    CommitCall call;
    call.pool = &pool();
    call.subdomain = subdomain;
    call.token = token;
    call.addresses.main = {*dns::IpAddress::parse(address)};
    call.keys = ok(make_zone_keys());
    return call;
  }
  /// The token, or "" when it is taken.
  std::string reserve(const std::string& subdomain, const std::string& owner = "us") {
    auto edit = ok(authority->edit());
    const auto row = ok(allocations().reserve(*edit, {owner, owner}, {&pool(), subdomain, "test", "r", ""}));
    ok(edit->commit("pdm"));
    return row ? allocations().token(*row) : std::string();
  }
  Decided<Committed> commit(const std::string& subdomain, const std::string& token,
                            const std::string& address = "192.0.2.1") {
    auto edit = ok(authority->edit());
    auto done = ok(allocations().commit(*edit, {"us", "us"}, commit_call(subdomain, token, address)));
    ok(edit->commit("pdm"));
    return done;
  }
  Decided<ReleasePlan> release(const std::string& subdomain, const std::string& owner = "us") {
    auto edit = ok(authority->edit());
    auto done = ok(allocations().release(*edit, {owner, owner}, pool(), subdomain));
    ok(edit->commit("pdm"));
    return done;
  }
  /// Every task that is due takes one step.
  std::size_t step(Served served = Served::kByAll) {
    auto edit = ok(authority->edit());
    const auto due = ok(edit->ledger().due_tasks(now_ms(*edit), 100));
    const auto position = ok(edit->position()).revision;
    for (const auto& task : due) ok(allocations().step(*edit, task, served, position));
    ok(edit->commit("pdm"));
    return due.size();
  }
  /// What stands at a name of a zone: "A 192.0.2.1", sorted.
  std::vector<std::string> records(const std::string& apex, const std::string& owner) {
    auto read = ok(authority->read());
    const auto zone = ok(read->zone(name(apex)));
    std::vector<std::string> found;
    if (!zone) return found;
    for (const auto& [record, disabled] : ok(read->records_at(zone->head.id, name(owner))))
      found.push_back(record.type.text() + " " + record.content);
    std::sort(found.begin(), found.end());
    return found;
  }
  bool has(const std::string& owner, dns::RrType type) {
    for (const std::string& one : records("pool.example.", owner))
      if (one.starts_with(type.text() + " ")) return true;
    return false;
  }
  AllocationRow row(const std::string& subdomain) {
    return ok(ok(authority->read())->ledger().allocation("pool.example", subdomain)).value_or(AllocationRow());
  }

  Settings settings = small_settings();
  std::unique_ptr<store::Authority> authority;
};

}  // namespace sdns::pdm::test
