// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include <filesystem>
#include <thread>

#include "backend/store/authority.h"
#include "tests/unit/store/model.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::HasSubstr;

zone::LoadedState load(Follower& follower, Model& model) {
  model.clear();
  return ok(follower.load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
}
Errc code(const auto& result) { return result ? Errc::kConfig : result.error().code; }
template <class T>
std::size_t count(const zone::Batch& batch) {
  return static_cast<std::size_t>(std::count_if(batch.changes.begin(), batch.changes.end(),
                                                [](const auto& change) { return std::holds_alternative<T>(change); }));
}

class FollowerTest : public EveryStoreTest {
 protected:
  void prepare() override { authority = open(); }
  std::unique_ptr<Follower> follow() { return ok(open_follower(url())); }
  std::unique_ptr<Authority> authority;
};

TEST_P(FollowerTest, LoadsWhatIsServed) {
  const ZoneId id = add_zone(*authority, "example.");
  add_zone(*authority, "other.");
  auto edit = ok(authority->edit());
  ok(edit->replace_rrset(id, name("off.example."), dns::kA, {rr("off.example.", dns::kA, "192.0.2.1", 300, true)}));
  ok(edit->set_metadata(id, "X", {"1", "2"}));
  ok(edit->add_key(id, {0, 257, true, true, "k"}));
  ok(edit->commit("test"));
  auto follower = follow();
  std::vector<ZoneId> order;
  zone::ZoneContent first;
  const auto state = ok(follower->load([&](zone::ZoneContent&& zone) {
    order.push_back(zone.head.id);
    if (zone.head.id == id) first = std::move(zone);
  }));
  EXPECT_EQ(3U, state.revision);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(2U, order.size());
  EXPECT_EQ(3U, first.records.size()) << "without the disabled one";
  EXPECT_EQ(1U, first.metadata.size());
  EXPECT_EQ(1U, first.keys.size());
  EXPECT_EQ(ok(authority->identity()).database_id, follower->identity());
}

TEST_P(FollowerTest, AChangeOfOneRrsetInALargeZoneCostsAHandfulOfRows) {
  auto edit = ok(authority->edit());
  const ZoneId id = ok(edit->create_zone(head("example."), SerialPolicy::kCounter));
  std::vector<StoredRecord> records{rr("example.", dns::kSOA, soa(1)), rr("example.", dns::kNS, "ns.example.")};
  for (int i = 0; i < 10'000; ++i) records.push_back(rr(numbered("h{}.example.", i), dns::kA, "192.0.2.1"));
  ok(edit->replace_zone(id, std::move(records)));
  ok(edit->commit("test"));
  auto follower = follow();
  Model model;
  const auto state = load(*follower, model);
  EXPECT_GE(follower->rows_read(), 10'000U);

  auto other = open(OpenMode::kExisting);  // another program's connection
  set(*other, id, "h77.example.", dns::kA, {"192.0.2.2", "192.0.2.3"});
  const std::uint64_t before = follower->rows_read();
  const auto batch = ok(follower->changes_since(state.revision, state.chain));
  const std::uint64_t cost = follower->rows_read() - before;
  EXPECT_LE(cost, 10U) << "identity, head, chain, 2 changes, 3 records";
  EXPECT_EQ(2U, batch.changes.size()) << "the RRset and the SOA";
  model.apply(batch);
  EXPECT_EQ(ok(state_digest(*ok(authority->read()))), model.digest());

  const std::uint64_t idle = follower->rows_read();
  ok(follower->changes_since(batch.to, batch.chain));
  EXPECT_LE(follower->rows_read() - idle, 4U);
}

TEST_P(FollowerTest, AnRrsetTouchedOftenIsToldOnce) {
  const ZoneId id = add_zone(*authority, "example.");
  auto follower = follow();
  Model model;
  const auto state = load(*follower, model);
  for (int i = 0; i < 20; ++i) set(*authority, id, "www.example.", dns::kA, {numbered("192.0.2.{}", i)});
  const auto batch = ok(follower->changes_since(state.revision, state.chain));
  EXPECT_EQ(state.revision, batch.from);
  EXPECT_EQ(state.revision + 20, batch.to);
  EXPECT_EQ(2U, batch.changes.size());
  model.apply(batch);
  EXPECT_EQ(ok(state_digest(*ok(authority->read()))), model.digest());
}

TEST_P(FollowerTest, ANewZoneIsToldAsAWholeAndOnce) {
  auto follower = follow();
  Model model;
  const auto state = load(*follower, model);
  const ZoneId id = add_zone(*authority, "example.");
  set(*authority, id, "www.example.", dns::kA, {"192.0.2.1"});
  auto edit = ok(authority->edit());
  ok(edit->set_metadata(id, "X", {"1"}));
  ok(edit->commit("test"));
  const auto batch = ok(follower->changes_since(state.revision, state.chain));
  ASSERT_EQ(1U, batch.changes.size());
  EXPECT_EQ(4U, std::get<zone::ZoneCreated>(batch.changes[0]).zone.records.size());
}

TEST_P(FollowerTest, AZoneDeletedAndMadeAgainIsAnotherZone) {
  const ZoneId before = add_zone(*authority, "example.");
  auto follower = follow();
  Model model;
  const auto state = load(*follower, model);
  set(*authority, before, "www.example.", dns::kA, {"192.0.2.1"});
  auto edit = ok(authority->edit());
  ok(edit->delete_zone(before));
  const ZoneId between = ok(edit->create_zone(head("example."), SerialPolicy::kCounter));
  ok(edit->commit("test"));
  edit = ok(authority->edit());
  ok(edit->delete_zone(between));
  ok(edit->commit("test"));
  const ZoneId after = add_zone(*authority, "example.");
  const auto batch = ok(follower->changes_since(state.revision, state.chain));
  ASSERT_EQ(2U, batch.changes.size()) << "the one in between never was";
  EXPECT_EQ(before, std::get<zone::ZoneDeleted>(batch.changes[0]).zone);
  EXPECT_EQ(after, std::get<zone::ZoneCreated>(batch.changes[1]).zone.head.id);
  model.apply(batch);
  EXPECT_EQ(ok(state_digest(*ok(authority->read()))), model.digest());
}

TEST_P(FollowerTest, HeadMetadataAndKeysAreToldAsTheyAreNow) {
  const ZoneId id = add_zone(*authority, "example.");
  auto follower = follow();
  Model model;
  const auto state = load(*follower, model);
  auto edit = ok(authority->edit());
  zone::ZoneHead changed = ok(edit->zone(id))->head;
  changed.notified_serial = 9;
  ok(edit->set_head(changed));
  ok(edit->set_metadata(id, "X", {"1"}));
  ok(edit->add_key(id, {0, 256, true, true, "k"}));
  ok(edit->commit("test"));
  const auto batch = ok(follower->changes_since(state.revision, state.chain));
  EXPECT_EQ(3U, batch.changes.size());
  EXPECT_EQ(1U, count<zone::HeadChanged>(batch));
  EXPECT_EQ(1U, count<zone::MetadataChanged>(batch));
  EXPECT_EQ(1U, count<zone::KeysChanged>(batch));
  model.apply(batch);
  EXPECT_EQ(ok(state_digest(*ok(authority->read()))), model.digest());
}

TEST_P(FollowerTest, AnOlderCopyPutBackIsSeen) {
  const ZoneId id = add_zone(*authority, "example.");
  copy_to("copy");
  set(*authority, id, "www.example.", dns::kA, {"192.0.2.1"});
  auto follower = follow();
  Model model;
  const auto state = load(*follower, model);
  authority.reset();
  put_in_place_of_the_database("copy");
  const auto refused = follower->changes_since(state.revision, state.chain);
  ASSERT_EQ(Errc::kDiverged, code(refused));
  EXPECT_THAT(refused.error().what, HasSubstr(store() == Store::kSqlite ? "replaced" : "it ends at revision 1"));
  const auto again = load(*follower, model);
  EXPECT_EQ(1U, again.revision);
  EXPECT_EQ(ok(state_digest(*ok(open()->read()))), model.digest());
  EXPECT_TRUE(follower->changes_since(again.revision, again.chain));
}

TEST_P(FollowerTest, ACopyThatWentOnDifferentlyIsSeen) {
  const ZoneId id = add_zone(*authority, "example.");
  copy_to("copy");
  const Position here = set(*authority, id, "www.example.", dns::kA, {"192.0.2.1"});
  auto sideways = ok(open_authority(other_url("copy"), OpenMode::kExisting, clock, random));
  const Position there = set(*sideways, id, "www.example.", dns::kA, {"192.0.2.2"});
  EXPECT_EQ(here.revision, there.revision);
  auto follower = ok(open_follower(other_url("copy")));
  const auto refused = follower->changes_since(here.revision, here.chain);
  ASSERT_EQ(Errc::kDiverged, code(refused));
  EXPECT_THAT(refused.error().what, HasSubstr("chain"));
  EXPECT_TRUE(follower->changes_since(there.revision, there.chain));
  EXPECT_EQ(Errc::kDiverged, code(follower->changes_since(there.revision + 5, there.chain))) << "history went back";
}

TEST_P(FollowerTest, HistoryPrunedBelowIsSeenAndTheFloorItselfIsEnough) {
  const ZoneId id = add_zone(*authority, "example.");
  auto follower = follow();
  Model model;
  const auto state = load(*follower, model);
  const Position second = set(*authority, id, "a.example.", dns::kA, {"192.0.2.1"});
  const Position third = set(*authority, id, "b.example.", dns::kA, {"192.0.2.1"});
  ok(authority->prune_journal(second.revision));
  const auto refused = follower->changes_since(state.revision, state.chain);
  ASSERT_EQ(Errc::kDiverged, code(refused));
  EXPECT_THAT(refused.error().what, HasSubstr("pruned"));
  EXPECT_EQ(third.revision, ok(follower->changes_since(second.revision, second.chain)).to);
}

TEST_P(FollowerTest, AnotherDatabaseAtThePathIsForeign) {
  add_zone(*authority, "example.");
  make_other("other");
  auto other = ok(open_authority(other_url("other"), OpenMode::kCreateIfMissing, clock, random));
  const std::string other_id = ok(other->identity()).database_id;
  other.reset();
  auto follower = follow();
  Model model;
  const auto state = load(*follower, model);
  authority.reset();
  put_in_place_of_the_database("other");
  const auto refused = follower->changes_since(state.revision, state.chain);
  ASSERT_EQ(Errc::kForeign, code(refused));
  EXPECT_THAT(refused.error().what, HasSubstr(other_id));
  EXPECT_EQ(Errc::kForeign, code(follower->load([](zone::ZoneContent&&) {}))) << "never loaded silently";
}

class FollowerOnSqliteTest : public StoreTest {};

TEST_F(FollowerOnSqliteTest, ADeletedDatabaseIsUnavailableAndWelcomeBack) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  auto follower = ok(open_follower(url()));
  Model model;
  const auto state = load(*follower, model);
  authority.reset();
  const auto aside = dir / "aside.db";
  for (const char* suffix : {"", "-wal", "-shm"})
    if (std::filesystem::exists(file() + suffix)) std::filesystem::rename(file() + suffix, aside.string() + suffix);
  const auto refused = follower->changes_since(state.revision, state.chain);
  ASSERT_EQ(Errc::kUnavailable, code(refused));
  EXPECT_THAT(refused.error().what, HasSubstr("gone"));
  EXPECT_EQ(Errc::kUnavailable, code(follower->load([](zone::ZoneContent&&) {})));
  for (const char* suffix : {"", "-wal", "-shm"})
    if (std::filesystem::exists(aside.string() + suffix))
      std::filesystem::rename(aside.string() + suffix, file() + suffix);
  set(*open(), id, "www.example.", dns::kA, {"192.0.2.1"});
  EXPECT_EQ(2U, ok(follower->changes_since(state.revision, state.chain)).changes.size());
}

TEST_P(FollowerTest, AFollowerCanBeMadeBeforeItsDatabase) {
  auto follower = ok(open_follower(other_url("later")));
  EXPECT_EQ("", follower->identity());
  EXPECT_EQ(Errc::kUnavailable, code(follower->load([](zone::ZoneContent&&) {})));
  make_other("later");
  ok(open_authority(other_url("later"), OpenMode::kCreateIfMissing, clock, random));
  EXPECT_EQ(0U, ok(follower->load([](zone::ZoneContent&&) {})).revision);
  EXPECT_NE("", follower->identity());
}

TEST_P(FollowerTest, ANewerSchemaIsTooNew) {
  auto follower = follow();
  Model model;
  const auto state = load(*follower, model);
  sql("INSERT INTO migration VALUES (9999, '9999_from_the_future', 0)");
  EXPECT_EQ(Errc::kTooNew, code(follower->changes_since(state.revision, state.chain)));
}

TEST_P(FollowerTest, WaitEndsWithACommitOfAnotherConnection) {
  const ZoneId id = add_zone(*authority, "example.");
  auto follower = follow();
  Model model;
  auto state = load(*follower, model);
  for (int round = 0; round < 5; ++round) {
    std::thread writer([&] { set(*open(), id, "www.example.", dns::kA, {numbered("192.0.2.{}", round)}); });
    zone::Batch batch;
    do {
      follower->wait(hours(1));
      batch = ok(follower->changes_since(state.revision, state.chain));
    } while (batch.to == batch.from);
    writer.join();
    state = {batch.to, batch.chain};
    EXPECT_EQ(static_cast<Revision>(round) + 2, batch.to);
  }
}

TEST_P(FollowerTest, ACommitIsNoticedWithoutReadingTheJournal) {
  const ZoneId id = add_zone(*authority, "example.");
  auto follower = follow();
  Model model;
  load(*follower, model);
  set(*authority, id, "www.example.", dns::kA, {"192.0.2.1"});
  const std::uint64_t before = follower->rows_read();
  follower->wait(hours(1));
  EXPECT_EQ(before, follower->rows_read()) << "the slow look found it, not PRAGMA data_version";
}

TEST_P(FollowerTest, WaitEndsWhenWoken) {
  auto follower = follow();
  Model model;
  load(*follower, model);
  std::thread other([&] { follower->wake(); });
  follower->wait(hours(1));
  other.join();
  follower->wake();
  follower->wait(hours(1));  // a wake that came before counts
}

TEST_P(FollowerTest, WaitSeesAReplacedFileOnce) {
  const ZoneId id = add_zone(*authority, "example.");
  copy_to("copy");
  set(*authority, id, "www.example.", dns::kA, {"192.0.2.1"});
  auto follower = follow();
  Model model;
  const auto state = load(*follower, model);
  authority.reset();
  put_in_place_of_the_database("copy");
  follower->wait(hours(1));
  EXPECT_EQ(Errc::kDiverged, code(follower->changes_since(state.revision, state.chain)));
}

TEST_P(FollowerTest, WaitSeesWhatDataVersionDoesNot) {
  // A change that was committed before the follower last took its data version is not news to it.
  const ZoneId id = add_zone(*authority, "example.");
  auto follower = follow();
  Model model;
  const auto old = load(*follower, model);
  set(*authority, id, "www.example.", dns::kA, {"192.0.2.1"});
  auto stale = follow();
  ASSERT_EQ(Errc::kDiverged, code(stale->changes_since(old.revision + 7, old.chain)));
  stale->wait(hours(1));  // its caller was told nothing yet, the journal is at revision 2: the slow look ends it
  EXPECT_EQ(2U, ok(stale->changes_since(old.revision, old.chain)).to);
}

TEST_P(FollowerTest, AFollowerNeverWrites) {
  const ZoneId id = add_zone(*authority, "example.");
  auto edit = ok(authority->edit());  // holds the writers' lock
  ok(edit->replace_rrset(id, name("www.example."), dns::kA, {rr("www.example.", dns::kA, "192.0.2.1")}));
  auto follower = follow();
  Model model;
  const auto state = load(*follower, model);
  EXPECT_EQ(1U, state.revision);
  EXPECT_EQ(1U, ok(follower->changes_since(state.revision, state.chain)).to);
  ok(edit->commit("test"));
  EXPECT_EQ(2U, ok(follower->changes_since(state.revision, state.chain)).to);
}

SDNS_ON_EVERY_STORE(FollowerTest);

}  // namespace
}  // namespace sdns::store::test
