// SPDX-License-Identifier: MIT
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class LuaCheckTest : public CtlTest {
 protected:
  /// The one record of `lua check TEXT`.
  nlohmann::json checked(const std::string& text, std::vector<std::string> options = {}, int code = 0) {
    std::vector<std::string> arguments = {"lua", "check", text};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto document = json(arguments, code);
    EXPECT_EQ(document["records"].size(), 1U) << document;
    return document["records"].empty() ? nlohmann::json() : document["records"][0];
  }
  /// "warning: text", …
  static std::vector<std::string> findings(const nlohmann::json& record) {
    std::vector<std::string> found;
    for (const auto& finding : record["findings"])
      found.push_back(finding["severity"].get<std::string>() + ": " + finding["what"].get<std::string>());
    return found;
  }
  static std::vector<std::string> of(const std::string& severity, const nlohmann::json& record) {
    std::vector<std::string> found;
    for (const std::string& finding : findings(record))
      if (finding.starts_with(severity)) found.push_back(finding);
    return found;
  }
};

// Of reference texts and of programs that write records.
struct Wild {
  const char* behaviour;
  const char* text;
};
void PrintTo(const Wild& one, std::ostream* out) { *out << one.behaviour; }
class LuaCheckWild : public LuaCheckTest, public testing::WithParamInterface<Wild> {};
TEST_P(LuaCheckWild, HasNoError) {
  const auto record = checked(GetParam().text);
  EXPECT_THAT(of("error", record), IsEmpty());
  EXPECT_TRUE(record["up"]["failure"].is_null()) << record;
}
INSTANTIATE_TEST_SUITE_P(
    LuaCheck, LuaCheckWild,
    testing::Values(
        Wild{"groups of ports with pickclosest",
             "A \"ifportup(443, {{'192.0.2.1','192.0.2.2'}}, {selector='pickclosest'})\""},
        Wild{
            "a body with double quotes and pickfirst",
            R"(ifurlup("https://probe-hel.example.com/healthz", {{"5.5.6.7"}, {"5.1.2.3", "5.1.2.4"}}, {selector="pickfirst", interval=5, timeout=2}))"},
        Wild{"pickfirst by URL",
             R"(pickfirst("https://probe/healthz", {{"5.5.6.7"}, {"5.1.2.3"}}, {interval=5, timeout=2}))"},
        Wild{"pickclosest by URL", R"(pickclosest("https://probe/healthz", {{"5.5.6.7"}, {"5.1.2.3"}}, {interval=5}))"},
        Wild{"pickwhashed by URL", R"(pickwhashed("https://probe/healthz", {{"5.5.6.7"}, {"5.1.2.3"}}, {interval=5}))"},
        Wild{"a plain port check", "A \"ifportup(443, {'192.0.2.1', '192.0.2.2'})\""},
        Wild{"a script of many lines",
             "A \";if country('US') then\n return ifportup(443, {'192.0.2.1'})\nelse\n return '192.0.2.2'\nend\""},
        Wild{"weights", "A \"pickwrandom({{10,'192.0.2.1'},{20,'192.0.2.2'}})\""}, Wild{"place", "TXT \"latlonloc()\""},
        Wild{"a text", "TXT \"'v=spf1 -all'\""},
        Wild{"a view with a fallback", "A \"view({ {{'10.0.0.0/8'},{'192.0.2.1'}}, {{'0.0.0.0/0'},{'192.0.2.2'}} })\""},
        Wild{"an alias by place", "CNAME \"continent('EU') and 'eu.example.org' or 'us.example.org'\""},
        Wild{"a network group",
             "A \";return newNMG({'127.0.0.0/8'}):match(bestwho) and '192.0.2.1' or '192.0.2.2'\""}));

struct Surprise {
  const char* behaviour;
  const char* text;
  const char* finding;
  int code = 0;
};
void PrintTo(const Surprise& one, std::ostream* out) { *out << one.behaviour; }
class LuaCheckSurprise : public LuaCheckTest, public testing::WithParamInterface<Surprise> {};
TEST_P(LuaCheckSurprise, IsTold) {
  EXPECT_THAT(findings(checked(GetParam().text, {}, GetParam().code)), Contains(HasSubstr(GetParam().finding)));
}
INSTANTIATE_TEST_SUITE_P(
    LuaCheck, LuaCheckSurprise,
    testing::Values(
        Surprise{"records where addresses are expected", "A \"ifurlup('https://x/', {'A 1.2.3.4', 'A 1.2.3.5'})\"",
                 "lists are of addresses, not of records: write '1.2.3.4'", 4},
        Surprise{"a selector of ours", "A \"ifportup(1, {'192.0.2.1'}, {selector='pickfirst'})\"",
                 "warning: selector='pickfirst' is ours: PowerDNS does not know it and takes random"},
        Surprise{"in brackets too", "A \"ifportup(1, {'192.0.2.1'}, {['backupSelector']='pickfirst'})\"",
                 "warning: backupSelector='pickfirst' is ours"},
        Surprise{"globals", "A \";x = '192.0.2.1' return x\"", "warning: it sets global names (x)"},
        Surprise{"what the sandbox lacks", "A \"os.getenv and '192.0.2.1' or '192.0.2.2'\"",
                 "warning: line 1: os.getenv is not in the sandbox"},
        Surprise{"in a branch that is not run", "A \";if false then io.open('x') end return '192.0.2.1'\"",
                 "warning: line 1: io.open is not in the sandbox"},
        Surprise{"a name that is nowhere", "A \"pickrondom and '192.0.2.1' or '192.0.2.2'\"",
                 "warning: line 1: there is no pickrondom"},
        Surprise{"a name that a library may set", "A \";include('config') return address or '192.0.2.1'\"",
                 "note: line 1: address has to come from what is included"},
        Surprise{"chance", "A \"pickrandom({'192.0.2.1','192.0.2.2'})\"",
                 "note: PowerDNS does not cache it: drawn by chance"},
        Surprise{"the client", "A \"pickhashed({'192.0.2.1','192.0.2.2'})\"",
                 "note: PowerDNS does not cache it: depends on the client's network: the first 32 bits"},
        Surprise{"a place", "A \"country('NL') and '192.0.2.1' or '192.0.2.2'\"", "note: it asks where addresses are"},
        Surprise{"a place by selector", "A \"ifportup(1, {'192.0.2.1'}, {selector='pickclosest'})\"",
                 "note: it asks where addresses are"},
        Surprise{"the query name", "TXT \"qname:toString()\"", "note: it depends on the name that is asked"},
        Surprise{"nothing", "A \"{}\"", "warning: it can give nothing at all"},
        Surprise{"nothing when all is down", "A \"ifportup(1, {'192.0.2.1'}, {backupSelector='empty'})\"",
                 "warning: it can give nothing at all"},
        Surprise{"SERVFAIL when all is down", "A \"ifportup(1, {'192.0.2.1'}, {alldown='none'})\"",
                 "warning: SERVFAIL when every health check is down"},
        Surprise{"SERVFAIL for some clients", "A \"view({{{'10.0.0.0/8'},{'192.0.2.1'}}})\"",
                 "warning: SERVFAIL for the client 127.0.0.1"},
        Surprise{"content of another type", "A \"'2001:db8::1'\"", "error: \"2001:db8::1\" is no content of A records",
                 4},
        Surprise{"a type that it cannot make", "NS \"'ns.example.'\"", "error: a LUA record cannot make NS records", 4},
        Surprise{"code that does not compile", "A \"ifportup(443, {\"", "error: record:1:", 4},
        Surprise{"a blank before the ;", "A \" ; return '192.0.2.1'\"", "the very first character", 4},
        Surprise{"a script without return", "A \";local x = 1\"", "a script has to say return", 4},
        Surprise{"an object", "TXT \"bestwho\"", "call :toString()", 4},
        Surprise{"chunks that join in two ways", "A \";local\" \"x = '192.0.2.1' return x\"",
                 "warning: its chunks join to different code"},
        Surprise{"near the budget", "A \";for i = 1, 130000 do end return '192.0.2.1'\"",
                 "steps of the 200000 that it may use"},
        Surprise{"over the budget", "A \";while true do end\"", "error: it took too long", 4},
        Surprise{"an option that is none", "A \"ifportup(1, {'192.0.2.1'}, {timeuot=1})\"",
                 "warning: the option timeuot is not known"},
        Surprise{"minimumFailures beside our thresholds",
                 "A \"ifportup(1, {'192.0.2.1'}, {minimumFailures=2, rise=2})\"",
                 "minimumFailures has no effect beside thresholds of ours"},
        Surprise{"httpcode beside codes", "A \"ifurlup('http://x/', {'192.0.2.1'}, {httpcode=204, codes='200-299'})\"",
                 "httpcode has no effect beside codes"},
        Surprise{"a text that HEAD cannot bring",
                 "A \"ifurlup('http://x/', {'192.0.2.1'}, {method='HEAD', stringmatch='ok'})\"",
                 "stringmatch is never found"},
        Surprise{"dns beside url", "A \"all({'192.0.2.1'}, {dns='x', url='http://x/'})\"",
                 "dns has no effect beside url"},
        Surprise{"a value that an option of ours does not take", "A \"ifportup(1, {'192.0.2.1'}, {fall=0})\"",
                 "fall \"0\" is not a whole number from 1 to 1000", 4},
        Surprise{"a pool that is not known", "A \"pool('nowhere')\"",
                 "warning: the target pool nowhere is not known here"},
        Surprise{"what only PowerDNS knows", "A \"tcp and '192.0.2.1' or '192.0.2.2'\"",
                 "warning: tcp is not known here"},
        Surprise{"an address that only inet_aton reads", "A \"ifportup(1, {'192.0.2'})\"",
                 "warning: 192.0.2 is read as 192.0.0.2"},
        Surprise{"a library that is elsewhere", "A \";include('config') return '192.0.2.1'\"",
                 "note: include('config') is not known here"}));

TEST_F(LuaCheckTest, WhatIsFineHasNoFindings) {
  EXPECT_THAT(findings(checked("A \"'192.0.2.1'\"")), IsEmpty());
  EXPECT_THAT(findings(checked("A \";local t = {} for i = 1, 2 do t[i] = '192.0.2.' .. i end return t\"")), IsEmpty());
  EXPECT_THAT(findings(checked("A \";local a = '192.0.2.1'\" \"return a\"")), IsEmpty());
  EXPECT_THAT(findings(checked("A \"ifportup(443, {'192.0.2.1'}, {selector='all', backupSelector='all'})\"")),
              IsEmpty());
}

TEST_F(LuaCheckTest, WhatAsksForPlacesIsNotSaidToBeCached) {
  EXPECT_EQ(checked("A \"country('NL') and '192.0.2.1' or '192.0.2.2'\"")["up"]["cache"], "");
  EXPECT_THAT(checked("A \"'192.0.2.1'\"")["up"]["cache"].get<std::string>(), HasSubstr("the same for everybody"));
  EXPECT_THAT(findings(checked("TXT \";local region = 'x' local t = {city = 'y'} return t.city\"")), IsEmpty());
}

TEST_F(LuaCheckTest, WarningsFailOnlyWhenAskedTo) {
  EXPECT_THAT(ctl({"lua", "check", "A \";x = '192.0.2.1' return x\""}), Exits(0));
  EXPECT_THAT(ctl({"lua", "check", "--strict", "A \";x = '192.0.2.1' return x\""}), Exits(4));
  EXPECT_THAT(ctl({"lua", "check", "--strict", "A \"pickrandom({'192.0.2.1','192.0.2.2'})\""}), Exits(0))
      << "notes are no warnings";
}

TEST_F(LuaCheckTest, AnOlderPowerDnsLacksWhatCameLater) {
  const std::string text = "A \"picknamehashed({{1,'192.0.2.1'},{1,'192.0.2.2'}})\"";
  EXPECT_THAT(of("warning", checked(text)), IsEmpty());
  EXPECT_THAT(of("warning", checked(text, {"--powerdns", "4.7.3"})),
              ElementsAre("warning: picknamehashed is not there on PowerDNS 4.7: it came with PowerDNS 4.9"));
  EXPECT_THAT(of("warning", checked(text, {"--powerdns", "4.9"})), IsEmpty());
  EXPECT_THAT(
      of("warning", checked("A \"ifportup(1, {{'192.0.2.1'}}, {interval=3, minhealthy=1})\"", {"--powerdns", "4.7"})),
      testing::UnorderedElementsAre(
          HasSubstr("groups of addresses since PowerDNS 4.8"), HasSubstr("the option interval"),
          HasSubstr("the option minhealthy has no effect on PowerDNS 4.7: no PowerDNS has it")));
  for (const char* option : {"fall=3", "rise=3", "fallremembered=3", "forgetafter=3", "holddown=3", "initial='up'",
                             "send='x'", "expect='x'", "method='HEAD'", "codes='200'", "redirects='none'",
                             "verify=true", "dns='x'", "dnstype='A'", "dnsrcode='any'", "dnsrdata='192.0.2.1'"}) {
    const std::string call = std::string("A \"ifportup(1, {'192.0.2.1'}, {") + option + "})\"";
    EXPECT_THAT(findings(checked(call)), IsEmpty()) << option;
    EXPECT_THAT(of("warning", checked(call, {"--powerdns", "5.1"})), ElementsAre(HasSubstr("no PowerDNS has it")))
        << option;
  }
  EXPECT_THAT(ctl({"lua", "check", text, "--powerdns", "old"}), Exits(2));
}

TEST_F(LuaCheckTest, BothHealthsAreRun) {
  const auto record = checked("A \"ifportup(1, {{'192.0.2.1'},{'192.0.2.2'}}, {alldown={'192.0.2.9'}})\"");
  EXPECT_EQ(record["up"]["records"], nlohmann::json({"192.0.2.1"}));
  EXPECT_EQ(record["down"]["records"], nlohmann::json({"192.0.2.9"}));
  const Ran ran = ctl({"lua", "check", "A \"ifportup(1, {{'192.0.2.1'},{'192.0.2.2'}}, {alldown={'192.0.2.9'}})\""});
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("with every check up: 192.0.2.1\n"), HasSubstr("with every check down: 192.0.2.9\n")));
}

TEST_F(LuaCheckTest, CodeAloneIsTakenForWhatItsValuesLookLike) {
  EXPECT_EQ(checked("pickrandom({'192.0.2.1'})")["makes"], "A");
  EXPECT_EQ(checked("'2001:db8::1'")["makes"], "AAAA");
  EXPECT_EQ(checked("'some text'")["makes"], "TXT");
  EXPECT_EQ(checked("'10 mail.example.org'", {"--type", "MX"})["makes"], "MX");
}

TEST_F(LuaCheckTest, TheClientAndTheNameCanBeChosen) {
  const auto record = checked("TXT \"bestwho:toString() .. ' ' .. qname:toString()\"",
                              {"--client", "198.51.100.9/24", "--zone", "example.net", "--name", "a.b"});
  EXPECT_EQ(record["up"]["records"], nlohmann::json({"\"198.51.100.0 a.b.example.net.\""}));
  EXPECT_THAT(ctl({"lua", "check", "'192.0.2.1'", "--client", "x"}), Exits(2));
}

TEST_F(LuaCheckTest, PoolsOfTheDatabaseAreKnown) {
  ASSERT_THAT(ctl({"target-pool", "set", "web", "port=443", "selector=pickfirst"}), Exits(0));
  ASSERT_THAT(ctl({"target-pool", "add-member", "web", "192.0.2.41"}), Exits(0));
  const auto record = checked("A \"pool('web')\"");
  EXPECT_THAT(of("warning", record), IsEmpty());
  EXPECT_EQ(record["up"]["records"], nlohmann::json({"192.0.2.41"}));
}

TEST_F(LuaCheckTest, AMasterFileIsCheckedRecordByRecord) {
  const std::string zone =
      file("example.org.zone",
           "$ORIGIN example.org.\n$TTL 60\n@ IN SOA ns h 1 2 3 4 5\n@ IN NS ns\nns IN A 192.0.2.53\n"
           "config IN LUA LUA \"address = '192.0.2.7'\"\n"
           "www IN LUA A \";include('config') return address\"\n"
           "*.rev IN LUA A \"createForward()\"\n"
           "bad IN LUA A \"nope()\"\n"
           "lost IN LUA A \";include('missing') return '192.0.2.1'\"\n");
  const auto document = json({"lua", "check", zone}, 4);
  ASSERT_EQ(document["records"].size(), 5U);
  EXPECT_EQ(document["zone"], "example.org.");
  EXPECT_EQ(document["errors"], 1);
  const auto& records = document["records"];
  EXPECT_EQ(records[0]["where"], zone + ":6");
  EXPECT_EQ(records[0]["library"], true);
  EXPECT_THAT(findings(records[0]), IsEmpty());
  EXPECT_EQ(records[1]["up"]["records"], nlohmann::json({"192.0.2.7"}));
  EXPECT_THAT(findings(records[1]), IsEmpty()) << "the library of the file sets it";
  EXPECT_EQ(records[2]["asked"], "192-0-2-1.rev.example.org.");
  EXPECT_EQ(records[2]["up"]["records"], nlohmann::json({"192.0.2.1"}));
  EXPECT_THAT(of("error", records[3]), ElementsAre(HasSubstr("nope")));
  EXPECT_THAT(of("warning", records[4]), ElementsAre(HasSubstr("finds no LUA record at missing.example.org.")));
  EXPECT_THAT(ctl({"lua", "check", zone}).out, HasSubstr(zone + ":9: bad.example.org. 60 LUA A\n"));
}

TEST_F(LuaCheckTest, AFileThatDoesNotParseIsSaidByLine) {
  const std::string zone =
      file("broken.zone", "$ORIGIN example.org.\n$TTL 60\n@ IN SOA ns h 1 2 3 4 5\nwww IN LUA A \"x\nnext IN A 1\n");
  const Ran ran = ctl({"lua", "check", zone});
  EXPECT_THAT(ran, Exits(4));
  EXPECT_THAT(ran.out, HasSubstr("error: " + zone + ":"));
}

TEST_F(LuaCheckTest, AFileCanHoldOneRecordOrItsCode) {
  EXPECT_EQ(checked(file("record", "AAAA \"'2001:db8::1'\"\n"))["makes"], "AAAA");
  EXPECT_EQ(checked(file("body", ";local x = '192.0.2.1'\n\nreturn x\n"))["up"]["records"],
            nlohmann::json({"192.0.2.1"}));
}

TEST_F(LuaCheckTest, AFileWithoutAnSoaIsTakenForAZone) {
  const auto document = json({"lua", "check", file("part", "$TTL 60\nwww IN LUA A \"'192.0.2.1'\"\n")});
  EXPECT_EQ(document["zone"], "example.");
  EXPECT_THAT(findings(document["records"][0]), ElementsAre(HasSubstr("does not say which zone")));
}

TEST_F(LuaCheckTest, WhatIsNothingIsAFailure) {
  EXPECT_THAT(ctl({"lua", "check", ""}), AnyOf(Exits(1), Exits(2), Exits(4)));
  EXPECT_THAT(ctl({"lua", "check"}), Exits(2));
  EXPECT_THAT(ctl({"lua", "check", "A \"'192.0.2.1'\"", "--type", "NONE", "--zone", ".."}), Exits(2));
}

}  // namespace
}  // namespace sdns::ctl
