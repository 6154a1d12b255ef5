// SPDX-License-Identifier: MIT
#include <thread>

#include "backend/daemon/health_report.h"
#include "tests/unit/daemon/admin_fixture.h"
#include "tests/unit/daemon/log_capture.h"

namespace sdns::daemon {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

TEST_F(AdminTest, HealthIsTheTableAndWhatTheCheckerSaysOfIt) {
  const std::vector<std::string> identities = {"tcp 192.0.2.1:443", "tcp 192.0.2.2:443", "tcp 192.0.2.3:80"};
  health_ = health::HealthTableBuilder::add(*health_, identities);
  health_ = health::HealthTableBuilder::set(
      *health_, {{health_->find(identities[0]), {.verdict = health::Verdict::kDown, .forced = true, .weight = 3}}});
  health::CheckReport probed;
  probed.identity = identities[0];
  probed.state.verdict = health::Verdict::kUp;
  probed.state.changed = clock_.now() - milliseconds(1500);
  probed.state.run = 4;
  probed.interval = milliseconds(5000);
  probed.until_next = milliseconds(700);
  probed.thresholds = health::Thresholds::power_dns(2);
  probed.thresholds.fall_remembered = 5;
  probed.probes = 9;
  probed.failures = 2;
  probed.transitions = 3;
  probed.probed = true;
  probed.last_failure = health::ProbeFailure::kTimeout;
  probed.last_text = "no connection";
  probed.last_total = std::chrono::microseconds(2000);
  probed.last_error = health::ProbeFailure::kTimeout;
  probed.last_error_text = "no connection";
  probed.last_error_at = clock_.now() - milliseconds(400);
  health::CheckReport fresh;
  fresh.identity = identities[1];
  checks_ = {probed, fresh};
  purged_health_ = 7;

  const Json all = json(get("/v1/health", {{"check", ":443"}}));
  EXPECT_EQ(asked_part_, ":443");
  EXPECT_EQ(all["sequence"], health_->sequence());
  EXPECT_EQ(all["purged"], 7U);
  ASSERT_EQ(all["checks"].size(), 2U);
  EXPECT_EQ(all["checks"][0],
            Json::parse(R"({"check":"tcp 192.0.2.1:443","state":"down","forced":true,"override":null,"weight":3,
      "probed":{"verdict":"up","for_ms":1500,"successes_in_row":4,"failures_in_row":0,"probes":9,"failed":2,"transitions":3,
      "interval_ms":5000,"next_ms":700,"fall":2,"fall_remembered":5,"rise":1,
      "resume":"automatic","resumed":false,"waits_for_resume":false,"last_up_ms":0,"ttl_step":0,
      "last":{"result":"timeout","detail":"no connection","us":2000},
      "last_error":{"result":"timeout","detail":"no connection","ago_ms":400}}})"));
  EXPECT_EQ(all["checks"][1]["state"], "unknown");
  EXPECT_TRUE(all["checks"][1]["probed"]["last"].is_null());

  checks_.clear();  // nothing is probed
  const Json unprobed = json(get("/v1/health"));
  ASSERT_EQ(unprobed["checks"].size(), 3U);
  EXPECT_TRUE(unprobed["checks"][2]["probed"].is_null());
}

TEST_F(AdminTest, WhatIsForcedNamesTheOverrideThatCounts) {
  publish(3);
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(wall_.wall_now().time_since_epoch()).count();
  const health::Overrides overrides = {
      {"192.0.2.1", health::Verdict::kDown, "new kernel", "ann", now - 60, now + 60},
      {"192.0.2.1:443", health::Verdict::kUp, "it has ended", "bob", now - 60, now - 1},
  };
  zones_ = zone::ZoneSetBuilder::edit(*zones_, {}, {}, 4, zone::Chain{8}, {.overrides = overrides});
  const std::vector<std::string> identities = {"tcp 192.0.2.1:443", "tcp 192.0.2.2:443"};
  health_ = health::HealthTableBuilder::add(*health_, identities);
  health_ = health::HealthTableBuilder::set(
      *health_, {{health_->find(identities[0]), {.verdict = health::Verdict::kDown, .forced = true}}});
  const Json checks = json(get("/v1/health"))["checks"];
  EXPECT_EQ(checks[0]["override"], (Json{{"target", "192.0.2.1"},
                                         {"verdict", "down"},
                                         {"reason", "new kernel"},
                                         {"who", "ann"},
                                         {"since", now - 60},
                                         {"until", now + 60}}));
  EXPECT_TRUE(checks[1]["override"].is_null());
}

health::Transition falls(std::string identity) {
  return {std::move(identity),         health::Verdict::kUp,           health::Verdict::kDown,
          health::Why::kFailuresInRow, health::ProbeFailure::kTimeout, "no connection"};
}

TEST_F(AdminTest, TheHistoryIsWhatBecameOfVerdicts) {
  history_.add(falls("tcp 192.0.2.1:443"), wall_.wall_now());
  history_.add({"tcp 192.0.2.2:80", health::Verdict::kUnknown, health::Verdict::kUp, health::Why::kFirstResult,
                health::ProbeFailure::kNone, ""},
               wall_.wall_now() + milliseconds(1500));
  const Json all = json(get("/v1/health/history"));
  ASSERT_EQ(all["transitions"].size(), 2U);
  EXPECT_EQ(all["transitions"][0],
            Json::parse(R"({"sequence":1767323045000001,"time_ms":1767323045000,"check":"tcp 192.0.2.1:443","from":"up",
      "to":"down","why":"failures-in-row","result":"timeout","detail":"no connection"})"));
  EXPECT_EQ(all["transitions"][1]["result"], "success");
  EXPECT_EQ(all["transitions"][1]["time_ms"], 1767323046500);
  EXPECT_EQ(all["last"], all["transitions"][1]["sequence"]);
  EXPECT_EQ(json(get("/v1/health/history", {{"check", ":443"}}))["transitions"].size(), 1U);
  EXPECT_EQ(json(get("/v1/health/history", {{"newest", "1"}}))["transitions"][0], all["transitions"][1]);
  EXPECT_EQ(json(get("/v1/health/history", {{"after", "1767323045000001"}}))["transitions"][0], all["transitions"][1]);
  for (const char* wrong : {"after", "newest", "wait_ms"})
    EXPECT_EQ(get("/v1/health/history", {{wrong, "-1"}}).status, 400) << wrong;
}

TEST_F(AdminTest, AWatcherHearsOfTheNextTransition) {
  const std::string last = json(get("/v1/health/history"))["last"].dump();
  EXPECT_TRUE(json(get("/v1/health/history", {{"after", last}, {"wait_ms", "1"}}))["transitions"].empty());
  Json heard;
  std::thread watcher([&] {
    heard = json(get("/v1/health/history", {{"check", "a"}, {"after", last}, {"wait_ms", "60000"}}));
  });
  history_.add(falls("b"), wall_.wall_now());
  history_.add(falls("a"), wall_.wall_now());
  watcher.join();
  ASSERT_EQ(heard["transitions"].size(), 1U);
  EXPECT_EQ(heard["transitions"][0]["check"], "a");
}

TEST_F(AdminTest, WatchersBeyondTheLimitAreRefusedAndKeepNoOtherFromWaiting) {
  std::vector<std::thread> watchers;
  std::atomic<int> over = 0;
  std::atomic<int> timely = 0;
  for (int i = 0; i < 20; ++i)
    watchers.emplace_back([&] {
      const int status = get("/v1/health/history", {{"wait_ms", "60000"}}).status;
      (status == 503 ? over : timely) += 1;
    });
  while (over + timely < 4) std::this_thread::yield();  // 20 less the 16 that may wait
  EXPECT_EQ(get("/v1/revision", {{"wait", "9"}, {"timeout_ms", "0"}}).status, 504);
  history_.add(falls("a"), wall_.wall_now());
  for (std::thread& watcher : watchers) watcher.join();
  EXPECT_EQ(over, 4);
  EXPECT_EQ(timely, 16);
}

// What a stream sends until it says that much.
std::string read_stream(net::HttpReply& reply, const std::string& until) {
  std::string all;
  while (all.find(until) == std::string::npos && reply.stream(all)) {
  }
  return all;
}

TEST_F(AdminTest, EventsComeAsTheyHappen) {
  history_.add(falls("before"), wall_.wall_now());
  net::HttpReply reply = get("/v1/health/events");
  ASSERT_TRUE(reply.stream);
  EXPECT_EQ(reply.content_type, "text/event-stream");
  std::string sent;
  ASSERT_TRUE(reply.stream(sent));
  EXPECT_EQ(sent, "retry: 2000\nid: 1767323045000001\n\n") << "from now on, and where that is";
  history_.add(falls("tcp 192.0.2.1:443"), wall_.wall_now());
  sent = read_stream(reply, "\n\n");
  const std::string data = "data: ";
  EXPECT_EQ(sent.substr(0, sent.find(data)), "id: 1767323045000002\nevent: verdict\n");
  EXPECT_EQ(Json::parse(sent.substr(sent.find(data) + data.size())),
            json(get("/v1/health/history", {{"newest", "1"}}))["transitions"][0]);
}

TEST_F(AdminTest, AStreamGoesOnWhereItsReaderWas) {
  for (const char* check : {"a1", "b", "a2"}) history_.add(falls(check), wall_.wall_now());
  net::HttpReply reply = routes_.at("/v1/health/events")(
      {.path = "/v1/health/events", .query = {{"check", "a"}}, .headers = {{"last-event-id", "1767323045000001"}}});
  const std::string sent = read_stream(reply, "a2");
  EXPECT_THAT(sent, Not(HasSubstr("\"a1\"")));
  EXPECT_THAT(sent, Not(HasSubstr("\"b\"")));
  EXPECT_THAT(sent, HasSubstr("id: 1767323045000003\n"));
  net::HttpReply all = get("/v1/health/events", {{"after", "0"}});
  EXPECT_THAT(read_stream(all, "a2"), HasSubstr("\"a1\""));
  EXPECT_EQ(get("/v1/health/events", {{"after", "x"}}).status, 400);
}

TEST_F(AdminTest, AStreamWithNothingToSaySaysThatItLives) {
  net::HttpReply reply = get("/v1/health/events");
  std::string sent;
  reply.stream(sent);
  sent.clear();
  reply.stream(sent);
  EXPECT_EQ(sent, "");
  clock_.advance(std::chrono::seconds(15));
  reply.stream(sent);
  EXPECT_EQ(sent, ": nothing new\n\n");
  state_.interrupt();
  EXPECT_FALSE(reply.stream(sent));
}

TEST_F(AdminTest, StreamsBeyondTheLimitAreRefusedUntilOneEnds) {
  std::vector<net::HttpReply> streams;
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(streams.emplace_back(get("/v1/health/events")).stream);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get("/v1/health/events").status, 503);
  streams.pop_back();
  EXPECT_EQ(get("/v1/health/events").status, 200);
}

TEST_F(AdminTest, WhatNodesSayIsShown) {
  test::LogCapture log;
  const std::string check = "tcp 192.0.2.1:443";
  SharedHealth shared(
      {.rule = health::VantageRule::kAnyDown}, [](const health::Transition&) {}, clock_, wall_, log.log(), metrics_);
  shared.on_news = [] {};
  shared.begin({check}, {{check, {.verdict = health::Verdict::kUp}}});
  shared.heard("ns2", clock_.now());
  shared.views("ns2", {{store::check_digest(check), health::Verdict::kDown, wall_.wall_now()}});
  clock_.advance(milliseconds(1500));
  shared.turn({});
  health_ = health::HealthTableBuilder::add(*health_, {check});
  AdminSources with = sources();
  with.shared = &shared;
  with.node = "ns1";
  Admin admin(std::move(with));
  const Json document = json(admin.routes().at("/v1/health")({.path = "/v1/health", .query = {}}));
  EXPECT_EQ(document["vantage"], Json::parse(R"({"node":"ns1","rule":"any-down","cut_off":false,
      "others":[{"node":"ns2","heard_ms":1500,"counts":true}]})"));
  EXPECT_EQ(document["checks"][0]["vantage"],
            Json::parse(R"({"own":"up","combined":"down","up":1,"down":1,"stale":0,"disagree":true,
      "views":[{"node":"ns2","verdict":"down","since":1767323045,"counts":true}]})"));
}

TEST_F(AdminTest, TheEndOfTheProgramEndsWatching) {
  std::thread watcher([&] { get("/v1/health/history", {{"wait_ms", "60000"}}); });
  state_.interrupt();
  watcher.join();
  SUCCEED();
}

TEST_F(AdminTest, WhoProbesNothingHasNoHistory) {
  AdminSources none = sources();
  none.history = nullptr;
  Admin admin(std::move(none));
  for (const char* path : {"/v1/health/history", "/v1/health/events"})
    EXPECT_EQ(admin.routes().at(path)({.path = path, .query = {}}).status, 409);
}

TEST_F(AdminTest, ChecksHaveMetricsOfTheirOwnWhenTheyAreWanted) {
  const std::vector<std::string> identities = {"tcp 192.0.2.1:443", "url http://x/ from 192.0.2.2 stringmatch=\"a\"",
                                               "tcp 192.0.2.3:443"};
  health_ = health::HealthTableBuilder::add(*health_, identities);
  health_ =
      health::HealthTableBuilder::set(*health_, {{health_->find(identities[0]), {.verdict = health::Verdict::kUp}},
                                                 {health_->find(identities[1]), {.verdict = health::Verdict::kDown}}});
  health::CheckReport probed;
  probed.identity = identities[0];
  probed.probes = 9;
  probed.failures = 2;
  probed.transitions = 3;
  probed.all_totals = std::chrono::microseconds(8100);
  probed.latencies = {4, 0, 3};
  probed.last_error = health::ProbeFailure::kRefused;
  probed.last_error_at = clock_.now() - milliseconds(2500);
  checks_ = {probed};
  EXPECT_THAT(get("/metrics").body, Not(HasSubstr("sdns_health_check_")));
  AdminSources wanted = sources();
  wanted.metrics_per_check = true;
  Admin admin(std::move(wanted));
  const std::string text = admin.routes().at("/metrics")({"/metrics", {}}).body;
  for (const char* line : {"# TYPE sdns_health_check_up gauge", "sdns_health_check_up{check=\"tcp 192.0.2.1:443\"} 1",
                           R"(sdns_health_check_up{check="url http://x/ from 192.0.2.2 stringmatch=\"a\""} 0)",
                           "sdns_health_check_probes_total{check=\"tcp 192.0.2.1:443\"} 9",
                           "sdns_health_check_failures_total{check=\"tcp 192.0.2.1:443\"} 2",
                           "sdns_health_check_transitions_total{check=\"tcp 192.0.2.1:443\"} 3",
                           "sdns_health_check_probe_microseconds_bucket{check=\"tcp 192.0.2.1:443\",le=\"5000\"} 4",
                           "sdns_health_check_probe_microseconds_bucket{check=\"tcp 192.0.2.1:443\",le=\"+Inf\"} 7",
                           "sdns_health_check_probe_microseconds_sum{check=\"tcp 192.0.2.1:443\"} 8100",
                           "sdns_health_check_probe_microseconds_count{check=\"tcp 192.0.2.1:443\"} 7",
                           "sdns_health_check_last_error_age_seconds{check=\"tcp 192.0.2.1:443\",error=\"refused\"} 2",
                           "sdns_health_checks_left_out 0"})
    EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
  EXPECT_THAT(text, Not(HasSubstr("192.0.2.3")));
}

TEST_F(AdminTest, NoMoreChecksHaveMetricsThanMayHave) {
  health_ = health::HealthTableBuilder::add(*health_, {"a", "b", "c"});
  for (const char* identity : {"a", "b", "c"}) checks_.emplace_back().identity = identity;
  const std::string text = health_metrics(*health_, checks_, 2, clock_.now());
  EXPECT_THAT(text, HasSubstr("probes_total{check=\"b\"}"));
  EXPECT_THAT(text, Not(HasSubstr("probes_total{check=\"c\"}")));
  EXPECT_THAT(text, HasSubstr("sdns_health_checks_left_out 1\n"));
}

// Prometheus refuses all metrics of a page on which a series comes twice; a zone may say what is shown so.
TEST_F(AdminTest, ChecksThatAreShownAlikeHaveOneSeries) {
  const std::string secret = "url http://x/ from 192.0.2.2 header:X-Key=secret";
  health_ = health::HealthTableBuilder::add(*health_, {secret, health::shown_check(secret)});
  for (const std::string& identity : {secret, health::shown_check(secret)}) checks_.emplace_back().identity = identity;
  const std::string text = health_metrics(*health_, checks_, 10, clock_.now());
  const std::size_t first = text.find("check_probes_total{");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("check_probes_total{", first + 1), std::string::npos);
  EXPECT_THAT(text, Not(HasSubstr("secret")));
  EXPECT_THAT(text, HasSubstr("sdns_health_checks_left_out 1\n"));
}

}  // namespace
}  // namespace sdns::daemon
