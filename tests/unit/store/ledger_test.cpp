// SPDX-License-Identifier: MIT
#include "backend/store/ledger.h"

#include <atomic>
#include <thread>

#include "tests/unit/store/store_fixture.h"

namespace sdns::store {
namespace {

using test::ok;
using test::rr;
using test::Store;
using test::store_name;

AllocationRow allocation(const std::string& subdomain) {
  AllocationRow row;
  row.pool_domain = "pool.example";
  row.subdomain = subdomain;
  row.owner = "tenant";
  row.created_by = "test";
  row.generation = 3;
  row.reservation = "r-1";
  row.sovereign_fqdn = subdomain + ".pool.example";
  row.addresses = "192.0.2.1,2001:db8::1";
  row.zone = 7;
  return row;
}

void note(Authority& authority, const std::string& chain, const std::string& object) {
  auto edit = ok(authority.edit());
  ok(edit->ledger().append_audit({chain, 0, 1'000, "tenant", "reserve", object, "{}", {}}));
  ok(edit->commit("test"));
}

std::vector<AuditFault> faults(Authority& authority) {
  std::vector<AuditFault> found;
  ok(ok(authority.read())->ledger().verify_audit(found));
  return found;
}

class LedgerTest : public test::EveryStoreTest {};

TEST_P(LedgerTest, AnAllocationIsReadAsItWasWrittenAndTakesNoRevision) {
  auto authority = open();
  AllocationRow row = allocation("t42");
  row.state = AllocationState::kReleasing;
  row.held = true;
  row.reserved_at_ms = 1;
  row.expires_at_ms = 2;
  row.committed_at_ms = 3;
  row.released_at_ms = 4;
  row.quarantined_until_ms = 5;
  row.load_balancer_ip = "192.0.2.1";
  row.console_ip = "192.0.2.2";
  auto edit = ok(authority->edit());
  ok(edit->ledger().put_allocation(row));
  EXPECT_EQ(0U, ok(edit->commit("test")).revision);
  auto read = ok(authority->read());
  EXPECT_EQ(row, ok(read->ledger().allocation("pool.example", "t42")));
  EXPECT_FALSE(ok(read->ledger().allocation("pool.example", "t43")));
}

TEST_P(LedgerTest, AListLeavesOutWhatIsFreeAndGoesOnAfterAName) {
  auto authority = open();
  auto edit = ok(authority->edit());
  for (const char* subdomain : {"a", "b", "c", "d"}) {
    AllocationRow row = allocation(subdomain);
    row.state = *subdomain == 'b' ? AllocationState::kFree : AllocationState::kActive;
    ok(edit->ledger().put_allocation(row));
  }
  AllocationRow held = allocation("e");
  held.held = true;
  ok(edit->ledger().put_allocation(held));
  const auto names = [&](const std::string& after, std::int64_t limit) {
    std::string text;
    for (const auto& row : ok(edit->ledger().allocations("pool.example", after, limit))) text += row.subdomain;
    return text;
  };
  EXPECT_EQ("acde", names("", 10));
  EXPECT_EQ("cd", names("a", 2));
}

TEST_P(LedgerTest, WhatIsDueIsAReservationOrAQuarantineWhoseTimeIsOver) {
  auto authority = open();
  auto edit = ok(authority->edit());
  const auto put = [&](const std::string& name, AllocationState state, bool held) {
    AllocationRow row = allocation(name);
    row.state = state;
    row.held = held;
    row.expires_at_ms = 100;
    row.quarantined_until_ms = 50;
    ok(edit->ledger().put_allocation(row));
  };
  put("active", AllocationState::kActive, false);
  put("quarantined", AllocationState::kQuarantined, false);
  put("held", AllocationState::kFree, true);
  put("taken-back", AllocationState::kQuarantined, true);
  const auto due = [&](std::int64_t now) {
    std::vector<std::string> names;
    for (const auto& row : ok(edit->ledger().due_allocations(now, 10))) names.push_back(row.subdomain);
    return names;
  };
  EXPECT_EQ(std::vector<std::string>{}, due(49));
  EXPECT_EQ(std::vector<std::string>{"quarantined"}, due(50));
  EXPECT_EQ((std::vector<std::string>{"quarantined", "held", "taken-back"}), due(100));
}

TEST_P(LedgerTest, APartThatFailsIsUndoneAndTheOthersAreCommitted) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  auto edit = ok(authority->edit());
  const auto part = [&](const std::string& subdomain, bool good) {
    return edit->attempt([&, subdomain, good]() -> Result<void> {
      ok(edit->ledger().put_allocation(allocation(subdomain)));
      const std::string owner = subdomain + ".example.";
      ok(edit->replace_rrset(id, test::name(owner), dns::kA, {rr(owner, dns::kA, "192.0.2.9")}));
      if (!good) return fail(Errc::kConflict, "no");
      return {};
    });
  };
  EXPECT_TRUE(part("a", true));
  EXPECT_EQ(Errc::kConflict, part("b", false).error().code);
  EXPECT_TRUE(part("c", true));
  EXPECT_EQ(2U, ok(edit->commit("test")).revision);
  EXPECT_EQ("3", sql("SELECT count(*) FROM change WHERE revision = 2")) << "two addresses and the SOA";
  EXPECT_EQ("2", sql("SELECT count(*) FROM allocation"));
  EXPECT_EQ(2U, serial(*authority, id));
}

TEST_P(LedgerTest, APartWhoseStatementFailedLeavesTheTransactionGood) {
  auto authority = open();
  auto edit = ok(authority->edit());
  const ApiTokenRow token{"id", "hash", "owner", "", "", 0, "", 0, 0};
  ok(edit->ledger().add_api_token(token));
  const auto again = edit->attempt([&] { return edit->ledger().add_api_token(token); });
  EXPECT_EQ(Errc::kConflict, again.error().code);
  ok(edit->ledger().put_allocation(allocation("a")));
  ok(edit->commit("test"));
  EXPECT_EQ("1", sql("SELECT count(*) FROM allocation"));
}

TEST_P(LedgerTest, APartThatIsUndoneGivesUpItsLocksAndTakesThemAgain) {
  auto authority = open();
  add_zone(*authority, "example.");
  auto edit = ok(authority->edit());
  for (int i = 0; i < 2; ++i) {
    const auto undone = edit->attempt([&]() -> Result<void> {
      ok(edit->ledger().allocation("pool.example", "a"));
      EXPECT_TRUE(ok(edit->zone(test::name("example."))));
      return fail(Errc::kConflict, "no");
    });
    EXPECT_EQ(Errc::kConflict, undone.error().code);
  }
  ok(edit->ledger().put_allocation(allocation("a")));
  ok(edit->commit("test"));
  EXPECT_EQ("1", sql("SELECT count(*) FROM allocation"));
}

TEST_P(LedgerTest, ANameThatIsNotThereYetIsGivenToOneWriter) {
  auto authority = open();
  constexpr int kWriters = 4;
  constexpr int kNames = 20;
  std::vector<std::unique_ptr<Authority>> writers;
  for (int i = 0; i < kWriters; ++i) writers.push_back(open());
  std::atomic<int> given{0};
  std::vector<std::thread> threads;
  for (auto& writer : writers)
    threads.emplace_back([&writer, &given] {
      for (int i = 0; i < kNames; ++i) {
        const std::string subdomain = "n" + std::to_string(i);
        auto edit = ok(writer->edit());
        if (ok(edit->ledger().allocation("pool.example", subdomain))) continue;
        ok(edit->ledger().put_allocation(allocation(subdomain)));
        ok(edit->commit("test"));
        ++given;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(kNames, given);
}

TEST_P(LedgerTest, AnAuditTrailOfTwoWritersVerifies) {
  auto authority = open();
  note(*authority, "one", "a");
  note(*authority, "two", "b");
  note(*authority, "one", "c");
  EXPECT_TRUE(faults(*authority).empty());
  EXPECT_EQ("5", sql("SELECT count(*) FROM audit")) << "each chain begins with a row of its own";
}

struct Tampering {
  const char* name;
  const char* sql;
  const char* chain;
  std::int64_t number;
};

class TamperingTest : public test::StoreTest, public testing::WithParamInterface<Tampering> {};

TEST_P(TamperingTest, IsFound) {
  auto authority = open();
  for (const char* object : {"a", "b", "c"}) note(*authority, "one", object);
  note(*authority, "two", "d");
  note(*authority, "two", "e");
  sql(GetParam().sql);
  const auto found = faults(*authority);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(GetParam().chain, found.front().chain);
  EXPECT_EQ(GetParam().number, found.front().number);
}

INSTANTIATE_TEST_SUITE_P(
    Audit, TamperingTest,
    testing::Values(
        Tampering{"a row is changed", "UPDATE audit SET object = 'x' WHERE chain = 'one' AND number = 3", "one", 3},
        Tampering{"a row is taken out", "DELETE FROM audit WHERE chain = 'one' AND number = 3", "one", 4},
        Tampering{"the end of a chain that another tells of is cut",
                  "DELETE FROM audit WHERE chain = 'one' AND number = 4", "one", 4},
        Tampering{"a chain that another tells of is taken out", "DELETE FROM audit WHERE chain = 'one'", "one", 4}),
    [](const auto& info) { return "case" + std::to_string(info.index); });

TEST_P(LedgerTest, ARowThatWasWrittenAnewWithItsHashDoesNotFitTheNext) {
  auto authority = open();
  make_other("forged");
  auto forged = ok(open_authority(other_url("forged"), OpenMode::kCreateIfMissing, clock, random));
  for (const char* object : {"a", "b", "c"}) note(*authority, "one", object);
  for (const char* object : {"a", "forged"}) note(*forged, "one", object);
  const auto row = ok(ok(forged->read())->ledger().audit("one", 2, 1)).at(0);
  std::string hash;
  for (const char octet : row.hash) hash += fmt::format("{:02x}", static_cast<unsigned char>(octet));
  const std::string octets = store() == Store::kSqlite ? "x'" + hash + "'" : "decode('" + hash + "', 'hex')";
  sql("UPDATE audit SET object = 'forged', hash = " + octets + " WHERE chain = 'one' AND number = 3");
  const auto found = faults(*authority);
  ASSERT_EQ(1U, found.size());
  EXPECT_EQ(4, found.front().number);
}

TEST_P(LedgerTest, AnAnswerIsFoundByPrincipalAndKeyUntilItIsForgotten) {
  auto authority = open();
  auto edit = ok(authority->edit());
  ok(edit->ledger().put_answer({"p", "k", "digest", 201, "{}", "r", 1'000}));
  ok(edit->ledger().put_answer({"p", "later", "digest", 200, "{}", "", 2'000}));
  const auto found = ok(edit->ledger().answered("p", "k"));
  ASSERT_TRUE(found);
  EXPECT_EQ(201, found->status);
  EXPECT_EQ("digest", found->request);
  EXPECT_EQ("r", found->reservation);
  EXPECT_FALSE(ok(edit->ledger().answered("other", "k")));
  EXPECT_EQ(1, ok(edit->ledger().forget_answers(2'000, 10)));
  EXPECT_FALSE(ok(edit->ledger().answered("p", "k")));
  EXPECT_TRUE(ok(edit->ledger().answered("p", "later")));
}

TEST_P(LedgerTest, ATaskIsOnePerKindAndObjectAndDueInItsTime) {
  auto authority = open();
  auto edit = ok(authority->edit());
  TaskRow task{"withdraw", "a.pool.example", 1, 12, 30, 100, 200, 0, ""};
  ok(edit->ledger().put_task(task));
  task.step = 2;
  task.attempts = 1;
  task.last_error = "no node answers";
  ok(edit->ledger().put_task(task));
  EXPECT_EQ(task, ok(edit->ledger().task("withdraw", "a.pool.example")));
  EXPECT_TRUE(ok(edit->ledger().due_tasks(199, 10)).empty());
  EXPECT_EQ(std::vector<TaskRow>{task}, ok(edit->ledger().due_tasks(200, 10)));
  ok(edit->ledger().remove_task("withdraw", "a.pool.example"));
  EXPECT_TRUE(ok(edit->ledger().tasks("withdraw")).empty());
}

TEST_P(LedgerTest, ARevokedTokenStaysWithTheTimeOfItsEnd) {
  auto authority = open();
  auto edit = ok(authority->edit());
  ok(edit->ledger().add_api_token({"id", "hash", "owner", "pool:*", "note", 1, "admin", 2, 0}));
  ok(edit->ledger().revoke_api_token("id", 5));
  EXPECT_EQ(5, ok(edit->ledger().api_token_by_hash("hash"))->revoked_at_ms);
  EXPECT_EQ(Errc::kNotFound, edit->ledger().revoke_api_token("id", 6).error().code);
  EXPECT_EQ(Errc::kNotFound, edit->ledger().revoke_api_token("other", 6).error().code);
}

SDNS_ON_EVERY_STORE(LedgerTest);

}  // namespace
}  // namespace sdns::store
