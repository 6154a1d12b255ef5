// SPDX-License-Identifier: MIT
#include "backend/daemon/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "backend/zone/digest.h"
#include "tests/unit/daemon/admin_fixture.h"
#include "tests/unit/daemon/fake_source.h"
#include "tests/unit/daemon/log_capture.h"
#include "tests/unit/net/raw_http.h"

namespace sdns::daemon {
namespace {

using std::chrono::milliseconds;
using test::small_zone;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(AdminTest, IsAliveBeforeItIsReadyAndSaysWhyItIsNot) {
  state_.set_database(DatabaseState::kUnavailable, "the file is gone");
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(get("/livez").body, "ok\n");
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_THAT(get("/readyz").body, HasSubstr("unavailable (the file is gone)"));
  publish(1);
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_F(AdminTest, StaysReadyWhenTheDatabaseIsGone) {
  publish(1);
  state_.set_database(DatabaseState::kCorrupt, "damaged");
  EXPECT_EQ(get("/readyz").status, 200);
  EXPECT_EQ(json(get("/v1/status"))["database"], (Json{{"state", "corrupt"}, {"error", "damaged"}}));
}

TEST_F(AdminTest, TheRevisionNamesDatabaseChainPurgedZonesAndAge) {
  state_.set_database_id("abc");
  publish(12);
  purged_ = 11;
  clock_.advance(milliseconds(1500));
  const Json body = json(get("/v1/revision"));
  EXPECT_EQ(body, (Json{{"database_id", "abc"},
                        {"revision", 12},
                        {"chain", "07" + std::string(62, '0')},
                        {"purged", 11},
                        {"zones", 2},
                        {"ready", true},
                        {"age_ms", 1500}}));
}

TEST_F(AdminTest, AWaitNeedsTheRevisionPublishedAndPurged) {
  publish(12);
  EXPECT_EQ(get("/v1/revision", {{"wait", "12"}, {"timeout_ms", "0"}}).status, 504);
  purged_ = 12;
  EXPECT_EQ(get("/v1/revision", {{"wait", "12"}, {"timeout_ms", "0"}}).status, 200);
  const net::HttpReply late = get("/v1/revision", {{"wait", "13"}, {"timeout_ms", "1"}});
  EXPECT_EQ(late.status, 504);
  EXPECT_EQ(json(late)["revision"], 12);
}

TEST_F(AdminTest, AWaitEndsWhenTheRevisionComes) {
  purged_ = 5;
  int status = 0;
  std::thread waiter([&] { status = get("/v1/revision", {{"wait", "5"}, {"timeout_ms", "60000"}}).status; });
  publish(5);
  waiter.join();
  EXPECT_EQ(status, 200);
}

TEST_F(AdminTest, AWaitIsNotAnsweredByTheNumberOfAnotherHistory) {
  publish(11);
  purged_ = 11;
  state_.set_database(DatabaseState::kDiverged, "restored");
  EXPECT_EQ(get("/v1/revision", {{"wait", "6"}, {"timeout_ms", "0"}}).status, 504);
  publish(6);
  state_.set_database(DatabaseState::kUp, "");
  EXPECT_EQ(get("/v1/revision", {{"wait", "6"}, {"timeout_ms", "0"}}).status, 200);
}

TEST_F(AdminTest, AWaitThatIsNoNumberIsABadRequest) {
  EXPECT_EQ(get("/v1/revision", {{"wait", "soon"}}).status, 400);
  EXPECT_EQ(get("/v1/revision", {{"wait", "1"}, {"timeout_ms", "-1"}}).status, 400);
}

TEST_F(AdminTest, WaitsBeyondTheLimitAreAnsweredAtOnce) {
  std::vector<std::thread> waiters;
  std::atomic<int> over = 0;
  std::atomic<int> timely = 0;
  for (int i = 0; i < 40; ++i)
    waiters.emplace_back([&] {
      const int status = get("/v1/revision", {{"wait", "1"}, {"timeout_ms", "60000"}}).status;
      (status == 503 ? over : timely) += 1;
    });
  while (over < 16) std::this_thread::yield();  // 40 less the 24 that may wait
  purged_ = 1;
  publish(1);
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(over, 16);
  EXPECT_EQ(timely, 24);
}

TEST_F(AdminTest, TheEndOfTheProgramEndsWaits) {
  std::thread waiter([&] { get("/v1/revision", {{"wait", "1"}, {"timeout_ms", "60000"}}); });
  state_.interrupt();
  waiter.join();
  SUCCEED();
}

TEST_F(AdminTest, TheStatusListsPowerDnsAndTheRejectedRevision) {
  publish(3);
  purge::ServerStatus absent;
  absent.name = "main";
  absent.state = purge::ServerState::kAbsent;
  absent.purged.revision = 2;
  absent.last_error = "nobody listens";
  powerdns_ = {absent};
  EXPECT_TRUE(json(get("/v1/status"))["rejected"].is_null());
  state_.rejected(4, "a \"bad\" zone");
  const Json body = json(get("/v1/status"));
  EXPECT_EQ(body["connections"], 3);
  EXPECT_EQ(body["rejected"], (Json{{"revision", 4}, {"error", "a \"bad\" zone"}}));
  EXPECT_EQ(body["powerdns"][0]["name"], "main");
  EXPECT_EQ(body["powerdns"][0]["last_error"], "nobody listens");
  EXPECT_GT(body["resident_octets"], 0);
}

TEST_F(AdminTest, MetricsCarryTheAgeOfTheState) {
  publish(1);
  clock_.advance(milliseconds(250));
  EXPECT_THAT(get("/metrics").body, HasSubstr("\nsdns_state_age_milliseconds 250\n"));
}

TEST_F(AdminTest, TheDigestIsThatOfTheContentWhateverTheOrderItCameIn) {
  EXPECT_EQ(get("/v1/digest").status, 503);
  zone::ZoneContent one = small_zone(1, "example.");
  one.records.push_back({test::name("b.example."), dns::kA, dns::Ttl{60}, "192.0.2.1"});
  one.records.push_back({test::name("a.b.example."), dns::kA, dns::Ttl{60}, "192.0.2.2"});
  zones_ = set_of({small_zone(2, "org."), one}, 4);
  const Json body = json(get("/v1/digest"));
  EXPECT_EQ(body["revision"], 4);

  zone::StateDigest expected;
  zone::ZoneDigest first(one.head);
  for (const dns::Rrset& rrset :
       {dns::Rrset{test::name("example."), dns::kNS, dns::Ttl{300}, {"ns.example."}},
        dns::Rrset{test::name("example."), dns::kSOA, dns::Ttl{300}, {"ns. host. 1 3600 600 86400 300"}},
        dns::Rrset{test::name("b.example."), dns::kA, dns::Ttl{60}, {"192.0.2.1"}},
        dns::Rrset{test::name("a.b.example."), dns::kA, dns::Ttl{60}, {"192.0.2.2"}}})
    first.add(rrset);
  expected.add(first.finish({}, {}));
  zone::ZoneDigest second(small_zone(2, "org.").head);
  second.add({test::name("org."), dns::kNS, dns::Ttl{300}, {"ns.example."}});
  second.add({test::name("org."), dns::kSOA, dns::Ttl{300}, {"ns. host. 1 3600 600 86400 300"}});
  expected.add(second.finish({}, {}));
  EXPECT_EQ(body["digest"], zone::to_hex(expected.finish({}, {}, {})));
}

TEST_F(AdminTest, TheDigestCoversTheTsigKeys) {
  publish(4);
  const Json without = json(get("/v1/digest"));
  zones_ = zone::ZoneSetBuilder::edit(*zones_, {}, {}, 5, zone::Chain{8},
                                      {.tsig_keys = {{{test::name("k.example."), "hmac-sha256", "c2VjcmV0"}}}});
  const Json with = json(get("/v1/digest"));
  EXPECT_NE(without["digest"], with["digest"]);
  EXPECT_THAT(get("/v1/digest").body, Not(HasSubstr("c2VjcmV0")));
}

TEST_F(AdminTest, TheDigestCoversTheTargetPoolsOfTheDatabaseAndNoOthers) {
  publish(4);
  const Json without = json(get("/v1/digest"));
  const auto web = [](const std::string& address) {
    health::PoolMember member;
    member.address = *dns::IpAddress::parse(address);
    member.name = "a";
    return *health::TargetPools::make({health::TargetPool{"web", {}, {member}, false}});
  };
  zones_ = zone::configure(*zones_, web("192.0.2.1")).set;
  EXPECT_EQ(without["digest"], json(get("/v1/digest"))["digest"]);
  std::set<std::string> seen{without["digest"]};
  for (const char* address : {"192.0.2.1", "192.0.2.2"}) {
    zones_ = zone::ZoneSetBuilder::edit(*zones_, {}, {}, 5, zone::Chain{8}, {.stored_pools = web(address)});
    EXPECT_TRUE(seen.insert(json(get("/v1/digest"))["digest"]).second) << address << ", although it is hidden";
  }
}

TEST(AdminDoor, TakesTheAddressOverWhenItBecomesFree) {
  test::LogCapture log;
  auto former = net::HttpServer::start({}, {});
  ASSERT_TRUE(former);
  const std::uint16_t port = (*former)->port();
  AdminDoor door({"127.0.0.1", port}, {{"/livez", [](const net::HttpGet&) { return net::HttpReply{.body = "new"}; }}},
                 log.log());
  EXPECT_EQ(door.port(), 0);
  former->reset();
  while (door.port() == 0) std::this_thread::yield();
  EXPECT_THAT(test::exchange(port, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("new"));
  while (log.count("admin.listening") == 0) std::this_thread::yield();  // it is said after the port is known
  EXPECT_EQ(log.count("admin.listening"), 1U);
}

TEST(AdminDoor, LetsGoOfTheAddressWhenItIsClosed) {
  test::LogCapture log;
  AdminDoor door({"127.0.0.1", 0}, {}, log.log());
  while (door.port() == 0) std::this_thread::yield();
  door.close();
  Result<std::unique_ptr<net::HttpServer>> next = net::HttpServer::start({.port = door.port()}, {});
  while (!next) next = net::HttpServer::start({.port = door.port()}, {});
  SUCCEED();
}

}  // namespace
}  // namespace sdns::daemon
