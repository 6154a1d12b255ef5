// SPDX-License-Identifier: MIT
#include "backend/net/http_server.h"
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class WithDaemon : public CtlTest {
 protected:
  void SetUp() override {
    import_example();
    daemon_.answers = true;
    daemon_.state.database_id = json({"database", "info"})["database_id"];
    daemon_.state.revision = daemon_.state.purged = 1;
    daemon_.state.zones = 1;
    daemon_.state.ready = true;
  }
  Ran edit(std::vector<std::string> options = {}) {
    options.insert(options.end(), {"record", "set", "example.org", "n" + std::to_string(++edits_), "A", "192.0.2.1"});
    return ctl(options);
  }
  int edits_ = 0;
};

TEST_F(WithDaemon, AnEditWaitsUntilItAnswersWithIt) {
  const Ran ran = edit();
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.out, HasSubstr("revision 2 (durable, served)"));
  EXPECT_THAT(daemon_.waited_for, ElementsAre(2U));
  EXPECT_THAT(daemon_.limits, ElementsAre(std::chrono::seconds(5)));
  EXPECT_EQ(json({"record", "set", "example.org", "x", "A", "192.0.2.1"})["served"], true);
}

TEST_F(WithDaemon, AnEditThatChangesNothingStillTellsWhetherItIsServed) {
  ASSERT_THAT(ctl({"--no-wait", "record", "set", "example.org", "n", "A", "192.0.2.1"}), Exits(0));
  daemon_.follows = false;
  EXPECT_THAT(ctl({"record", "set", "example.org", "n", "A", "192.0.2.1"}), Exits(3));
  daemon_.follows = true;
  EXPECT_THAT(ctl({"record", "set", "example.org", "n", "A", "192.0.2.1"}), Exits(0));
}

TEST_F(WithDaemon, ALateEngineIsExitCode3AndTheChangeIsDurable) {
  daemon_.follows = false;
  const Ran ran = edit({"--wait=0.25"});
  EXPECT_THAT(ran, Exits(3));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("revision 2 is durable"), HasSubstr("0.25 s"), HasSubstr("serves revision 1")));
  EXPECT_THAT(daemon_.limits, ElementsAre(std::chrono::milliseconds(250)));
  EXPECT_EQ(revision(), 2U);
  EXPECT_EQ(json({"record", "set", "example.org", "x", "A", "192.0.2.1"}, 3)["served"], false);
}

TEST_F(WithDaemon, ACacheThatIsNotPurgedIsNotServedYet) {
  daemon_.follows = false;
  daemon_.state.revision = 2;
  const Ran ran = edit();
  EXPECT_THAT(ran, Exits(3));
  EXPECT_THAT(ran.err, HasSubstr("purged"));
}

TEST_F(WithDaemon, WhatHoldsTheEngineUpIsTold) {
  daemon_.follows = false;
  daemon_.status = R"({"rejected":{"revision":2,"error":"owner outside of the zone"},
                       "powerdns":[{"name":"ns7","state":"absent","purged":1,"last_error":"no such socket"},
                                   {"name":"ns8","state":"up","purged":2,"last_error":""}]})";
  const Ran ran = edit();
  EXPECT_THAT(ran, Exits(3));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("owner outside of the zone"), HasSubstr("PowerDNS ns7 is absent"),
                             HasSubstr("no such socket"), Not(HasSubstr("ns8"))));
}

TEST_F(WithDaemon, AnAbsentPowerDnsIsAWarningAndNamedForPrograms) {
  daemon_.status = R"({"powerdns":[{"name":"main","state":"absent","purged":1,"last_error":"no such socket"},
                                   {"name":"ns8","state":"present","purged":2,"unannounced":0,"last_error":""}]})";
  const Ran ran = edit();
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("warning: PowerDNS main is absent: no such socket; what it has cached stays"),
                             Not(HasSubstr("ns8"))));
  EXPECT_THAT(ran.out, HasSubstr("(durable, served, not purged: main)"));
  const auto document = json({"--wait", "record", "set", "example.org", "x", "A", "192.0.2.1"});
  EXPECT_EQ(document["not_purged"], nlohmann::json::array({"main"}));
  EXPECT_EQ(document["served"], true);
}

TEST_F(WithDaemon, AZoneOfWhichPowerDnsWasNotToldIsAWarningToo) {
  daemon_.status = R"({"powerdns":[{"name":"main","state":"present","purged":2,"unannounced":1,
                                    "last_error":"HTTP status 401"}]})";
  EXPECT_THAT(edit().err, AllOf(HasSubstr("main was not told of 1 zone"), HasSubstr("HTTP status 401")));
  EXPECT_THAT(edit({"--wait=1"}), Exits(0));
  EXPECT_THAT(edit({"--no-wait"}).err, Not(HasSubstr("main")));
}

TEST_F(WithDaemon, PurgedEverywhereHasNothingNotPurged) {
  const auto document = json({"--wait", "record", "set", "example.org", "x", "A", "192.0.2.1"});
  EXPECT_EQ(document["not_purged"], nlohmann::json::array());
}

TEST_F(WithDaemon, StatusIsNotGoodWhileAPowerDnsIsAbsentOrWasNotToldOfAZone) {
  EXPECT_EQ(ctl({"status"}).out.find("state:"), 0U);
  daemon_.status = R"({"powerdns":[{"name":"main","state":"absent","purged":1,"last_error":"no such socket"}]})";
  const Ran ran = ctl({"status"});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_EQ(ran.out.find("state:"), 0U) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("NOT GOOD: PowerDNS main is absent: no such socket"));
  daemon_.status = R"({"powerdns":[{"name":"main","state":"present","purged":1,"unannounced":3,"last_error":""}]})";
  EXPECT_THAT(ctl({"status"}), Exits(1));
  EXPECT_EQ(json({"status"}, 1)["problems"].size(), 1U);
  daemon_.status = R"({"powerdns":[{"name":"main","state":"unknown","purged":0,"unannounced":0,"last_error":""}]})";
  EXPECT_THAT(ctl({"status"}), Exits(0));
}

TEST_F(WithDaemon, AReasonIsNeverEmpty) {
  daemon_.follows = false;
  daemon_.status = R"({"rejected":{"revision":2},"powerdns":[{"name":"ns7","state":"unknown","purged":1}]})";
  EXPECT_THAT(edit().err, AllOf(HasSubstr("refused a revision: it gives no reason"),
                                HasSubstr("PowerDNS ns7 is unknown, purged up to revision 1\n")));
}

TEST_F(WithDaemon, NoWaitDoesNotWait) {
  EXPECT_THAT(edit({"--no-wait"}), Exits(0));
  EXPECT_THAT(daemon_.waited_for, IsEmpty());
  EXPECT_THAT(edit({"--wait", "--no-wait"}), Exits(2));
}

TEST_F(WithDaemon, WaitTakesNoFollowingWordForItsSeconds) {
  EXPECT_THAT(ctl({"record", "set", "--wait", "example.org", "n", "A", "192.0.2.1"}), Exits(0));
  EXPECT_THAT(ctl({"record", "delete", "example.org", "n", "--wait"}), Exits(0));
  EXPECT_THAT(edit({"--wait=soon"}), Exits(2));
  EXPECT_THAT(edit({"--wait=soon"}).err, HasSubstr("--wait: \"soon\" is not a number"));
  EXPECT_THAT(edit({"--wait=-1"}), Exits(2));
}

TEST_F(WithDaemon, ADaemonOfAnotherDatabaseIsNotEditedBehind) {
  daemon_.state.database_id = "another";
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"record", "set", "example.org", "n", "A", "192.0.2.1"},
                                             {"zone", "secure", "example.org"},
                                             {"zone", "delete", "example.org", "--yes"},
                                             {"zone", "import", (directory_ / "example.org.zone").string()},
                                             {"meta", "set", "example.org", "X-A", "1"}}) {
    const Ran ran = ctl(arguments);
    EXPECT_THAT(ran, Exits(1));
    EXPECT_THAT(ran.err,
                AllOf(HasSubstr("another"), HasSubstr("--database"), HasSubstr("--config"), HasSubstr("--admin \"\"")));
  }
  EXPECT_EQ(revision(), 1U);
  addresses_.clear();
  EXPECT_THAT(edit({"--admin", ""}), Exits(0));
  EXPECT_THAT(addresses_, IsEmpty());
}

TEST_F(WithDaemon, ADaemonThatHasReadNoDatabaseYetIsNoObstacle) {
  daemon_.state.database_id = "";
  EXPECT_THAT(edit(), Exits(0));
}

TEST_F(WithDaemon, NoDaemonIsANoticeUnlessItWasToBeWaitedFor) {
  daemon_.answers = false;
  const Ran ran = edit();
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.err, HasSubstr("no daemon answers"));
  EXPECT_EQ(ran.err.find('\n'), ran.err.size() - 1);
  EXPECT_THAT(ran.out, HasSubstr("revision 2 (durable)"));
  EXPECT_THAT(edit({"--wait=1"}), Exits(3));
  EXPECT_THAT(ctl({"record", "delete", "example.org", "none"}).err, Not(HasSubstr("daemon")));
}

TEST_F(WithDaemon, ReadsDoNotAskIt) {
  addresses_.clear();
  ASSERT_THAT(ctl({"zone", "list"}), Exits(0));
  ASSERT_THAT(ctl({"record", "list", "example.org"}), Exits(0));
  EXPECT_THAT(addresses_, IsEmpty());
}

TEST_F(WithDaemon, StatusShowsBothAndWhetherTheyMeanTheSame) {
  const Ran ran = ctl({"status"});
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("ready at 127.0.0.1:8053"), HasSubstr("PowerDNS main:"),
                             HasSubstr("present, purged up to"), HasSubstr("same database:")));
  auto document = json({"status"});
  EXPECT_EQ(document["ok"], true);
  EXPECT_EQ(document["same_database"], true);
  EXPECT_EQ(document["daemon"]["status"]["powerdns"][0]["name"], "main");

  daemon_.state.database_id = "another";
  document = json({"status"}, 1);
  EXPECT_EQ(document["same_database"], false);
  daemon_.answers = false;
  document = json({"status"}, 1);
  EXPECT_EQ(document["ok"], false);
  EXPECT_EQ(document["database"]["revision"], 1);
  EXPECT_EQ(json({"--admin", "", "status"})["daemon"], nullptr);
}

TEST_F(WithDaemon, InitNamesTheMissingDirectory) {
  const Ran ran = ctl({"--database", "sqlite:" + (directory_ / "none" / "a.db").string(), "database", "init"});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_THAT(ran.err, HasSubstr("its directory is missing"));
}

TEST_F(WithDaemon, StatusWithoutADatabaseStillShowsTheDaemon) {
  const auto document = json({"--database", "sqlite:" + (directory_ / "none.db").string(), "status"}, 1);
  EXPECT_EQ(document["daemon"]["ready"], true);
  EXPECT_TRUE(document["database"].contains("error"));
}

class DaemonHttp : public testing::Test {
 protected:
  /// Answers GET /v1/revision, and notes what it was asked.
  void serve(int status, std::string body) {
    auto started = net::HttpServer::start({}, {{"/v1/revision", [=, this](const net::HttpGet& get) {
                                                  query_ = get.query;
                                                  return net::HttpReply{status, "application/json", body};
                                                }}});
    ASSERT_TRUE(started.has_value());
    server_ = std::move(*started);
    daemon_ = connect_daemon("127.0.0.1:" + std::to_string(server_->port()));
    ASSERT_NE(daemon_, nullptr);
  }
  std::map<std::string, std::string, std::less<>> query_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(DaemonHttp, StateIsRead) {
  serve(200, R"({"database_id":"ab","revision":12,"chain":"00","purged":11,"zones":2,"ready":true,"age_ms":3})");
  const auto state = daemon_->state();
  ASSERT_TRUE(state.has_value()) << to_text(state.error());
  EXPECT_EQ(state->database_id, "ab");
  EXPECT_EQ(state->revision, 12U);
  EXPECT_EQ(state->purged, 11U);
  EXPECT_TRUE(state->ready);
}

TEST_F(DaemonHttp, TimeOverIsAnAnswerToo) {
  serve(504, R"({"database_id":"ab","revision":12,"purged":12,"zones":2,"ready":true,"age_ms":3})");
  const auto state = daemon_->wait_for(13, std::chrono::milliseconds(1500));
  ASSERT_TRUE(state.has_value()) << to_text(state.error());
  EXPECT_EQ(state->revision, 12U);
  EXPECT_EQ(query_["wait"], "13");
  EXPECT_EQ(query_["timeout_ms"], "1500");
}

TEST_F(DaemonHttp, SomebodyElseIsNotADaemon) {
  serve(200, "<html>");
  EXPECT_EQ(daemon_->state().error().code, Errc::kProtocol);
  serve(404, "{}");
  EXPECT_EQ(daemon_->state().error().code, Errc::kProtocol);
  serve(200, R"({"database_id":7,"revision":"x"})");
  EXPECT_EQ(daemon_->state().error().code, Errc::kProtocol);
}

TEST_F(DaemonHttp, NobodyListensIsUnavailable) {
  serve(200, "{}");
  server_.reset();
  EXPECT_EQ(daemon_->state().error().code, Errc::kUnavailable);
}

TEST(DaemonAddress, IsLoopbackWithAPort) {
  for (const char* good : {"127.0.0.1:8053", "localhost:8053", "[::1]:8053", "http://127.0.0.1:8053/"})
    EXPECT_NE(connect_daemon(good), nullptr) << good;
  for (const char* bad : {"127.0.0.1", "192.0.2.1:8053", ":8053", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x",
                          "https://127.0.0.1:1"}) {
    EXPECT_EQ(connect_daemon(bad), nullptr) << bad;
  }
}

}  // namespace
}  // namespace sdns::ctl
