// SPDX-License-Identifier: MIT
#include "backend/answer/line_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "backend/base/owned.h"
#include "tests/support/manual_clock.h"

namespace sdns::answer {
namespace {

using net::Outcome;
using testing::HasSubstr;
using testing::Not;

zone::ZoneSetPtr example(zone::Revision revision, const std::string& address = "192.0.2.1") {
  const auto name = [](std::string_view text) { return *dns::Name::parse(text); };
  zone::ZoneContent content;
  content.head.id = 7;
  content.head.apex = name("example.");
  content.records = {{name("example."), dns::kSOA, {300}, "ns.example. h.example. 5 3600 600 86400 300"},
                     {name("example."), dns::kNS, {300}, "ns.example."},
                     {name("*.w.example."), dns::kA, {300}, address},
                     {name("www.example."), dns::kA, {300}, address},
                     {name("sub.example."), dns::kNS, {300}, "ns.sub.example."},
                     {name("ns.sub.example."), dns::kA, {300}, address}};
  zone::ZoneSetBuilder builder;
  EXPECT_TRUE(builder.add(std::move(content)));
  return builder.finish(revision, {});
}

std::string lookup(const std::string& qname) {
  return R"({"method": "lookup", "parameters": {"local": "127.0.0.1", "qname": ")" + qname +
         R"(", "qtype": "ANY", "real-remote": "127.0.0.1/32", "remote": "127.0.0.1", "zone-id": 7}})";
}

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    out.reset(ends[0]);
    in.reset(ends[1]);
  }
  Fd out;
  Fd in;
};

class LineHandlerTest : public testing::Test {
 protected:
  LineHandler& handler() {
    if (!handler_) {
      handler_ = std::make_unique<LineHandler>(
          cell_,
          [](void* context, std::shared_ptr<const zone::ZoneSet> old) {
            static_cast<LineHandlerTest*>(context)->retired_.push_back(std::move(old));
          },
          this, &asked_, clock_, log_, metrics_);
    }
    return *handler_;
  }

  Outcome handle(const std::string& line) {
    reply_.clear();
    return handler().handle(1, line, reply_);
  }

  std::string logged() {
    pipe_.in.reset();
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = ::read(pipe_.out.get(), buffer, sizeof(buffer))) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }

  std::vector<std::string> asked() {
    std::vector<std::string> names;
    zone::ZoneId zone = 0;
    std::string key;
    while (asked_.pop(zone, key)) names.push_back(std::to_string(zone) + " " + dns::key_to_relative_text(key));
    return names;
  }

  std::vector<std::shared_ptr<const zone::ZoneSet>> retired_;
  Pipe pipe_;
  test::ManualClock clock_;
  test::ManualWallClock wall_;
  Metrics metrics_;
  ZoneSetCell cell_{nullptr};
  purge::AskedRing asked_;
  std::string reply_;
  Log log_{wall_, LogLevel::kInfo, LogFormat::kText, pipe_.in.get()};
  std::unique_ptr<LineHandler> handler_;
};

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
        std::string(R"({"method": "startTransaction", "parameters": {}})")}) {
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
