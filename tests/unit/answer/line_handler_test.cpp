// SPDX-License-Identifier: MIT
#include "backend/answer/line_handler.h"

#include "tests/unit/answer/line_handler_fixture.h"

namespace sdns::answer {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(LineHandlerTest, AnswersOnlyWhatNeedsNoZonesBeforeTheFirstSnapshot) {
  EXPECT_EQ(handle(R"({"method": "initialize", "parameters": {"path": "x"}})"), Outcome::kReply);
  EXPECT_EQ(reply_, "{\"result\":true}\n");
  EXPECT_EQ(handle(R"({"method": "getUpdatedMasters", "parameters": {}})"), Outcome::kReply);
  EXPECT_EQ(reply_, "{\"result\":[]}\n");
  EXPECT_EQ(handle(R"({"method": "getUnfreshSlaveInfos", "parameters": {}})"), Outcome::kReply);
  EXPECT_EQ(reply_, "{\"result\":[]}\n");
  for (const std::string& line :
       {lookup("www.example."), std::string(R"({"method": "getAllDomains", "parameters": {"include_disabled": true}})"),
        std::string(R"({"method": "getDomainInfo", "parameters": {"name": "example."}})"),
        std::string(
            R"({"method": "startTransaction", "parameters": {"domain": "example.", "domain_id": -1, "trxid": 1}})")}) {
    EXPECT_EQ(handle(line), Outcome::kNotReady) << line;
    EXPECT_EQ(reply_, "");
  }
  cell_.publish(example(1));
  EXPECT_EQ(handle(lookup("www.example.")), Outcome::kReply);
  EXPECT_THAT(reply_, HasSubstr("192.0.2.1"));
}

TEST_F(LineHandlerTest, AnswersFromTheNewestSnapshotAndHandsTheFormerOneOn) {
  cell_.publish(example(1));
  handle(lookup("www.example."));
  cell_.publish(example(2, "192.0.2.2"));
  EXPECT_EQ(handle(lookup("www.example.")), Outcome::kReply);
  EXPECT_THAT(reply_, HasSubstr("192.0.2.2"));
  ASSERT_EQ(retired_.size(), 1U);
  EXPECT_EQ(retired_[0]->revision(), 1U);
}

TEST_F(LineHandlerTest, LetsGoOfAnOutdatedSnapshotWhenItIsIdle) {
  cell_.publish(example(1));
  handle(lookup("www.example."));
  handler().refresh();
  EXPECT_TRUE(retired_.empty()) << "the newest one stays";
  cell_.publish(example(2));
  handler().refresh();
  EXPECT_EQ(retired_.size(), 1U);
}

TEST_F(LineHandlerTest, RemembersNamesThatAnotherNameAnswersFor) {
  cell_.publish(example(1));
  handle(lookup("WWW.example."));
  handle(lookup("w.example."));
  handle(lookup("sub.example."));
  EXPECT_TRUE(asked().empty()) << "they answer for themselves";
  handle(lookup("A.w.example."));
  handle(lookup("ns.sub.example."));
  handle(lookup("x.y.sub.example."));
  EXPECT_EQ(asked(), (std::vector<std::string>{"7 a.w", "7 ns.sub", "7 x.y.sub"}));
  handle(lookup("a.elsewhere."));
  handle(R"({"method": "getDomainInfo", "parameters": {"name": "a.w.example."}})");
  EXPECT_TRUE(asked().empty()) << "not a lookup in a zone of ours";
}

TEST_F(LineHandlerTest, ClosesAfterARequestThatItCannotRead) {
  cell_.publish(example(1));
  EXPECT_EQ(handle("{"), Outcome::kClose);
  EXPECT_THAT(reply_, testing::StartsWith("{\"error\":"));
  EXPECT_THAT(reply_, Not(HasSubstr("result")));
}

TEST_F(LineHandlerTest, LogsOneMalformedRequestPerSecondAndNeverItsContent) {
  cell_.publish(example(1));
  for (int i = 0; i < 100; ++i)
    handle(R"({"method": "addDomainKey", "parameters": {"key": "Private-key-format: SECRET)");
  clock_.advance(std::chrono::seconds(1));
  handle(R"({"method": "getDomainInfo", "parameters": {"name": 7}})");
  const std::string text = logged();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_THAT(text, HasSubstr("event=protocol.malformed"));
  EXPECT_THAT(text, HasSubstr("suppressed=99"));
  EXPECT_THAT(text, Not(HasSubstr("SECRET")));
}

TEST_F(LineHandlerTest, CountsRequestsByMethodAndResult) {
  handle(lookup("www.example."));
  cell_.publish(example(1));
  handle(lookup("www.example."));
  handle(lookup("w.example."));
  handle(lookup("nothing.example."));
  handle(R"({"method": "getBeforeAndAfterNamesAbsolute", "parameters": {"id": 9, "qname": "."}})");
  handle(R"({"method": "getDomainKeys", "parameters": {"name": "example."}})");
  handle("}");
  const std::string text = metrics_.render();
  EXPECT_THAT(text, HasSubstr(R"(sdns_requests_total{method="lookup",result="waiting"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(sdns_requests_total{method="lookup",result="data"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(sdns_requests_total{method="lookup",result="nothing"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(sdns_requests_total{method="getBeforeAndAfterNamesAbsolute",result="failed"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(sdns_requests_total{method="getDomainKeys",result="nothing"} 1)"));
  EXPECT_THAT(text, HasSubstr("sdns_requests_malformed_total 1\n"));
}

}  // namespace
}  // namespace sdns::answer
