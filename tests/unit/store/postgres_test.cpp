// SPDX-License-Identifier: MIT
// What only a server can do: several writers at once, locks, connections that are lost, sessions, notifications.
#include "backend/store/postgres.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "backend/base/owned.h"
#include "backend/store/followers.h"
#include "backend/store/postgres_target.h"
#include "backend/store/schema.h"
#include "tests/unit/store/model.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class PostgreSQLTest : public StoreTest {
 protected:
  void SetUp() override {
    if (sdns::test::left_out("postgresql")) GTEST_SKIP() << "left out by --without=postgresql";
  }
  Store store() const override { return Store::kPostgres; }
  std::unique_ptr<Authority> open_with(milliseconds busy) {
    return ok(open_authority(url(), OpenMode::kExisting, clock, random, busy));
  }
  std::unique_ptr<PostgresConnection> connect(const PostgresOptions& options = {}) {
    return ok(open_postgres(url(), options));
  }
  static std::int64_t number(Connection& db, std::string_view statement) {
    auto rows = ok(db.query(statement));
    EXPECT_TRUE(ok(rows->next()));
    return rows->integer(0);
  }
  /// The server's process that has a transaction of ours open.
  pid_t process_in_transaction() {
    return std::stoi(
        sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"));
  }
  void end_connections() {
    sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  }
  static Result<void> put(Transaction& edit, ZoneId id, const std::string& owner, const std::string& content) {
    return edit.replace_rrset(id, name(owner), dns::kTXT, {rr(owner, dns::kTXT, content)});
  }
};

TEST_F(PostgreSQLTest, WritersOfDifferentZonesDoNotWaitForEachOther) {
  auto one = open();
  auto other = open();
  const ZoneId a = add_zone(*one, "a.");
  const ZoneId b = add_zone(*one, "b.");
  auto early = ok(one->edit());
  ok(put(*early, a, "x.a.", "early"));
  ok(early->add_key(a, {0, 257, true, true, "k"}));
  auto quick = ok(other->edit());
  ok(put(*quick, b, "x.b.", "quick"));
  ok(quick->add_key(b, {0, 257, true, true, "k"}));
  ok(quick->create_zone(head("c."), SerialPolicy::kCounter));
  EXPECT_EQ(3U, ok(quick->commit("test")).revision);
  EXPECT_EQ(4U, ok(early->commit("test")).revision) << "revisions are in the order of commits, not of beginnings";
}

TEST_F(PostgreSQLTest, AZoneThatAnEditHasLookedAtStaysAsItIs) {
  auto one = open();
  const ZoneId id = add_zone(*one, "a.");
  auto edit = ok(one->edit());
  ASSERT_TRUE(ok(edit->zone(name("a."))));
  auto impatient = open_with(milliseconds(50));
  auto other = ok(impatient->edit());
  const auto refused = put(*other, id, "x.a.", "other");
  ASSERT_FALSE(refused);
  EXPECT_EQ(Errc::kBusy, refused.error().code);
  const auto committed = other->commit("test");
  ASSERT_FALSE(committed) << "an edit of which a part failed";
  EXPECT_EQ(Errc::kBusy, committed.error().code) << committed.error().what;
  ok(put(*edit, id, "x.a.", "one"));
  EXPECT_EQ(2U, ok(edit->commit("test")).revision);
  EXPECT_EQ(2U, serial(*one, id));
}

TEST_F(PostgreSQLTest, EditsInOppositeOrdersEndWithBusyAndCanBeMadeAgain) {
  auto authority = open();
  const ZoneId a = add_zone(*authority, "a.");
  const ZoneId b = add_zone(*authority, "b.");
  std::atomic<int> holding = 0;
  std::atomic<int> busy = 0;
  const auto work = [&](ZoneId first, ZoneId second, const std::string& names) {
    auto own = open();
    for (int attempt = 0;; ++attempt) {
      auto edit = ok(own->edit());
      auto done = edit->records_at(first, name(names));
      if (attempt == 0) {
        ++holding;
        while (holding < 2) std::this_thread::yield();
      }
      if (done) done = edit->records_at(second, name(names));
      if (!done) {
        EXPECT_EQ(Errc::kBusy, done.error().code) << done.error().what;
        ++busy;
        continue;
      }
      ok(edit->set_metadata(first, "X", {names}));
      ok(edit->set_metadata(second, "X", {names}));
      ok(edit->commit("test"));
      return;
    }
  };
  std::thread one([&] { work(a, b, "one."); });
  std::thread other([&] { work(b, a, "other."); });
  one.join();
  other.join();
  EXPECT_EQ(1, busy);
  EXPECT_EQ(4U, ok(ok(authority->read())->position()).revision);
}

TEST_F(PostgreSQLTest, OfTwoThatCreateAZoneOneIsToldThatItExists) {
  open();
  std::atomic<int> made = 0;
  std::atomic<int> there = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      auto own = open();
      auto edit = ok(own->edit());
      const auto id = edit->create_zone(head("new."), SerialPolicy::kCounter);
      if (!id) {
        EXPECT_EQ(Errc::kExists, id.error().code) << id.error().what;
        ++there;
        return;
      }
      ok(edit->commit("test"));
      ++made;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(1, made);
  EXPECT_EQ(3, there);
}

TEST_F(PostgreSQLTest, AConnectionThatWasLostInAnEditIsSaidToBeAndTheNextEditHasAnother) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "a.");
  auto edit = ok(authority->edit());
  ok(put(*edit, id, "x.a.", "lost"));
  end_connections();
  const auto committed = edit->commit("test");
  ASSERT_FALSE(committed);
  EXPECT_EQ(Errc::kUnavailable, committed.error().code);
  edit.reset();
  EXPECT_EQ(2U, set(*authority, id, "x.a.", dns::kA, {"192.0.2.1"}).revision);
  end_connections();  // while it is idle
  EXPECT_EQ(3U, set(*authority, id, "x.a.", dns::kA, {"192.0.2.2"}).revision);
}

TEST_F(PostgreSQLTest, ACommitWithoutAnAnswerIsNotSaidToHaveFailed) {
  open();
  auto db = connect();
  ok(db->begin(Access::kWrite));
  ok(db->execute("UPDATE zone SET account = 'x'"));
  end_connections();
  const auto committed = db->commit();
  ASSERT_FALSE(committed);
  EXPECT_THAT(to_text(committed.error()), HasSubstr("not known"));
  EXPECT_FALSE(db->in_transaction());
}

TEST_F(PostgreSQLTest, AServerThatHangsEndsWithATimeout) {
  if (::geteuid() != 0) {
    ASSERT_TRUE(sdns::test::left_out("root")) << "needs root to stop a process of PostgreSQL";
    GTEST_SKIP() << "left out by --without=root";
  }
  open();
  auto db = connect({.busy_limit = milliseconds(1), .statement_limit = milliseconds(100)});
  ok(db->begin(Access::kRead));
  const pid_t process = process_in_transaction();
  ASSERT_EQ(0, ::kill(process, SIGSTOP));
  const auto hung = db->query("SELECT 1");
  ::kill(process, SIGCONT);
  ASSERT_FALSE(hung);
  EXPECT_EQ(Errc::kTimeout, hung.error().code);
  EXPECT_EQ(-1, db->socket());
  db->rollback();
  ok(db->begin(Access::kRead));
  EXPECT_EQ(1, number(*db, "SELECT 1"));
}

TEST_F(PostgreSQLTest, AServerThatTakesConnectionsAndSaysNothingIsGivenUp) {
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (dir / ".s.PGSQL.5432").string();
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(0, ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)));
  ASSERT_EQ(0, ::listen(listener.get(), 4));
  const std::string silent = "postgresql:///x?connect_timeout=1&host=" + dir.path().string();
  const auto opened = open_postgres(silent, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(Errc::kUnavailable, opened.error().code);
  EXPECT_THAT(opened.error().what, HasSubstr("did not answer within 1000 ms"));
  open();  // the next host is asked
  std::string both = url();
  both.replace(both.find("host="), 5, "connect_timeout=1&host=" + dir.path().string() + ",");
  EXPECT_TRUE(open_postgres(both, {})) << both;
}

TEST_F(PostgreSQLTest, CommitsAreSynchronousWhateverTheDefault) {
  open();
  sql("ALTER DATABASE " + place() + " SET synchronous_commit = off");
  EXPECT_EQ(1, number(*connect(), "SELECT (current_setting('synchronous_commit') = 'on')::int"));
  sql("ALTER DATABASE " + place() + " SET synchronous_commit = remote_apply");
  EXPECT_EQ(1, number(*connect(), "SELECT (current_setting('synchronous_commit') = 'remote_apply')::int"));
}

TEST_F(PostgreSQLTest, PreparedStatementsAreBounded) {
  auto db = connect();
  ok(db->begin(Access::kRead));
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 300; ++i) EXPECT_EQ(i, number(*db, numbered("SELECT {}", i)));
  EXPECT_LE(number(*db, "SELECT count(*) FROM pg_prepared_statements"), 201);
}

TEST_F(PostgreSQLTest, StreamsAreReadSideBySide) {
  auto db = connect();
  ok(db->begin(Access::kRead));
  auto slow = ok(db->stream("SELECT n FROM generate_series(1, 50000) AS n"));
  auto quick = ok(db->stream("SELECT -n FROM generate_series(1, $1) AS n", {3}));
  std::int64_t sum = 0;
  while (ok(slow->next())) {
    sum += slow->integer(0);
    if (ok(quick->next())) sum += quick->integer(0);
    if (slow->integer(0) % 10'000 == 0) sum += number(*db, "SELECT 0");
  }
  EXPECT_EQ(50'000LL * 50'001 / 2 - 6, sum);
  slow.reset();
  EXPECT_EQ(1, number(*db, "SELECT count(*) FROM pg_cursors WHERE name <> ''")) << "the one that is still held";
}

TEST_F(PostgreSQLTest, AFailedStatementEndsTheTransactionWithItsOwnWords) {
  auto db = connect();
  ok(db->begin(Access::kWrite));
  EXPECT_FALSE(db->execute("SELECT 1 / 0"));
  const auto after = db->query("SELECT 1");
  ASSERT_FALSE(after);
  EXPECT_THAT(after.error().what, HasSubstr("division by zero"));
  const auto committed = db->commit();
  ASSERT_FALSE(committed);
  EXPECT_THAT(committed.error().what, HasSubstr("division by zero"));
  EXPECT_FALSE(db->in_transaction());
  ok(db->begin(Access::kRead));
}

TEST_F(PostgreSQLTest, ADatabaseInAnotherEncodingIsRefused) {
  const std::string other = place() + "_latin";
  cluster().sql("postgres", "CREATE DATABASE " + other + " TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'");
  const auto opened = open_authority(cluster().url(other), OpenMode::kCreateIfMissing, clock, random);
  cluster().drop_database(other);
  ASSERT_FALSE(opened);
  EXPECT_EQ(Errc::kUnsupported, opened.error().code);
}

TEST_F(PostgreSQLTest, TheSharedClockIsTheServers) {
  auto authority = open();
  clock.set(std::chrono::sys_seconds(seconds(1)));
  EXPECT_GT(ok(authority->shared_now()), WallTime(hours(24 * 365 * 50)));
}

TEST_F(PostgreSQLTest, ACommitOfWhichNobodyWasToldIsFoundByTheSlowLook) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "a.");
  auto follower = ok(open_follower(url()));
  Model model;
  const auto at = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  sql("UPDATE record SET content = '192.0.2.99' WHERE type = 1;"
      "INSERT INTO change SELECT 2, zone, 6, owner, 1 FROM record WHERE type = 1;"
      "INSERT INTO journal SELECT 2, epoch, 0, 'by hand', digest, sha256(chain) FROM journal WHERE revision = 1");
  follower->wait(hours(1));
  const auto batch = ok(follower->changes_since(at.revision, at.chain));
  EXPECT_EQ(2U, batch.to);
  EXPECT_EQ(1U, batch.changes.size());
  EXPECT_NE(0U, id);
}

TEST_F(PostgreSQLTest, AFollowerGoesOnOverLostConnectionsAndSaysWhenTheServerIsGone) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "a.");
  auto follower = ok(open_follower(url()));
  Model model;
  zone::Batch at{};
  const auto state = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  end_connections();
  set(*authority, id, "x.a.", dns::kA, {"192.0.2.1"});
  follower->wait(hours(1));  // ends with the connection
  at = ok(follower->changes_since(state.revision, state.chain));
  EXPECT_EQ(2U, at.to) << "a server that stands takes another at once";
  cluster().stop_immediately();
  const auto gone = follower->changes_since(at.to, at.chain);
  ASSERT_FALSE(gone);
  EXPECT_EQ(Errc::kUnavailable, gone.error().code);
  cluster().start();
  EXPECT_EQ(2U, ok(follower->changes_since(at.to, at.chain)).to);
  set(*authority, id, "x.a.", dns::kA, {"192.0.2.2"});
  EXPECT_EQ(3U, ok(follower->changes_since(at.to, at.chain)).to);
}

TEST_F(PostgreSQLTest, ABackgroundFollowerNeverWaitsForAServerThatHangs) {
  if (::geteuid() != 0) {
    ASSERT_TRUE(sdns::test::left_out("root")) << "needs root to stop a process of PostgreSQL";
    GTEST_SKIP() << "left out by --without=root";
  }
  auto authority = open();
  const ZoneId id = add_zone(*authority, "a.");
  auto follower = in_background(ok(open_follower(url())), 1);
  Model model;
  auto state = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  EXPECT_EQ(ok(authority->identity()).database_id, follower->identity());
  const auto next = [&]() -> Result<zone::Batch> {
    for (;;) {
      auto batch = follower->changes_since(state.revision, state.chain);
      if (!batch || batch->to != state.revision) return batch;
      follower->wait(milliseconds(10));
    }
  };
  const Position second = set(*authority, id, "x.a.", dns::kA, {"192.0.2.1"});
  auto batch = ok(next());
  EXPECT_EQ(second.revision, batch.to);
  state = {batch.to, batch.chain};

  authority.reset();
  const pid_t process = std::stoi(
      sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND "
          "backend_type = 'client backend'"));
  ASSERT_EQ(0, ::kill(process, SIGSTOP));
  const auto silent = next();  // empty batches at first
  ASSERT_FALSE(silent);
  EXPECT_EQ(Errc::kTimeout, silent.error().code);
  ::kill(process, SIGCONT);
  set(*open(), id, "x.a.", dns::kA, {"192.0.2.2"});
  for (;;) {
    auto again = follower->changes_since(state.revision, state.chain);
    if (again && again->to == 3U) break;
    follower->wait(milliseconds(10));
  }
}

struct BadUrl {
  const char* url;
};
class PostgreSQLUrlTest : public testing::TestWithParam<BadUrl> {};
TEST_P(PostgreSQLUrlTest, IsRefusedWithoutAWordOfItsPassword) {
  const auto refused = parse_postgres_url(GetParam().url);
  ASSERT_FALSE(refused) << GetParam().url;
  EXPECT_EQ(Errc::kInvalidArgument, refused.error().code);
  EXPECT_THAT(to_text(refused.error()), Not(HasSubstr("geheim")));
  EXPECT_THAT(shown_url(GetParam().url), Not(HasSubstr("geheim")));
}
INSTANTIATE_TEST_SUITE_P(Bad, PostgreSQLUrlTest,
                         testing::Values(BadUrl{"postgresql://u:geheim@[::1/x"}, BadUrl{"postgresql://u:geheim@h/x?a"},
                                         BadUrl{"postgresql://u:geheim@h/x?geheim=1@2"},
                                         BadUrl{"postgresql://u:geheim%@h/x"},
                                         BadUrl{"postgresql://u:geheim@h/x?password=%zz"},
                                         BadUrl{"postgresql://u:geheim@h1,h2/x?port=1,2,3"},
                                         BadUrl{"postgresql://u:geheim@h/x?connect_timeout=soon"}));

TEST(PostgreSQLUrl, TriesEachHostByItself) {
  const auto target =
      ok(parse_postgres_url("postgresql://u:geheim@a:1,b:2/x?target_session_attrs=prefer-standby&connect_timeout=7"));
  EXPECT_EQ("postgresql://a:1,b:2/x", target.label);
  EXPECT_EQ(seconds(7), target.connect_limit);
  std::vector<std::string> tried;
  for (const PostgresParameters& one : target.attempts) {
    std::map<std::string, std::string> settings(one.begin(), one.end());
    tried.push_back(settings["host"] + ":" + settings["port"] + " " + settings["target_session_attrs"]);
  }
  EXPECT_THAT(tried, testing::ElementsAre("a:1 standby", "b:2 standby", "a:1 any", "b:2 any"));
  EXPECT_EQ("postgresql:///?service=dns", ok(parse_postgres_url("postgresql:///?service=dns&password=geheim")).label);
}

}  // namespace
}  // namespace sdns::store::test
