// SPDX-License-Identifier: MIT
// PgBouncer between us and PostgreSQL: in session mode everything works, in the others it is said why not.
#include <gmock/gmock.h>

#include "backend/store/postgres.h"
#include "tests/unit/store/model.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

class PostgreSQLPoolerTest : public StoreTest {
 protected:
  void SetUp() override {
    if (sdns::test::left_out("postgresql")) GTEST_SKIP() << "left out by --without=postgresql";
    open();
  }
  Store store() const override { return Store::kPostgres; }
  std::string through(const std::string& mode) { return cluster().pooled_url(mode, place()); }
};

TEST_F(PostgreSQLPoolerTest, InSessionModeIsNotNoticed) {
  auto authority = ok(open_authority(through("session"), OpenMode::kExisting, clock, random));
  const ZoneId id = add_zone(*authority, "a.");
  auto follower = ok(open_follower(through("session")));
  Model model;
  const auto state = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  set(*authority, id, "x.a.", dns::kA, {"192.0.2.1"});
  follower->wait(std::chrono::hours(1));
  const auto batch = ok(follower->changes_since(state.revision, state.chain));
  EXPECT_EQ(2U, batch.to);
  model.apply(batch);
  EXPECT_EQ(ok(state_digest(*ok(authority->read()))), model.digest());
}

TEST_F(PostgreSQLPoolerTest, InTransactionModeIsRefusedWhenTheConnectionIsMade) {
  const auto opened = open_postgres(through("transaction"), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(Errc::kUnsupported, opened.error().code);
  EXPECT_THAT(to_text(opened.error()), testing::HasSubstr("session mode"));
}

}  // namespace
}  // namespace sdns::store::test
