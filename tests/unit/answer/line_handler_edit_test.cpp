// SPDX-License-Identifier: MIT
// Edits and long lists: what a connection sees while another thread works for it.
#include "tests/unit/answer/line_handler_fixture.h"

namespace sdns::answer {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kStart =
    R"({"method": "startTransaction", "parameters": {"domain": "example.", "domain_id": -1, "trxid": 1}})";
const std::string kStartReplacing =
    R"({"method": "startTransaction", "parameters": {"domain": "example.", "domain_id": 7, "trxid": 1}})";
const std::string kCommit = R"({"method": "commitTransaction", "parameters": {"trxid": 1}})";
const std::string kAbort = R"({"method": "abortTransaction", "parameters": {"trxid": 1}})";
const std::string kAddKey =
    R"({"method": "addDomainKey", "parameters": {"key": {"active": true, "content": "SECRET", "flags": 257, )"
    R"("published": true}, "name": "example."}})";

std::string replace_a(const std::string& owner, const std::string& address) {
  return R"({"method": "replaceRRSet", "parameters": {"domain_id": 7, "qname": ")" + owner +
         R"(", "qtype": "A", "rrset": [{"auth": true, "content": ")" + address + R"(", "qclass": 1, "qname": ")" +
         owner + R"(", "qtype": "A", "ttl": 60}], "trxid": 1}})";
}

class LineHandlerEditTest : public LineHandlerTest {
 protected:
  void SetUp() override { cell_.publish(example(1)); }
  std::string at_once(const std::string& line, net::ConnectionId connection = 1) {
    EXPECT_EQ(handle(line, connection), Outcome::kReply) << line;
    return reply_;
  }
  [[nodiscard]] const ZoneEdit& only_zone_edit() const {
    EXPECT_EQ(editor_.edits.size(), 1U);
    return std::get<ZoneEdit>(editor_.edits.at(0));
  }
};

TEST_F(LineHandlerEditTest, ATransactionIsSeenByItsConnectionAloneAndCommittedAsAWhole) {
  EXPECT_EQ(at_once(kStart), "{\"result\":true}\n");
  EXPECT_TRUE(handler().holds_state(1));
  EXPECT_EQ(at_once(replace_a("new.example.", "192.0.2.9")), "{\"result\":true}\n");
  EXPECT_THAT(at_once(lookup("new.example.")), HasSubstr("192.0.2.9"));
  handle(lookup("new.example."), 2);
  EXPECT_EQ(reply_, "{\"result\":[]}\n");
  EXPECT_TRUE(editor_.edits.empty());

  EXPECT_EQ(finish(kCommit), "{\"result\":true}\n");
  EXPECT_EQ(resumed_, std::vector<net::ConnectionId>{1});
  EXPECT_EQ(tasks_.lanes.back(), TaskRunner::Lane::kEdits);
  EXPECT_FALSE(handler().holds_state(1));
  const ZoneEdit& edit = only_zone_edit();
  EXPECT_EQ(edit.zone, 7U);
  EXPECT_EQ(edit.base, 1U);
  EXPECT_EQ(edit.mode, ZoneEdit::Mode::kInPlace);
  ASSERT_EQ(edit.rrsets.size(), 1U);
  EXPECT_EQ(edit.rrsets[0].contents, std::vector<std::string>{"192.0.2.9"});
}

TEST_F(LineHandlerEditTest, ACommitThatFailsHasNoResultAndClosesTheConnection) {
  at_once(kStart);
  at_once(replace_a("new.example.", "192.0.2.9"));
  editor_.result = fail(Errc::kConflict, "somebody else was first");
  const std::string reply = finish(kCommit);
  EXPECT_THAT(reply, testing::StartsWith("{\"error\":"));
  EXPECT_THAT(reply, Not(HasSubstr("result")));
  EXPECT_EQ(outcome_, Outcome::kClose);
  EXPECT_THAT(logged(), HasSubstr("event=edit.failed"));
}

TEST_F(LineHandlerEditTest, AnotherEditThatFailsIsDeclined) {
  editor_.result = fail(Errc::kUnavailable, "no database");
  EXPECT_EQ(finish(kAddKey), "{\"result\":false}\n");
  EXPECT_EQ(outcome_, Outcome::kReply);
  const std::string text = logged();
  EXPECT_THAT(text, HasSubstr("no database"));
  EXPECT_THAT(text, Not(HasSubstr("SECRET")));
}

TEST_F(LineHandlerEditTest, AbortAndEndOfConnectionForgetTheTransaction) {
  at_once(kStart);
  at_once(replace_a("new.example.", "192.0.2.9"));
  EXPECT_EQ(at_once(kAbort), "{\"result\":true}\n");
  EXPECT_EQ(at_once(lookup("new.example.")), "{\"result\":[]}\n");
  EXPECT_EQ(at_once(kCommit), "{\"result\":true}\n") << "a transaction that is not known";

  at_once(kStart, 3);
  at_once(replace_a("new.example.", "192.0.2.9"), 3);
  handler().closed(3);
  EXPECT_FALSE(handler().holds_state(3));
  tasks_.run_all();
  EXPECT_TRUE(editor_.edits.empty());
}

TEST_F(LineHandlerEditTest, AConnectionThatEndsDuringItsCommitAbandonsIt) {
  at_once(kStart);
  at_once(replace_a("new.example.", "192.0.2.9"));
  EXPECT_EQ(handle(kCommit), Outcome::kPending);
  EXPECT_EQ(handle(kCommit), Outcome::kPending) << "handed in again before the work is done";
  handler().closed(1);
  tasks_.run_all();
  EXPECT_TRUE(editor_.edits.empty());
  EXPECT_TRUE(resumed_.empty());
}

TEST_F(LineHandlerEditTest, ATransactionWithAZoneIdReplacesTheZone) {
  at_once(kStartReplacing);
  EXPECT_EQ(at_once(lookup("www.example.")), "{\"result\":[]}\n") << "nothing was fed yet";
  at_once(R"({"method": "feedRecord", "parameters": {"rr": {"auth": true, "content": "192.0.2.5", "ordername": "a.", )"
          R"("qclass": 1, "qname": "a.example.", "qtype": "A", "ttl": 60}, "trxid": 1}})");
  EXPECT_THAT(at_once(lookup("a.example.")), HasSubstr("192.0.2.5"));
  finish(kCommit);
  EXPECT_EQ(only_zone_edit().mode, ZoneEdit::Mode::kReplace);
}

TEST_F(LineHandlerEditTest, MetadataInATransactionBelongsToIt) {
  const std::string set =
      R"({"method": "setDomainMetadata", "parameters": {"kind": "PRESIGNED", "name": "example.", "value": ["1"]}})";
  at_once(kStart);
  EXPECT_EQ(at_once(set), "{\"result\":true}\n");
  EXPECT_THAT(at_once(R"({"method": "getAllDomainMetadata", "parameters": {"name": "example."}})"),
              HasSubstr("PRESIGNED"));
  EXPECT_TRUE(editor_.edits.empty());
  finish(kCommit);
  ASSERT_EQ(only_zone_edit().metadata.size(), 1U);

  editor_.edits.clear();
  EXPECT_EQ(finish(set), "{\"result\":true}\n") << "outside of one it is an edit of its own";
  EXPECT_EQ(only_zone_edit().metadata.size(), 1U);
}

TEST_F(LineHandlerEditTest, AKeyOfATransactionGetsItsIdAtOnceAndIsAddedByTheCommit) {
  const std::string keys = R"({"method": "getDomainKeys", "parameters": {"name": "example."}})";
  at_once(kStart);
  editor_.result = 12;
  EXPECT_EQ(finish(kAddKey), "{\"result\":12}\n");
  EXPECT_TRUE(std::holds_alternative<ReserveKey>(editor_.edits.at(0)));
  EXPECT_THAT(at_once(keys), HasSubstr(R"("id":12,"flags":257,"active":true)"));
  EXPECT_EQ(at_once(R"({"method": "deactivateDomainKey", "parameters": {"id": 12, "name": "example."}})"),
            "{\"result\":true}\n");
  EXPECT_THAT(at_once(keys), HasSubstr(R"("id":12,"flags":257,"active":false)"));
  EXPECT_EQ(at_once(R"({"method": "removeDomainKey", "parameters": {"id": 13, "name": "example."}})"),
            "{\"result\":false}\n")
      << "the zone has no such key";
  handle(keys, 2);
  EXPECT_EQ(reply_, "{\"result\":false}\n") << "nobody else sees it";

  editor_.edits.clear();
  finish(kCommit);
  ASSERT_EQ(only_zone_edit().keys.size(), 1U);
  EXPECT_EQ(only_zone_edit().keys[0].id, 12U);
  EXPECT_EQ(only_zone_edit().key_changes.size(), 1U);
}

TEST_F(LineHandlerEditTest, AKeyOfATransactionThatIsAbortedWasNeverThere) {
  at_once(kStart);
  editor_.result = 12;
  finish(kAddKey);
  editor_.edits.clear();
  EXPECT_EQ(at_once(kAbort), "{\"result\":true}\n");
  tasks_.run_all();
  EXPECT_TRUE(editor_.edits.empty());
  EXPECT_EQ(at_once(R"({"method": "getDomainKeys", "parameters": {"name": "example."}})"), "{\"result\":false}\n");
}

TEST_F(LineHandlerEditTest, ARefusedRecordFailsTheCommitBecausePowerDnsDoesNotLook) {
  const auto feed = [](const std::string& content) {
    return R"({"method": "feedRecord", "parameters": {"rr": {"auth": true, "content": ")" + content +
           R"(", "qclass": 1, "qname": "a.example.", "qtype": "A", "ttl": 60}, "trxid": 1}})";
  };
  at_once(kStartReplacing);
  EXPECT_EQ(at_once(feed("nonsense")), "{\"result\":false}\n");
  EXPECT_EQ(at_once(feed("192.0.2.1")), "{\"result\":true}\n");
  EXPECT_EQ(handle(kCommit), Outcome::kClose);
  EXPECT_THAT(reply_, HasSubstr("a.example./A"));
  EXPECT_THAT(reply_, Not(HasSubstr("result")));
  EXPECT_TRUE(editor_.edits.empty());
}

TEST_F(LineHandlerEditTest, ATransactionThatCannotBeginBreaksSoThatItsEditsAreNotMadeOneByOne) {
  EXPECT_EQ(handle(R"({"method": "startTransaction", "parameters": {"domain": "no.zone.", "domain_id": -1, )"
                   R"("trxid": 1}})"),
            Outcome::kClose);
  EXPECT_THAT(reply_, Not(HasSubstr("result")));
  at_once(kStart, 2);
  EXPECT_EQ(handle(kStart, 2), Outcome::kClose) << "one is open";
  EXPECT_FALSE(handler().holds_state(2));
}

TEST_F(LineHandlerEditTest, NotesOfTheCommunicatorAreAnsweredAtOnceAndDoneLater) {
  EXPECT_EQ(at_once(R"({"method": "setNotified", "parameters": {"id": 7, "serial": 5}})"), "{\"result\":true}\n");
  EXPECT_EQ(at_once(R"({"method": "setFresh", "parameters": {"id": 7}})"), "{\"result\":true}\n");
  EXPECT_TRUE(editor_.edits.empty());
  tasks_.run_all();
  ASSERT_EQ(editor_.edits.size(), 2U);
  EXPECT_EQ(std::get<NoteNotified>(editor_.edits[0]).serial, 5U);
  EXPECT_TRUE(resumed_.empty());
}

TEST_F(LineHandlerEditTest, AnIdleTransactionLetsGoOfItsSnapshotAndItsCommitFails) {
  at_once(kStart);
  at_once(replace_a("new.example.", "192.0.2.9"));
  clock_.advance(std::chrono::minutes(9));
  handler().refresh();
  EXPECT_TRUE(handler().holds_state(1));
  clock_.advance(std::chrono::minutes(2));
  handler().refresh();
  EXPECT_FALSE(handler().holds_state(1));
  EXPECT_EQ(handle(kCommit), Outcome::kClose);
  EXPECT_THAT(reply_, HasSubstr("idle"));
  tasks_.run_all();
  EXPECT_TRUE(editor_.edits.empty());
}

TEST_F(LineHandlerEditTest, AnExceptionOfTheWorkFailsItsLineAlone) {
  editor_.throws = true;
  EXPECT_THAT(finish(kAddKey), testing::StartsWith("{\"error\":"));
  EXPECT_EQ(outcome_, Outcome::kClose);
  editor_.throws = false;
  EXPECT_EQ(finish(kAddKey, 2), "{\"result\":0}\n");
}

TEST_F(LineHandlerEditTest, WhatBreaksARuleIsDeclinedAtOnceAndTheReasonLogged) {
  at_once(kStart);
  EXPECT_EQ(at_once(replace_a("www.example.", "not an address")), "{\"result\":false}\n");
  EXPECT_EQ(at_once(replace_a("www.elsewhere.", "192.0.2.1")), "{\"result\":false}\n");
  EXPECT_THAT(logged(), HasSubstr("event=edit.declined"));
}

TEST_F(LineHandlerEditTest, SearchesRunInTheBackgroundOverTheSnapshotOfTheirBeginning) {
  const std::string search = R"({"method": "searchRecords", "parameters": {"maxResults": 10, "pattern": "www*"}})";
  EXPECT_EQ(handle(search), Outcome::kPending);
  cell_.publish(example(2, "192.0.2.2"));
  tasks_.run_all();
  EXPECT_EQ(handle(search), Outcome::kReply);
  EXPECT_THAT(reply_, HasSubstr("192.0.2.1"));
  EXPECT_EQ(tasks_.lanes, std::vector{TaskRunner::Lane::kLists});
  EXPECT_THAT(metrics_.render(), HasSubstr(R"(sdns_requests_total{method="searchRecords",result="data"} 1)"));
}

TEST_F(LineHandlerEditTest, AnAutoprimaryIsLookedUpAndItsAccountGiven) {
  const std::string ask =
      R"({"method": "superMasterBackend", "parameters": {"domain": "new.", "ip": "192.0.2.1", "nsset": )"
      R"([{"auth": true, "content": "NS1.new", "qclass": 1, "qname": "new.", "qtype": "NS", "ttl": 60}]}})";
  EXPECT_EQ(finish(ask), "{\"result\":false}\n");
  ASSERT_EQ(editor_.questions.size(), 1U);
  EXPECT_EQ(editor_.questions[0].address, "192.0.2.1");
  EXPECT_EQ(editor_.questions[0].name_servers, std::vector{*dns::Name::parse("ns1.new.")});
  editor_.found = Autoprimary{"partner", "ns1.new."};
  EXPECT_EQ(finish(ask), "{\"result\":{\"account\":\"partner\",\"nameserver\":\"ns1.new.\"}}\n");
}

}  // namespace
}  // namespace sdns::answer
