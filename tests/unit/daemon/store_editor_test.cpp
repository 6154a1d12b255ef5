// SPDX-License-Identifier: MIT
#include "backend/daemon/store_editor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/store/serial_policy.h"
#include "tests/unit/daemon/log_capture.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::daemon {
namespace {

using answer::ZoneEdit;
using store::test::head;
using store::test::name;
using store::test::ok;
using store::test::rr;
using store::test::soa;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

dns::Rrset rrset(const std::string& owner, dns::RrType type, std::vector<std::string> contents,
                 std::uint32_t ttl = 300) {
  return {name(owner), type, dns::Ttl{ttl}, std::move(contents)};
}

// The published revision is far ahead: nothing here follows the database.
class StoreEditorTest : public store::test::StoreTest {
 protected:
  void SetUp() override {
    authority_ = open();
    auto edit = ok(authority_->edit());
    zone_ = ok(edit->create_zone(head("example."), store::SerialPolicy::kCounter));
    ok(edit->replace_zone(zone_, {rr("example.", dns::kSOA, soa(5)), rr("example.", dns::kNS, "ns.example."),
                                  rr("ns.example.", dns::kA, "192.0.2.1"), rr("www.example.", dns::kA, "192.0.2.2")}));
    base_ = ok(edit->commit("test")).revision;
    state_.set_database_id(ok(authority_->identity()).database_id);
    state_.set_database(DatabaseState::kUp, "");
    state_.published(1'000'000, {}, 1);
  }

  Result<std::uint32_t> edit(const answer::Edit& wanted) {
    const std::atomic<bool> abandoned = abandoned_;
    return editor_.edit(wanted, abandoned);
  }
  ZoneEdit in_place(std::vector<dns::Rrset> rrsets) {
    return {zone_, ZoneEdit::Mode::kInPlace, base_, std::move(rrsets), {}};
  }
  std::vector<std::string> contents(const std::string& owner, dns::RrType type) {
    auto read = ok(authority_->read());
    std::vector<std::string> found;
    for (const auto& [record, disabled] : ok(read->records_at(zone_, name(owner))))
      if (record.type == type) found.push_back(record.content);
    return found;
  }
  zone::Revision revision() { return ok(ok(authority_->read())->position()).revision; }
  std::uint32_t soa_serial() { return *store::soa_serial(contents("example.", dns::kSOA).at(0)); }
  // Somebody else's edit, after the one under test has begun.
  void meanwhile(const dns::Rrset& changed) {
    auto edit = ok(authority_->edit());
    std::vector<store::StoredRecord> records;
    for (const std::string& content : changed.contents)
      records.push_back({{changed.owner, changed.type, changed.ttl, content}, false});
    ok(edit->replace_rrset(zone_, changed.owner, changed.type, records));
    ok(edit->commit("other"));
  }

  std::unique_ptr<store::Authority> authority_;
  zone::ZoneId zone_ = 0;
  zone::Revision base_ = 0;
  bool abandoned_ = false;
  sdns::test::ManualClock steady_;
  ServingState state_{steady_};
  sdns::test::LogCapture log_;
  StoreEditor editor_{url(), state_, clock, random, log_.log()};
};

TEST_F(StoreEditorTest, AnEditIsOneRevisionAndMovesTheSerial) {
  ok(edit(in_place({rrset("a.example.", dns::kA, {"192.0.2.7"}), rrset("www.example.", dns::kA, {})})));
  EXPECT_EQ(revision(), base_ + 1);
  EXPECT_EQ(soa_serial(), 6U);
  EXPECT_THAT(contents("a.example.", dns::kA), UnorderedElementsAre("192.0.2.7"));
  EXPECT_THAT(contents("www.example.", dns::kA), IsEmpty());
}

TEST_F(StoreEditorTest, WhatGoesGoesBeforeWhatTakesItsPlace) {
  ok(edit(in_place({rrset("www.example.", dns::kA, {}), rrset("www.example.", dns::kCNAME, {"ns.example."})})));
  EXPECT_THAT(contents("www.example.", dns::kCNAME), UnorderedElementsAre("ns.example."));
  base_ = revision();
  ok(edit(in_place({rrset("www.example.", dns::kA, {"192.0.2.3"}), rrset("www.example.", dns::kCNAME, {})})));
  EXPECT_THAT(contents("www.example.", dns::kA), UnorderedElementsAre("192.0.2.3"));
}

TEST_F(StoreEditorTest, AnEditThatBreaksARuleChangesNothingOfItsTransaction) {
  const auto done = edit(
      in_place({rrset("a.example.", dns::kA, {"192.0.2.7"}), rrset("www.example.", dns::kCNAME, {"ns.example."})}));
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().what, HasSubstr("www.example."));
  EXPECT_EQ(revision(), base_);
  EXPECT_THAT(contents("a.example.", dns::kA), IsEmpty());
}

TEST_F(StoreEditorTest, TheSecondWriterOfAnRrsetIsTold) {
  meanwhile(rrset("www.example.", dns::kA, {"192.0.2.50"}));
  const auto done = edit(in_place({rrset("www.example.", dns::kA, {"192.0.2.51"})}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::kConflict);
  EXPECT_THAT(contents("www.example.", dns::kA), UnorderedElementsAre("192.0.2.50"));
}

TEST_F(StoreEditorTest, TwoWritersOfDifferentRrsetsBothSucceed) {
  meanwhile(rrset("other.example.", dns::kA, {"192.0.2.50"}));
  ok(edit(in_place({rrset("www.example.", dns::kA, {"192.0.2.51"})})));
  EXPECT_THAT(contents("other.example.", dns::kA), UnorderedElementsAre("192.0.2.50"));
  EXPECT_THAT(contents("www.example.", dns::kA), UnorderedElementsAre("192.0.2.51"));
}

TEST_F(StoreEditorTest, TwoWritersThatOnlyCountTheSerialUpDoNotContradictEachOther) {
  meanwhile(rrset("example.", dns::kSOA, {soa(6)}));
  ok(edit(in_place({rrset("example.", dns::kSOA, {soa(6)}), rrset("www.example.", dns::kA, {"192.0.2.51"})})));
  EXPECT_EQ(soa_serial(), 7U);

  meanwhile(rrset("example.", dns::kSOA, {"ns.example. other.example. 9 3600 600 604800 30"}));
  EXPECT_FALSE(edit(in_place({rrset("example.", dns::kSOA, {soa(10)})})));
}

TEST_F(StoreEditorTest, AReplacedZoneIsWhatWasFedAndTheSecondWriterIsTold) {
  ZoneEdit whole{zone_,
                 ZoneEdit::Mode::kReplace,
                 base_,
                 {rrset("example.", dns::kSOA, {soa(40)}), rrset("example.", dns::kNS, {"ns.example."}),
                  rrset("ns.example.", dns::kA, {"192.0.2.9"})},
                 {}};
  ok(edit(whole));
  EXPECT_EQ(soa_serial(), 40U);
  EXPECT_THAT(contents("www.example.", dns::kA), IsEmpty());
  EXPECT_FALSE(edit(whole)) << "the zone was changed since `base`";
}

TEST_F(StoreEditorTest, ANotedCheckIsNoConflictForATransfer) {
  ok(edit(answer::NoteChecked{zone_, true}));
  ok(edit(answer::NoteNotified{zone_, 5}));
  ok(edit(ZoneEdit{zone_,
                   ZoneEdit::Mode::kReplace,
                   base_,
                   {rrset("example.", dns::kSOA, {soa(40)}), rrset("example.", dns::kNS, {"ns.other."})},
                   {}}));
  const auto row = ok(ok(authority_->read())->zone(zone_));
  EXPECT_EQ(row->head.notified_serial, 5U);
  EXPECT_NE(row->head.last_check, 0U);
  ok(edit(answer::NoteChecked{zone_, false}));
  EXPECT_EQ(ok(ok(authority_->read())->zone(zone_))->head.last_check, 0U);
}

TEST_F(StoreEditorTest, AnAbandonedEditIsNotCommitted) {
  abandoned_ = true;
  EXPECT_FALSE(edit(in_place({rrset("a.example.", dns::kA, {"192.0.2.7"})})));
  EXPECT_EQ(revision(), base_);
}

TEST_F(StoreEditorTest, ADatabaseOtherThanTheOneServedIsNotEdited) {
  state_.set_database_id("another");
  const auto done = edit(in_place({rrset("a.example.", dns::kA, {"192.0.2.7"})}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::kForeign);
  EXPECT_EQ(revision(), base_);
}

TEST_F(StoreEditorTest, MetadataOfATransactionDecideWhatItsRecordsMayBe) {
  const std::string signature =
      "A 13 2 300 20260101000000 20250101000000 1 example. AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      "AAAAAAAAAAAAAAAAAAAAAAAAAA==";
  ZoneEdit presigned{zone_,
                     ZoneEdit::Mode::kReplace,
                     base_,
                     {rrset("example.", dns::kSOA, {soa(40)}), rrset("example.", dns::kNS, {"ns.other."}),
                      rrset("www.example.", dns::kA, {"192.0.2.2"}), rrset("www.example.", dns::kRRSIG, {signature})},
                     {{"PRESIGNED", {"1"}}}};
  ok(edit(presigned));
  EXPECT_THAT(contents("www.example.", dns::kRRSIG), UnorderedElementsAre(signature));
}

TEST_F(StoreEditorTest, AKeyWithAReservedIdIsAddedWithItsTransaction) {
  const std::string text =
      "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\n"
      "PrivateKey: 2bmIHTqr+HQLbSMwk4EH6DNGmJ2IkCzhLf0xxT0oyNE=\n";
  EXPECT_FALSE(edit(answer::ReserveKey{zone_, {0, 257, true, true, "nonsense"}}));
  const std::uint32_t id = ok(edit(answer::ReserveKey{zone_, {0, 257, true, true, text}}));
  EXPECT_EQ(revision(), base_) << "nothing is served differently";
  EXPECT_NE(ok(edit(answer::ReserveKey{zone_, {0, 257, true, true, text}})), id);
  ZoneEdit with_key = in_place({rrset("a.example.", dns::kA, {"192.0.2.7"})});
  with_key.keys = {{id, 257, true, true, text}};
  with_key.key_changes = {{zone_, id, protocol::ChangeDomainKey::What::kUnpublish}};
  ok(edit(with_key));
  const auto keys = ok(ok(authority_->read())->keys(zone_));
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].id, id);
  EXPECT_FALSE(keys[0].published);

  ZoneEdit broken = in_place({rrset("www.example.", dns::kCNAME, {"ns.example."})});
  broken.key_changes = {{zone_, id, protocol::ChangeDomainKey::What::kRemove}};
  base_ = revision();
  broken.base = base_;
  EXPECT_FALSE(edit(broken));
  EXPECT_EQ(ok(ok(authority_->read())->keys(zone_)).size(), 1U) << "all or nothing";
}

TEST_F(StoreEditorTest, AnAutoprimaryIsKnownByAddressAndNameServer) {
  auto edit = ok(authority_->edit());
  ok(edit->put_autoprimary({"192.0.2.1", name("ns1.partner."), "partner"}));
  ok(edit->commit("test"));
  edit.reset();
  EXPECT_EQ(ok(editor_.autoprimary({"192.0.2.2", {name("ns1.partner.")}})), std::nullopt);
  EXPECT_EQ(ok(editor_.autoprimary({"192.0.2.1", {name("ns2.partner.")}})), std::nullopt);
  const auto found = ok(editor_.autoprimary({"192.0.2.1", {name("ns2.partner."), name("ns1.partner.")}}));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->account, "partner");
  EXPECT_EQ(found->name_server, "ns1.partner.");
}

}  // namespace
}  // namespace sdns::daemon
