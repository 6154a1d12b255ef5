// SPDX-License-Identifier: MIT
#include <fmt/format.h>

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

TEST_F(Health, ThatIsResumedForcesNothingAndIsNotReleased) {
  const auto said = json({"health", "resume", "192.0.2.1", "--reason", "disk replaced"});
  const auto all = overrides();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0], said["overrides"][0]);
  EXPECT_EQ(all[0]["verdict"], "resume");
  EXPECT_EQ(all[0]["reason"], "disk replaced");
  EXPECT_NE(all[0]["who"], "");
  EXPECT_EQ(all[0]["until"].get<std::int64_t>() - all[0]["since"].get<std::int64_t>(), 7 * 86'400);
  EXPECT_THAT(ctl({"health", "overrides"}).out, AllOf(HasSubstr("192.0.2.1  resume"), HasSubstr("disk replaced")));
  EXPECT_THAT(ctl({"health", "release", "192.0.2.1"}).err, HasSubstr("192.0.2.1 is not forced"));
  EXPECT_THAT(ctl({"health", "release", "--all"}), Exits(0));
  EXPECT_EQ(targets().size(), 1U);

  const auto again = json({"health", "resume", "192.0.2.1"});
  EXPECT_EQ(again["overrides"][0]["since"].get<std::int64_t>(), all[0]["since"].get<std::int64_t>() + 1)
      << "nodes tell it from the one before in the same second";
  EXPECT_THAT(ctl({"health", "force", "192.0.2.2", "down", "--reason", "x"}), Exits(0));
  EXPECT_THAT(ctl({"health", "resume", "192.0.2.2"}), Exits(0));
  EXPECT_EQ(overrides()[1]["verdict"], "resume") << "it is forced no more";
  EXPECT_THAT(ctl({"health", "resume", "pool:web"}).err, HasSubstr("there is no target pool web"));
  EXPECT_THAT(ctl({"health", "resume", "web"}), Exits(2));
  EXPECT_THAT(ctl({"health", "resume"}), Exits(2));
  clock_.advance(std::chrono::hours(24 * 7 + 1));
  EXPECT_TRUE(targets().empty());
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
  EXPECT_EQ(ctl({"health", "list", "--state", "up"}).err, "sdnsctl: the daemon has no check like that\n");
  daemon_.health = std::string(R"({"sequence":0,"checks":[]})");
  EXPECT_EQ(ctl({"health", "list"}).err, "sdnsctl: the daemon has no checks\n");
}

constexpr const char* kSharedChecks = R"({"sequence":7,
  "vantage":{"node":"ns1","rule":"majority","cut_off":false,"others":[{"node":"ns2","heard_ms":900,"counts":true}]},
  "checks":[{"check":"tcp 192.0.2.1:443","state":"up","forced":false,"override":null,"weight":1,"probed":null,
  "vantage":{"own":"down","combined":"up","up":2,"down":1,"stale":1,"disagree":true,
   "views":[{"node":"ns2","verdict":"up","since":1767323045,"counts":true},
            {"node":"ns3","verdict":"down","since":1767323045,"counts":false}]}}]})";

TEST_F(Health, NodesThatDisagreeAreSeen) {
  daemon_.answers = true;
  daemon_.health = std::string(kSharedChecks);
  EXPECT_EQ(ctl({"health", "list"}).out,
            "CHECK              STATE  NODES                              FOR  PROBES  FAILED  LAST\n"
            "tcp 192.0.2.1:443  up     2 up, 1 down, 1 too old: DISAGREE                       is not probed\n");
  EXPECT_THAT(ctl({"health", "show", "192.0.2.1"}).out,
              AllOf(HasSubstr("nodes say:  2 up, 1 down, 1 too old: DISAGREE; up counts (majority)\n"),
                    HasSubstr("this node:  down\n"), HasSubstr("node ns2:   up since 2026-01-02 03:04:05Z\n"),
                    HasSubstr("node ns3:   down since 2026-01-02 03:04:05Z (too old: does not count)\n")));
  std::string cut_off = kSharedChecks;
  cut_off.replace(cut_off.find("\"cut_off\":false"), 15, "\"cut_off\":true");
  daemon_.health = cut_off;
  for (const char* command : {"list", "show"})
    EXPECT_THAT(ctl(command == std::string("list") ? std::vector<std::string>{"health", "list"}
                                                   : std::vector<std::string>{"health", "show", "192.0.2.1"})
                    .err,
                HasSubstr("no other node is heard of"));
}

TEST_F(Health, AListSaysWhatWaitsForAnOperator) {
  daemon_.answers = true;
  daemon_.health = std::string(R"({"sequence":7,"checks":[
  {"check":"tcp 192.0.2.1:443 fall=3 resume=manual","state":"down","forced":false,"override":null,"weight":1,
   "probed":{"verdict":"down","for_ms":340,"successes_in_row":9,"failures_in_row":0,"probes":1,"failed":1,
   "transitions":1,"interval_ms":5000,"next_ms":100,"fall":3,"fall_remembered":5,"rise":10,"resume":"manual",
   "resumed":false,"waits_for_resume":true,"last_up_ms":61000,"ttl_step":5,
   "last":{"result":"success","detail":"","us":99}}}]})");
  EXPECT_THAT(ctl({"health", "list"}).out, HasSubstr("down (waits for resume)"));
  daemon_.history = {std::string(R"({"last":12,"transitions":[]})")};
  EXPECT_THAT(ctl({"health", "show", "192.0.2.1"}).out,
              AllOf(HasSubstr("rises after: 10 successes, but waits for an operator: `sdnsctl health resume`"),
                    HasSubstr("last up:     1 min ago"), HasSubstr("may change:  soon: planned TTLs are 5 s at most")));
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

constexpr const char* kForced = R"({"sequence":7,"checks":[
  {"check":"tcp 192.0.2.1:443","state":"down","forced":true,"override":{"target":"192.0.2.1","verdict":"down",
   "reason":"new kernel","who":"ann","since":1767323045,"until":1767330245},"weight":1,"probed":{"verdict":"up",
   "for_ms":7200000,"successes_in_row":4,"failures_in_row":0,"probes":900,"failed":2,"transitions":3,
   "interval_ms":5000,"next_ms":3100,"fall":2,"fall_remembered":5,"rise":1,"last":{"result":"success","detail":"","us":1234}}},
  {"check":"tcp 192.0.2.1:4430","state":"unknown","forced":false,"override":null,"weight":1,"probed":null}]})";

constexpr const char* kPast = R"({"last":12,"transitions":[
  {"sequence":10,"time_ms":1767323045900,"check":"tcp 192.0.2.1:443","from":"unknown","to":"up","why":"first-result",
   "result":"success","detail":""},
  {"sequence":11,"time_ms":1767323046000,"check":"tcp 192.0.2.1:4430","from":"up","to":"down","why":"failures-in-row",
   "result":"refused","detail":"connect: Connection refused"}]})";

TEST_F(Health, OneCheckIsShownInFull) {
  daemon_.answers = true;
  daemon_.health = std::string(kForced);
  daemon_.history = {std::string(kPast)};
  EXPECT_EQ(ctl({"health", "show", "tcp 192.0.2.1:443"}).out,
            "check:       tcp 192.0.2.1:443\n"
            "state:       down\n"
            "forced:      down by ann since 2026-01-02 03:04:05Z until 2026-01-02 05:04:05Z\n"
            "as:          192.0.2.1\n"
            "reason:      new kernel\n"
            "weight:      1\n"
            "probes say:  up for 2 h\n"
            "last probe:  ok, 1.2 ms\n"
            "in a row:    4 successes\n"
            "falls after: 2 failures in a row, or 5 that are remembered\n"
            "rises after: 1 success\n"
            "probes:      900, of which 2 failed\n"
            "interval:    5 s, the next one in 3 s\n"
            "transitions: 3\n"
            "\n"
            "TIME                  CHECK              CHANGE         WHY\n"
            "2026-01-02 03:04:05Z  tcp 192.0.2.1:443  unknown to up  first-result\n");
  EXPECT_EQ(daemon_.health_asked.back(), "check=tcp%20192.0.2.1%3A443");
  EXPECT_EQ(daemon_.history_asked.back(), "check=tcp%20192.0.2.1%3A443");
  const auto document = json({"health", "show", "tcp 192.0.2.1:443"});
  EXPECT_EQ(document["check"], nlohmann::json::parse(kForced)["checks"][0]);
  EXPECT_EQ(document["transitions"].size(), 1U);
  EXPECT_THAT(ctl({"health", "show", "tcp 192.0.2.1:4430"}).out, HasSubstr("it is not probed"));
}

TEST_F(Health, AShownCheckIsOne) {
  daemon_.answers = true;
  daemon_.health = std::string(kForced);
  const Ran several = ctl({"health", "show", "192.0.2.1"});
  EXPECT_THAT(several, Exits(2));
  EXPECT_THAT(several.err, AllOf(HasSubstr("2 checks contain \"192.0.2.1\""), HasSubstr("\ntcp 192.0.2.1:4430")));
  daemon_.health = std::string(R"({"sequence":0,"checks":[]})");
  EXPECT_THAT(ctl({"health", "show", "192.0.2.1"}), Exits(1));
}

TEST_F(Health, HistoryIsListedNewestLast) {
  daemon_.answers = true;
  daemon_.history = {std::string(kPast)};
  EXPECT_EQ(ctl({"health", "history", "192.0.2", "--last", "7"}).out,
            "TIME                  CHECK               CHANGE         WHY\n"
            "2026-01-02 03:04:05Z  tcp 192.0.2.1:443   unknown to up  first-result\n"
            "2026-01-02 03:04:06Z  tcp 192.0.2.1:4430  up to down     failures-in-row: refused: connect: Connection "
            "refused\n");
  EXPECT_EQ(daemon_.history_asked.back(), "check=192.0.2&newest=7");
  EXPECT_EQ(json({"health", "history"}), nlohmann::json::parse(kPast));
  daemon_.history = {std::string(R"({"last":12,"transitions":[]})")};
  EXPECT_THAT(ctl({"health", "history"}).err, HasSubstr("has changed lately"));
}

TEST_F(Health, WatchingGoesOnWhereItIsAndOutlivesARestart) {
  daemon_.answers = true;
  const auto gone = fail(Errc::kUnavailable, "no daemon answers");
  daemon_.history = {std::string(R"({"last":9,"transitions":[]})"), std::string(R"({"last":9,"transitions":[]})"), gone,
                     gone, std::string(kPast)};
  const Ran ran = ctl({"health", "watch", ":443", "--count", "2"});
  EXPECT_THAT(ran, Exits(0));
  EXPECT_EQ(ran.out,
            "2026-01-02 03:04:05Z  tcp 192.0.2.1:443  unknown to up  first-result\n"
            "2026-01-02 03:04:06Z  tcp 192.0.2.1:4430  up to down  failures-in-row: refused: connect: Connection "
            "refused\n");
  EXPECT_EQ(daemon_.history_asked[0], "check=%3A443&newest=0");
  for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(daemon_.history_asked[i], "check=%3A443&after=9&wait_ms=30000");
  EXPECT_EQ(daemon_.history_asked.size(), 5U);
  EXPECT_EQ(daemon_.pauses, 2);
  EXPECT_EQ(ran.err.find("asked again"), ran.err.rfind("asked again")) << "it is said once";

  daemon_.history_asked.clear();
  daemon_.history = {std::string(R"({"last":9,"transitions":[]})"), std::string(kPast),
                     fail(Errc::kBusy, "too many wait")};
  const Ran lines = ctl({"--json", "health", "watch"});
  EXPECT_THAT(lines, Exits(1));
  EXPECT_EQ(daemon_.history_asked[2], "check=&after=12&wait_ms=30000");
  const auto first = nlohmann::json::parse(lines.out.substr(0, lines.out.find('\n')));
  EXPECT_EQ(first, nlohmann::json::parse(kPast)["transitions"][0]);
}

TEST_F(Health, AHistoryThatIsSomethingElseIsAnError) {
  daemon_.answers = true;
  daemon_.health = std::string(kForced);
  for (
      const char* document :
      {"", "[]", R"({"last":1})", R"({"last":-1,"transitions":[]})", R"({"last":1,"transitions":[{}]})",
       R"({"last":1,"transitions":[{"time_ms":1,"check":"x","from":"up","to":"down","why":"y","result":1,"detail":""}]})"}) {
    daemon_.history = {std::string(document)};
    for (const char* command : {"history", "watch"}) EXPECT_THAT(ctl({"health", command}), Exits(1)) << document;
    EXPECT_THAT(ctl({"health", "show", "tcp 192.0.2.1:443"}), Exits(1)) << document;
  }
  daemon_.history = {fail(Errc::kUnavailable, "no daemon answers at 127.0.0.1:8053")};
  EXPECT_THAT(ctl({"health", "watch"}), Exits(1)) << "it was never there";
  EXPECT_THAT(ctl({"--admin=", "health", "watch"}), Exits(2));
}

class Draining : public Health {
 protected:
  void SetUp() override {
    ASSERT_THAT(ctl({"target-pool", "set", "web"}), Exits(0));
    ASSERT_THAT(ctl({"target-pool", "add-member", "web", "192.0.2.1", "--region", "eu"}), Exits(0));
    ASSERT_THAT(ctl({"target-pool", "set", "far"}), Exits(0));
    ASSERT_THAT(ctl({"target-pool", "add-member", "far", "198.51.100.1", "--region", "us"}), Exits(0));
    ASSERT_THAT(ctl({"target-pool", "set", "both"}), Exits(0));
    ASSERT_THAT(ctl({"target-pool", "add-member", "both", "192.0.2.1"}), Exits(0));
    ASSERT_THAT(ctl({"target-pool", "add-member", "both", "203.0.113.1"}), Exits(0));
  }
  /// A zone whose LUA records are these: TTL and code.
  void import_records(const std::vector<std::pair<int, std::string>>& records) {
    std::string text =
        "$ORIGIN example.org.\n$TTL 300\n@ IN SOA ns1 hostmaster 10 7200 900 1209600 30\n@ IN NS ns1\nns1 IN A "
        "192.0.2.1\n";
    for (std::size_t i = 0; i < records.size(); ++i)
      text += fmt::format("r{} {} IN LUA A \"{}\"\n", i, records[i].first, records[i].second);
    ASSERT_THAT(ctl({"zone", "import", "--replace", file("z.zone", text)}), Exits(0));
  }
  nlohmann::json drain(const std::string& target) {
    return json({"health", "force", target, "drain", "--reason", "x"})["drain"];
  }
};

TEST_F(Draining, SaysWhenTheLastCachedAnswerRunsOut) {
  import_records({{3600, "ifportup(443, {'192.0.2.1', '192.0.2.2'})"}, {60, "pool('web')"}});
  daemon_.answers = true;
  daemon_.state.database_id = json({"database", "info"})["database_id"];
  daemon_.status = R"({"powerdns":[]})";
  const Ran ran = ctl({"health", "force", "192.0.2.1", "drain", "--reason", "it goes"});
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("192.0.2.1 is drained until it is released; revision"),
                             HasSubstr("runs out by 2026-01-02 04:04:05Z (2 LUA records"),
                             HasSubstr("this rests on: PowerDNS was purged; resolvers keep to TTLs")));
  EXPECT_EQ(overrides()[0]["verdict"], "drain");
  EXPECT_THAT(ctl({"health", "overrides"}).out, HasSubstr("192.0.2.1  drain"));
  EXPECT_EQ(drain("192.0.2.1"),
            (nlohmann::json{{"records", 2}, {"longest_ttl", 3600}, {"cached_until", 1'767'323'045 + 3600}}));
  EXPECT_EQ(ctl({"health", "force", "192.0.2.1", "down", "--reason", "x"}).out.find("cached"), std::string::npos);
}

TEST_F(Draining, CountsTheRecordsOfPoolsThatHaveTheAddressProbed) {
  ASSERT_THAT(ctl({"target-pool", "set-member", "far", "198.51.100.1", "--probe", "10.0.0.7"}), Exits(0));
  import_records({{60, "pool('web')"},
                  {300, "pool('far')"},
                  {600, "ifportup(443, {'203.0.113.5'}, {probe={['203.0.113.5']='10.0.0.7'}})"},
                  {900, "ifportup(443, {'203.0.113.9'})"}});
  EXPECT_EQ(drain("10.0.0.7")["records"], 2);
  EXPECT_EQ(drain("10.0.0.7")["longest_ttl"], 600);
  EXPECT_EQ(drain("tcp 10.0.0.7:443 for=203.0.113.9")["longest_ttl"], 900) << "both of its addresses";
  EXPECT_EQ(drain("198.51.100.1")["longest_ttl"], 300);
}

TEST_F(Draining, SaysNoTimeBeforeCachesArePurged) {
  import_records({{3600, "ifportup(443, {'192.0.2.1', '192.0.2.2'})"}});
  EXPECT_TRUE(drain("192.0.2.1")["cached_until"].is_null()) << "no daemon";
  daemon_.answers = true;
  daemon_.state.database_id = json({"database", "info"})["database_id"];
  daemon_.status = R"({"powerdns":[{"name":"main","state":"absent"}]})";
  EXPECT_TRUE(drain("192.0.2.2")["cached_until"].is_null()) << "a PowerDNS that is not purged";
  EXPECT_THAT(ctl({"health", "force", "192.0.2.1", "drain", "--reason", "x"}).out,
              HasSubstr("run out 3600 s after every PowerDNS was purged"));
}

TEST_F(Draining, CountsTheRecordsThatMayAnswerWithIt) {
  const struct {
    const char* what;
    const char* target;
    const char* code;
    bool counts;
  } rows[] = {
      {"it is named", "192.0.2.1", "ifportup(443, {'192.0.2.1', '192.0.2.2'})", true},
      {"by its port", "192.0.2.1:443", "ifportup(443, {'192.0.2.1'})", true},
      {"by a check", "tcp 192.0.2.1:443", "ifportup(443, {'192.0.2.1'})", true},
      {"in another spelling", "2001:db8::1", "ifportup(443, {'2001:0db8:0:0::0001'})", true},
      {"with a port", "192.0.2.1", "ifurlup('http://192.0.2.1:80/', {x})", true},
      {"others are named", "192.0.2.1", "ifportup(443, {'192.0.2.10', '192.0.2.2'})", false},
      {"a pool has it", "192.0.2.1", "pool('web')", true},
      {"a pool of others", "192.0.2.1", "pool('far')", false},
      {"the pool is the target", "pool:web", "pool('web')", true},
      {"another pool is", "pool:far", "pool('web')", false},
      {"a pool has a member there", "region:eu", "pool('web')", true},
      {"a pool has none there", "region:us", "pool('web')", false},
      {"addresses are made up", "192.0.2.1", "createForward()", true},
      {"so are those that are probed", "192.0.2.1", "ifportup(443, targets)", true},
      {"a library names them", "192.0.2.1", "include('lib') return pickrandom(x or '192.0.2.9')", true},
      {"the name of a pool is made up", "192.0.2.1", "pool(continent()) or '192.0.2.9'", true},
      {"a member of the pool is named", "pool:web", "ifportup(443, {'192.0.2.1'})", true},
      {"another pool has a member of it", "pool:web", "pool('both')", true},
      {"members of others are named", "pool:far", "ifportup(443, {'192.0.2.1'})", false},
      {"a member in the region is named", "region:eu", "ifportup(443, {'192.0.2.1'})", true},
      {"another pool has it elsewhere", "region:eu", "pool('both')", true},
      {"a member elsewhere is named", "region:eu", "ifportup(443, {'198.51.100.1'})", false},
      {"an external URL is asked", "url https://x/", "ifurlextup({{['192.0.2.1']='https://x/'}})", true},
      {"its user information is hidden", "url https://(hidden:3f9c)@x/",
       "ifurlextup({{['192.0.2.1']='https://a:b@x/'}})", true},
      {"external URLs are made up", "url https://x/", "ifurlextup({{['192.0.2.1']='https://' .. host}})", true},
      {"no external URL is asked", "url https://x/", "ifportup(443, {'192.0.2.1'})", false},
      {"it is named over two chunks", "192.0.2.1", "pickrandom({'192.0.2.9', '192.0.\" \"2.1'})", true},
  };
  for (const auto& row : rows) {
    import_records({{60, row.code}});
    const auto said = drain(row.target);
    EXPECT_EQ(said["records"], row.counts ? 1 : 0) << row.what;
    EXPECT_EQ(said["longest_ttl"].is_null(), !row.counts) << row.what;
  }
  import_records({{60, "ifportup(443, {'192.0.2.10'})"}});
  EXPECT_THAT(ctl({"health", "force", "192.0.2.1", "drain", "--reason", "x"}).out,
              HasSubstr("nothing of it is cached"));
}

TEST_F(Draining, CountsEveryRecordWhenMembersAreNotKnown) {
  const std::string config = file("with-a-pool.toml",
                                  "[[target_pool]]\nname = \"own\"\nport = 443\n"
                                  "[[target_pool.member]]\naddress = \"192.0.2.77\"\n");
  const auto records = [&](const std::string& target) {
    return json({"--config", config, "health", "force", target, "drain", "--reason", "x"})["drain"]["records"];
  };
  import_records({{60, "ifportup(443, {'192.0.2.99'})"}});
  EXPECT_EQ(records("pool:own"), 1);
  EXPECT_EQ(records("pool:nowhere"), 1) << "it may be of a configuration that is not read here";
  EXPECT_EQ(records("region:eu"), 1) << "its members may be there";
  EXPECT_EQ(records("pool:web"), 0);
  EXPECT_EQ(records("192.0.2.1"), 0);
}

TEST_F(Draining, WarnsOfChecksThatNoAddressReaches) {
  const auto warned = [&](std::vector<std::string> targets) {
    targets.insert(targets.begin(), {"health", "force"});
    targets.insert(targets.end(), {"drain", "--reason", "x"});
    return ctl(targets).err.find("ifurlextup") != std::string::npos;
  };
  import_records({{60, "ifurlextup({{['192.0.2.1']='https://x/'}})"}});
  EXPECT_TRUE(warned({"192.0.2.1"}));
  EXPECT_TRUE(warned({"pool:web"}));
  EXPECT_FALSE(warned({"192.0.2.2"}));
  EXPECT_FALSE(warned({"192.0.2.1", "url https://x/"}));
}

}  // namespace
}  // namespace sdns::ctl
