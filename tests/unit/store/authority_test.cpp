// SPDX-License-Identifier: MIT
#include "backend/store/authority.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <map>
#include <thread>

#include "backend/store/postgres.h"
#include "backend/store/schema.h"
#include "backend/store/sqlite.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

using testing::HasSubstr;

class AuthorityTest : public EveryStoreTest {
 protected:
  std::unique_ptr<Connection> connect() {
    if (store() == Store::kPostgres) return ok(open_postgres(url(), {.busy_limit = std::chrono::seconds(10)}));
    return ok(open_sqlite(file(), SqliteOpen::kEdit, std::chrono::seconds(10)));
  }
};
class AuthorityOnSqliteTest : public StoreTest {};

TEST_P(AuthorityTest, ANewDatabaseIsEmptyAtRevisionZero) {
  auto authority = open();
  auto read = ok(authority->read());
  EXPECT_EQ(0U, ok(read->position()).revision);
  EXPECT_TRUE(ok(read->zones()).empty());
  EXPECT_EQ(32U, ok(authority->identity()).database_id.size());
}

TEST_F(AuthorityOnSqliteTest, ANewDatabaseIsReadableByItsOwnerAlone) {
  auto authority = open();
  add_zone(*authority, "example.");
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat about {};
    ASSERT_EQ(0, ::stat((file() + suffix).c_str(), &about)) << suffix;
    EXPECT_EQ(0600U, about.st_mode & 0777U) << suffix;
  }
}

TEST_P(AuthorityTest, TheIdentityStaysOverOpenings) {
  const Identity first = ok(open()->identity());
  EXPECT_EQ(first.database_id, ok(open()->identity()).database_id);
}

TEST_P(AuthorityTest, TwoDatabasesDifferInIdentityAndInTheirEmptyHistories) {
  auto authority = open();
  make_other("other");
  auto other = ok(open_authority(other_url("other"), OpenMode::kCreateIfMissing, clock, random));
  EXPECT_NE(ok(authority->identity()).database_id, ok(other->identity()).database_id);
  EXPECT_NE(ok(ok(authority->read())->position()).chain, ok(ok(other->read())->position()).chain);
}

TEST_P(AuthorityTest, AMissingDatabaseIsNotFoundUnlessItMayBeCreated) {
  const Error error = open_error();
  EXPECT_EQ(Errc::kNotFound, error.code);
  EXPECT_THAT(error.what, HasSubstr(place()));
}

TEST_P(AuthorityTest, ManyProgramsMayCreateItAtOnceAndMeetInOneDatabase) {
  std::vector<std::thread> threads;
  std::vector<std::string> ids(8);
  for (std::size_t i = 0; i < ids.size(); ++i)
    threads.emplace_back([&, i] {
      sdns::test::SeededRandom own(100 + i);
      auto authority = ok(open_authority(url(), OpenMode::kCreateIfMissing, clock, own));
      ids[i] = ok(authority->identity()).database_id;
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& id : ids) EXPECT_EQ(ids[0], id);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    files += entry.path().string().find(".new-") != std::string::npos;
  EXPECT_EQ(0, files) << "drafts are left behind";
}

TEST_F(AuthorityOnSqliteTest, AUrlMustNameAFileOfSqlite) {
  struct Case {
    const char* url;
    Errc code;
  };
  for (const Case& one :
       {Case{"/a/path", Errc::kUnsupported}, Case{"sqlite:", Errc::kInvalidArgument},
        Case{"sqlite::memory:", Errc::kInvalidArgument}, Case{"sqlite:/directory/", Errc::kInvalidArgument}}) {
    auto opened = open_authority(one.url, OpenMode::kCreateIfMissing, clock, random);
    ASSERT_FALSE(opened) << one.url;
    EXPECT_EQ(one.code, opened.error().code) << one.url;
    EXPECT_FALSE(open_follower(one.url)) << one.url;
  }
  EXPECT_EQ("/a/b.db", ok(sqlite_path("sqlite:///a/b.db")));
  EXPECT_EQ("/a/b.db", ok(sqlite_path("sqlite:/a/b.db")));
  EXPECT_EQ("var/b.db", ok(sqlite_path("sqlite:var/b.db")));
}

TEST_P(AuthorityTest, TheHistoryIsAChain) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  const Position first = set(*authority, id, "www.example.", dns::kA, {"192.0.2.2"});
  const Position second = set(*authority, id, "www.example.", dns::kA, {"192.0.2.3"});
  EXPECT_EQ(2U, first.revision);
  EXPECT_EQ(3U, second.revision);
  EXPECT_NE(first.chain, second.chain);
  EXPECT_EQ(second.chain, ok(ok(authority->read())->position()).chain);
}

TEST_P(AuthorityTest, EqualChangesWithOtherContentGiveAnotherChain) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  authority.reset();
  copy_to("copy");
  authority = open();
  auto other = ok(open_authority(other_url("copy"), OpenMode::kExisting, clock, random));
  EXPECT_NE(set(*authority, id, "www.example.", dns::kA, {"192.0.2.2"}).chain,
            set(*other, id, "www.example.", dns::kA, {"192.0.2.3"}).chain);
}

TEST_P(AuthorityTest, ZoneIdsAreNeverUsedAgain) {
  std::vector<ZoneId> ids;
  for (int round = 0; round < 5; ++round) {
    auto authority = open();
    ids.push_back(add_zone(*authority, "example."));
    auto edit = ok(authority->edit());
    ok(edit->delete_zone(ids.back()));
    if (round % 2 == 0) ids.push_back(ok(edit->create_zone(head("example."), SerialPolicy::kCounter)));
    if (round % 2 == 0) ok(edit->delete_zone(ids.back()));
    ok(edit->commit("test"));
  }
  for (std::size_t i = 1; i < ids.size(); ++i) EXPECT_GT(ids[i], ids[i - 1]);
}

TEST_P(AuthorityTest, KeyIdsAreNeverUsedAgain) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  std::uint32_t before = 0;
  for (int round = 0; round < 3; ++round) {
    auto edit = ok(authority->edit());
    const std::uint32_t key = ok(edit->add_key(id, {0, 257, true, true, "secret"}));
    EXPECT_GT(key, before);
    before = key;
    ok(edit->remove_key(id, key));
    ok(edit->commit("test"));
  }
}

TEST_P(AuthorityTest, ARolledBackEditLeavesNothing) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  const std::string before = ok(state_digest(*ok(authority->read())));
  {
    auto edit = ok(authority->edit());
    ok(edit->replace_rrset(id, name("www.example."), dns::kA, {rr("www.example.", dns::kA, "192.0.2.9")}));
    ok(edit->create_zone(head("other."), SerialPolicy::kCounter));
    EXPECT_TRUE(ok(edit->zone(name("other."))).has_value()) << "an edit reads what it wrote";
  }
  EXPECT_EQ(before, ok(state_digest(*ok(authority->read()))));
  EXPECT_EQ(1U, ok(ok(authority->read())->position()).revision);
}

TEST_P(AuthorityTest, AReadSeesOneMomentWhileOthersCommit) {
  auto authority = open();
  auto writer = open();
  const ZoneId id = add_zone(*authority, "example.");
  auto read = ok(authority->read());
  const std::string before = ok(state_digest(*read));
  set(*writer, id, "www.example.", dns::kA, {"192.0.2.2"});
  EXPECT_EQ(before, ok(state_digest(*read)));
  EXPECT_EQ(1U, ok(read->position()).revision);
  read.reset();
  EXPECT_NE(before, ok(state_digest(*ok(authority->read()))));
}

TEST_P(AuthorityTest, AReadTransactionRefusesEdits) {
  auto authority = open();
  auto read = ok(authority->read());
  EXPECT_FALSE(read->create_zone(head("example."), SerialPolicy::kCounter));
  EXPECT_FALSE(read->commit("test"));
  EXPECT_FALSE(authority->edit()) << "one transaction at a time on a connection";
}

TEST_P(AuthorityTest, WritersOnTheirOwnConnectionsWaitForEachOther) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  constexpr int kWriters = 4;
  constexpr int kEdits = 25;
  std::vector<std::thread> threads;
  std::vector<std::vector<Revision>> given(kWriters);
  for (int writer = 0; writer < kWriters; ++writer)
    threads.emplace_back([&, writer] {
      auto own = open(OpenMode::kExisting);
      for (int i = 0; i < kEdits; ++i) {
        const std::string owner = numbered("w{}.example.", 1000 * writer + i);
        given[static_cast<std::size_t>(writer)].push_back(set(*own, id, owner, dns::kA, {"192.0.2.5"}).revision);
      }
    });
  for (std::thread& thread : threads) thread.join();
  std::vector<Revision> all;
  for (const auto& some : given) {
    EXPECT_TRUE(std::is_sorted(some.begin(), some.end()));
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(i + 2, all[i]) << "revisions have no holes and no twins";
  EXPECT_EQ(1U + kWriters * kEdits, serial(*authority, id));
}

TEST_F(AuthorityOnSqliteTest, EditsTakeTheWritersLockFromTheStart) {
  auto one = open();
  auto other = open();
  const ZoneId id = add_zone(*one, "example.");
  auto edit = ok(one->edit());
  std::thread second([&] { set(*other, id, "b.example.", dns::kA, {"192.0.2.2"}); });  // waits
  ok(edit->replace_rrset(id, name("a.example."), dns::kA, {rr("a.example.", dns::kA, "192.0.2.1")}));
  EXPECT_EQ(2U, ok(edit->commit("test")).revision);
  second.join();
  EXPECT_EQ(3U, ok(ok(one->read())->position()).revision);
}

TEST_P(AuthorityTest, TheEnclosingZoneHasTheLongestApex) {
  auto authority = open();
  add_zone(*authority, "example.");
  const ZoneId sub = add_zone(*authority, "sub.example.");
  auto read = ok(authority->read());
  EXPECT_EQ(sub, ok(read->enclosing_zone(name("a.b.sub.example.")))->head.id);
  EXPECT_EQ(sub, ok(read->enclosing_zone(name("SUB.example")))->head.id);
  EXPECT_EQ("example.", ok(read->enclosing_zone(name("xsub.example.")))->head.apex.text());
  EXPECT_FALSE(ok(read->enclosing_zone(name("elsewhere."))).has_value());
}

TEST_P(AuthorityTest, PruningKeepsThePositionAndWhatIsAboveTheFloor) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  for (int i = 0; i < 5; ++i) set(*authority, id, "www.example.", dns::kA, {numbered("192.0.2.{}", i)});
  const Position before = ok(ok(authority->read())->position());
  ok(authority->prune_journal(3));
  EXPECT_EQ("3", sql("SELECT min(revision) FROM journal"));
  EXPECT_EQ("4", sql("SELECT min(revision) FROM change"));
  ok(authority->prune_journal(1'000'000));
  EXPECT_EQ("0", sql("SELECT count(*) FROM change"));
  const Position after = ok(ok(authority->read())->position());
  EXPECT_EQ(before.revision, after.revision);
  EXPECT_EQ(before.chain, after.chain);
  EXPECT_EQ(before.revision + 1, set(*authority, id, "www.example.", dns::kA, {"192.0.2.77"}).revision);
}

TEST_P(AuthorityTest, ANewerSchemaIsRefused) {
  open();
  sql("INSERT INTO migration VALUES (9999, '9999_from_the_future', 0)");
  const Error error = open_error();
  EXPECT_EQ(Errc::kTooNew, error.code);
  EXPECT_THAT(error.what, HasSubstr("9999"));
  EXPECT_EQ("9999", sql("SELECT max(version) FROM migration")) << "nothing was changed";
}

TEST_P(AuthorityTest, AMigrationIsAppliedOnceUnderTheLock) {
  open();
  std::vector<Migration> more = migrations();
  more.push_back(
      {more.back().version + 1, "9000_more", "CREATE TABLE more (n {int} NOT NULL PRIMARY KEY) {clustered};"});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      auto db = connect();
      ok(migrate(*db, clock, more));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ("0", sql("SELECT count(*) FROM more"));
  EXPECT_EQ(std::to_string(more.size()), sql("SELECT count(*) FROM migration"));
}

TEST_P(AuthorityTest, AMigrationThatFailsLeavesTheSchemaAsItWas) {
  open();
  std::vector<Migration> more = migrations();
  more.push_back({more.back().version + 1, "9000_broken", "CREATE TABLE half (n INTEGER); CREATE TABLE zone (n);"});
  auto db = connect();
  const auto done = migrate(*db, clock, more);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().what, HasSubstr("9000_broken"));
  EXPECT_EQ("0", sql(store() == Store::kSqlite ? "SELECT count(*) FROM sqlite_master WHERE name = 'half'"
                                               : "SELECT count(*) FROM pg_class WHERE relname = 'half'"));
  EXPECT_EQ(std::to_string(migrations().size()), sql("SELECT count(*) FROM migration"));
}

TEST_F(AuthorityOnSqliteTest, MigrationsAreNumberedFromOneWithoutHoles) {
  int expected = 1;
  for (const Migration& migration : migrations()) EXPECT_EQ(expected++, migration.version) << migration.name;
}

TEST_F(AuthorityOnSqliteTest, TheDatabaseKeepsTheRulesForSqlite) {
  auto authority = open();
  EXPECT_EQ("wal", sql("PRAGMA journal_mode"));
  EXPECT_EQ(std::to_string(kSqliteApplicationId), sql("PRAGMA application_id"));
  auto db = ok(open_sqlite(file(), SqliteOpen::kEdit, std::chrono::seconds(1)));
  const auto number = [&](std::string_view pragma) {
    auto rows = ok(db->query(pragma));
    ok(rows->next());
    return rows->integer(0);
  };
  EXPECT_EQ(2, number("PRAGMA synchronous")) << "FULL";
  EXPECT_EQ(1, number("PRAGMA foreign_keys"));
}

SDNS_ON_EVERY_STORE(AuthorityTest);

}  // namespace
}  // namespace sdns::store::test
