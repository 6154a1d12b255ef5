// SPDX-License-Identifier: MIT
#include "backend/health/target_pool.h"
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class TargetPool : public CtlTest {
 protected:
  /// web with fra and ams.
  void make_web() {
    ASSERT_THAT(ctl({"target-pool", "set", "web", "port=443", "selector=pickclosest"}), Exits(0));
    ASSERT_THAT(ctl({"target-pool", "add-member", "web", "192.0.2.1", "--name", "fra", "--weight", "7", "--group", "2",
                     "--region", "eu", "--latitude", "50.11", "--longitude", "8.68"}),
                Exits(0));
    ASSERT_THAT(ctl({"target-pool", "add-member", "web", "2001:DB8::1"}), Exits(0));
  }
  nlohmann::json show(const std::string& pool) { return json({"target-pool", "show", pool}); }
  std::vector<std::string> members(const std::string& pool = "web") {
    std::vector<std::string> names;
    const auto shown = show(pool);
    for (const auto& member : shown["members"]) names.push_back(member["name"]);
    return names;
  }
};

TEST_F(TargetPool, IsMadeStepByStepAndShown) {
  make_web();
  EXPECT_EQ(revision(), 3U);
  const auto web = show("web");
  EXPECT_EQ(web["options"], (nlohmann::json{{"port", "443"}, {"selector", "pickclosest"}}));
  EXPECT_EQ(web["members"][0], nlohmann::json::parse(R"({"name":"fra","address":"192.0.2.1","weight":7,"group":2,
      "region":"eu","latitude":50.11,"longitude":8.68,"enabled":true,"probe":null})"));
  EXPECT_EQ(web["members"][1], nlohmann::json::parse(R"({"name":"2001:db8::1","address":"2001:db8::1","weight":1,
      "group":1,"region":"","latitude":null,"longitude":null,"enabled":true,"probe":null})"));
  EXPECT_EQ(web["checks"], nlohmann::json::array());
  EXPECT_EQ(web["pool_revision"], 3);
  EXPECT_EQ(web["used_by"], nlohmann::json::array());
  const Ran shown = ctl({"target-pool", "show", "web"});
  EXPECT_THAT(shown.out, AllOf(HasSubstr("pickclosest"), HasSubstr("fra"), HasSubstr("50.11 8.68")));
  EXPECT_THAT(shown.err, Not(HasSubstr("warning")));

  ASSERT_THAT(ctl({"target-pool", "set", "app", "url=http://example.org/", "port=8080"}), Exits(0));
  const Ran list = ctl({"target-pool", "list"});
  EXPECT_THAT(list.out, AllOf(HasSubstr("web   2        2        pickclosest  port 443"),
                              HasSubstr("http://example.org/ at port 8080")));
  const auto all = json({"target-pool", "list"});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["name"], "app");
  EXPECT_EQ(all[1]["members"].size(), 2U);
}

TEST_F(TargetPool, ReportsEachEditAndWaitsForIt) {
  daemon_.answers = true;
  const auto made = json({"target-pool", "set", "web", "port=443"});
  EXPECT_EQ(made["changed"], true);
  EXPECT_EQ(made["revision"], 1);
  EXPECT_EQ(made["served"], true);
  EXPECT_EQ(made["name"], "web");
  EXPECT_THAT(daemon_.waited_for, ElementsAre(1U));
  const auto again = json({"target-pool", "set", "web", "port=443"});
  EXPECT_EQ(again["changed"], false);
  EXPECT_EQ(again["revision"], 1);
  EXPECT_THAT(ctl({"target-pool", "set", "web"}).out, HasSubstr("target pool web is already so; revision 1"));
  const auto added = json({"target-pool", "add-member", "web", "192.0.2.1"});
  EXPECT_EQ(added["revision"], 2);
  EXPECT_EQ(added["members"].size(), 1U);
  EXPECT_EQ(json({"target-pool", "add-member", "web", "192.0.2.1"})["changed"], false);
  EXPECT_EQ(json({"target-pool", "delete", "web"})["revision"], 3);
}

TEST_F(TargetPool, SetAddsAndTakesAwayOptionsAndReplacesThemOnlyWhenTold) {
  make_web();
  ASSERT_THAT(ctl({"target-pool", "set", "web", "timeout=5", "--unset", "selector", "--unset", "url"}), Exits(0));
  EXPECT_EQ(show("web")["options"], (nlohmann::json{{"port", "443"}, {"timeout", "5"}}));
  ASSERT_THAT(ctl({"target-pool", "set", "web", "--replace", "stringmatch=a=b c"}), Exits(0));
  EXPECT_EQ(show("web")["options"], (nlohmann::json{{"stringmatch", "a=b c"}}));
  EXPECT_EQ(members().size(), 2U) << "members stay";
}

TEST_F(TargetPool, MembersAreTriedInTheOrderThatIsSaid) {
  make_web();
  ASSERT_THAT(ctl({"target-pool", "add-member", "web", "192.0.2.3", "--name", "ams", "--before", "2001:db8:0::1"}),
              Exits(0));
  EXPECT_THAT(members(), ElementsAre("fra", "ams", "2001:db8::1"));
  ASSERT_THAT(ctl({"target-pool", "set-member", "web", "fra", "--last"}), Exits(0));
  EXPECT_THAT(members(), ElementsAre("ams", "2001:db8::1", "fra"));
  ASSERT_THAT(ctl({"target-pool", "set-member", "web", "192.0.2.1", "--before", "2001:db8::1"}), Exits(0));
  EXPECT_THAT(members(), ElementsAre("ams", "fra", "2001:db8::1"));
  ASSERT_THAT(ctl({"target-pool", "set-member", "web", "fra", "--weight", "9"}), Exits(0));
  EXPECT_THAT(members(), ElementsAre("ams", "fra", "2001:db8::1"));
}

TEST_F(TargetPool, AMemberIsChangedWhereItIsToldAndStaysElse) {
  make_web();
  ASSERT_THAT(ctl({"target-pool", "set-member", "web", "fra", "--disable", "--longitude", "-8.5"}), Exits(0));
  auto fra = show("web")["members"][0];
  EXPECT_EQ(fra["enabled"], false);
  EXPECT_EQ(fra["longitude"], -8.5);
  EXPECT_EQ(fra["latitude"], 50.11);
  EXPECT_EQ(fra["weight"], 7);
  ASSERT_THAT(ctl({"target-pool", "set-member", "web", "fra", "--enable", "--no-location", "--name", "ber", "--address",
                   "192.0.2.9", "--group", "1", "--region", "de"}),
              Exits(0));
  fra = show("web")["members"][0];
  EXPECT_EQ(fra, nlohmann::json::parse(R"({"name":"ber","address":"192.0.2.9","weight":7,"group":1,"region":"de",
      "latitude":null,"longitude":null,"enabled":true,"probe":null})"));
  ASSERT_THAT(ctl({"target-pool", "set-member", "web", "2001:db8::1", "--address", "2001:db8::2"}), Exits(0));
  EXPECT_THAT(members(), ElementsAre("ber", "2001:db8::2")) << "a name that is the address follows it";
  ASSERT_THAT(ctl({"target-pool", "remove-member", "web", "192.0.2.9"}), Exits(0));
  EXPECT_THAT(members(), ElementsAre("2001:db8::2"));
}

TEST_F(TargetPool, AMemberIsProbedWhereItIsToldUntilItIsTakenBack) {
  make_web();
  ASSERT_THAT(ctl({"target-pool", "set-member", "web", "fra", "--probe", "10.0.0.1"}), Exits(0));
  EXPECT_EQ(show("web")["members"][0]["probe"], "10.0.0.1");
  EXPECT_THAT(ctl({"target-pool", "show", "web"}).out, HasSubstr("10.0.0.1"));
  ASSERT_THAT(ctl({"target-pool", "set-member", "web", "fra", "--weight", "3"}), Exits(0));
  EXPECT_EQ(show("web")["members"][0]["probe"], "10.0.0.1") << "what is not said stays";
  ASSERT_THAT(ctl({"target-pool", "set-member", "web", "fra", "--no-probe"}), Exits(0));
  EXPECT_EQ(show("web")["members"][0]["probe"], nullptr);
  ASSERT_THAT(ctl({"target-pool", "add-member", "web", "192.0.2.5", "--probe", "2001:DB8::5"}), Exits(0));
  EXPECT_EQ(show("web")["members"][2]["probe"], "2001:db8::5");
}

TEST_F(TargetPool, ChecksAreAddedChangedAndTakenAwayWithTheRule) {
  make_web();
  const Ran added = ctl({"target-pool", "add-check", "web", "dns=www.example.org", "dnstype=SOA", "--rule", "any"});
  EXPECT_THAT(added, Exits(0));
  EXPECT_THAT(added.out, HasSubstr("check 1 added to target pool web"));
  ASSERT_THAT(ctl({"target-pool", "add-check", "web", "port=5432", "timeout=1"}), Exits(0));
  EXPECT_EQ(show("web")["checks"],
            nlohmann::json::parse(R"([{"dns":"www.example.org","dnstype":"SOA"},{"port":"5432","timeout":"1"}])"));
  EXPECT_EQ(show("web")["options"]["rule"], "any");
  EXPECT_THAT(ctl({"target-pool", "list"}).out, HasSubstr("any of: port 443, dns www.example.org, port 5432"));
  EXPECT_THAT(ctl({"target-pool", "show", "web"}).out,
              AllOf(HasSubstr("check 1:"), HasSubstr("dns=www.example.org dnstype=SOA")));
  ASSERT_THAT(ctl({"target-pool", "set-check", "web", "2", "interval=7", "--unset", "timeout", "--rule", "2"}),
              Exits(0));
  EXPECT_EQ(show("web")["checks"][1], nlohmann::json::parse(R"({"interval":"7","port":"5432"})"));
  EXPECT_EQ(show("web")["options"]["rule"], "2");
  ASSERT_THAT(ctl({"target-pool", "set-check", "web", "2", "port=80", "--replace"}), Exits(0));
  EXPECT_EQ(show("web")["checks"][1], nlohmann::json::parse(R"({"port":"80"})"));
  ASSERT_THAT(ctl({"target-pool", "remove-check", "web", "1"}), Exits(0));
  EXPECT_EQ(show("web")["checks"], nlohmann::json::parse(R"([{"port":"80"}])"));
  EXPECT_EQ(show("web")["options"]["rule"], "2");
  ASSERT_THAT(ctl({"target-pool", "remove-check", "web", "1"}), Exits(0));
  EXPECT_FALSE(show("web")["options"].contains("rule")) << "it would be about one check";
  EXPECT_EQ(json({"target-pool", "set", "web"})["changed"], false);
}

TEST_F(TargetPool, GoesThroughTomlAsItIs) {
  make_web();
  ASSERT_THAT(ctl({"target-pool", "set-member", "web", "fra", "--probe", "10.0.0.1"}), Exits(0));
  ASSERT_THAT(ctl({"target-pool", "add-check", "web", "port=25", "send=EHLO x\r\n", "--rule", "any"}), Exits(0));
  ASSERT_THAT(ctl({"target-pool", "add-check", "web", "exec=raid"}), Exits(0));
  const auto before = json({"target-pool", "list"});
  const std::string pools = file("pools.toml", ctl({"target-pool", "list", "--toml"}).out);
  EXPECT_EQ(json({"target-pool", "import", pools})["unchanged"], (nlohmann::json{"web"}));
  ASSERT_THAT(ctl({"target-pool", "delete", "web"}), Exits(0));
  ASSERT_THAT(ctl({"target-pool", "import", pools}), Exits(0));
  auto after = json({"target-pool", "list"});
  after[0]["pool_revision"] = before[0]["pool_revision"];
  EXPECT_EQ(before, after);
}

TEST_F(TargetPool, WarnsOfAProgramThatTheConfigurationDoesNotDefine) {
  const std::string config = file("programs.toml", "[[health.program]]\nname = \"raid\"\ncommand = [\"/no/such\"]\n");
  EXPECT_THAT(ctl({"--config", config, "target-pool", "set", "web", "exec=raid"}).err,
              Not(HasSubstr("no [[health.program]]")));
  EXPECT_THAT(ctl({"--config", config, "target-pool", "add-check", "web", "exec=ssh"}).err,
              HasSubstr("programs.toml defines no [[health.program]] ssh"));
}

struct Refused {
  std::vector<std::string> arguments;
  int code;
  const char* message;
};
TEST_F(TargetPool, WhatIsWrongIsSaidAndChangesNothing) {
  make_web();
  const auto before = json({"target-pool", "list"});
  for (const auto& [arguments, code, message] : std::vector<Refused>{
           {{"set", "web", "port=http"}, 2, "target pool web: port \"http\" is not a whole number"},
           {{"set", "web", "prot=1"}, 2, "target pool web: prot is not an option"},
           {{"set", "web", "port"}, 2, "\"port\" is not OPTION=VALUE"},
           {{"set", "web", "port=1", "port=2"}, 2, "port is given twice"},
           {{"set", "web", "port=1", "--unset", "port"}, 2, "port is given and taken away"},
           {{"set", "web", "--unset", "Port"}, 2, "it is spelt port"},
           {{"set", "a b"}, 2, "name \"a b\" has a character"},
           {{"set", "web", "url=http://h:1/"}, 2, "both say a port"},
           {{"add-member", "web", "host"}, 2, "\"host\" is not an IP address"},
           {{"add-member", "web", "192.0.2.1", "--name", "x"}, 1, "has a member fra with the address 192.0.2.1"},
           {{"add-member", "web", "192.0.2.7", "--name", "fra"}, 1, "has a member fra with the address 192.0.2.1"},
           {{"add-member", "web", "192.0.2.7", "--latitude", "1"}, 2, "member 192.0.2.7: longitude is missing"},
           {{"add-member", "web", "192.0.2.7", "--latitude", "x"}, 2, "\"x\" is not a number of degrees"},
           {{"add-member", "web", "192.0.2.7", "--before", "x"}, 1, "web has no member x"},
           {{"add-member", "none", "192.0.2.7"}, 1, "there is no target pool none"},
           {{"set-member", "web", "x", "--weight", "1"}, 1, "web has no member x"},
           {{"set-member", "web", "fra", "--group", "0"}, 2, "group 0 is outside of 1 to"},
           {{"set-member", "web", "fra", "--name", "2001:db8::1"}, 2, "is another address than"},
           {{"set-member", "web", "fra", "--enable", "--disable"}, 2, "--disable"},
           {{"add-member", "web", "192.0.2.7", "--probe", "x"}, 2, "\"x\" is not an IP address"},
           {{"set-member", "web", "fra", "--probe", "192.0.2.1"}, 2, "probe 192.0.2.1 is the member's own address"},
           {{"add-check", "web", "timeout=1"}, 2, "target pool web: check 1: asks nothing"},
           {{"add-check", "web", "port=1", "--rule", "3"}, 2, "rule wants 3 checks up, and there are 2"},
           {{"add-check", "web", "port=1", "--rule", "most"}, 2, "rule \"most\" is not one of its values"},
           {{"add-check", "none", "port=1"}, 1, "there is no target pool none"},
           {{"set-check", "web", "1", "port=1"}, 1, "the target pool web has no check 1"},
           {{"remove-check", "web", "0"}, 1, "the target pool web has no check 0"},
           {{"remove-member", "web", "192.0.2.200"}, 1, "web has no member 192.0.2.200"},
           {{"remove-member", "none", "fra"}, 1, "there is no target pool none"},
           {{"show", "none"}, 1, "there is no target pool none"},
           {{"delete", "none"}, 1, "there is no target pool none"}}) {
    std::vector<std::string> all{"target-pool"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Ran ran = ctl(all);
    EXPECT_THAT(ran, Exits(code)) << message;
    EXPECT_THAT(ran.err, HasSubstr(message));
    EXPECT_EQ(before, json({"target-pool", "list"})) << message;
  }
  EXPECT_EQ(revision(), 3U);
}

TEST_F(TargetPool, ThatRecordsNameIsNotDeletedByAccident) {
  import_example();
  make_web();
  ASSERT_THAT(ctl({"target-pool", "set", "we"}), Exits(0));
  ASSERT_THAT(ctl({"record", "set", "example.org", "a", "LUA", "A \"pickclosest(pool('web'))\""}), Exits(0));
  ASSERT_THAT(
      ctl({"record", "set", "example.org", "b", "LUA", "A \"all(pool(\\\"web\\\"))\"", "AAAA \"all(pool[[web]])\""}),
      Exits(0));
  ASSERT_THAT(ctl({"record", "set", "example.org", "c", "LUA", "A \"ifportup(80, {'web'})\""}), Exits(0));
  EXPECT_EQ(show("web")["used_by"], (nlohmann::json{"a.example.org.", "b.example.org."}));
  const Ran refused = ctl({"target-pool", "delete", "web"});
  EXPECT_THAT(refused, Exits(1));
  EXPECT_THAT(refused.err, AllOf(HasSubstr("a.example.org., b.example.org."), HasSubstr("--even-in-use")));
  EXPECT_THAT(ctl({"target-pool", "delete", "we"}), Exits(0)) << "nobody names that";
  EXPECT_THAT(ctl({"target-pool", "delete", "web", "--even-in-use"}), Exits(0));
  EXPECT_EQ(json({"target-pool", "list"}).size(), 0U);
}

TEST_F(TargetPool, WarnsOfAPoolThatAnswersNothing) {
  EXPECT_THAT(ctl({"target-pool", "set", "web"}).err, HasSubstr("warning: the target pool web has no members"));
  EXPECT_THAT(ctl({"target-pool", "add-member", "web", "192.0.2.1", "--disable"}).err,
              HasSubstr("warning: no member of the target pool web is enabled"));
  EXPECT_THAT(ctl({"target-pool", "set-member", "web", "192.0.2.1", "--enable"}).err, Not(HasSubstr("warning")));
}

TEST_F(TargetPool, WarnsOfAPoolThatTheConfigurationHas) {
  const std::string config = file("config.toml", "[[target_pool]]\nname = \"web\"\n");
  const Ran ran = ctl({"--config", config, "target-pool", "set", "web"});
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.err, HasSubstr("config.toml defines the target pool web too"));
  EXPECT_THAT(ctl({"--config", config, "target-pool", "set", "app"}).err, Not(HasSubstr("defines")));
}

constexpr const char* kFile = R"([[target_pool]]
name = "web"
port = 443

[[target_pool.member]]
name = "fra"
address = "192.0.2.1"
latitude = 50.5
longitude = -8

[[target_pool]]
name = "app"
[[target_pool.member]]
address = "192.0.2.2"
)";

TEST_F(TargetPool, AFileIsImportedAsAWhole) {
  const auto imported = json({"target-pool", "import", file("pools.toml", kFile)});
  EXPECT_EQ(imported["added"], (nlohmann::json{"web", "app"}));
  EXPECT_EQ(imported["revision"], 1) << "one transaction";
  EXPECT_EQ(show("web")["members"][0]["longitude"], -8);
  const auto again = json({"target-pool", "import", file("pools.toml", kFile)});
  EXPECT_EQ(again["unchanged"].size(), 2U);
  EXPECT_EQ(again["changed"], false);

  ASSERT_THAT(ctl({"target-pool", "set", "web", "port=80"}), Exits(0));
  ASSERT_THAT(ctl({"target-pool", "set", "mine"}), Exits(0));
  ASSERT_THAT(ctl({"target-pool", "delete", "app"}), Exits(0));
  const Ran refused = ctl({"target-pool", "import", file("pools.toml", kFile)});
  EXPECT_THAT(refused, Exits(1));
  EXPECT_THAT(refused.err, HasSubstr("has other target pools with the names web; nothing was changed"));
  EXPECT_EQ(json({"target-pool", "list"}).size(), 2U) << "app was not added either";
  const Ran replaced = ctl({"target-pool", "import", file("pools.toml", kFile), "--replace"});
  EXPECT_THAT(replaced.out, HasSubstr("2 target pools: 1 added, 1 replaced, 0 as before"));
  EXPECT_EQ(show("web")["options"]["port"], "443");
  EXPECT_EQ(json({"target-pool", "list"}).size(), 3U) << "what the file does not have stays";
}

TEST_F(TargetPool, EveryMistakeOfAFileIsToldAndNothingIsImported) {
  const Ran ran = ctl({"target-pool", "import",
                       file("pools.toml", std::string(kFile) + "weight = -1\n[[target_pool]]\nport = 0\n[admin]\n"
                                                               "listen = \"\"\n")});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("target_pool[1].member[0].weight -1 is out of range"),
                             HasSubstr("target_pool[2].name is missing"), HasSubstr("target_pool[2].port \"0\""),
                             HasSubstr("admin.listen is no part of a target pool"), HasSubstr("has 4 problems")));
  EXPECT_THAT(ctl({"target-pool", "import", file("pools.toml", "[[")}).err, HasSubstr("must be TOML"));
  EXPECT_THAT(ctl({"target-pool", "import", file("pools.toml", "")}).err, HasSubstr("has no [[target_pool]]"));
  EXPECT_THAT(ctl({"target-pool", "import", (directory_ / "none").string()}).err, HasSubstr("cannot be read"));
  EXPECT_EQ(revision(), 0U);
}

TEST_F(TargetPool, WhatIsPrintedAsTomlIsImportedAsItWas) {
  make_web();
  ASSERT_THAT(ctl({"target-pool", "set", "web", "stringmatch=it's \"up\"\\n\t"}), Exits(0));
  ASSERT_THAT(ctl({"target-pool", "set-member", "web", "2001:db8::1", "--disable"}), Exits(0));
  ASSERT_THAT(ctl({"target-pool", "set", "app"}), Exits(0));
  const Ran all = ctl({"target-pool", "list", "--toml"});
  EXPECT_EQ(json({"target-pool", "import", file("all.toml", all.out)})["unchanged"], (nlohmann::json{"app", "web"}));
  EXPECT_THAT(ctl({"target-pool", "show", "web", "--toml"}).out, HasSubstr("port = \"443\""));
}

}  // namespace
}  // namespace sdns::ctl
