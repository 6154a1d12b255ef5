// SPDX-License-Identifier: MIT
#include "lua/runtime.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/lua/runtime_fixture.h"

namespace sdns::lua {
namespace {

TEST_F(RuntimeTest, AnExpressionIsTheAnswer) { EXPECT_EQ(said("'192.0.2.9'"), "192.0.2.9"); }
TEST_F(RuntimeTest, AScriptReturnsTheAnswer) { EXPECT_EQ(said("; local x = 5 return '192.0.2.' .. x"), "192.0.2.5"); }
TEST_F(RuntimeTest, NumbersAndTablesAreValues) {
  EXPECT_EQ(said("15", dns::kTXT), "15");
  EXPECT_EQ(said("{'a', 2, 'c'}", dns::kTXT), "a 2 c");
  EXPECT_EQ(said("{}"), "");
  EXPECT_EQ(run("{}").failure, Failure::kNone);
}

class WhatIsNoAnswer : public RuntimeTest, public testing::WithParamInterface<const char*> {};
TEST_P(WhatIsNoAnswer, Fails) { EXPECT_TRUE(fails(GetParam())) << values_.error; }
INSTANTIATE_TEST_SUITE_P(
    Records, WhatIsNoAnswer,
    testing::Values("nil", "true", "; local x", "print", "{{'a'}}", "{a='b'}", "qname", "bestwho", "nosuchfunction()",
                    "error{}", "error('x')", "(", "pickrandom({})", "pickrandom('192.0.2.1')", "pickrandom({true})",
                    "ifportup(443)", "ifportup(443, {'A 1.2.3.4'})", "pickwrandom({{0,'a'},{0,'b'}})",
                    "pickwhashed({{-1,'a'},{2,'b'}})", "io.open('/etc/passwd')", "os.execute('true')", "require('ffi')",
                    "loadstring('return 1')()", "string.dump(function() end)", "collectgarbage()", "debug.getinfo(1)",
                    "getfenv(0).x", "dofile('/etc/passwd')", "pool('nosuch')", "resolve('a.', 1)",
                    "view({{{'192.0.2.0/24'},{}}})", "setmetatable(_G, {})", "ifurlextup({{'a'}})"));

TEST_F(RuntimeTest, NothingLeaksFromOneEvaluationToTheNext) {
  EXPECT_EQ(said("; x = (x or 0) + 1 return x", dns::kTXT), "1");
  EXPECT_EQ(said("; x = (x or 0) + 1 return x", dns::kTXT), "1");
  EXPECT_EQ(
      said("; string.rep = nil table.y = 1 math.z = 1 pdns.A = 9 pdns.place.ANSWER = 7 return ('x'):rep(3)", dns::kTXT),
      "xxx");
  EXPECT_EQ(said("string.rep('x', 3)", dns::kTXT), "xxx");
  EXPECT_EQ(said("tostring(table.y) .. tostring(math.z)", dns::kTXT), "nilnil");
  EXPECT_EQ(said("pdns.A .. pdns.place.ANSWER", dns::kTXT), "11");
  EXPECT_EQ(said("tostring(getmetatable(''))", dns::kTXT), "false");
  EXPECT_EQ(said("; pickrandom = nil return 'a'", dns::kTXT), "a");
  EXPECT_EQ(said("pickrandom({'a'})", dns::kTXT), "a");
}

TEST_F(RuntimeTest, ErrorsAreCaughtAsInLua) {
  EXPECT_EQ(said("; local ok, what = pcall(error, 'x') return tostring(ok) .. what", dns::kTXT), "falsex");
  EXPECT_EQ(said("; local ok, what = xpcall(function(a) error({a}) end, function(e) return e[1] .. '!' end, 'x') "
                 "return tostring(ok) .. what",
                 dns::kTXT),
            "falsex!");
  EXPECT_EQ(said("; local ok, a, b = xpcall(function(...) return ... end, print, 1, 2) return tostring(ok) .. a .. b",
                 dns::kTXT),
            "true12");
}

TEST_F(RuntimeTest, VariablesSayWhoAsksForWhat) {
  EXPECT_EQ(said("qname:toString()", dns::kTXT), "www.example.org.");
  EXPECT_TRUE(values_.evidence.query_name);
  EXPECT_EQ(said("zone:toStringNoDot()", dns::kTXT), "example.org");
  EXPECT_FALSE(values_.evidence.query_name);
  EXPECT_EQ(said("zoneid", dns::kTXT), "42");
  EXPECT_EQ(said("bestwho:toString()", dns::kTXT), "192.0.2.1");
  EXPECT_EQ(values_.evidence.bits, 32);
  EXPECT_EQ(said("tostring(ecswho)", dns::kTXT), "nil");
  client_.ecs = *dns::IpNetwork::parse("198.51.100.7/24");
  EXPECT_EQ(said("bestwho:toString() .. who:toString() .. ecswho:toString()", dns::kTXT),
            "198.51.100.0192.0.2.1198.51.100.0/24");
  EXPECT_EQ(said("tostring(tcp) .. tostring(dnssecOK) .. ednsPKTSize .. tostring(dh:getRD())", dns::kTXT),
            "falsefalse-1false");
}

TEST_F(RuntimeTest, ATruncatedAddressTellsOnlyWhatIsLeft) {
  EXPECT_EQ(said("; bestwho:truncate(16) return bestwho:toString()", dns::kTXT), "192.0.0.0");
  EXPECT_EQ(values_.evidence.bits, 16);
}

TEST_F(RuntimeTest, WeightedPickersWalkBackwards) {
  set_query_name("test.namehashed.example.org.");
  EXPECT_EQ(said("picknamehashed({{15,'1.2.3.4'},{42,'4.3.2.1'}})"), "1.2.3.4");
  set_query_name("test2.namehashed.example.org.");
  EXPECT_EQ(said("picknamehashed({{15,'1.2.3.4'},{42,'4.3.2.1'}})"), "4.3.2.1");
  set_client("127.0.0.1");
  EXPECT_EQ(said("pickwhashed({{15,'1.2.3.4'},{42,'4.3.2.1'}})"), "1.2.3.4");
  EXPECT_EQ(said("pickchashed({{15,'1.2.3.4'},{42,'4.3.2.1'}})"), "4.3.2.1");
  set_client("198.51.100.0");
  EXPECT_EQ(said("pickwhashed({{15,'1.2.3.4'},{42,'4.3.2.1'}})"), "4.3.2.1");
  EXPECT_EQ(said("pickchashed({{15,'1.2.3.4'},{42,'4.3.2.1'}})"), "1.2.3.4");
  EXPECT_EQ(values_.evidence.bits, 32);
}

TEST_F(RuntimeTest, TargetsThatAreUpAreAnswered) {
  EXPECT_EQ(said("ifportup(443, {'192.0.2.10', '192.0.2.11'}, {backupSelector='all'})"), "192.0.2.10 192.0.2.11");
  EXPECT_EQ(values_.evidence.checks, (std::vector<std::string>{"tcp 192.0.2.10:443", "tcp 192.0.2.11:443"}));
  set_health({"tcp 192.0.2.11:443"}, health::Verdict::kUp);
  EXPECT_EQ(said("ifportup(443, {'192.0.2.10', '192.0.2.11'})"), "192.0.2.11");
  EXPECT_TRUE(values_.evidence.cacheable());
  set_health({"tcp 192.0.2.10:443"}, health::Verdict::kUp);
  EXPECT_EQ(said("ifportup(443, {'192.0.2.10', '192.0.2.11'}, {selector='all'})"), "192.0.2.10 192.0.2.11");
  EXPECT_TRUE(values_.evidence.cacheable());
  run("ifportup(443, {'192.0.2.10', '192.0.2.11'})");
  EXPECT_TRUE(values_.evidence.chance);
}

TEST_F(RuntimeTest, GroupsAreTriedInOrder) {
  const char* code =
      "ifurlup('https://x.example/', {{'192.0.2.1'}, {'192.0.2.2', '192.0.2.3'}}, {selector='pickfirst'})";
  EXPECT_EQ(said(code), "192.0.2.1") << "the first group, when all are down";
  set_health({"url https://x.example/ from 192.0.2.3"}, health::Verdict::kUp);
  EXPECT_EQ(said(code), "192.0.2.3");
  set_health({"url https://x.example/ from 192.0.2.1"}, health::Verdict::kUp);
  EXPECT_EQ(said(code), "192.0.2.1");
}

TEST_F(RuntimeTest, PickersTakeAUrlGroupsAndOptions) {
  set_health({"url https://probe.example/healthz interval=5 from"}, health::Verdict::kUp);
  const std::string rest =
      "('https://probe.example/healthz', {{'5.5.6.7'}, {'5.1.2.3', '5.1.2.4'}}, {interval=5, timeout=2})";
  set_health({"url https://probe.example/healthz from 5.1.2.4 interval=5"}, health::Verdict::kUp);
  for (const char* function : {"pickfirst", "pickclosest", "pickwhashed"})
    EXPECT_EQ(said(function + rest), "5.1.2.4") << function;
  EXPECT_EQ(said("pickrandom({'192.0.2.1', '192.0.2.2'}, {port=80, alldown='none'})").front(), '!');
  EXPECT_EQ(said("pickrandom({'192.0.2.1', '192.0.2.2'}, {port=80, alldown={'192.0.2.99'}})"), "192.0.2.99");
  EXPECT_EQ(said("pickrandom({'192.0.2.1', '192.0.2.2'}, {port=80, alldown='all'})"), "192.0.2.1 192.0.2.2");
}

class LastGood : public RuntimeTest {
 protected:
  // 192.0.2.N is down, and was up until so many seconds after some moment; never when 0.
  void down(int number, int up_until, bool forced = false) {
    set(number,
        {.verdict = health::Verdict::kDown, .forced = forced, .last_up = SteadyTime(std::chrono::seconds(up_until))});
  }
  void up(int number) { set(number, {.verdict = health::Verdict::kUp}); }
  void set(int number, health::State state) {
    const std::string identity = "tcp 192.0.2." + std::to_string(number) + ":80";
    table_ = health::HealthTableBuilder::add(*table_, {identity});
    table_ = health::HealthTableBuilder::set(*table_, {{table_->find(identity), state}});
  }
  std::string four(const std::string& options) {
    return said("all({'192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'}, {port=80, alldown='lastgood', " + options +
                "})");
  }
};

TEST_F(LastGood, AreThoseThatWereUpWhenEnoughWereLast) {
  down(1, 100);
  down(2, 400);
  down(3, 300);
  down(4, 200);
  EXPECT_EQ(four("minhealthy=1"), "192.0.2.2");
  EXPECT_EQ(four("minhealthy=2"), "192.0.2.2 192.0.2.3");
  EXPECT_EQ(four("minhealthy='75%'"), "192.0.2.2 192.0.2.3 192.0.2.4");
  up(1);
  EXPECT_EQ(four("minhealthy=2"), "192.0.2.1 192.0.2.2") << "who is up is among them";
  EXPECT_EQ(four("minhealthy=1"), "192.0.2.1") << "enough are up";
}

TEST_F(LastGood, ThatFellTogetherStayTogether) {
  for (const int number : {1, 2, 3}) down(number, 100);
  down(4, 50);
  EXPECT_EQ(four("minhealthy=1"), "192.0.2.1 192.0.2.2 192.0.2.3");
}

TEST_F(LastGood, AreAllWhenEnoughNeverWereUp) {
  down(1, 100);
  down(2, 0);
  EXPECT_EQ(four("minhealthy=2"), "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4");
  EXPECT_NE(trace_.notes.back().find("not known that enough ever were"), std::string::npos);
}

TEST_F(LastGood, AreOfTheGroupThatHadEnoughLast) {
  const std::string groups =
      "pickfirst({{'192.0.2.1', '192.0.2.2'}, {'192.0.2.3', '192.0.2.4'}}, "
      "{port=80, minhealthy=2, alldown='lastgood'})";
  down(1, 100);
  down(2, 900);
  down(3, 300);
  down(4, 200);
  EXPECT_EQ(said(groups), "192.0.2.3") << "the first had both until 100, the second until 200";
  down(1, 200);
  EXPECT_EQ(said(groups), "192.0.2.1") << "the first was asked first";
}

TEST_F(RuntimeTest, APoolAnswersByItsOwnOptions) {
  health::TargetPool pool;
  pool.name = "web";
  pool.options = {{"port", "443"}, {"selector", "all"}};
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
    health::PoolMember member;
    member.name = address;
    member.address = *dns::IpAddress::parse(address);
    pool.members.push_back(member);
  }
  pool.members[2].enabled = false;
  pools_ = *health::TargetPools::make({pool});
  set_health({"tcp 192.0.2.2:443", "tcp 192.0.2.3:443"}, health::Verdict::kUp);
  EXPECT_EQ(said("pool('web')"), "192.0.2.2");
  EXPECT_EQ(values_.evidence.pools, std::vector<std::string>{"web"});
  EXPECT_EQ(said("pickfirst(pool('web'))"), "192.0.2.2");
  EXPECT_EQ(said("ifportup(80, pool('web'))").front(), '1');
}

TEST_F(RuntimeTest, LibrariesAreIncluded) {
  library_.libraries["config"] = {"LUA \"ips={'192.0.2.1'} function f() return ips[1] end\""};
  EXPECT_EQ(said(";include('config') return f()"), "192.0.2.1");
  EXPECT_EQ(values_.evidence.includes, std::vector<std::string>{"config"});
  library_.libraries["broken"] = {"LUA \"error('no')\"", "LUA \"=\"", "LUA \"y=7\""};
  EXPECT_EQ(said(";include('broken') return y", dns::kTXT), "7");
  library_.libraries["loop"] = {"LUA \"include('loop')\""};
  EXPECT_EQ(said(";include('loop') return 'done'", dns::kTXT), "done");
  EXPECT_EQ(said("dblookup('plain.example.org.', pdns.A)"), "192.0.2.77 192.0.2.78");
}

TEST_F(RuntimeTest, NetworksAreLookedAtAsFarAsItTakes) {
  EXPECT_EQ(said("netmask({'192.0.2.0/24'}) and 'in' or 'out'", dns::kTXT), "in");
  EXPECT_EQ(values_.evidence.bits, 24);
  EXPECT_EQ(said("netmask({'10.0.0.0/8'}) and 'in' or 'out'", dns::kTXT), "out");
  EXPECT_EQ(values_.evidence.bits, 1);
  EXPECT_EQ(said("newNMG({'192.0.0.0/16', '!192.0.2.0/24'}):match(bestwho) and 'in' or 'out'", dns::kTXT), "out");
  EXPECT_EQ(values_.evidence.bits, 24);
  EXPECT_EQ(said("view({{{'10.0.0.0/8'}, {'a'}}, {{'0.0.0.0/0'}, {'b'}}})", dns::kTXT), "b");
}

TEST_F(RuntimeTest, ObjectsBehaveLikePowerDnss) {
  EXPECT_EQ(said("newCA('1.2.3.4:53'):toStringWithPort()", dns::kTXT), "1.2.3.4:53");
  EXPECT_EQ(said("newDN('a.b.c'):makeRelative(newDN('c')):toString()", dns::kTXT), "a.b.");
  EXPECT_EQ(said("tostring(newDN('A.b') == newDN('a.B'))", dns::kTXT), "true");
  EXPECT_EQ(said("tostring(newDN('a.b.c'):isPartOf(newDN('b.c')))", dns::kTXT), "true");
  EXPECT_EQ(said("newNetmask('192.0.2.77/24'):toString()", dns::kTXT), "192.0.2.0/24");
  EXPECT_EQ(said("newQType('MX'):getCode()", dns::kTXT), "15");
  EXPECT_EQ(said("; local s = newCAS() s:add({'192.0.2.1'}) return tostring(s:check(newCA('192.0.2.1')))", dns::kTXT),
            "true");
  EXPECT_EQ(said("newDRR(newDN('a.'), 'TXT', 5, 'x'):content()", dns::kTXT), "x");
}

TEST_F(RuntimeTest, NamesMakeAddresses) {
  zone_ = dns::Name::parse("example.org.")->wire();
  set_query_name("192-0-2-5.example.org.");
  EXPECT_EQ(said("createForward()"), "192.0.2.5");
  set_query_name("4.3.2.1.in-addr.arpa.");
  EXPECT_EQ(said("createReverse('%5%.example.com')", dns::kPTR), "1-2-3-4.example.com");
  EXPECT_EQ(said("createReverse('%5%.example.com', {['1.2.3.4']='special'})", dns::kPTR), "special");
}

// Each ends within its budget, and leaves the runtime as it was.
class Hostile : public RuntimeTest, public testing::WithParamInterface<const char*> {};
TEST_P(Hostile, EndsWithinItsBudget) {
  EXPECT_NE(run(GetParam()).failure, Failure::kNone) << GetParam();
  EXPECT_EQ(said("'192.0.2.9'"), "192.0.2.9");
}
INSTANTIATE_TEST_SUITE_P(
    Records, Hostile,
    testing::Values(
        "; while true do end", "; while true do pcall(error) end", "; for i = 1, 1e15 do end",
        "; while true do pcall(function() while true do end end) end",
        "; local f f = function() return f() end return f()", "; local f f = function() return 1 + f() end return f()",
        "; local s = 'x' while true do s = s .. s end", "('x'):rep(1e9)",
        "; local t = {} while true do t[#t+1] = {} end", "(('a'):rep(400)):find(('.-'):rep(4)..'b')",
        "; return (('a'):rep(1e5)):gsub('.', function() while true do end end)",
        "; local t = {} for i = 1, 1e4 do t[i] = i end table.sort(t, function() return true end) while true do end",
        "; local c = coroutine.wrap(function() while true do end end) c()",
        "; while true do xpcall(function() while true do end end, function() while true do end end) end",
        "; setmetatable(_G, nil)", "; local f = function() end while true do coroutine.wrap(f)() end",
        "; goto x ::x:: goto x", "; local s = ('x'):rep(2e5) while true do local y = s .. 'a' end",
        "; error(setmetatable({}, {__tostring = function() while true do end end}))",
        "tostring(setmetatable({}, {__tostring = function() while true do end end}))",
        "; while true do include('x') end", "; while true do pickrandom({'a', 'b'}) end"));

TEST_F(RuntimeTest, ARecordThatOverrunsIsLeftAloneForAWhile) {
  Script script(*parse_record("A \"; while true do end\"", ChunkJoin::kAuto));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(script).failure, Failure::kOverBudget);
  EXPECT_EQ(run(script).failure, Failure::kBrokenOff);
  clock_.advance(std::chrono::seconds(2));
  EXPECT_EQ(run(script).failure, Failure::kOverBudget);
  EXPECT_EQ(run(script).failure, Failure::kBrokenOff);
  EXPECT_EQ(said("'192.0.2.9'"), "192.0.2.9") << "another record is not concerned";
}

TEST_F(RuntimeTest, TheFullLibraryIsThereWhereItIsAllowed) {
  RuntimeOptions options;
  options.library = Library::kFull;
  Runtime full(options, clock_);
  Script script(*parse_record("TXT \"type(io.open) .. type(debug.getinfo) .. type(jit.on) .. type(os.execute)\"",
                              ChunkJoin::kAuto));
  const Question question{
      .qname_wire = qname_, .zone_wire = zone_, .base_wire = base_, .zone_id = 1, .client = &client_};
  const Sources sources{
      .health = table_.get(), .pools = &pools_, .geo = geo_.get(), .records = &library_, .random = &random_};
  full.evaluate(script, question, sources, values_);
  ASSERT_EQ(values_.failure, Failure::kNone) << values_.error;
  EXPECT_EQ(values_.contents[0], "functionfunctionnilfunction");
}

}  // namespace
}  // namespace sdns::lua
