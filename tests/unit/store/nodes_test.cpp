// SPDX-License-Identifier: MIT
#include "backend/store/nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/store/node_store.h"
#include "backend/store/schema.h"
#include "backend/store/sqlite.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

using namespace std::chrono_literals;
using health::Verdict;
using testing::ElementsAre;
using testing::IsEmpty;

class NodesTest : public EveryStoreTest {
 protected:
  void prepare() override { authority = open(); }
  std::unique_ptr<NodeStore> connect() { return ok(NodeStore::open(url(), clock, random, 1s)); }
  Heartbeat heartbeat(const std::string& node, zone::Revision applied = 0) const {
    return {.name = node, .version = "1.2", .applied = applied, .started = started, .max_stale = 7 * 24h};
  }
  SharedVerdict said(const std::string& identity, Verdict verdict) {
    return {check_digest(identity), verdict, clock.wall_now()};
  }
  bool store_has_a_clock() const { return EveryStoreTest::store() == Store::kPostgres; }
  std::vector<NodeRow> nodes() { return ok(ok(authority->read())->nodes()); }

  std::unique_ptr<Authority> authority;
  WallTime started = clock.wall_now();
};

TEST_P(NodesTest, AHeartbeatSaysWhatANodeServesAndTakesNoRevision) {
  EXPECT_THAT(nodes(), IsEmpty());
  auto store = connect();
  const WallTime begin = ok(store->now());
  const Beaten first = ok(store->beat(heartbeat("ns1", 3), {}));
  EXPECT_TRUE(first.is_new);
  EXPECT_TRUE(first.disturbed) << "what the database has of its verdicts is not known yet";
  clock.advance(5s);
  const Beaten second = ok(store->beat(heartbeat("ns1", 4), {}));
  EXPECT_FALSE(second.is_new);
  EXPECT_FALSE(second.disturbed);
  EXPECT_EQ(ok(authority->read())->nodes()->front().last_seen + 7 * 24h, second.serve_until);
  EXPECT_EQ(store_has_a_clock(), second.clock_ahead.has_value());
  ASSERT_EQ(1U, nodes().size());
  const NodeRow row = nodes()[0];
  EXPECT_EQ("ns1", row.name);
  EXPECT_EQ("1.2", row.version);
  EXPECT_EQ(4U, row.applied);
  EXPECT_EQ(2U, row.beat);
  if (store_has_a_clock()) {  // which runs, while the test's stands
    EXPECT_GE(ok(store->now()), row.last_seen);
    EXPECT_LE(std::chrono::floor<std::chrono::milliseconds>(begin), row.last_seen);
    EXPECT_EQ(row.clock - row.last_seen, second.clock_ahead);
  } else {
    EXPECT_EQ(clock.wall_now(), row.last_seen);
  }
  EXPECT_EQ(clock.wall_now(), row.clock);
  EXPECT_EQ(row.last_seen + 7 * 24h, row.serve_until);
  EXPECT_EQ(started, row.started);
  EXPECT_EQ(0U, ok(ok(authority->read())->position()).revision);
}

TEST_P(NodesTest, ANodeThatRestartsIsTheSameNodeInAnotherIncarnation) {
  ok(connect()->beat(heartbeat("ns1"), {}));
  const std::uint64_t before = nodes()[0].incarnation;
  started += 1h;
  auto again = connect();
  const Beaten beaten = ok(again->beat(heartbeat("ns1"), {}));
  EXPECT_FALSE(beaten.is_new);
  EXPECT_TRUE(beaten.disturbed);
  EXPECT_FALSE(beaten.other_process) << "the one before may have ended";
  ASSERT_EQ(1U, nodes().size());
  EXPECT_NE(before, nodes()[0].incarnation);
}

TEST_P(NodesTest, TwoProcessesOfOneNameNoticeEachOther) {
  auto one = connect();
  auto other = connect();
  ok(one->beat(heartbeat("ns1"), {}));
  started += 1h;
  ok(other->beat(heartbeat("ns1"), {}));
  started -= 1h;
  const Beaten beaten = ok(one->beat(heartbeat("ns1"), {}));
  EXPECT_TRUE(beaten.disturbed);
  EXPECT_TRUE(beaten.other_process);
}

TEST_P(NodesTest, ARowThatWentBackIsNoticed) {
  auto store = connect();
  ok(store->beat(heartbeat("ns1"), {}));
  ok(store->beat(heartbeat("ns1"), {}));
  sql("UPDATE node SET beat = beat - 1");  // a backup that was restored
  const Beaten beaten = ok(store->beat(heartbeat("ns1"), {}));
  EXPECT_TRUE(beaten.disturbed);
  EXPECT_FALSE(beaten.other_process);
  EXPECT_FALSE(ok(store->beat(heartbeat("ns1"), {})).disturbed) << "it has settled";
}

TEST_P(NodesTest, VerdictsAreReadFromWhereOneWas) {
  auto store = connect();
  std::vector<SharedVerdict> all;
  for (int i = 0; i < 77; ++i)
    all.push_back(said(numbered("tcp 192.0.2.1:{}", i + 1), i % 2 ? Verdict::kUp : Verdict::kDown));
  ok(store->beat(heartbeat("ns1"), all));
  std::vector<SharedVerdict> read;
  const auto each = [&](const SharedVerdict& one) { read.push_back(one); };
  const std::uint64_t first = ok(store->verdicts_after("ns1", 0, 50, each));
  EXPECT_EQ(50U, read.size());
  const std::uint64_t last = ok(store->verdicts_after("ns1", first, 50, each));
  EXPECT_EQ(all, read) << "in the order in which they were written";
  EXPECT_EQ(77U, last);
  EXPECT_EQ(77U, nodes()[0].verdicts);

  read.clear();
  const std::uint64_t rows = store->rows_read();
  EXPECT_EQ(last, ok(store->verdicts_after("ns1", last, 50, each)));
  EXPECT_EQ(rows, store->rows_read()) << "nothing is new";
  const SharedVerdict changed = said("tcp 192.0.2.1:5", Verdict::kUp);
  ok(store->beat(heartbeat("ns1"), std::vector{changed}));
  EXPECT_EQ(78U, ok(store->verdicts_after("ns1", last, 50, each)));
  EXPECT_THAT(read, ElementsAre(changed));
  EXPECT_EQ(77U, ok(store->verdicts_of("ns1")).size()) << "one row for each check";
  EXPECT_EQ(0U, ok(ok(authority->read())->position()).revision);
}

TEST_P(NodesTest, OneCheckIsReadOfAllNodes) {
  auto store = connect();
  const SharedVerdict up = said("tcp 192.0.2.1:443", Verdict::kUp);
  const SharedVerdict down = said("tcp 192.0.2.1:443", Verdict::kDown);
  ok(store->beat(heartbeat("ns1"), std::vector{up, said("tcp 192.0.2.9:443", Verdict::kUp)}));
  ok(connect()->beat(heartbeat("ns2"), std::vector{down}));
  std::map<std::string, SharedVerdict> read;
  ok(store->verdicts_on(up.check, [&](const std::string& node, const SharedVerdict& one) { read[node] = one; }));
  EXPECT_EQ((std::map<std::string, SharedVerdict>{{"ns1", up}, {"ns2", down}}), read);
}

TEST_P(NodesTest, WhatIsDeletedRaisesTheFloorAndNeverLowersIt) {
  auto store = connect();
  const WallTime then = clock.wall_now();
  ok(store->beat(heartbeat("ns1"), std::vector{said("late", Verdict::kUp), said("early", Verdict::kUnknown)}));
  clock.advance(1h);
  EXPECT_EQ(0, ok(store->drop_unknown("ns1", then)));
  EXPECT_EQ(0U, nodes()[0].verdicts_floor);
  EXPECT_EQ(1, ok(store->drop_unknown("ns1", clock.wall_now())));
  EXPECT_EQ(2U, nodes()[0].verdicts_floor);
  EXPECT_EQ(1U, ok(store->verdicts_of("ns1")).size());
  sql("UPDATE verdict SET verdict = 'unknown'");  // its number is below the floor
  EXPECT_EQ(1, ok(store->drop_unknown("ns1", clock.wall_now())));
  EXPECT_EQ(2U, nodes()[0].verdicts_floor);
}

TEST_P(NodesTest, AForgottenNodeIsGoneUntilItsNextHeartbeat) {
  auto store = connect();
  ok(store->beat(heartbeat("ns1"), std::vector{said("a", Verdict::kUp)}));
  ok(store->beat(heartbeat("ns2"), {}));
  auto edit = ok(authority->edit());
  EXPECT_EQ(Errc::kNotFound, edit->forget_node("ns3").error().code);
  ok(edit->forget_node("ns1"));
  EXPECT_EQ(0U, ok(edit->commit("test")).revision);
  edit.reset();
  ASSERT_EQ(1U, nodes().size());
  EXPECT_EQ("ns2", nodes()[0].name);
  EXPECT_THAT(ok(store->verdicts_of("ns1")), IsEmpty());
  const Beaten back = ok(store->beat(heartbeat("ns1"), {}));
  EXPECT_TRUE(back.is_new);
  EXPECT_TRUE(back.disturbed) << "its verdicts are to be written again";
}

TEST_P(NodesTest, AVerdictThatIsNoneIsDamage) {
  auto store = connect();
  ok(store->beat(heartbeat("ns1"), std::vector{said("a", Verdict::kUp)}));
  sql(store_has_a_clock() ? "UPDATE verdict SET check_digest = '\\x00'" : "UPDATE verdict SET check_digest = x'00'");
  const auto read = store->verdicts_of("ns1");
  ASSERT_FALSE(read);
  EXPECT_EQ(Errc::kCorrupt, read.error().code);
}

// Databases of older programs are there on SQLite alone.
class NodesOnSqliteTest : public NodesTest {};

TEST_P(NodesOnSqliteTest, AnOlderSchemaIsWaitedFor) {
  authority.reset();
  std::filesystem::remove(file());
  const std::vector<Migration> before(migrations().begin(), migrations().begin() + 5);
  ok(create_sqlite(file(), [&](Connection& db) { return initialise(db, clock, random, before); }));
  const auto opened = NodeStore::open(url(), clock, random, 1s);
  ASSERT_FALSE(opened);
  EXPECT_EQ(Errc::kUnavailable, opened.error().code);
  authority = open(OpenMode::kExisting);
  ok(connect()->beat(heartbeat("ns1"), {}));
  EXPECT_EQ(1U, nodes().size());
}

SDNS_ON_EVERY_STORE(NodesTest);
SDNS_ON_SQLITE(NodesOnSqliteTest);

// Heartbeats and edits do not wait for each other where there are several writers.
class PostgreSQLNodesTest : public NodesTest {};

TEST_P(PostgreSQLNodesTest, AHeartbeatDoesNotWaitForAnEdit) {
  auto store = connect();
  auto edit = ok(authority->edit());
  ok(edit->create_zone(head("a."), SerialPolicy::kCounter));
  ok(store->beat(heartbeat("ns1"), std::vector{said("a", Verdict::kUp)}));
  ok(edit->replace_zone(1, {rr("a.", dns::kSOA, soa(1))}));
  EXPECT_EQ(1U, ok(edit->commit("test")).revision);
  EXPECT_EQ(1U, nodes().size());
}

TEST_P(PostgreSQLNodesTest, ALostConnectionIsAnError) {
  auto store = connect();
  ok(store->beat(heartbeat("ns1"), {}));
  authority.reset();
  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
      "pg_backend_pid()");
  const auto lost = store->beat(heartbeat("ns1"), {});
  ASSERT_FALSE(lost);
  EXPECT_EQ(Errc::kUnavailable, lost.error().code);
  EXPECT_FALSE(store->beat(heartbeat("ns1"), {})) << "it is opened anew by who uses it";
  ok(connect()->beat(heartbeat("ns1"), {}));
}

INSTANTIATE_TEST_SUITE_P(Some, PostgreSQLNodesTest, testing::Values(Store::kPostgres));

struct StateCase {
  std::string behaviour;
  std::chrono::seconds seen_ago;
  NodeState state;
};
void PrintTo(const StateCase& one, std::ostream* to) { *to << one.behaviour; }
class NodeStateTest : public testing::TestWithParam<StateCase> {};

TEST_P(NodeStateTest, IsByItsLastHeartbeat) {
  sdns::test::ManualWallClock clock;
  const WallTime seen = clock.wall_now() - GetParam().seen_ago;
  NodeRow row;
  row.last_seen = seen;
  row.serve_until = seen + 7 * 24h;
  EXPECT_EQ(node_state_name(GetParam().state), node_state_name(node_state(row, clock.wall_now())));
}

INSTANTIATE_TEST_SUITE_P(Nodes, NodeStateTest,
                         testing::Values(StateCase{"just heard", 0s, NodeState::kLive},
                                         StateCase{"its clock is ahead", -3s, NodeState::kLive},
                                         StateCase{"almost a minute", 59s, NodeState::kLive},
                                         StateCase{"a minute", 60s, NodeState::kSilent},
                                         StateCase{"almost seven days", 7 * 24h - 1s, NodeState::kSilent},
                                         StateCase{"seven days", 7 * 24h, NodeState::kExpired}));

TEST(NodesBefore, AFirstDsWaitsForThoseThatLiveAndAllElseForWhoeverMayServe) {
  sdns::test::ManualWallClock clock;
  const WallTime now = clock.wall_now();
  const auto row = [&](const char* name, zone::Revision applied, std::chrono::seconds ago) {
    NodeRow made;
    made.name = name;
    made.applied = applied;
    made.last_seen = now - ago;
    made.serve_until = now - ago + 7 * 24h;
    return made;
  };
  const std::vector<NodeRow> nodes = {row("has it", 8, 0s), row("is later", 9, 0s), row("expired", 2, 8 * 24h),
                                      row("lags", 7, 1s), row("silent", 3, 2h)};
  EXPECT_THAT(nodes_before(nodes, 8, now, SilentNodes::kWaitFor), ElementsAre("lags", "silent"));
  EXPECT_THAT(nodes_before(nodes, 8, now, SilentNodes::kLeaveOut), ElementsAre("lags"));
  EXPECT_THAT(nodes_before(nodes, 8, now, SilentNodes::kLeaveOut, 3h), ElementsAre("lags", "silent"));
  EXPECT_THAT(nodes_before(nodes, 2, now, SilentNodes::kWaitFor), IsEmpty());
}

}  // namespace
}  // namespace sdns::store::test
