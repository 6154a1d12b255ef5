// SPDX-License-Identifier: MIT
// The records of tests/data/lua/hostile.txt, one after the other in one runtime, and the breaker that leaves alone what
// overruns.
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>

#include "tests/unit/lua/runtime_fixture.h"

namespace sdns::lua {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<std::string> hostile_records() {
  std::vector<std::string> records;
  std::ifstream in(SDNS_LUA_HOSTILE);
  EXPECT_TRUE(in) << SDNS_LUA_HOSTILE;
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && !line.starts_with("--")) records.push_back(line);
  return records;
}

std::uint64_t thread_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

class HostileRecords : public RuntimeTest {
 protected:
  // Reads what another record could have changed.
  void expect_unharmed(const std::string& after) {
    EXPECT_EQ(
        said("; local t = {3, 1, 2} table.sort(t) return {tostring(leaked), ('ab'):rep(2), table.concat(t), "
             "tostring(pcall(error)), pickfirst({'p'}), bestwho:toString(), coroutine.wrap(function() return 7 end)()}",
             dns::kTXT),
        "nil abab 123 false p 192.0.2.1 7")
        << "after " << after;
  }

  // What it takes to catch 65 536 errors: several times as many as pcall()s can be nested on Lua's stack.
  std::uint64_t nanoseconds_of_errors() {
    RuntimeOptions options;
    options.limits.steps = options.limits.time_nanoseconds = std::numeric_limits<std::uint64_t>::max() / 4;
    Runtime runtime(options, clock_);
    Script script(
        *parse_record("A \"; for i = 1, 65536 do pcall(error, 'an error') end return '192.0.2.1'\"", ChunkJoin::kAuto));
    const std::uint64_t before = thread_nanoseconds();
    evaluate(runtime, script, nullptr);
    const std::uint64_t took = thread_nanoseconds() - before;
    EXPECT_EQ(values_.failure, Failure::kNone) << values_.error;
    return took;
  }
};

TEST_F(HostileRecords, GiveNothingAndHarmNoOther) {
  const auto records = hostile_records();
  EXPECT_GT(records.size(), 70U);
  for (const std::string& record : records) {
    for (int round = 0; round < 2; ++round) {
      const Values& values = run("; leaked = 1 " + (record.starts_with(';') ? record.substr(1) : "return " + record));
      EXPECT_NE(values.failure, Failure::kNone)
          << record << "\n  gives " << (values.contents.empty() ? "" : values.contents[0]);
      EXPECT_TRUE(values.contents.empty()) << record;
      EXPECT_FALSE(values.error.empty()) << record;
      EXPECT_LE(values.error.size(), 1000U) << record;
      EXPECT_LE(runtime_.memory_octets(), std::size_t{64} << 20) << record;
      expect_unharmed(record);
    }
  }
}

// The time is the thread's own, and ten times what it may be and what 65 536 errors take, which is measured here and
// now: this machine and this build may be slow. What is not metered takes a hundred times what it may. A record that
// nests pcall() leaves each of them by an error of its own, thousands of them.
TEST_F(HostileRecords, EndWithinTheBudgetThatIsTheDefault) {
  constexpr std::uint64_t kMostAtOnce = (std::uint64_t{1} << 30) / 16;  // that a string of so many octets would take
  const RuntimeOptions options;
  const std::uint64_t errors_take = nanoseconds_of_errors();
  for (const std::string& record : hostile_records()) {
    for (const bool explained : {false, true}) {
      Runtime runtime(options, clock_);
      Script script(*parse_record("A \"" + record + '"', ChunkJoin::kAuto));
      Trace trace;
      const std::uint64_t before = thread_nanoseconds();
      evaluate(runtime, script, explained ? &trace : nullptr);
      const std::uint64_t took = thread_nanoseconds() - before;
      const unsigned times = record.find("pcall(f)") == std::string::npos ? 1 : 4;
      EXPECT_LE(took, 10 * options.limits.time_nanoseconds + times * errors_take) << record;
      EXPECT_LE(runtime.steps_used(), options.limits.steps + kMostAtOnce) << record;
      EXPECT_NE(values_.failure, Failure::kNone) << record;
      EXPECT_LE(trace.steps.size(), Trace::kMostSteps + 1) << record;
    }
  }
}

class Breaker : public RuntimeTest {
 protected:
  Breaker() { library_.libraries["mode"] = {"LUA \"slow = true\""}; }
  Failure run_once() { return run(script_).failure; }
  void overrun(int times) {
    for (int i = 0; i < times; ++i) EXPECT_EQ(run_once(), Failure::kOverBudget) << i;
  }
  void mend() { library_.libraries["mode"] = {"LUA \"slow = false\""}; }
  Script script_{*parse_record("A \"; include('mode') while slow do end return '192.0.2.1'\"", ChunkJoin::kAuto)};
};

TEST_F(Breaker, OpensAtTheThirdOverrunInARow) {
  overrun(3);
  EXPECT_EQ(run_once(), Failure::kBrokenOff);
  EXPECT_EQ(runtime_.steps_used(), 0U) << "it is not run";
  clock_.advance(milliseconds(999));
  EXPECT_EQ(run_once(), Failure::kBrokenOff);
}

TEST_F(Breaker, StaysClosedWhenOverrunsAreNotInARow) {
  for (int i = 0; i < 5; ++i) {
    library_.libraries["mode"] = {"LUA \"slow = true\""};
    overrun(2);
    mend();
    EXPECT_EQ(run_once(), Failure::kNone);
  }
}

TEST_F(Breaker, TriesOnceAfterABreakWhichDoublesUpToTheLongest) {
  overrun(3);
  for (const int length : {1, 2, 4, 8, 16, 32, 60, 60}) {
    clock_.advance(seconds(length) - milliseconds(1));
    EXPECT_EQ(run_once(), Failure::kBrokenOff) << length;
    clock_.advance(milliseconds(1));
    EXPECT_EQ(run_once(), Failure::kOverBudget) << length;
    EXPECT_EQ(run_once(), Failure::kBrokenOff) << length;
  }
}

TEST_F(Breaker, ClosesWithTheFirstAnswer) {
  overrun(3);
  mend();
  EXPECT_EQ(run_once(), Failure::kBrokenOff) << "nobody looks before the break is over";
  clock_.advance(seconds(1));
  EXPECT_EQ(run_once(), Failure::kNone);
  EXPECT_EQ(values_.contents, std::vector<std::string>{"192.0.2.1"});
  library_.libraries["mode"] = {"LUA \"slow = true\""};
  overrun(3);
  clock_.advance(seconds(1));
  EXPECT_EQ(run_once(), Failure::kOverBudget) << "the shortest break again";
}

TEST_F(Breaker, AnErrorIsNoOverrun) {
  Script broken(*parse_record("A \"error('x')\"", ChunkJoin::kAuto));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(run(broken).failure, Failure::kError);
}

}  // namespace
}  // namespace sdns::lua
