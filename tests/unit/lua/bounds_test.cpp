// SPDX-License-Identifier: MIT
// How much a record may read, rest on and leave behind; each bound with what is said beyond it.
#include <fmt/format.h>

#include "tests/unit/lua/runtime_fixture.h"

namespace sdns::lua {
namespace {

struct BoundCase {
  const char* name;
  Failure failure;
  const char* error;
  std::string most;  // the code at the bound
  std::string over;  // one more
};
void PrintTo(const BoundCase& bound, std::ostream* out) { *out << bound.name; }

std::string times(int count, const std::string& code) {
  return fmt::format("; for i = 1, {} do {} end return '192.0.2.9'", count, code);
}
std::string list_of(int count, const std::string& entry, const std::string& call) {
  return fmt::format("; local t = {{}} for i = 1, {} do t[i] = {} end {} return '192.0.2.9'", count, entry, call);
}

class Bounds : public RuntimeTest, public testing::WithParamInterface<BoundCase> {
 protected:
  // Of one record, whatever its steps are.
  Bounds() : roomy_(roomy(), clock_) {}
  static RuntimeOptions roomy() {
    RuntimeOptions options = patient();
    options.limits.steps = 100'000'000;
    options.limits.memory_octets = std::size_t{64} << 20;
    return options;
  }
  const Values& run_roomy(const std::string& code) {
    Script script(*parse_record("A \"" + code + '"', ChunkJoin::kAuto));
    evaluate(roomy_, script, &trace_);
    return values_;
  }
  Runtime roomy_;
};

TEST_P(Bounds, AreSaid) {
  const BoundCase& bound = GetParam();
  EXPECT_EQ(run_roomy(bound.most).failure, Failure::kNone) << values_.error;
  EXPECT_EQ(run_roomy(bound.over).failure, bound.failure);
  EXPECT_NE(values_.error.find(bound.error), std::string::npos) << values_.error;
  EXPECT_TRUE(values_.contents.empty());
}

constexpr const char* kLong = "a list has more than 4096 entries";
INSTANTIATE_TEST_SUITE_P(
    All, Bounds,
    testing::Values(
        BoundCase{"checks", Failure::kOverBudget, "it asks for more than 256 health checks",
                  times(256, "ifportup(i, {'192.0.2.1'})"), times(257, "ifportup(i, {'192.0.2.1'})")},
        BoundCase{"pools", Failure::kOverBudget, "it names more than 64 target pools",
                  times(64, "pcall(pool, 'p' .. i)"), times(65, "pcall(pool, 'p' .. i)")},
        BoundCase{"includes", Failure::kOverBudget, "it includes more than 64 libraries",
                  times(64, "include('n' .. i)"), times(65, "include('n' .. i)")},
        BoundCase{"names", Failure::kOverBudget, "it looks up more than 64 names", times(64, "dblookup('n' .. i, 1)"),
                  times(65, "dblookup('n' .. i, 1)")},
        BoundCase{"octets", Failure::kOverBudget, "are more than 65536 octets",
                  times(64, "dblookup(('x'):rep(1020) .. 1000 + i, 1)"),
                  times(64, "dblookup(('x'):rep(1020) .. 1000 + i, 1)").replace(0, 1, "; include('x')")},
        BoundCase{"entries of a list", Failure::kError, kLong, list_of(4096, "'192.0.2.1'", "pickclosest(t)"),
                  list_of(4097, "'192.0.2.1'", "pickclosest(t)")},
        BoundCase{"groups", Failure::kError, kLong, list_of(4096, "{'192.0.2.1'}", "pickfirst(t)"),
                  list_of(4097, "{}", "pickfirst(t)")},
        BoundCase{"weights", Failure::kError, kLong, list_of(4096, "{1, 'a'}", "pickwrandom(t)"),
                  list_of(4097, "{1, 'a'}", "pickwrandom(t)")},
        BoundCase{"networks", Failure::kError, kLong, list_of(4096, "'10.0.0.0/8'", "netmask(t)"),
                  list_of(4097, "'10.0.0.0/8'", "netmask(t)")},
        BoundCase{"rules", Failure::kError, kLong, list_of(4096, "{{}, {}}", "view(t)"),
                  list_of(4097, "{{}, {}}", "view(t)")},
        BoundCase{"countries", Failure::kError, kLong, list_of(4096, "'nl'", "country(t)"),
                  list_of(4097, "'nl'", "country(t)")},
        BoundCase{"masks", Failure::kError, kLong, list_of(4096, "'10.0.0.0/8'", "newNMG(t)"),
                  list_of(4097, "'10.0.0.0/8'", "newNMG(t)")},
        BoundCase{"addresses", Failure::kError, kLong, list_of(4096, "'10.0.0.1'", "newCAS():add(t)"),
                  list_of(4097, "'10.0.0.1'", "newCAS():add(t)")},
        BoundCase{"results", Failure::kError, kLong, list_of(4096, "i", "if t then return t end"),
                  list_of(4097, "i", "if t then return t end")},
        BoundCase{"octets of a list", Failure::kError, "the texts of a list have more than 262144 octets",
                  list_of(256, "('x'):rep(1024)", "pickrandom(t)"), list_of(257, "('x'):rep(1024)", "pickrandom(t)")},
        BoundCase{"a result's octets", Failure::kError, "it returned more than 262144 octets", "('x'):rep(262144)",
                  "('x'):rep(262145)"},
        BoundCase{"exceptions", Failure::kError, "the table has more than 4096 entries",
                  "; local t = {} for i = 0, 4095 do t['10.0.' .. (i - i % 256) / 256 .. '.' .. i % 256] = 'x' end "
                  "createReverse('x', t) return '192.0.2.9'",
                  "; local t = {} for i = 0, 4096 do t['10.0.' .. (i - i % 256) / 256 .. '.' .. i % 256] = 'x' end "
                  "createReverse('x', t) return '192.0.2.9'"},
        BoundCase{"format", Failure::kError, "the format has more than 1024 octets", "createReverse(('x'):rep(1024))",
                  "createReverse(('x'):rep(1025))"},
        BoundCase{"URL", Failure::kError, "a URL has more than 4096 octets", "ifurlup(('x'):rep(4096), {'192.0.2.1'})",
                  "ifurlup(('x'):rep(4097), {'192.0.2.1'})"},
        BoundCase{"option", Failure::kError, "the option useragent has more than 4096 octets",
                  "pickfirst({'a'}, {useragent=('x'):rep(4096)})", "pickfirst({'a'}, {useragent=('x'):rep(4097)})"},
        BoundCase{"headers", Failure::kError, "the headers are more than 64",
                  "; local h = {} for i = 1, 64 do h['h' .. i] = 'x' end return pickfirst({'a'}, {headers=h})",
                  "; local h = {} for i = 1, 65 do h['h' .. i] = 'x' end return pickfirst({'a'}, {headers=h})"},
        BoundCase{"fallbacks", Failure::kError, "there are more than 256 fallbacks",
                  "; local h = {} for i = 1, 256 do h[i] = 'x' end return pickfirst({'a'}, {fallback=h})",
                  "; local h = {} for i = 1, 257 do h[i] = 'x' end return pickfirst({'a'}, {fallback=h})"}),
    [](const auto& each) {
      std::string name;
      for (const char c : std::string_view(each.param.name))
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
      return name;
    });

using Evidences = RuntimeTest;

TEST_F(Evidences, WhatWasNamedBeforeIsNotCountedAgain) {
  EXPECT_EQ(said("; for i = 1, 400 do dblookup('n' .. i % 64, 1) include('n' .. i % 64) pcall(pool, 'n' .. i % 64) end "
                 "return '192.0.2.9'"),
            "192.0.2.9");
  EXPECT_EQ(values_.evidence.names.size(), 64U);
}

TEST_F(Evidences, BeyondItsBoundNothingIsKeptAndNoPcallGoesOn) {
  run("; for i = 1, 1e6 do pcall(dblookup, 'n' .. i, 1) end return '192.0.2.9'");
  EXPECT_EQ(values_.failure, Failure::kOverBudget);
  EXPECT_EQ(values_.evidence.names.size(), 64U);
  EXPECT_EQ(said("; while true do end"), "!it took too long") << "the reason is that evaluation's own";
}

TEST(TraceOfAnEvaluation, IsCutAndCounted) {
  Trace trace;
  for (int i = 0; i < 2'005; ++i) trace.add("where", std::string(1'000, 'x'), true, "why");
  for (int i = 0; i < 207; ++i) trace.note(std::string(1'000, 'x'));
  trace.finish();
  ASSERT_EQ(trace.steps.size(), 2'001U);
  EXPECT_EQ(trace.steps[1'999].candidate.size(), 500U);
  EXPECT_EQ(trace.steps[2'000].candidate, "and 5 more");
  ASSERT_EQ(trace.notes.size(), 201U);
  EXPECT_EQ(trace.notes[199].size(), 500U);
  EXPECT_EQ(trace.notes[200], "and 7 more");
  trace.add("where", "x", true, "why");
  trace.finish();
  EXPECT_EQ(trace.steps.size(), 2'001U);
  EXPECT_EQ(trace.steps[2'000].candidate, "and 6 more") << "a second evaluation goes on counting";
}

TEST_F(Evidences, TheTraceOfALongListEndsWithHowManyMoreThereAre) {
  EXPECT_NE(said("; local t = {} for i = 1, 2500 do t[i] = '192.0.2.1' end all(t) return '192.0.2.9'"), "");
  ASSERT_EQ(trace_.steps.size(), 2'001U);
  EXPECT_EQ(trace_.steps.back().candidate, "and 500 more");
}

TEST_F(Evidences, TheTraceSaysWhatEachCheckSaidAndWhatTheRuleMadeOfIt) {
  set_health({"tcp 10.0.0.1:443 for=192.0.2.1"}, health::Verdict::kUp);
  set_health({"tcp 10.0.0.1:25 for=192.0.2.1"}, health::Verdict::kDown);
  EXPECT_EQ(said("ifportup(443, {'192.0.2.1'}, {probe='10.0.0.1', checks={{port=25}, {port=80}}, rule='any'})"),
            "192.0.2.1");
  std::vector<std::string> steps;
  for (const TraceStep& step : trace_.steps)
    steps.push_back(step.candidate + (step.kept ? " + " : " - ") + step.where + " " + step.why);
  ASSERT_GE(steps.size(), 4U);
  steps.resize(4);
  EXPECT_EQ(steps, (std::vector<std::string>{
                       "192.0.2.1 + health up (tcp 10.0.0.1:443 for=192.0.2.1)",
                       "192.0.2.1 + health down (tcp 10.0.0.1:25 for=192.0.2.1)",
                       "192.0.2.1 + health unknown (tcp 10.0.0.1:80 for=192.0.2.1)",
                       "192.0.2.1 + rule up: 1 of 3 checks up, 1 down; the rule is any",
                   }));
  trace_ = {};
  EXPECT_EQ(said("ifportup(443, {'192.0.2.1'}, {checks={{port=25}}, rule=1, probe={['192.0.2.9']='10.0.0.9'}})"),
            "192.0.2.1");
  EXPECT_EQ(trace_.notes, (std::vector<std::string>{"probe names 192.0.2.9, which is not in the list"}));
  trace_ = {};
  EXPECT_EQ(said("ifportup(443, {'192.0.2.1'}, {rule='any'})"), "192.0.2.1");
  EXPECT_EQ(trace_.notes, (std::vector<std::string>{"rule has no effect with fewer than two checks"}));
}

TEST_F(Evidences, TracingTakesNoSteps) {
  Script script(
      *parse_record("A \"pickclosest({'192.0.2.1', '192.0.2.2', '192.0.2.3'}, {port=80})\"", ChunkJoin::kAuto));
  evaluate(runtime_, script, nullptr);
  const std::uint64_t steps = runtime_.steps_used();
  EXPECT_GT(steps, 100U);
  evaluate(runtime_, script, &trace_);
  EXPECT_FALSE(trace_.steps.empty());
  EXPECT_EQ(runtime_.steps_used(), steps);
}

TEST_F(Evidences, ALibraryIsCompiledOnceWhateverRunsIt) {
  library_.libraries["lib"] = {"LUA \"" + std::string(3'000, ' ') + "count = (count or 0) + 1\""};
  EXPECT_EQ(said("; include('lib') include('lib') return count", dns::kTXT), "2");
  const std::uint64_t first = runtime_.steps_used();
  EXPECT_EQ(said("; include('lib') include('lib') return count", dns::kTXT), "2") << "in an environment of its own";
  EXPECT_LT(runtime_.steps_used() + 2'000, first);
  library_.libraries["lib"] = {"LUA \"count = 'another'\""};
  EXPECT_EQ(said("; include('lib') return count", dns::kTXT), "another");
}

TEST_F(Evidences, LibrariesThatAreTooManyToKeepStillRun) {
  for (int i = 0; i < 600; ++i) {
    library_.libraries["lib"] = {fmt::format("LUA \"count = {}\"", i)};
    ASSERT_EQ(said("; include('lib') return count", dns::kTXT), std::to_string(i));
  }
}

}  // namespace
}  // namespace sdns::lua
