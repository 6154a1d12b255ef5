// SPDX-License-Identifier: MIT
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Health : public CtlTest {
 protected:
  nlohmann::json overrides() { return json({"health", "overrides"}); }
  std::vector<std::string> targets() {
    std::vector<std::string> found;
    const auto all = overrides();
    for (const auto& one : all) found.push_back(one["target"]);
    return found;
  }
};

TEST_F(Health, IsForcedUntilItIsReleased) {
  EXPECT_THAT(ctl({"health", "force", "192.0.2.1", "down", "--reason", "new kernel"}), Exits(0));
  EXPECT_EQ(revision(), 1U);
  const auto all = overrides();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["target"], "192.0.2.1");
  EXPECT_EQ(all[0]["verdict"], "down");
  EXPECT_EQ(all[0]["reason"], "new kernel");
  EXPECT_NE(all[0]["who"], "");
  EXPECT_TRUE(all[0]["until"].is_null());
  EXPECT_THAT(ctl({"health", "overrides"}).out, AllOf(HasSubstr("192.0.2.1  down"), HasSubstr("new kernel")));

  EXPECT_THAT(ctl({"health", "release", "192.0.2.1"}), Exits(0));
  EXPECT_TRUE(overrides().empty());
  EXPECT_EQ(revision(), 2U);
  const Ran again = ctl({"health", "release", "192.0.2.1"});
  EXPECT_THAT(again, Exits(1));
  EXPECT_THAT(again.err, HasSubstr("192.0.2.1 is not forced"));
}

TEST_F(Health, OfManyTargetsIsForcedInOneRevision) {
  const Ran ran = ctl({"health", "force", "192.0.2.1:443", "2001:DB8:0::1", "[2001:db8::2]:80",
                       "url https://x.example/ from 192.0.2.1", "up", "--reason", "x"});
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.out, HasSubstr("4 targets"));
  EXPECT_EQ(revision(), 1U);
  EXPECT_THAT(targets(), testing::ElementsAre("192.0.2.1:443", "2001:db8::1", "[2001:db8::2]:80",
                                              "url https://x.example/ from 192.0.2.1"));
  EXPECT_THAT(ctl({"health", "release", "--all"}), Exits(0));
  EXPECT_EQ(revision(), 2U);
  EXPECT_TRUE(targets().empty());
}

TEST_F(Health, ForATimeEndsByItself) {
  const auto forced = json({"health", "force", "pool:web", "down", "--for", "1h30m", "--reason", "x"});
  const auto& one = forced["overrides"][0];
  EXPECT_EQ(one["until"].get<std::int64_t>() - one["since"].get<std::int64_t>(), 5400);
  EXPECT_THAT(targets(), testing::ElementsAre("pool:web"));
  clock_.advance(std::chrono::seconds(5400));
  EXPECT_TRUE(targets().empty());
  EXPECT_THAT(ctl({"health", "release", "pool:web"}), Exits(1));
  EXPECT_THAT(ctl({"health", "force", "192.0.2.1", "up", "--reason", "x"}), Exits(0));
  EXPECT_THAT(targets(), testing::ElementsAre("192.0.2.1"));
}

TEST_F(Health, OfAPoolThatThereIsNotIsForcedWithAWarning) {
  EXPECT_THAT(ctl({"health", "force", "pool:web", "down", "--reason", "x"}).err,
              HasSubstr("there is no target pool web"));
  EXPECT_THAT(ctl({"health", "force", "region:eu", "down", "--reason", "x"}).err,
              HasSubstr("no member of a target pool is in the region eu"));
  ASSERT_THAT(ctl({"target-pool", "add-member", "web", "192.0.2.1", "--region", "eu"}), Exits(1));
  ASSERT_THAT(ctl({"target-pool", "set", "web"}), Exits(0));
  ASSERT_THAT(ctl({"target-pool", "add-member", "web", "192.0.2.1", "--region", "eu"}), Exits(0));
  EXPECT_EQ(ctl({"health", "force", "pool:web", "region:eu", "up", "--reason", "y"}).err.find("warning"),
            std::string::npos);
}

TEST_F(Health, RefusesWhatIsNoTargetVerdictOrDuration) {
  const struct {
    std::vector<std::string> arguments;
    const char* said;
  } cases[] = {
      {{"192.0.2.1", "drowned", "--reason", "x"}, "up or down"},
      {{"down", "down", "--reason", "x"}, "\"down\" is no target"},
      {{"192.0.2", "down", "--reason", "x"}, "\"192.0.2\" is no target"},
      {{"pool:", "down", "--reason", "x"}, "\"pool:\" is no target"},
      {{"192.0.2.1", "down"}, "--reason is required"},
      {{"192.0.2.1", "down", "--reason", "a\nb"}, "one line"},
      {{"192.0.2.1", "down", "--reason", "x", "--for", "0"}, "is no duration"},
      {{"192.0.2.1", "down", "--reason", "x", "--for", "1y"}, "is no duration"},
      {{"192.0.2.1", "down", "--reason", "x", "--for", "99999999999999999999s"}, "is no duration"},
      {{"192.0.2.1", "down", "--reason", "x", "--for", "1000w"}, "is no duration"},
  };
  for (const auto& one : cases) {
    std::vector<std::string> arguments{"health", "force"};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    const Ran ran = ctl(arguments);
    EXPECT_THAT(ran, Exits(2)) << one.said;
    EXPECT_THAT(ran.err, HasSubstr(one.said));
  }
  EXPECT_THAT(ctl({"health", "release"}), Exits(2));
  EXPECT_EQ(revision(), 0U);
}

constexpr const char* kChecks = R"({"sequence":7,"checks":[
  {"check":"tcp 192.0.2.1:443","state":"down","forced":true,"weight":1,"probed":{"verdict":"up","for_ms":7200000,
   "successes_in_row":4,"failures_in_row":0,"probes":900,"failed":2,"transitions":3,"interval_ms":5000,
   "last":{"result":"success","detail":"","us":1234}}},
  {"check":"tcp 192.0.2.2:443","state":"down","forced":false,"weight":1,"probed":{"verdict":"down","for_ms":340,
   "successes_in_row":0,"failures_in_row":1,"probes":1,"failed":1,"transitions":1,"interval_ms":5000,
   "last":{"result":"refused","detail":"connect: Connection refused","us":99}}},
  {"check":"tcp 192.0.2.3:443","state":"unknown","forced":false,"weight":1,"probed":null}]})";

TEST_F(Health, ChecksAreListedAsTheDaemonHasThem) {
  daemon_.answers = true;
  daemon_.health = std::string(kChecks);
  EXPECT_EQ(ctl({"health", "list", "192.0.2"}).out,
            "CHECK              STATE          FOR     PROBES  FAILED  LAST\n"
            "tcp 192.0.2.1:443  down (forced)  2 h     900     2       ok, 1.2 ms\n"
            "tcp 192.0.2.2:443  down           340 ms  1       1       refused: connect: Connection refused\n"
            "tcp 192.0.2.3:443  unknown                                is not probed\n");
  EXPECT_EQ(daemon_.health_asked.back(), "check=192.0.2");
  EXPECT_EQ(json({"health", "list"}), nlohmann::json::parse(kChecks));
  const auto unknown = json({"health", "list", "--state", "unknown"});
  ASSERT_EQ(unknown["checks"].size(), 1U);
  EXPECT_EQ(unknown["checks"][0]["check"], "tcp 192.0.2.3:443");
  EXPECT_THAT(ctl({"health", "list", "--state", "sideways"}), Exits(2));
}

TEST_F(Health, ADaemonThatSaysSomethingElseIsAnError) {
  daemon_.answers = true;
  for (const char* document :
       {"", "[]", R"({"checks":3})", R"({"checks":[{}]})", R"({"checks":[{"check":"x","state":1}]})"}) {
    daemon_.health = std::string(document);
    EXPECT_THAT(ctl({"health", "list"}), Exits(1)) << document;
    EXPECT_THAT(ctl({"health", "list", "--state", "up"}), Exits(1)) << document;
  }
  daemon_.health = fail(Errc::kUnavailable, "no daemon answers at 127.0.0.1:8053");
  EXPECT_THAT(ctl({"health", "list"}).err, HasSubstr("no daemon answers"));
  EXPECT_THAT(ctl({"--admin=", "health", "list"}), Exits(2));
}

}  // namespace
}  // namespace sdns::ctl
