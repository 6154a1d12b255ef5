// SPDX-License-Identifier: MIT
// deploy/postgresql/roles.sql: what each role can do, and what it cannot.
#include <gmock/gmock.h>

#include "backend/store/key_file.h"
#include "backend/store/node_store.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

class PostgreSQLRolesTest : public StoreTest {
 protected:
  void SetUp() override {
    if (sdns::test::left_out("postgresql")) GTEST_SKIP() << "left out by --without=postgresql";
    apply();
    owner = as("sdns_pdm", OpenMode::kCreateIfMissing);
    apply();
    id = add_zone(*owner, "a.");
  }
  Store store() const override { return Store::kPostgres; }
  std::string url_as(const std::string& role) {
    std::string other = url();
    return other.replace(other.find("user=postgres"), 13, "user=" + role);
  }
  void apply() {
    const std::string command = "psql -q '" + url() + "' -f " SDNS_SOURCE_DIR "/deploy/postgresql/roles.sql";
    ASSERT_EQ(0, std::system(command.c_str()));
  }
  std::unique_ptr<Authority> as(const std::string& role, OpenMode mode = OpenMode::kExisting) {
    return ok(open_authority(url_as(role), mode, clock, random));
  }
  /// What `work` in an edit of this role and its commit come to.
  template <class Work>
  Result<void> edit_as(const std::string& role, const Work& work) {
    auto authority = as(role);
    auto edit = ok(authority->edit());
    if (auto done = work(*edit); !done) return fail(done.error());
    const auto committed = edit->commit("test");
    if (!committed) return fail(committed.error());
    return {};
  }
  template <class Work>
  void expect_refused(const std::string& role, const Work& work) {
    const auto done = edit_as(role, work);
    ASSERT_FALSE(done);
    EXPECT_EQ(Errc::kPermission, done.error().code) << done.error().what;
  }
  Result<void> note(Transaction& edit) {
    zone::ZoneHead noted = ok(edit.zone(id))->head;
    ++noted.notified_serial;
    return edit.set_head(noted);
  }

  std::unique_ptr<Authority> owner;
  ZoneId id = 0;
};

TEST_F(PostgreSQLRolesTest, ANodeReadsAndNotesAndChangesNoZone) {
  auto follower = ok(open_follower(url_as("sdns_node")));
  const auto state = ok(follower->load([](zone::ZoneContent&&) {}));
  ok(edit_as("sdns_node", [&](Transaction& edit) { return note(edit); }));
  EXPECT_EQ(1U, ok(follower->changes_since(state.revision, state.chain)).changes.size());
  ok(edit_as("sdns_node", [&](Transaction& edit) {
    health::Override override;
    override.target = "192.0.2.1";
    override.verdict = health::Verdict::kDown;
    return edit.put_override(override);
  }));
  expect_refused("sdns_node", [&](Transaction& edit) {
    return edit.replace_rrset(id, name("x.a."), dns::kA, {rr("x.a.", dns::kA, "192.0.2.1")});
  });
  expect_refused("sdns_node", [&](Transaction& edit) { return edit.delete_zone(id); });
  expect_refused("sdns_node", [&](Transaction& edit) { return edit.set_metadata(id, "X", {"1"}); });
  expect_refused("sdns_node", [&](Transaction& edit) { return edit.create_zone(head("b."), SerialPolicy::kCounter); });
  expect_refused("sdns_node", [&](Transaction& edit) { return edit.add_key(id, {0, 257, true, true, "k"}); });
  expect_refused("sdns_node", [&](Transaction& edit) {
    zone::ZoneHead changed = ok(edit.zone(id))->head;
    changed.account = "mine";
    return edit.set_head(changed);
  });
}

TEST_F(PostgreSQLRolesTest, ANodeEntersItselfAndSaysWhatItProbed) {
  auto store = ok(NodeStore::open(url_as("sdns_node"), clock, random, std::chrono::seconds(1)));
  const SharedVerdict up{check_digest("a"), health::Verdict::kUp, clock.wall_now()};
  ok(store->beat({.name = "ns1", .version = "1"}, std::vector{up}));
  EXPECT_EQ(1U, ok(ok(owner->read())->nodes()).size());
  EXPECT_EQ(0, ok(store->drop_unknown("ns1", clock.wall_now())));
}

TEST_F(PostgreSQLRolesTest, AnEditorSealsWhatItStores) {
  const std::string path = (dir / "keys").string();
  ok(make_key_file(path));
  auto authority = ok(open_authority(url_as("sdns_editor"), OpenMode::kExisting, clock, random, std::chrono::seconds(5),
                                     std::make_shared<const KeyFile>(path)));
  auto edit = ok(authority->edit());
  ok(edit->add_key(id, {0, 257, true, true, "k"}));
  health::TargetPool pool;
  pool.name = "pool";
  pool.checks.push_back({{"port", "443"}});
  ok(edit->put_target_pool(pool));
  ok(edit->commit("test"));
  EXPECT_EQ(0U, ok(authority->count_secrets()).plain);
  const auto forgotten = authority->forget_former_rows();
  ASSERT_FALSE(forgotten) << "the tables are another role's";
  EXPECT_EQ(Errc::kPermission, forgotten.error().code);
  ok(owner->forget_former_rows());
}

TEST_F(PostgreSQLRolesTest, AnEditorEditsZonesAndLeavesTheHistoryAlone) {
  ok(edit_as("sdns_editor", [&](Transaction& edit) {
    const ZoneId made = ok(edit.create_zone(head("b."), SerialPolicy::kCounter));
    ok(edit.replace_zone(made, {rr("b.", dns::kSOA, soa(1))}));
    ok(edit.set_metadata(made, "X", {"1"}));
    ok(edit.add_key(made, {0, 257, true, true, "k"}));
    ok(edit.put_tsig_key({name("key."), "hmac-sha256", "c2VjcmV0"}));
    ok(edit.put_target_pool({"pool", {}, {}, false}));
    ok(note(edit));
    return edit.delete_zone(id);
  }));
  const auto pruned = as("sdns_editor")->prune_journal(1);
  ASSERT_FALSE(pruned);
  EXPECT_EQ(Errc::kPermission, pruned.error().code);
  ok(owner->prune_journal(1));
}

}  // namespace
}  // namespace sdns::store::test
