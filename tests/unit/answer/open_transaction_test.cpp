// SPDX-License-Identifier: MIT
#include "backend/answer/open_transaction.h"

#include <gmock/gmock.h>

#include "tests/unit/answer/edit_fixture.h"

namespace sdns::answer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Mode = ZoneEdit::Mode;

const std::string kZone = std::string(kSoa) +
                          "@ 3600 NS ns1\n"
                          "www 300 A 192.0.2.80\n"
                          "www 300 TXT \"x\"\n"
                          "a.b.ent 60 A 192.0.2.3\n"
                          "*.w 60 A 192.0.2.4\n";

zone::ZoneSetPtr zones(zone::Revision revision, std::vector<zone::Metadata> metadata = {},
                       std::vector<zone::Key> keys = {}) {
  zone::ZoneContent com = zone_content(7, "example.com.", kZone);
  com.metadata = std::move(metadata);
  com.keys = std::move(keys);
  std::vector<zone::ZoneContent> all;
  all.push_back(std::move(com));
  all.push_back(zone_content(9, "example.net.", kSoa));
  return zone_set(std::move(all), revision);
}

class OpenTransactionTest : public testing::Test {
 protected:
  void begin(Mode mode, zone::ZoneSetPtr base) {
    base_ = std::move(base);
    transaction_ = std::make_unique<OpenTransaction>(base_, *base_->find(7), mode);
  }
  void begin(Mode mode) { begin(mode, zones(41)); }

  void put(std::string_view owner, dns::RrType type, std::vector<std::string> contents, std::uint32_t ttl = 60) {
    transaction_->put({name(owner), type, {ttl}, std::move(contents)});
  }
  void add(std::string_view owner, dns::RrType type, std::string content, std::uint32_t ttl = 60) {
    transaction_->add({name(owner), type, {ttl}, std::move(content)});
  }
  zone::ZoneSetPtr view(const zone::ZoneSet& now) {
    auto shown = transaction_->view(now);
    if (shown) return *shown;
    ADD_FAILURE() << to_text(shown.error());
    return base_;
  }
  zone::ZoneSetPtr view() { return view(*base_); }
  ZoneEdit take() { return std::move(*transaction_).take(); }

  // `TYPE ttl content`, in the order of types; what a lookup says of a name that has nothing.
  static std::vector<std::string> at(const zone::ZoneSet& set, std::string_view owner) {
    const zone::Zone& zone = *set.find(7);
    const std::string key = name(owner).key();
    const zone::Zone::Found found = zone.find(std::string_view(key).substr(zone.apex_key().size()));
    if (!found.exists) return {"none"};
    if (!found.owner) return {"empty non-terminal"};
    std::vector<std::string> out;
    for (std::size_t i = 0; i < found.owner->rrset_count(); ++i) {
      const zone::RrsetView rrset = found.owner->rrset(i);
      for (const std::string& content : zone::contents_of(rrset))
        out.push_back(rrset.type.text() + " " + std::to_string(rrset.ttl.seconds) + " " + content);
    }
    return out;
  }

  zone::ZoneSetPtr base_;
  std::shared_ptr<OpenTransaction> transaction_;
};

TEST_F(OpenTransactionTest, ShowsTheZoneAsItWasUntilSomethingIsWritten) {
  begin(Mode::kInPlace);
  EXPECT_TRUE(transaction_->empty());
  EXPECT_THAT(at(*view(), "www.example.com."), ElementsAre("A 300 192.0.2.80", "TXT 300 \"x\""));
  EXPECT_EQ(&transaction_->zone(), base_->find(7));
}

TEST_F(OpenTransactionTest, PutsAnRrsetInPlaceOfAnotherAndLeavesTheRest) {
  begin(Mode::kInPlace);
  put("www.example.com.", dns::kA, {"192.0.2.82", "192.0.2.81"});
  put("new.x.example.com.", dns::kTXT, {"\"y\""});
  const zone::ZoneSetPtr shown_now = view();
  EXPECT_THAT(at(*shown_now, "www.example.com."), ElementsAre("A 60 192.0.2.81", "A 60 192.0.2.82", "TXT 300 \"x\""));
  EXPECT_THAT(at(*shown_now, "new.x.example.com."), ElementsAre("TXT 60 \"y\""));
  EXPECT_THAT(at(*shown_now, "x.example.com."), ElementsAre("empty non-terminal"));
  EXPECT_THAT(at(*base_, "www.example.com."), ElementsAre("A 300 192.0.2.80", "TXT 300 \"x\""))
      << "nobody else sees it";
  EXPECT_EQ(shown_now->revision(), 41U);
  EXPECT_EQ(shown_now->find(9), base_->find(9)) << "other zones are shared";
}

TEST_F(OpenTransactionTest, RemovalLeavesAnEmptyNonTerminalOrNothing) {
  begin(Mode::kInPlace);
  put("b.ent.example.com.", dns::kA, {"192.0.2.9"});
  put("b.ent.example.com.", dns::kA, {});
  EXPECT_THAT(at(*view(), "b.ent.example.com."), ElementsAre("empty non-terminal"));
  put("a.b.ent.example.com.", dns::kA, {});
  EXPECT_THAT(at(*view(), "a.b.ent.example.com."), ElementsAre("none"));
  EXPECT_THAT(at(*view(), "ent.example.com."), ElementsAre("none"));
  EXPECT_THAT(shown(take().rrsets), ElementsAre("b.ent.example.com./A removed", "a.b.ent.example.com./A removed"));
}

TEST_F(OpenTransactionTest, AddsInPlaceToWhatTheZoneHas) {
  begin(Mode::kInPlace);
  add("www.example.com.", dns::kA, "192.0.2.1", 600);
  EXPECT_THAT(at(*view(), "www.example.com."), ElementsAre("A 300 192.0.2.1", "A 300 192.0.2.80", "TXT 300 \"x\""))
      << "one TTL, the least";
  add("www.example.com.", dns::kA, "192.0.2.2", 30);
  EXPECT_THAT(at(*view(), "www.example.com."),
              ElementsAre("A 30 192.0.2.1", "A 30 192.0.2.2", "A 30 192.0.2.80", "TXT 300 \"x\""));
  EXPECT_THAT(shown(take().rrsets), ElementsAre("www.example.com./A 30 [192.0.2.1, 192.0.2.2, 192.0.2.80]"));
}

TEST_F(OpenTransactionTest, AddsToWhatWasPutOrRemovedBefore) {
  begin(Mode::kInPlace);
  put("www.example.com.", dns::kA, {"192.0.2.7"}, 90);
  add("www.example.com.", dns::kA, "192.0.2.6", 80);
  put("www.example.com.", dns::kTXT, {});
  add("www.example.com.", dns::kTXT, "\"z\"", 80);
  const std::vector<std::string> expected = {"A 80 192.0.2.6", "A 80 192.0.2.7", "TXT 80 \"z\""};
  EXPECT_EQ(at(*view(), "www.example.com."), expected);
}

TEST_F(OpenTransactionTest, ARecordIsKeptOnce) {
  begin(Mode::kInPlace);
  add("www.example.com.", dns::kA, "192.0.2.80", 300);
  for (int i = 0; i < 3; ++i) add("n.example.com.", dns::kA, "192.0.2.5");
  put("p.example.com.", dns::kA, {"192.0.2.5", "192.0.2.4", "192.0.2.5"});
  EXPECT_THAT(at(*view(), "n.example.com."), ElementsAre("A 60 192.0.2.5"));
  EXPECT_THAT(at(*view(), "p.example.com."), ElementsAre("A 60 192.0.2.4", "A 60 192.0.2.5"));
  add("n.example.com.", dns::kA, "192.0.2.5");
  EXPECT_THAT(shown(take().rrsets),
              ElementsAre("n.example.com./A 60 [192.0.2.5]", "p.example.com./A 60 [192.0.2.4, 192.0.2.5]",
                          "www.example.com./A 300 [192.0.2.80]"));
}

TEST_F(OpenTransactionTest, AReplacedZoneHasOnlyWhatWasFed) {
  begin(Mode::kReplace, zones(41, {{"X-NOTE", {"stays"}}}, {{3, 257, true, true, "k"}}));
  EXPECT_FALSE(transaction_->empty()) << "a zone that is emptied is an edit";
  EXPECT_THAT(at(*view(), "www.example.com."), ElementsAre("none"));
  EXPECT_FALSE(view()->find(7)->serial());
  add("example.com.", dns::kSOA, "ns1.x. h.x. 6 10800 3600 604800 300", 3600);
  add("www.example.com.", dns::kA, "192.0.2.1", 600);
  add("www.example.com.", dns::kA, "192.0.2.2", 300);
  const zone::ZoneSetPtr now = view();
  EXPECT_THAT(at(*now, "www.example.com."), ElementsAre("A 300 192.0.2.1", "A 300 192.0.2.2"));
  EXPECT_EQ(now->find(7)->serial()->value, 6U);
  EXPECT_EQ(now->find(7)->owners().size(), 2U);
  EXPECT_THAT(now->find(7)->settings().metadata, ElementsAre(zone::Metadata{"X-NOTE", {"stays"}}));
  EXPECT_EQ(now->find(7)->settings().keys.size(), 1U);
  const ZoneEdit edit = take();
  EXPECT_EQ(edit.mode, Mode::kReplace);
  EXPECT_THAT(shown(edit.rrsets), ElementsAre("example.com./SOA 3600 [ns1.x. h.x. 6 10800 3600 604800 300]",
                                              "www.example.com./A 300 [192.0.2.1, 192.0.2.2]"));
}

TEST_F(OpenTransactionTest, WhatAReplacedZoneGotAndLostIsNotWritten) {
  begin(Mode::kReplace);
  add("x.example.com.", dns::kA, "192.0.2.1");
  put("x.example.com.", dns::kA, {});
  put("www.example.com.", dns::kA, {});
  EXPECT_THAT(at(*view(), "x.example.com."), ElementsAre("none"));
  EXPECT_THAT(take().rrsets, IsEmpty());
}

TEST_F(OpenTransactionTest, ShowsWhatComesAfterTheFirstLook) {
  begin(Mode::kInPlace);
  put("www.example.com.", dns::kA, {"192.0.2.1"});
  const zone::ZoneSetPtr first = view();
  EXPECT_EQ(view(), first) << "nothing came: the same set";
  put("www.example.com.", dns::kA, {"192.0.2.2"});
  put("other.example.com.", dns::kA, {"192.0.2.3"});
  const zone::ZoneSetPtr second = view();
  EXPECT_NE(second, first);
  EXPECT_THAT(at(*second, "www.example.com."), ElementsAre("A 60 192.0.2.2", "TXT 300 \"x\""));
  EXPECT_THAT(at(*second, "other.example.com."), ElementsAre("A 60 192.0.2.3"));
  EXPECT_THAT(at(*first, "www.example.com."), ElementsAre("A 60 192.0.2.1", "TXT 300 \"x\"")) << "who looked keeps it";
  put("www.example.com.", dns::kA, {});
  put("www.example.com.", dns::kTXT, {});
  EXPECT_THAT(at(*view(), "www.example.com."), ElementsAre("none"));
}

TEST_F(OpenTransactionTest, RemovesAWholeName) {
  begin(Mode::kInPlace);
  put("www.example.com.", dns::kMX, {"10 x."});
  add("www.example.com.", dns::kA, "192.0.2.81");
  put("a.www.example.com.", dns::kA, {"192.0.2.82"});
  transaction_->remove_all(name("www.example.com."));
  transaction_->remove_all(name("no.example.com."));
  EXPECT_THAT(at(*view(), "www.example.com."), ElementsAre("empty non-terminal"));
  EXPECT_THAT(shown(take().rrsets),
              ElementsAre("www.example.com./A removed", "www.example.com./MX removed", "www.example.com./TXT removed",
                          "a.www.example.com./A 60 [192.0.2.82]"));
  begin(Mode::kReplace);
  add("www.example.com.", dns::kA, "192.0.2.81");
  transaction_->remove_all(name("www.example.com."));
  EXPECT_THAT(take().rrsets, IsEmpty());
}

TEST_F(OpenTransactionTest, GivesRrsetsInCanonicalOrder) {
  begin(Mode::kInPlace);
  for (const char* owner :
       {"z.example.com.", "*.example.com.", "a.z.example.com.", "yljkjljk.a.example.com.", "example.com.",
        "zABC.a.example.com.", "\\001.z.example.com.", "\\200.z.example.com.", "a.example.com.", "Z.a.example.com."})
    put(owner, dns::kTXT, {"\"x\""});
  put("a.example.com.", dns::kA, {"192.0.2.1"});
  // The example of RFC 4034 section 6.1.
  EXPECT_THAT(
      shown(take().rrsets),
      ElementsAre("example.com./TXT 60 [\"x\"]", "*.example.com./TXT 60 [\"x\"]", "a.example.com./A 60 [192.0.2.1]",
                  "a.example.com./TXT 60 [\"x\"]", "yljkjljk.a.example.com./TXT 60 [\"x\"]",
                  "z.a.example.com./TXT 60 [\"x\"]", "zabc.a.example.com./TXT 60 [\"x\"]",
                  "z.example.com./TXT 60 [\"x\"]", "\\001.z.example.com./TXT 60 [\"x\"]",
                  "a.z.example.com./TXT 60 [\"x\"]", "\\200.z.example.com./TXT 60 [\"x\"]"));
}

TEST_F(OpenTransactionTest, ShowsItsMetadataAmongTheZones) {
  begin(Mode::kInPlace, zones(41, {{"X-ONE", {"1"}}, {"X-TWO", {"2"}}}));
  transaction_->set_metadata({"X-TWO", {"two"}});
  transaction_->set_metadata({"X-THREE", {"3", "three"}});
  EXPECT_FALSE(transaction_->empty());
  EXPECT_THAT(view()->find(7)->settings().metadata,
              testing::UnorderedElementsAre(zone::Metadata{"X-ONE", {"1"}}, zone::Metadata{"X-TWO", {"two"}},
                                            zone::Metadata{"X-THREE", {"3", "three"}}));
  transaction_->set_metadata({"X-ONE", {}});
  EXPECT_THAT(view()->find(7)->settings().metadata_json, Not(HasSubstr("X-ONE")));
  EXPECT_THAT(take().metadata,
              testing::UnorderedElementsAre(zone::Metadata{"X-ONE", {}}, zone::Metadata{"X-TWO", {"two"}},
                                            zone::Metadata{"X-THREE", {"3", "three"}}));
}

TEST_F(OpenTransactionTest, AReplacedZoneShowsItsMetadataToo) {
  begin(Mode::kReplace, zones(41, {{"X-ONE", {"1"}}}));
  transaction_->set_metadata({"NSEC3PARAM", {"1 0 0 -"}});
  add("www.example.com.", dns::kA, "192.0.2.1");
  EXPECT_EQ(view()->find(7)->settings().denial.mode, zone::Denial::Mode::kNsec3);
  EXPECT_THAT(at(*view(), "www.example.com."), ElementsAre("A 60 192.0.2.1"));
}

TEST_F(OpenTransactionTest, SeesKeysAndMetadataThatOthersWroteMeanwhileButNoRecords) {
  begin(Mode::kInPlace, zones(41, {{"X-ONE", {"1"}}}));
  transaction_->set_metadata({"X-TWO", {"mine"}});
  put("mine.example.com.", dns::kA, {"192.0.2.1"});
  EXPECT_TRUE(view()->find(7)->settings().keys.empty());

  zone::ZoneContent theirs = zone_content(7, "example.com.", kZone + "theirs 60 A 192.0.2.99\n");
  theirs.metadata = {{"X-ONE", {"theirs"}}, {"X-TWO", {"theirs"}}};
  theirs.keys = {{3, 257, true, true, "k"}};
  std::vector<zone::ZoneContent> all;
  all.push_back(std::move(theirs));
  const zone::ZoneSetPtr now = zone_set(std::move(all), 42);
  const zone::ZoneSetPtr shown_now = view(*now);
  const zone::ZoneSettings& settings = shown_now->find(7)->settings();
  ASSERT_EQ(settings.keys.size(), 1U);
  EXPECT_EQ(settings.keys[0].id, 3U);
  EXPECT_THAT(settings.metadata,
              testing::UnorderedElementsAre(zone::Metadata{"X-ONE", {"theirs"}}, zone::Metadata{"X-TWO", {"mine"}}));
  EXPECT_THAT(at(*shown_now, "theirs.example.com."), ElementsAre("none"));
  EXPECT_THAT(at(*shown_now, "mine.example.com."), ElementsAre("A 60 192.0.2.1"));
  EXPECT_EQ(view(*now), shown_now);
  EXPECT_EQ(take().base, 41U) << "what it began with, for the conflict check";
}

TEST_F(OpenTransactionTest, SeesKeysOfTheNewestSnapshotAtItsFirstLook) {
  begin(Mode::kReplace);
  const zone::ZoneSetPtr now = zones(42, {}, {{4, 256, true, true, "k"}});
  EXPECT_EQ(view(*now)->find(7)->settings().keys.size(), 1U);
}

TEST_F(OpenTransactionTest, AZoneThatOthersDeletedIsStillShown) {
  begin(Mode::kInPlace);
  put("www.example.com.", dns::kA, {"192.0.2.1"});
  const zone::ZoneSetPtr now = zone_set({}, 42);
  EXPECT_THAT(at(*view(*now), "www.example.com."), ElementsAre("A 60 192.0.2.1", "TXT 300 \"x\""));
}

TEST_F(OpenTransactionTest, CutsAndDenialsFollowWhatIsWritten) {
  begin(Mode::kInPlace);
  put("sub.example.com.", dns::kNS, {"ns.sub.example.com."});
  put("ns.sub.example.com.", dns::kA, {"192.0.2.7"});
  EXPECT_THAT(
      answered(list_line("example.com."), *view()),
      HasSubstr(
          R"({"qname":"ns.sub.example.com.","qtype":"A","content":"192.0.2.7","ttl":60,"domain_id":7,"auth":0})"));
  put("sub.example.com.", dns::kNS, {});
  EXPECT_THAT(answered(list_line("example.com."), *view()),
              HasSubstr(R"({"qname":"ns.sub.example.com.","qtype":"A","content":"192.0.2.7","ttl":60,"domain_id":7})"));
}

TEST_F(OpenTransactionTest, ShowsAndGivesTheKeysThatItAddedAndChanged) {
  begin(Mode::kInPlace);
  EXPECT_FALSE(transaction_->has_key(12));
  transaction_->add_key({12, 257, true, true, "Private-key-format: v1.2\n"});
  transaction_->add_key({13, 256, true, true, "Private-key-format: v1.2\n"});
  EXPECT_TRUE(transaction_->has_key(12));
  transaction_->change_key({7, 12, protocol::ChangeDomainKey::What::kUnpublish});
  transaction_->change_key({7, 13, protocol::ChangeDomainKey::What::kRemove});
  const auto shown = view();
  const std::vector<zone::Key>& keys = shown->find(7)->settings().keys;
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0], (zone::Key{12, 257, true, false, "Private-key-format: v1.2\n"}));
  EXPECT_FALSE(transaction_->empty());
  const ZoneEdit edit = std::move(*transaction_).take();
  EXPECT_EQ(edit.keys.size(), 2U);
  EXPECT_EQ(edit.key_changes.size(), 2U);
}

}  // namespace
}  // namespace sdns::answer
