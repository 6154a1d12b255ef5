// SPDX-License-Identifier: MIT
// What edits store, what they journal, and how serials move.
#include <gmock/gmock.h>

#include <algorithm>

#include "backend/store/authority.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class EditTest : public EveryStoreTest {
 protected:
  std::vector<StoredRecord> at(Authority& authority, ZoneId id, const std::string& owner) {
    return ok(ok(authority.read())->records_at(id, name(owner)));
  }
  /// kind:owner-count of the change rows of a revision.
  std::string changes(Revision revision) {
    const std::string joined = store() == Store::kSqlite ? "group_concat(k, ' ')" : "string_agg(k, ' ')";
    return sql("SELECT coalesce(" + joined +
               ", '') FROM (SELECT kind || ':' || count(*) AS k FROM change "
               "WHERE revision = " +
               std::to_string(revision) + " GROUP BY kind ORDER BY kind) AS counted");
  }
  Revision revision(Authority& authority) { return ok(ok(authority.read())->position()).revision; }
};

TEST_P(EditTest, AZoneReadsBackAsItWasMade) {
  auto authority = open();
  zone::ZoneHead made = head("Example.ORG");
  made.kind = zone::Kind::kSecondary;
  made.account = "someone";
  made.primaries = {"192.0.2.1", "[2001:db8::1]:5300"};
  made.notified_serial = 4'000'000'000;
  made.last_check = 77;
  auto edit = ok(authority->edit());
  made.id = ok(edit->create_zone(made, SerialPolicy::kDate));
  ok(edit->set_metadata(made.id, "ALLOW-AXFR-FROM", {"AUTO-NS", "2001:db8::/48"}));
  const std::uint32_t key = ok(edit->add_key(made.id, {0, 257, true, false, "Private-key-format: v1.2\n"}));
  ok(edit->commit("test"));
  auto read = ok(authority->read());
  const auto row = ok(read->zone(name("example.org")));
  ASSERT_TRUE(row);
  EXPECT_EQ(made, row->head);
  EXPECT_EQ(SerialPolicy::kDate, row->serial_policy);
  EXPECT_FALSE(row->serial.has_value());
  EXPECT_EQ(1U, row->revision);
  EXPECT_THAT(ok(read->metadata(made.id)),
              ElementsAre(zone::Metadata{"ALLOW-AXFR-FROM", {"AUTO-NS", "2001:db8::/48"}}));
  EXPECT_THAT(ok(read->keys(made.id)), ElementsAre(zone::Key{key, 257, true, false, "Private-key-format: v1.2\n"}));
}

TEST_P(EditTest, EveryNameReadsBackAsItWasWritten) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  const std::string long_label(63, 'x');
  for (const std::string& owner :
       {std::string("*.example."), std::string("a\\.b.example."), std::string("\\000\\001\\002\\255.example."),
        std::string("\\001.\\000.example."), long_label + "." + long_label + "." + long_label + ".example."}) {
    set(*authority, id, owner, dns::kTXT, {"\"x\""});
    EXPECT_THAT(at(*authority, id, owner), ElementsAre(rr(owner, dns::kTXT, "\"x\""))) << owner;
    bool found = false;
    ok(ok(authority->read())->records(id, [&](StoredRecord&& stored) { found |= stored.record.owner == name(owner); }));
    EXPECT_TRUE(found) << owner;
  }
}

TEST_P(EditTest, AnRrsetIsStoredOncePerContentWithTheLeastServedTtl) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  auto edit = ok(authority->edit());
  ok(edit->replace_rrset(
      id, name("a.example."), dns::kA,
      {rr("a.example.", dns::kA, "192.0.2.2", 600), rr("a.example.", dns::kA, "192.0.2.1", 300),
       rr("a.example.", dns::kA, "192.0.2.2", 600, true), rr("a.example.", dns::kA, "192.0.2.3", 60, true)}));
  ok(edit->commit("test"));
  EXPECT_THAT(at(*authority, id, "a.example."),
              ElementsAre(rr("a.example.", dns::kA, "192.0.2.1", 300), rr("a.example.", dns::kA, "192.0.2.2", 300),
                          rr("a.example.", dns::kA, "192.0.2.3", 300, true)));
}

TEST_P(EditTest, AnRrsetThatIsSoAlreadyTakesNoRevision) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  const Position first = set(*authority, id, "a.example.", dns::kA, {"192.0.2.1", "192.0.2.2"});
  const Position again = set(*authority, id, "a.example.", dns::kA, {"192.0.2.2", "192.0.2.1"});
  EXPECT_EQ(first.revision, again.revision);
  EXPECT_EQ(first.chain, again.chain);
  EXPECT_EQ(2U, serial(*authority, id));
  EXPECT_EQ(first.revision, set(*authority, id, "none.example.", dns::kA, {}).revision);
}

TEST_P(EditTest, WhatIsNotServedTakesNoRevisionButIsKept) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  auto edit = ok(authority->edit());
  ok(edit->replace_rrset(id, name("a.example."), dns::kA, {rr("a.example.", dns::kA, "192.0.2.1", 300, true)}));
  ok(edit->set_serial_policy(id, SerialPolicy::kDate));
  EXPECT_EQ(1U, ok(edit->commit("test")).revision);
  EXPECT_EQ(1U, at(*authority, id, "a.example.").size());
  EXPECT_EQ(1U, serial(*authority, id));
  EXPECT_EQ(SerialPolicy::kDate, ok(ok(authority->read())->zone(id))->serial_policy);
  edit = ok(authority->edit());
  ok(edit->replace_rrset(id, name("a.example."), dns::kA, {rr("a.example.", dns::kA, "192.0.2.1")}));
  EXPECT_EQ(2U, ok(edit->commit("test")).revision) << "enabling it is served";
}

TEST_P(EditTest, AnEditIsJournaledByWhatItTouched) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  EXPECT_EQ("1:1", changes(1)) << "a new zone is one change, whatever is in it";
  auto edit = ok(authority->edit());
  ok(edit->replace_rrset(id, name("a.example."), dns::kA, {rr("a.example.", dns::kA, "192.0.2.1")}));
  ok(edit->replace_rrset(id, name("a.example."), dns::kA, {rr("a.example.", dns::kA, "192.0.2.2")}));
  ok(edit->set_metadata(id, "X-A", {"1"}));
  ok(edit->set_metadata(id, "X-B", {"1"}));
  ok(edit->add_key(id, {0, 257, true, true, "k"}));
  zone::ZoneHead changed = ok(edit->zone(id))->head;
  changed.account = "other";
  ok(edit->set_head(changed));
  ok(edit->commit("somebody"));
  EXPECT_EQ("3:1 4:1 5:1 6:2", changes(2)) << "the RRset and the SOA";
  EXPECT_EQ("somebody", sql("SELECT who FROM journal WHERE revision = 2"));
  EXPECT_EQ("1767323045000", sql("SELECT committed_at FROM journal WHERE revision = 2"));
  EXPECT_EQ(2U, ok(ok(authority->read())->zone(id))->revision);
}

TEST_P(EditTest, MetadataAndKeysThatAreSoAlreadyTakeNoRevision) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  auto edit = ok(authority->edit());
  ok(edit->set_metadata(id, "X-A", {"1", "2"}));
  const std::uint32_t key = ok(edit->add_key(id, {0, 257, true, true, "k"}));
  EXPECT_EQ(2U, ok(edit->commit("test")).revision);
  edit = ok(authority->edit());
  ok(edit->set_metadata(id, "X-A", {"1", "2"}));
  ok(edit->set_metadata(id, "X-NONE", {}));
  ok(edit->set_key_state(id, key, true, true));
  ok(edit->set_head(ok(edit->zone(id))->head));
  EXPECT_EQ(2U, ok(edit->commit("test")).revision);
  edit = ok(authority->edit());
  ok(edit->set_key_state(id, key, true, false));
  EXPECT_EQ(3U, ok(edit->commit("test")).revision);
  EXPECT_EQ(1U, serial(*authority, id)) << "only records move the serial";
}

TEST_P(EditTest, AZoneMadeAndDeletedInOneEditWasNeverThere) {
  auto authority = open();
  auto edit = ok(authority->edit());
  const ZoneId id = ok(edit->create_zone(head("example."), SerialPolicy::kCounter));
  ok(edit->replace_zone(id, {rr("example.", dns::kSOA, soa(1))}));
  ok(edit->delete_zone(id));
  EXPECT_FALSE(edit->replace_zone(id, {}));
  EXPECT_EQ(0U, ok(edit->commit("test")).revision);
}

TEST_P(EditTest, ADeletedZoneLeavesNothing) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  auto edit = ok(authority->edit());
  ok(edit->set_metadata(id, "X-A", {"1"}));
  ok(edit->add_key(id, {0, 257, true, true, "k"}));
  ok(edit->commit("test"));
  edit = ok(authority->edit());
  ok(edit->delete_zone(id));
  ok(edit->commit("test"));
  EXPECT_EQ("0", sql("SELECT (SELECT count(*) FROM zone) + (SELECT count(*) FROM record) + "
                     "(SELECT count(*) FROM zone_metadata) + (SELECT count(*) FROM cryptokey)"));
  EXPECT_EQ("2:1", changes(3));
}

TEST_P(EditTest, WhatCannotBeIsRefusedAndNamed) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  auto edit = ok(authority->edit());
  const auto code = [](const auto& result) { return result ? Errc::kIo : result.error().code; };
  const auto twice = edit->create_zone(head("EXAMPLE."), SerialPolicy::kCounter);
  EXPECT_EQ(Errc::kExists, code(twice));
  EXPECT_THAT(twice.error().what, HasSubstr("example."));
  EXPECT_EQ(Errc::kNotFound, code(edit->delete_zone(99)));
  EXPECT_EQ(Errc::kNotFound, code(edit->set_metadata(99, "X", {"1"})));
  EXPECT_EQ(Errc::kNotFound, code(edit->remove_key(id, 5)));
  EXPECT_EQ(Errc::kNotFound, code(edit->set_key_state(id, 5, true, true)));
  const auto outside = edit->replace_zone(id, {rr("www.elsewhere.", dns::kA, "192.0.2.1")});
  EXPECT_EQ(Errc::kInvalidZone, code(outside));
  EXPECT_THAT(outside.error().what, HasSubstr("www.elsewhere."));
  EXPECT_EQ(Errc::kInvalidArgument,
            code(edit->replace_rrset(id, name("a.example."), dns::kA, {rr("b.example.", dns::kA, "192.0.2.1")})));
  zone::ZoneHead moved = ok(edit->zone(id))->head;
  moved.apex = name("other.");
  EXPECT_EQ(Errc::kInvalidArgument, code(edit->set_head(moved)));
  EXPECT_EQ(1U, ok(edit->commit("test")).revision) << "nothing of it was done";
}

TEST_P(EditTest, ReplacingAZoneTouchesOnlyTheRrsetsThatDiffer) {
  auto authority = open();
  auto edit = ok(authority->edit());
  const ZoneId id = ok(edit->create_zone(head("example."), SerialPolicy::kCounter));
  std::vector<StoredRecord> records{rr("example.", dns::kSOA, soa(5)), rr("example.", dns::kNS, "ns.example.")};
  for (int i = 0; i < 100; ++i) records.push_back(rr(numbered("h{}.example.", i), dns::kA, "192.0.2.1"));
  ok(edit->replace_zone(id, records));
  ok(edit->commit("test"));
  std::reverse(records.begin(), records.end());
  edit = ok(authority->edit());
  ok(edit->replace_zone(id, records));
  EXPECT_EQ(1U, ok(edit->commit("test")).revision) << "order means nothing";

  records[3].record.content = "192.0.2.7";                          // changed
  records.erase(records.begin() + 5);                               // gone
  records.push_back(rr("h3.example.", dns::kAAAA, "2001:db8::1"));  // new type
  records.push_back(rr("a.example.", dns::kA, "192.0.2.3"));        // new name
  edit = ok(authority->edit());
  ok(edit->replace_zone(id, records));
  EXPECT_EQ(2U, ok(edit->commit("test")).revision);
  EXPECT_EQ("6:5", changes(2)) << "four, and the SOA";
  EXPECT_EQ(6U, serial(*authority, id));
  std::size_t count = 0;
  ok(ok(authority->read())->records(id, [&](StoredRecord&&) { ++count; }));
  EXPECT_EQ(records.size(), count);
}

TEST_P(EditTest, ReplacingAZoneWithAnOlderSerialOfTheSameFileChangesNothing) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  set(*authority, id, "a.example.", dns::kA, {"192.0.2.1"});
  set(*authority, id, "a.example.", dns::kA, {});
  EXPECT_EQ(3U, serial(*authority, id));
  auto edit = ok(authority->edit());
  ok(edit->replace_zone(id, {rr("example.", dns::kSOA, soa(1)), rr("example.", dns::kNS, "ns.example."),
                             rr("ns.example.", dns::kA, "192.0.2.1")}));
  EXPECT_EQ(3U, ok(edit->commit("test")).revision);
  EXPECT_EQ(3U, serial(*authority, id));
}

TEST_P(EditTest, AnEmptyListEmptiesTheZone) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  auto edit = ok(authority->edit());
  ok(edit->replace_zone(id, {}));
  ok(edit->commit("test"));
  EXPECT_EQ("6:3", changes(2));
  EXPECT_FALSE(ok(ok(authority->read())->zone(id))->serial.has_value());
  EXPECT_EQ("0", sql("SELECT count(*) FROM record"));
}

TEST_P(EditTest, NamesBelowAreFoundByTheirLabels) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  set(*authority, id, "a.b.example.", dns::kA, {"192.0.2.1"});
  set(*authority, id, "cx.example.", dns::kA, {"192.0.2.1"});
  auto edit = ok(authority->edit());
  ok(edit->replace_rrset(id, name("a.d.example."), dns::kA, {rr("a.d.example.", dns::kA, "192.0.2.1", 300, true)}));
  EXPECT_TRUE(ok(edit->has_names_below(id, name("example."))));
  EXPECT_TRUE(ok(edit->has_names_below(id, name("b.example."))));
  EXPECT_TRUE(ok(edit->has_names_below(id, dns::Name())));
  EXPECT_FALSE(ok(edit->has_names_below(id, name("a.b.example.")))) << "not itself";
  EXPECT_FALSE(ok(edit->has_names_below(id, name("c.example.")))) << "cx is beside c";
  EXPECT_FALSE(ok(edit->has_names_below(id, name("d.example.")))) << "what is disabled is not served";
}

TEST_P(EditTest, TheSerialMovesOncePerEditOfRecords) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  const ZoneId other = add_zone(*authority, "other.");
  auto edit = ok(authority->edit());
  for (const char* owner : {"a.example.", "b.example."})
    ok(edit->replace_rrset(id, name(owner), dns::kA, {rr(owner, dns::kA, "192.0.2.1")}));
  ok(edit->commit("test"));
  EXPECT_EQ(2U, serial(*authority, id));
  EXPECT_EQ(1U, serial(*authority, other));
  EXPECT_THAT(at(*authority, id, "example."), testing::Contains(rr("example.", dns::kSOA, soa(2))));
}

TEST_P(EditTest, ASerialThatTheEditItselfChangedIsKept) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  set(*authority, id, "example.", dns::kSOA, {soa(50)});
  EXPECT_EQ(50U, serial(*authority, id));
  set(*authority, id, "example.", dns::kSOA, {soa(7)});
  EXPECT_EQ(7U, serial(*authority, id)) << "also back, when that is what was asked for";
  set(*authority, id, "example.", dns::kSOA, {"ns2.example. admin.example. 7 3600 600 604800 30"});
  EXPECT_EQ(8U, serial(*authority, id)) << "an equal one was not changed";
}

TEST_P(EditTest, ReplacingAZoneTakesASerialThatIsAhead) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  auto edit = ok(authority->edit());
  ok(edit->replace_zone(id, {rr("example.", dns::kSOA, soa(9)), rr("example.", dns::kNS, "ns.example.")}));
  ok(edit->commit("test"));
  EXPECT_EQ(9U, serial(*authority, id));
  edit = ok(authority->edit());
  ok(edit->replace_zone(id, {rr("example.", dns::kSOA, soa(3)), rr("example.", dns::kNS, "ns2.example.")}));
  ok(edit->commit("test"));
  EXPECT_EQ(10U, serial(*authority, id));
}

TEST_P(EditTest, TheKeepPolicyLeavesTheSerialToTheEditor) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.", SerialPolicy::kKeep);
  set(*authority, id, "a.example.", dns::kA, {"192.0.2.1"});
  EXPECT_EQ(1U, serial(*authority, id));
  set(*authority, id, "example.", dns::kSOA, {soa(0)});
  EXPECT_EQ(0U, serial(*authority, id));
}

TEST_P(EditTest, DateSerialsGoOnPastAHundredEditsADay) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.", SerialPolicy::kDate);
  std::uint32_t before = 1;
  for (int i = 0; i < 130; ++i) {
    set(*authority, id, "a.example.", dns::kA, {numbered("192.0.2.{}", i)});
    const std::uint32_t now = serial(*authority, id);
    EXPECT_EQ(i == 0 ? 2026010200U : before + 1, now);
    before = now;
  }
  clock.advance(std::chrono::hours(24));  // 2026010300 is behind already
  set(*authority, id, "a.example.", dns::kA, {});
  EXPECT_EQ(before + 1, serial(*authority, id));
  clock.advance(std::chrono::hours(24));
  set(*authority, id, "a.example.", dns::kA, {"192.0.2.1"});
  EXPECT_EQ(2026010400U, serial(*authority, id));
}

TEST_P(EditTest, AZoneWithoutSoaHasNoSerialToMove) {
  auto authority = open();
  auto edit = ok(authority->edit());
  const ZoneId id = ok(edit->create_zone(head("example."), SerialPolicy::kCounter));
  ok(edit->commit("test"));
  EXPECT_EQ(2U, set(*authority, id, "a.example.", dns::kA, {"192.0.2.1"}).revision);
  EXPECT_FALSE(ok(ok(authority->read())->zone(id))->serial.has_value());
}

TEST_P(EditTest, TheDigestSeesEverythingThatIsServedAndNothingElse) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.", SerialPolicy::kKeep);
  std::string before = ok(state_digest(*ok(authority->read())));
  const auto differs = [&](const std::function<void(Transaction&)>& change) {
    auto edit = ok(authority->edit());
    change(*edit);
    ok(edit->commit("test"));
    std::string now = ok(state_digest(*ok(authority->read())));
    const bool other = now != before;
    before = std::move(now);
    return other;
  };
  std::uint32_t key = 0;
  EXPECT_TRUE(differs([&](Transaction& t) { key = ok(t.add_key(id, {0, 257, true, true, "k"})); }));
  EXPECT_TRUE(differs([&](Transaction& t) { ok(t.set_key_state(id, key, false, true)); }));
  EXPECT_TRUE(differs([&](Transaction& t) { ok(t.set_metadata(id, "X", {"1"})); }));
  EXPECT_TRUE(differs([&](Transaction& t) {
    ok(t.replace_rrset(id, name("a.example."), dns::kA, {rr("a.example.", dns::kA, "192.0.2.1", 60)}));
  }));
  EXPECT_TRUE(differs([&](Transaction& t) {
    ok(t.replace_rrset(id, name("a.example."), dns::kA, {rr("a.example.", dns::kA, "192.0.2.1", 61)}));
  }));
  EXPECT_FALSE(differs([&](Transaction& t) {
    ok(t.replace_rrset(id, name("a.example."), dns::kA,
                       {rr("a.example.", dns::kA, "192.0.2.1", 61), rr("a.example.", dns::kA, "192.0.2.2", 61, true)}));
  }));
  EXPECT_FALSE(differs([&](Transaction& t) { ok(t.set_serial_policy(id, SerialPolicy::kCounter)); }));
}

SDNS_ON_EVERY_STORE(EditTest);

}  // namespace
}  // namespace sdns::store::test
