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

using health::Override;
using health::Verdict;

Override down(const std::string& target) { return {target, Verdict::kDown, "it's \"down\"", "ann", 1000, 2000}; }

class OverrideTest : public EveryStoreTest {
 protected:
  void prepare() override { authority = open(); }
  Position put(const Override& override) {
    auto edit = ok(authority->edit());
    ok(edit->put_override(override));
    return ok(edit->commit("test"));
  }
  std::vector<OverrideRow> overrides() { return ok(ok(authority->read())->overrides()); }
  std::string digest() { return ok(state_digest(*ok(authority->read()))); }

  std::unique_ptr<Authority> authority;
};

TEST_P(OverrideTest, IsReadAsItWasWritten) {
  put(down("192.0.2.1"));
  put({"pool:web", Verdict::kUp, "", "", 0, 0});
  ASSERT_EQ(2U, overrides().size());
  EXPECT_EQ(down("192.0.2.1"), overrides()[0].override);
  EXPECT_EQ(1U, overrides()[0].revision);
  EXPECT_EQ((Override{"pool:web", Verdict::kUp, "", "", 0, 0}), overrides()[1].override);
  EXPECT_EQ(2U, overrides()[1].revision);
}

TEST_P(OverrideTest, ThatDrainsIsNotOneThatIsDown) {
  put(down("192.0.2.1"));
  const std::string without = digest();
  Override draining = down("192.0.2.1");
  draining.drains = true;
  EXPECT_EQ(2U, put(draining).revision);
  EXPECT_EQ(draining, overrides()[0].override);
  EXPECT_NE(without, digest());
  draining.verdict = Verdict::kUp;
  EXPECT_EQ(Errc::kInvalidArgument, ok(authority->edit())->put_override(draining).error().code);
}

TEST_P(OverrideTest, ThatResumesForcesNothing) {
  Override resumed{"192.0.2.1", Verdict::kUnknown, "mended", "ann", 1000, 2000};
  EXPECT_EQ(Errc::kInvalidArgument, ok(authority->edit())->put_override(resumed).error().code) << "it says nothing";
  resumed.resumes = true;
  put(resumed);
  EXPECT_EQ(resumed, overrides()[0].override);
  const std::string before = digest();
  put(down("192.0.2.1"));
  EXPECT_EQ(down("192.0.2.1"), overrides()[0].override);
  EXPECT_NE(before, digest());
  resumed.verdict = Verdict::kDown;
  EXPECT_EQ(Errc::kInvalidArgument, ok(authority->edit())->put_override(resumed).error().code);
}

// Databases of older programs are there on SQLite alone.
class OverrideOnSqliteTest : public OverrideTest {};

TEST_P(OverrideOnSqliteTest, OfADatabaseOfVersion4StaysAsItWas) {
  authority.reset();
  std::filesystem::remove(file());
  const std::vector<Migration> before(migrations().begin(), migrations().begin() + 4);
  ok(create_sqlite(file(), [&](Connection& db) { return initialise(db, clock, random, before); }));
  sql("INSERT INTO health_override VALUES ('192.0.2.1', 'down', 'it''s \"down\"', 'ann', 1000, 2000, 0),"
      "('192.0.2.2', 'up', '', '', 0, 0, 0)");
  authority = open(OpenMode::kExisting);
  ASSERT_EQ(2U, overrides().size());
  EXPECT_EQ(down("192.0.2.1"), overrides()[0].override);
  EXPECT_EQ(Verdict::kUp, overrides()[1].override.verdict);
  Override draining = down("192.0.2.3");
  draining.drains = true;
  put(draining);
  EXPECT_EQ(draining, overrides()[2].override);
}

TEST_P(OverrideTest, TakesARevisionOnlyWhenItChanges) {
  const std::string empty = digest();
  EXPECT_EQ(1U, put(down("192.0.2.1")).revision);
  const std::string first = digest();
  EXPECT_EQ(1U, put(down("192.0.2.1")).revision);
  auto edit = ok(authority->edit());
  ok(edit->remove_override("192.0.2.1"));
  ok(edit->put_override(down("192.0.2.2")));
  ok(edit->put_override(down("192.0.2.1")));
  ok(edit->remove_override("192.0.2.2"));
  EXPECT_EQ(1U, ok(edit->commit("test")).revision) << "all is as it was";
  EXPECT_EQ(first, digest());
  auto removal = ok(authority->edit());
  EXPECT_EQ(Errc::kNotFound, removal->remove_override("192.0.2.3").error().code);
  ok(removal->remove_override("192.0.2.1"));
  EXPECT_EQ(2U, ok(removal->commit("test")).revision);
  EXPECT_EQ(empty, digest());
}

TEST_P(OverrideTest, EachOfItsFactsMovesTheDigest) {
  std::set<std::string> seen;
  const auto differs = [&](const char* what, auto change) {
    Override override = down("192.0.2.1");
    change(override);
    auto edit = ok(authority->edit());
    for (const OverrideRow& row : ok(edit->overrides())) ok(edit->remove_override(row.override.target));
    ok(edit->put_override(override));
    ok(edit->commit("test"));
    EXPECT_TRUE(seen.insert(digest()).second) << what;
  };
  differs("nothing", [](Override&) {});
  differs("target", [](Override& override) { override.target = "192.0.2.2"; });
  differs("verdict", [](Override& override) { override.verdict = Verdict::kUp; });
  differs("reason", [](Override& override) { override.reason += "y"; });
  differs("who", [](Override& override) { override.who += "y"; });
  differs("since", [](Override& override) { ++override.since_seconds; });
  differs("until", [](Override& override) { ++override.until_seconds; });
}

TEST_P(OverrideTest, ThatBreaksARuleIsRefused) {
  auto edit = ok(authority->edit());
  const auto refused = [&](auto change) {
    Override override = down("192.0.2.1");
    change(override);
    const auto done = edit->put_override(override);
    EXPECT_FALSE(done);
    return done ? std::string() : done.error().what;
  };
  using testing::HasSubstr;
  EXPECT_THAT(refused([](Override& o) { o.target = "192.0.2"; }), HasSubstr("is no target"));
  EXPECT_THAT(refused([](Override& o) { o.target = "2001:DB8::1"; }), HasSubstr("is written 2001:db8::1"));
  EXPECT_THAT(refused([](Override& o) { o.verdict = Verdict::kUnknown; }), HasSubstr("neither up nor down"));
  EXPECT_THAT(refused([](Override& o) { o.until_seconds = 1000; }), HasSubstr("ends before it begins"));
  EXPECT_THAT(refused([](Override& o) { o.reason = std::string(501, 'x'); }), HasSubstr("500 octets"));
  ok(edit->put_override(down("192.0.2.1")));
  EXPECT_EQ(1U, ok(edit->commit("test")).revision);
}

TEST_P(OverrideTest, IsToldToAFollowerByItsTarget) {
  put(down("192.0.2.1"));
  put(down("192.0.2.2"));
  auto follower = ok(open_follower(url()));
  Model model;
  auto state = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  model.put(state);
  EXPECT_EQ(2U, model.overrides().size());
  EXPECT_EQ(digest(), model.digest());

  auto edit = ok(authority->edit());
  ok(edit->remove_override("192.0.2.1"));
  ok(edit->put_override(down("192.0.2.3")));
  ok(edit->commit("test"));
  const std::uint64_t rows = follower->rows_read();
  const auto batch = ok(follower->changes_since(state.revision, state.chain));
  EXPECT_LT(follower->rows_read() - rows, 10U) << "it reads what was touched";
  ASSERT_EQ(2U, batch.changes.size());
  model.apply(batch);
  EXPECT_EQ(digest(), model.digest());
}

TEST_P(OverrideTest, ThatIsDamagedIsSaidToBe) {
  put(down("192.0.2.1"));
  sql("UPDATE health_override SET target = 'x'");
  const auto read = ok(authority->read())->overrides();
  ASSERT_FALSE(read);
  EXPECT_EQ(Errc::kCorrupt, read.error().code);
}

SDNS_ON_EVERY_STORE(OverrideTest);
SDNS_ON_SQLITE(OverrideOnSqliteTest);

}  // namespace
}  // namespace sdns::store::test
