// SPDX-License-Identifier: MIT
// Code that wants to run, recurse or allocate without end in the C functions of `string` and `table`. Steps alone have
// to stop it: no test here rests on the clock.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/two_luas.h"

namespace sdns::lua {
namespace {

constexpr Limits kSteps{200'000, 3'600'000'000'000, std::size_t{64} << 20};
constexpr Limits kLittleMemory{200'000, 3'600'000'000'000, std::size_t{1} << 20};

struct HostileCase {
  const char* what;
  Ended ended;
  const char* code;
  Limits limits = kSteps;
};
void PrintTo(const HostileCase& shown, std::ostream* out) { *out << shown.what; }

class HostileStrings : public testing::TestWithParam<HostileCase> {};

// The functions work as ever, and what an error left behind is in nobody's way.
void expect_usable(test::OurLua& lua) {
  const auto after = lua.run(
      "local t = {3, 1, 2} table.sort(t, function(a, b) return a < b end) "
      "return ('ab'):rep(3), ('abc'):gsub('%w', function(c) return c:upper():rep(2) end), "
      "('%s-%d'):format('x', 7), ('k=v'):match('(%w)=(%w)'), table.concat(t, ',')",
      kLittleMemory);
  EXPECT_EQ(after.ended, Ended::kReturned);
  EXPECT_EQ(after.text, R"("ababab" "AABBCC" "x-7" "k" "1,2,3")") << "after it";
}

TEST_P(HostileStrings, EndWithinTheBudgetAndLeaveTheStateUsable) {
  const HostileCase& hostile = GetParam();
  test::OurLua lua;
  const auto outcome = lua.run(hostile.code, hostile.limits);
  EXPECT_EQ(outcome.ended, hostile.ended) << outcome.text;
  expect_usable(lua);
  for (int i = 0; i < 3; ++i) {
    lua_gc(lua.state().get(), LUA_GCCOLLECT, 0);
    EXPECT_EQ(lua.run(hostile.code, hostile.limits).ended, hostile.ended);
  }
  expect_usable(lua);
}

TEST_P(HostileStrings, AreNotSavedByPcall) {
  const HostileCase& hostile = GetParam();
  if (hostile.ended != Ended::kOverBudget) return;
  test::OurLua lua;
  const std::string body = "(function() " + std::string(hostile.code) + " end)";
  for (const std::string& code :
       {"local ok = pcall" + body + " return 'survived'", "while true do pcall" + body + " end",
        "return xpcall" + body.substr(0, body.size() - 1) + ", function() return 'handled' end)",
        "return coroutine.resume(coroutine.create" + body + ")",
        "('x'):gsub('x', function() pcall" + body + " end) return 'survived'"}) {
    EXPECT_EQ(lua.run(code, hostile.limits).ended, Ended::kOverBudget) << code;
    expect_usable(lua);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Lua, HostileStrings,
    testing::Values(
        HostileCase{"a search that back-tracks over four runs", Ended::kOverBudget,
                    "return (('a'):rep(400)):find(('.-'):rep(4) .. 'b')"},
        HostileCase{"a match that back-tracks over optional items", Ended::kOverBudget,
                    "return (('a'):rep(100)):match(('a?'):rep(60) .. ('a'):rep(101))"},
        HostileCase{"gsub that back-tracks at each octet", Ended::kOverBudget,
                    "return (('a'):rep(3000)):gsub('(.-)(.-)(.-)b', '%1')"},
        HostileCase{"gmatch that back-tracks", Ended::kOverBudget,
                    "for a in (('a'):rep(400)):gmatch(('.*'):rep(5) .. 'b') do end"},
        HostileCase{"nested captures that back-track", Ended::kOverBudget,
                    "return (('a'):rep(200)):find('((((a*)a*)a*)a*)b')"},
        HostileCase{"a frontier looked for again and again", Ended::kOverBudget,
                    "return (('a '):rep(2000)):find('.-%f[%w].-%f[%W].-%f[z]')"},
        HostileCase{"balanced brackets that never close", Ended::kOverBudget, "return (('('):rep(5000)):find('%b()')"},
        HostileCase{"a back reference tried at each octet", Ended::kOverBudget,
                    "return (('a'):rep(20000)):find('(.*)%1b')"},
        HostileCase{"a set of many octets looked through for each", Ended::kOverBudget,
                    "return (('a'):rep(2000)):find('[' .. ('b'):rep(100000) .. ']*$')"},
        HostileCase{"a set of many octets passed again and again", Ended::kOverBudget,
                    "return (('a'):rep(20000)):find('[' .. ('ab'):rep(10000) .. ']b')"},
        HostileCase{"a plain search for a needle that nearly fits", Ended::kOverBudget,
                    "local s = ('a'):rep(100000) for i = 1, 1000 do s:find(('a'):rep(1000) .. 'b', 1, true) end"},
        HostileCase{"a pattern that is deeper than the C stack", Ended::kError,
                    "return ('a'):rep(300):find(('a?'):rep(300))"},
        HostileCase{"captures nested deeper than the C stack", Ended::kError,
                    "return ('a'):rep(300):find(('('):rep(300))"},
        HostileCase{"a pattern of a megabyte", Ended::kOverBudget, "return ('a'):find(('a?'):rep(500000))"},
        HostileCase{"one gigabyte from rep", Ended::kOverBudget, "return ('x'):rep(1e9)"},
        HostileCase{"one gigabyte from rep of a long string", Ended::kOverBudget, "return ('x'):rep(1e5):rep(1e4)"},
        HostileCase{"one gigabyte of separators", Ended::kOverBudget, "return (''):rep(1e4, ('x'):rep(1e5))"},
        HostileCase{"more than an int's octets from rep", Ended::kOverBudget, "return ('xxxx'):rep(2^31 - 1)"},
        HostileCase{"more from rep than memory allows", Ended::kNoMemory, "return ('x'):rep(2e6)", kLittleMemory},
        HostileCase{"rep that doubles until memory ends", Ended::kNoMemory,
                    "local s = 'x' while true do s = s:rep(2) end", kLittleMemory},
        HostileCase{"strings kept until memory ends", Ended::kNoMemory,
                    "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end", kLittleMemory},
        HostileCase{"gsub that makes each octet two, a million times", Ended::kOverBudget,
                    "return ('x'):rep(1e6):gsub('.', '%0%0')"},
        HostileCase{"gsub that makes much out of little", Ended::kNoMemory,
                    "return ('x'):rep(100):gsub('.', ('y'):rep(20000))", kLittleMemory},
        HostileCase{"gsub with a function that searches", Ended::kOverBudget,
                    "return ('x'):rep(1000):gsub('.', function(c) return (('a'):rep(100)):gsub('.-b', c) end)"},
        HostileCase{"gsub with a function that calls gsub, without end", Ended::kError,
                    "local function f() return (('x'):gsub('x', f)) end return f()"},
        HostileCase{
            "gsub with a table that calls gsub, without end", Ended::kError,
            "local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k) return (k:gsub('.', t)) end "
            "return ('x'):gsub('x', t)"},
        HostileCase{
            "format with a __tostring that formats, without end", Ended::kError,
            "local t = setmetatable({}, {}) getmetatable(t).__tostring = function() return ('%s'):format(t) end "
            "return ('%s '):format(t)"},
        HostileCase{"sort with an order function that sorts, without end", Ended::kError,
                    "local function f() table.sort({1, 2}, f) end f()"},
        HostileCase{"foreach that calls foreach, without end", Ended::kError,
                    "local function f() table.foreach({1}, f) end f()"},
        HostileCase{"recursion in coroutines and gsub", Ended::kError,
                    "local function f() return (('x'):gsub('x', function() return coroutine.wrap(f)() end)) end f()"},
        HostileCase{
            "sort of 100 000 elements with an order function that lies", Ended::kOverBudget,
            "local t = {} for i = 1, 16000 do t[i] = i end table.move(t, 1, 16000, 16001) table.move(t, 1, 32000, "
            "32001) table.move(t, 1, 36000, 64001) assert(#t == 100000) "
            "table.sort(t, function(a, b) return (a + b) % 2 == 0 end)",
            Limits{1'000'000, 3'600'000'000'000, std::size_t{64} << 20}},
        HostileCase{"sort with an order function that always says yes", Ended::kError,
                    "local t = {} for i = 1, 5000 do t[i] = i end table.sort(t, function() return true end)"},
        HostileCase{"sort with an order function that always says no", Ended::kOverBudget,
                    "local t = {} for i = 1, 20000 do t[i] = i end table.sort(t, function() return false end)"},
        HostileCase{"sort with an order function that empties the table", Ended::kError,
                    "local t = {} for i = 1, 1000 do t[i] = i end "
                    "table.sort(t, function(a, b) for i = 1, 1000 do t[i] = nil end return a < b end)"},
        HostileCase{"sort with an order function that makes the table longer", Ended::kOverBudget,
                    "local t, n = {}, 1000 for i = 1, n do t[i] = i end "
                    "table.sort(t, function(a, b) for i = 1, 100 do n = n + 1 t[n] = n end return a < b end)"},
        HostileCase{"sort with an order function that raises an error", Ended::kError,
                    "local t = {3, 2, 1} table.sort(t, function() error{} end)"},
        HostileCase{"sort with an order function that yields", Ended::kError,
                    "local r = coroutine.wrap(function() table.sort({3, 2, 1}, coroutine.yield) end)()"},
        HostileCase{"gsub with a function that yields", Ended::kError,
                    "local r = coroutine.wrap(function() return ('abc'):gsub('.', coroutine.yield) end)()"},
        HostileCase{"sort of long strings that differ at their ends", Ended::kOverBudget,
                    "local a, b, t = ('x'):rep(200000) .. 'a', ('x'):rep(200000) .. 'b', {} "
                    "for i = 1, 100 do t[i] = i % 2 == 0 and a or b end table.sort(t)"},
        HostileCase{
            "a quicksort's worst case", Ended::kOverBudget,
            // The order is made up while it is asked for, so that each pivot is nearly the least.
            "local n, t, solid, gas = 3000, {}, {}, 1e9 local last, filled = nil, 0 "
            "for i = 1, n do t[i] = i end "
            "local function value(i) return solid[i] or gas end "
            "table.sort(t, function(a, b) if not solid[a] and not solid[b] then filled = filled + 1 "
            "if a == last then solid[a] = filled else solid[b] = filled end end "
            "if not solid[a] then last = a elseif not solid[b] then last = b end return value(a) < value(b) end)"},
        HostileCase{"concat of a huge table", Ended::kOverBudget,
                    "local t = {} for i = 1, 1000 do t[i] = ('x'):rep(5000) end return table.concat(t)"},
        HostileCase{"concat with a huge separator", Ended::kOverBudget,
                    "local t = {} for i = 1, 1000 do t[i] = 'x' end return table.concat(t, ('y'):rep(5000))"},
        HostileCase{"concat of more than memory allows", Ended::kNoMemory,
                    "local t = {} for i = 1, 500 do t[i] = 'x' end return table.concat(t, ('y'):rep(5000))",
                    kLittleMemory},
        HostileCase{"concat of very many elements", Ended::kOverBudget,
                    "local t = {} for i = 1, 20000 do t[i] = '' end for i = 1, 100 do table.concat(t) end"},
        HostileCase{"insert at the front in a loop", Ended::kOverBudget,
                    "local t = {} for i = 1, 1e9 do table.insert(t, 1, i) end"},
        HostileCase{"insert far below the first element", Ended::kOverBudget, "table.insert({}, -1e9, 1)"},
        HostileCase{"remove from the front in a loop", Ended::kOverBudget,
                    "local t = {} for i = 1, 10000 do t[i] = i end while #t > 0 do table.remove(t, 1) end"},
        HostileCase{"move of a range without end", Ended::kOverBudget, "table.move({}, 1, 1e300, 2)"},
        HostileCase{"maxn of a large table in a loop", Ended::kOverBudget,
                    "local t = {} for i = 1, 10000 do t[i] = i end for i = 1, 1000 do table.maxn(t) end"},
        HostileCase{
            "foreachi with an empty function", Ended::kOverBudget,
            "local t = {} for i = 1, 10000 do t[i] = i end for i = 1, 1000 do table.foreachi(t, function() end) end"},
        HostileCase{"unpack in a loop", Ended::kOverBudget,
                    "local t = {} t[7000] = 1 for i = 1, 1000 do local a = unpack(t, 1, 7000) end"},
        HostileCase{"unpack of more than the stack holds", Ended::kError, "return unpack({}, 1, 1e6)"},
        HostileCase{"unpack of the whole range of numbers", Ended::kError, "return unpack({}, -2^31, 2^31 - 1)"},
        HostileCase{"byte of more than the stack holds", Ended::kError, "return ('x'):rep(1e5):byte(1, -1)"},
        HostileCase{"the longest numbers in a loop", Ended::kOverBudget,
                    "for i = 1, 2000 do string.format('%99.99f', 1e308) end"},
        HostileCase{"very many directives", Ended::kOverBudget,
                    "local f = ('%%'):rep(50000) for i = 1, 100 do string.format(f) end"},
        HostileCase{"%s of long strings", Ended::kOverBudget,
                    "local s = ('x'):rep(1e5) for i = 1, 1000 do string.format('%s%s%s', s, s, s) end"},
        HostileCase{"%q of long strings", Ended::kOverBudget,
                    "local s = ('\\0'):rep(1e5) for i = 1, 100 do string.format('%q', s) end"},
        HostileCase{"%s of more than memory allows", Ended::kNoMemory,
                    "local s = ('x'):rep(2e5) return string.format(('%s'):rep(10), s, s, s, s, s, s, s, s, s, s)",
                    kLittleMemory},
        HostileCase{"format with more arguments missing than there are", Ended::kError,
                    "return string.format(('%s'):rep(5000), 1)"},
        HostileCase{"upper, lower and reverse of long strings in a loop", Ended::kOverBudget,
                    "local s = ('x'):rep(1e5) for i = 1, 1000 do s:upper() s:lower() s:reverse() end"},
        HostileCase{"sub of long strings in a loop", Ended::kOverBudget,
                    "local s = ('x'):rep(1e5) for i = 1, 1000 do s:sub(2) end"}));

TEST(StringLibrary, KeepsNoLongBlockThatAnErrorLeft) {
  test::OurLua lua;
  lua.run("return ('ab'):rep(2)");
  lua_gc(lua.state().get(), LUA_GCCOLLECT, 0);
  const std::size_t before = lua.state().memory_octets();
  EXPECT_EQ(lua.run("local s = ('x'):rep(1e5) return ('%s%s%s%d'):format(s, s, s, 'x')").ended, Ended::kError);
  EXPECT_EQ(lua.run("return ('ab'):rep(2)").text, R"("abab")");
  lua_gc(lua.state().get(), LUA_GCCOLLECT, 0);
  EXPECT_LT(lua.state().memory_octets(), before + 80'000);
}

// What one evaluation leaves behind must not make the next ones poorer.
TEST(StringLibrary, KeepsNoLongBlockAfterUse) {
  test::OurLua lua;
  const auto run = [&] { return lua.run("return #('x'):rep(300000)", kLittleMemory).ended; };
  ASSERT_EQ(run(), Ended::kReturned);
  lua_gc(lua.state().get(), LUA_GCCOLLECT, 0);
  const std::size_t before = lua.state().memory_octets();
  EXPECT_LT(before, 300'000u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(run(), Ended::kReturned);
  lua_gc(lua.state().get(), LUA_GCCOLLECT, 0);
  EXPECT_LT(lua.state().memory_octets(), before + 10'000);
}

TEST(StringLibrary, KeepsNestedStringsApart) {
  test::OurLua lua;
  // Between two calls of the function, gsub's own string grows over where the first call made its.
  const auto nested = lua.run(
      "return (('abcdef'):gsub('%w', function(c) pcall(string.format, c:rep(50) .. '%d', 'x') "
      "return (c:gsub('.', function(d) return d:rep(3) .. ('%s'):format(d:upper()) end)) end))");
  EXPECT_EQ(nested.text, R"("aaaAbbbBcccCdddDeeeEfffF")");
}

// An error leaves a long string unfinished; what comes next runs deeper in the C stack than what failed.
TEST(StringLibrary, ForgetsUnfinishedStringsWhenItShortensTheirBlock) {
  test::OurLua lua;
  for (int depth = 0; depth < 40; ++depth) {
    const std::string code =
        "local long = ('x'):rep(100000) "
        "local function deeper(n) if n == 0 then return ('ab'):rep(3) end return coroutine.wrap(deeper)(n - 1) end "
        "('x'):gsub('x', function() pcall(string.format, '%s%s%s%d', long, long, long, 'x') end) "
        "return deeper(" +
        std::to_string(depth) + ")";
    EXPECT_EQ(lua.run(code).text, R"("ababab")");
  }
}

[[gnu::noinline]] std::string run_deeper(test::OurLua& lua, const char* code, std::size_t frame) {
  auto* const place = static_cast<volatile char*>(__builtin_alloca(frame));
  place[0] = '\0';
  return lua.run(code).text + place[0];
}

TEST(StringLibrary, ForgetsAStringThatMemoryDidNotSufficeFor) {
  test::OurLua lua;
  EXPECT_EQ(lua.run("return ('x'):rep(100):gsub('.', ('y'):rep(20000))", kLittleMemory).ended, Ended::kNoMemory);
  EXPECT_EQ(run_deeper(lua, "return ('ab'):rep(3)", 4096).substr(0, 8), R"("ababab")");
}

TEST(StringLibrary, CountsStepsForWhatItDoes) {
  test::OurLua lua;
  const auto steps = [&](const char* code) {
    EXPECT_EQ(lua.run(code).ended, Ended::kReturned) << code;
    return lua.state().meter().used();
  };
  EXPECT_GE(steps("return #('x'):rep(160000)"), 10'000u);
  EXPECT_GE(steps("return (('x'):rep(1000)):find('y.*')"), 1'000u);
  EXPECT_GE(steps("local t = {} t[1000] = 1 table.insert(t, -1000, 1)"), 1'000u);
  EXPECT_GE(steps("return select('#', unpack({}, 1, 5000))"), 5'000u);
  EXPECT_GE(steps("return (('a'):rep(1000)):find('[' .. ('b'):rep(800) .. 'a]*$')"), 100'000u);
  EXPECT_GE(steps("return select('#', ('x'):rep(5000):byte(1, -1))"), 5'000u);
  EXPECT_GE(steps("return #(('%%'):rep(5000)):format()"), 5'000u);
  EXPECT_GE(steps("return #('%q'):format(('\\0'):rep(8000))"), 8'000u);
  EXPECT_GE(steps("return #('%q'):format(('x'):rep(80000))"), 30'000u);
  const char* const make = "local t = {} for i = 1, 1000 do t[i] = -i end ";
  EXPECT_GE(steps((std::string(make) + "table.sort(t)").c_str()), steps(make) + 8'000u);
  const std::string halves = "local s = ('x'):rep(160000) .. '|' .. ('x'):rep(160000) return ";
  EXPECT_GE(steps((halves + "s:find('^(x*)|%1')").c_str()), steps((halves + "s:find('^(x*)|')").c_str()) + 9'000u);
  EXPECT_LT(steps("return ('a.b.c'):gsub('%.', '-')"), 200u);
  EXPECT_LT(steps("return ('%d.%d'):format(1, 2)"), 200u);
}

}  // namespace
}  // namespace sdns::lua
