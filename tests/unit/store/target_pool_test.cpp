// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "backend/store/schema.h"
#include "backend/store/sqlite.h"
#include "backend/store/sqlite_file.h"
#include "tests/unit/store/model.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

using health::PoolMember;
using health::TargetPool;
using testing::ElementsAre;
using testing::HasSubstr;

PoolMember member(const std::string& address) {
  PoolMember made;
  made.address = ok(dns::IpAddress::parse(address));
  made.name = address;
  return made;
}

/// Nothing in it is a default.
TargetPool full(const std::string& name) {
  PoolMember fra{"fra", ok(dns::IpAddress::parse("2001:db8::1")), 7, 2, "eu", 50.11, -8.68,
                 false, ok(dns::IpAddress::parse("10.0.0.1"))};
  return {name,
          {{"url", "https://x.example/"}, {"stringmatch", "it's \"up\"\n"}, {"rule", "any"}},
          {fra, member("192.0.2.1")},
          false,
          {{{"port", "25"}, {"expect", "2'"}}, {{"dns", "x"}}}};
}

class TargetPoolTest : public EveryStoreTest {
 protected:
  void prepare() override { authority = open(); }
  Position put(const TargetPool& pool) {
    auto edit = ok(authority->edit());
    ok(edit->put_target_pool(pool));
    return ok(edit->commit("test"));
  }
  std::vector<PoolRow> pools() { return ok(ok(authority->read())->target_pools()); }
  std::string digest() { return ok(state_digest(*ok(authority->read()))); }
  Position position() { return ok(ok(authority->read())->position()); }

  std::unique_ptr<Authority> authority;
};

TEST_P(TargetPoolTest, IsReadAsItWasWritten) {
  put({"web", {}, {}, false});
  put(full("app"));
  ASSERT_EQ(2U, pools().size());
  EXPECT_EQ(full("app"), pools()[0].pool);
  EXPECT_EQ(2U, pools()[0].revision);
  EXPECT_EQ((TargetPool{"web", {}, {}, false}), pools()[1].pool);
  EXPECT_EQ(1U, pools()[1].revision);
  auto read = ok(authority->read());
  EXPECT_EQ(full("app"), ok(read->target_pool("app"))->pool);
  EXPECT_FALSE(ok(read->target_pool("ap")));
}

TEST_P(TargetPoolTest, IsNoLongerOneOfTheConfiguration) {
  TargetPool pool = full("web");
  pool.from_configuration = true;
  put(pool);
  EXPECT_FALSE(pools()[0].pool.from_configuration);
  EXPECT_EQ(1U, put(pool).revision) << "it is so already";
}

TEST_P(TargetPoolTest, TakesARevisionOnlyWhenItChanges) {
  const std::string empty = digest();
  EXPECT_EQ(1U, put(full("web")).revision);
  const std::string first = digest();
  EXPECT_NE(empty, first);
  EXPECT_EQ(1U, put(full("web")).revision);
  auto edit = ok(authority->edit());
  ok(edit->remove_target_pool("web"));
  ok(edit->put_target_pool({"short", {}, {}, false}));
  ok(edit->put_target_pool(full("web")));
  ok(edit->remove_target_pool("short"));
  EXPECT_EQ(1U, ok(edit->commit("test")).revision) << "all is as it was";
  EXPECT_EQ(first, digest());

  TargetPool turned = full("web");
  std::swap(turned.members[0], turned.members[1]);
  EXPECT_EQ(2U, put(turned).revision) << "the order counts";
  EXPECT_NE(first, digest());
  auto removal = ok(authority->edit());
  EXPECT_EQ(Errc::kNotFound, removal->remove_target_pool("none").error().code);
  ok(removal->remove_target_pool("web"));
  EXPECT_EQ(3U, ok(removal->commit("test")).revision);
  EXPECT_EQ(empty, digest());
}

TEST_P(TargetPoolTest, EachOfItsFactsMovesTheDigest) {
  std::set<std::string> seen;
  const auto differs = [&](const char* what, auto change) {
    TargetPool pool = full("web");
    change(pool);
    put(pool);
    EXPECT_TRUE(seen.insert(digest()).second) << what;
  };
  differs("nothing", [](TargetPool&) {});
  differs("option", [](TargetPool& pool) { pool.options.erase("url"); });
  differs("value", [](TargetPool& pool) { pool.options["url"] += "y"; });
  differs("name", [](TargetPool& pool) { pool.members[0].name = "ams"; });
  differs("address", [](TargetPool& pool) { pool.members[0].address = member("192.0.2.2").address; });
  differs("weight", [](TargetPool& pool) { pool.members[0].weight = 8; });
  differs("group", [](TargetPool& pool) { pool.members[0].group = 3; });
  differs("region", [](TargetPool& pool) { pool.members[0].region = "us"; });
  differs("latitude", [](TargetPool& pool) { pool.members[0].latitude = 50.12; });
  differs("longitude", [](TargetPool& pool) { pool.members[0].longitude = -8.69; });
  differs("no place", [](TargetPool& pool) { pool.members[0].latitude = pool.members[0].longitude = std::nullopt; });
  differs("enabled", [](TargetPool& pool) { pool.members[0].enabled = true; });
  differs("member", [](TargetPool& pool) { pool.members.pop_back(); });
  differs("probe", [](TargetPool& pool) { pool.members[0].probe = member("10.0.0.2").address; });
  differs("no probe", [](TargetPool& pool) { pool.members[0].probe.reset(); });
  differs("no rule", [](TargetPool& pool) { pool.options.erase("rule"); });
  differs("value of a check", [](TargetPool& pool) { pool.checks[0]["port"] = "26"; });
  differs("option of a check", [](TargetPool& pool) { pool.checks[0].erase("expect"); });
  differs("check", [](TargetPool& pool) { pool.checks.pop_back(); });
  differs("order of checks", [](TargetPool& pool) { std::swap(pool.checks[0], pool.checks[1]); });
}

TEST(TargetPoolDigestTest, IsWhatItWasBeforeThereWereFurtherChecksAndProbes) {
  TargetPool pool{"web", {{"port", "443"}}, {member("192.0.2.1")}, false};
  zone::Hasher now;
  zone::add_target_pool(now, pool);
  zone::Hasher then;
  then.add("web");
  then.add(std::uint64_t{1});
  then.add("port");
  then.add("443");
  then.add(std::uint64_t{1});
  for (const char* field : {"192.0.2.1", "192.0.2.1"}) then.add(field);
  then.add(std::uint64_t{1});
  then.add(std::uint64_t{1});
  for (int empty = 0; empty < 3; ++empty) then.add("");
  then.add(std::uint64_t{1});
  EXPECT_EQ(now.finish(), then.finish()) << "nodes of both versions follow one history";
}

TEST_P(TargetPoolTest, ThatBreaksARuleIsRefusedAndTheTransactionGoesOn) {
  auto edit = ok(authority->edit());
  const auto refused = edit->put_target_pool({"web", {{"port", "http"}}, {}, false});
  ASSERT_FALSE(refused);
  EXPECT_EQ(Errc::kInvalidArgument, refused.error().code);
  EXPECT_THAT(refused.error().what, HasSubstr("target pool web: port \"http\""));
  ok(edit->put_target_pool(full("web")));
  EXPECT_EQ(1U, ok(edit->commit("test")).revision);
}

TEST_P(TargetPoolTest, IsToldToAFollowerOnceByItsName) {
  put(full("web"));
  put(full("gone"));
  put(full("same"));
  auto follower = ok(open_follower(url()));
  Model model;
  auto state = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  model.put(state);
  EXPECT_EQ(3U, model.pools().size());
  EXPECT_EQ(digest(), model.digest());

  auto edit = ok(authority->edit());
  ok(edit->remove_target_pool("gone"));
  ok(edit->commit("test"));
  put({"web", {{"port", "80"}}, {}, false});
  put({"web", {{"port", "81"}}, {}, false});
  add_zone(*authority, "example.");
  const std::uint64_t rows = follower->rows_read();
  auto batch = ok(follower->changes_since(state.revision, state.chain));
  EXPECT_LT(follower->rows_read() - rows, 20U) << "it reads what was touched";
  ASSERT_EQ(3U, batch.changes.size());
  const auto& gone = std::get<zone::TargetPoolChanged>(batch.changes[0]);
  EXPECT_EQ("gone", gone.name);
  EXPECT_FALSE(gone.pool);
  const auto& web = std::get<zone::TargetPoolChanged>(batch.changes[1]);
  EXPECT_EQ("81", web.pool->options.at("port"));
  model.apply(batch);
  EXPECT_EQ(digest(), model.digest());
  ASSERT_EQ(2U, ok(follower->target_pools()).size());
  EXPECT_EQ("web", ok(follower->target_pools())[1].name);
}

TEST_P(TargetPoolTest, HasItsChangesInTheHistory) {
  put(full("web"));
  const auto chain = position().chain;
  put(full("app"));
  EXPECT_NE(chain, position().chain);
  EXPECT_EQ("1", sql("SELECT count(*) FROM change WHERE revision = 2"));
  EXPECT_EQ("1", sql("SELECT count(*) FROM change JOIN target_pool ON " +
                     std::string(store() == Store::kSqlite ? "CAST(name AS BLOB)" : "convert_to(name, 'UTF8')") +
                     " = owner WHERE "
                     "change.revision = 2 AND zone = 0 AND kind = 8 AND name = 'app'"));
}

TEST_P(TargetPoolTest, OfARestoredDatabaseIsLoadedAnew) {
  put(full("web"));
  copy_to("backup");
  put(full("app"));
  auto follower = ok(open_follower(url()));
  Model model;
  auto state = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  authority.reset();
  put_in_place_of_the_database("backup");
  EXPECT_EQ(Errc::kDiverged, follower->changes_since(state.revision, state.chain).error().code);
  state = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  ASSERT_EQ(1U, state.target_pools.size());
  EXPECT_EQ(full("web"), state.target_pools[0]);
}

// Databases of older programs, and rows that no column of PostgreSQL would take, are there on SQLite alone.
class TargetPoolOnSqliteTest : public TargetPoolTest {};

TEST_P(TargetPoolOnSqliteTest, ThatIsDamagedIsSaidToBe) {
  put(full("web"));
  for (const char* damage :
       {"UPDATE pool_member SET address = 'x' WHERE item = 0", "UPDATE pool_member SET latitude = 'north'",
        "UPDATE pool_member SET weight = -1", "PRAGMA foreign_keys=OFF; DELETE FROM target_pool"}) {
    sql("VACUUM INTO '" + (dir / "damaged.db").string() + "'");
    sql_in(dir / "damaged.db", damage);
    auto damaged = ok(open_authority("sqlite:" + (dir / "damaged.db").string(), OpenMode::kExisting, clock, random));
    const auto read = ok(damaged->read())->target_pools();
    ASSERT_FALSE(read) << damage;
    EXPECT_EQ(Errc::kCorrupt, read.error().code) << damage;
    damaged.reset();
    std::filesystem::remove(dir / "damaged.db");
  }
}

TEST_P(TargetPoolOnSqliteTest, CanBeAddedToADatabaseOfVersion2WhichKeepsItsData) {
  authority.reset();
  std::filesystem::remove(file());
  const std::vector<Migration> before(migrations().begin(), migrations().begin() + 2);
  ok(create_sqlite(file(), [&](Connection& db) { return initialise(db, clock, random, before); }));
  sql("INSERT INTO zone VALUES (1, 'example.', CAST(x'6578616d706c6500' AS BLOB), 0, '', '', 0, 0, 0, 7, 0);"
      "INSERT INTO record VALUES (1, CAST(x'6578616d706c6500' AS BLOB), 6, 0, 300, 0, 'ns. h. 7 1 1 1 1');"
      "INSERT INTO tsig_key VALUES (CAST(x'6b00' AS BLOB), 'k.', 'hmac-sha256', 'c2VjcmV0');"
      "INSERT INTO autoprimary VALUES ('192.0.2.1', 'ns.', '');"
      "INSERT INTO journal SELECT 1, 1, 0, 'test', digest, CAST(zeroblob(32) AS BLOB) FROM journal;"
      "INSERT INTO change VALUES (1, 1, 1, CAST('' AS BLOB), 0)");
  auto follower = ok(open_follower(url()));
  EXPECT_EQ(Errc::kUnavailable, follower->target_pools().error().code) << "a daemon leaves the schema to who edits";
  authority = open(OpenMode::kExisting);
  EXPECT_EQ(migrations().back().version, ok(authority->identity()).schema_version);
  EXPECT_EQ(1U, position().revision);
  EXPECT_TRUE(pools().empty());
  const std::string empty = digest();
  EXPECT_EQ(2U, put(full("web")).revision);
  EXPECT_NE(empty, digest());
  auto read = ok(authority->read());
  EXPECT_EQ(7U, ok(read->zone(name("example.")))->serial);
  EXPECT_EQ(1U, ok(read->tsig_keys()).size());
  EXPECT_EQ(1U, ok(read->autoprimaries()).size());
  EXPECT_EQ(1U, ok(follower->target_pools()).size());
  const auto batch = ok(follower->changes_since(1, zone::Chain{}));
  ASSERT_EQ(1U, batch.changes.size());
}

TEST_P(TargetPoolTest, RecordsOfOneTypeAreFoundInAllZones) {
  const ZoneId a = add_zone(*authority, "a.");
  const ZoneId b = add_zone(*authority, "b.");
  set(*authority, b, "x.b.", dns::kLUA, {"A \"pickrandom{'192.0.2.1'}\""});
  set(*authority, a, "x.a.", dns::kLUA, {"A \"all{'192.0.2.1'}\"", "AAAA \"all{'::1'}\""});
  std::vector<std::pair<ZoneId, std::string>> found;
  ok(ok(authority->read())->records_of_type(dns::kLUA, [&](ZoneId zone, StoredRecord&& stored) {
    found.emplace_back(zone, stored.record.owner.text());
  }));
  EXPECT_THAT(found, ElementsAre(std::pair(a, "x.a."), std::pair(a, "x.a."), std::pair(b, "x.b.")));
}

SDNS_ON_EVERY_STORE(TargetPoolTest);
SDNS_ON_SQLITE(TargetPoolOnSqliteTest);

}  // namespace
}  // namespace sdns::store::test
