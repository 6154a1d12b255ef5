// SPDX-License-Identifier: MIT
#include "lua/state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <lua.hpp>
#include <string>
#include <vector>

namespace sdns::lua {
namespace {

constexpr std::size_t kBudget = std::size_t{1} << 20;
constexpr Limits kLimits{kUnlimited.steps, kUnlimited.time_nanoseconds, kBudget};
constexpr std::size_t kSweepStep = 8192;  // the most by which a share is more than it may be

struct Chunk {
  explicit Chunk(std::string code) : source(std::move(code)) {}
  std::string source;
  int reference = -1;
  std::string said;
};

int compile_and_keep(lua_State* state) {
  Chunk& chunk = *static_cast<Chunk*>(lua_touserdata(state, 1));
  if (luaL_loadbufferx(state, chunk.source.data(), chunk.source.size(), "=chunk", "t") != 0) return lua_error(state);
  chunk.reference = keep(state);
  return 0;
}

int call_kept(lua_State* state) {
  Chunk& chunk = *static_cast<Chunk*>(lua_touserdata(state, 1));
  push_kept(state, chunk.reference);
  lua_call(state, 0, 1);
  if (lua_isstring(state, -1)) chunk.said = lua_tostring(state, -1);
  return 0;
}

class StateTest : public testing::Test {
 protected:
  StateTest() {
    lua_pushcfunction(state_->get(), luaopen_string);
    lua_call(state_->get(), 0, 0);
  }

  Chunk compiled(std::string source) {
    Chunk chunk(std::move(source));
    EXPECT_EQ(state_->run(compile_and_keep, &chunk, kUnlimited, error_), Ended::kReturned) << error_;
    return chunk;
  }
  std::vector<Chunk> many(int count) {
    std::vector<Chunk> chunks;
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(i);
      chunks.push_back(
          compiled("local t = {'192.0.2." + number + "', '198.51.100.1'} return t[1] .. '" + number + "'"));
    }
    return chunks;
  }
  Ended run(Chunk& chunk) {
    const Ended ended = state_->run(call_kept, &chunk, kLimits, error_);
    most_octets_ = std::max(most_octets_, state_->memory_octets());
    return ended;
  }

  std::unique_ptr<State> state_ = State::make();
  std::string error_;
  std::size_t most_octets_ = 0;
};

// What a state may come to, of which `live` octets are in use: a cycle begins, the state grows while it is collected,
// and what was added meanwhile goes in the next one.
std::size_t bound(std::size_t live) {
  const std::size_t begin = live + kMostGarbage;
  return 2 * begin + kCollectBacklog / kCollectPace + kBudget;
}

TEST_F(StateTest, StaysBoundedAndNoShareIsLargeWhenEvaluationsAddLittle) {
  std::vector<Chunk> chunks = many(20'000);
  const std::size_t live = state_->memory_octets();
  for (std::size_t i = 0; i < 100'000; ++i) ASSERT_EQ(run(chunks[i * 7 % chunks.size()]), Ended::kReturned) << error_;
  EXPECT_LE(most_octets_, bound(live));
  EXPECT_GE(state_->collected().cycles, 3U);
  EXPECT_LE(state_->collected().most_work, kCollectShare + kSweepStep);
  EXPECT_GT(state_->collected().work, state_->collected().cycles * live)
      << "what is swept counts for the time it takes";
  EXPECT_GT(state_->collected().work, 20 * state_->collected().most_work) << "it was in many shares";
  for (std::size_t i = 0; i < chunks.size(); i += 501) {
    ASSERT_EQ(run(chunks[i]), Ended::kReturned) << error_;
    EXPECT_EQ(chunks[i].said, "192.0.2." + std::to_string(i) + std::to_string(i)) << "it was kept";
  }
}

struct Garbage {
  const char* what;
  const char* source;
};
class Garbages : public StateTest, public testing::WithParamInterface<Garbage> {};

TEST_P(Garbages, StayBoundedAndAShareIsInProportionToWhatWasAdded) {
  std::vector<Chunk> chunks = many(5'000);
  const std::size_t live = state_->memory_octets();
  Chunk garbage = compiled(GetParam().source);
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(run(garbage), Ended::kReturned) << error_;
  EXPECT_LE(most_octets_, bound(live));
  EXPECT_GE(state_->collected().cycles, 10U);
  EXPECT_LE(state_->collected().most_work, kBudget * kCollectPace + kSweepStep);
}
INSTANTIATE_TEST_SUITE_P(
    State, Garbages,
    testing::Values(Garbage{"tables", "for i = 1, 4000 do local t = {i} end"},
                    Garbage{"strings", "n = (n or 0) + 1 local s = n .. '' for i = 1, 800 do s = s .. i % 10 end"},
                    Garbage{"a long string", "n = (n or 0) + 1 return ('x'):rep(300000 + n)"},
                    Garbage{"one table", "local t = {} for i = 1, 30000 do t[i] = i end"},
                    Garbage{"functions", "for i = 1, 4000 do local f = function() return i end end"}),
    [](const auto& given) {
      std::string name = given.param.what;
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

TEST_F(StateTest, WhatAnEvaluationMayAddDoesNotRestOnWhatRanBefore) {
  Chunk within = compiled("for i = 1, 9 do local s = ('x'):rep(50000 + i) .. '' end");
  Chunk beyond = compiled("for i = 1, 9 do local s = ('x'):rep(60000 + i) .. ('y'):rep(60000 + i) end");
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(run(within), Ended::kReturned) << "evaluation " << i << ": " << error_;
    ASSERT_EQ(run(beyond), Ended::kNoMemory) << "evaluation " << i;
  }
}

TEST_F(StateTest, WhatIsDroppedIsCollectedAndItsReferenceIsUsedAgain) {
  Chunk other = compiled("return 'other'");
  std::size_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    Chunk chunk = compiled("return '" + std::to_string(i) + "'");
    EXPECT_EQ(chunk.reference, 1);
    ASSERT_EQ(run(chunk), Ended::kReturned);
    ASSERT_EQ(chunk.said, std::to_string(i));
    state_->drop(chunk.reference);
    most = std::max(most, state_->memory_octets());
  }
  EXPECT_LE(most, std::size_t{4} << 20);
  Chunk first = compiled("return 'first'");
  Chunk second = compiled("return 'second'");
  for (Chunk* chunk : {&other, &first, &second}) {
    ASSERT_EQ(run(*chunk), Ended::kReturned);
    EXPECT_EQ(chunk->source, "return '" + chunk->said + "'");
  }
}

TEST_F(StateTest, TheTableOfAllStringsGrowsForNoEvaluationAlone) {
  Chunk keeps = compiled("kept = {} for i = 1, 131000 do kept[i] = 'kept' .. i end");
  ASSERT_EQ(state_->run(call_kept, &keeps, kUnlimited, error_), Ended::kReturned) << error_;
  Chunk adds = compiled("n = (n or 0) + 1 for i = 1, 10 do local s = 'new' .. n .. '.' .. i end");
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(run(adds), Ended::kReturned) << "evaluation " << i << ": " << error_;
}

int add_finalizers(lua_State* state) {
  for (int i = 0; i < 100; ++i) {
    lua_newuserdata(state, 8);
    lua_newtable(state);
    lua_pushcfunction(state, [](lua_State* in) { return luaL_error(in, "a finalizer fails"); });
    lua_setfield(state, -2, "__gc");
    lua_setmetatable(state, -2);
    lua_settop(state, 1);
  }
  return 0;
}

TEST_F(StateTest, AFinalizerThatFailsEndsNothing) {
  Chunk garbage = compiled("n = (n or 0) + 1 return ('x'):rep(300000 + n)");
  for (int i = 0; i < 100; ++i) {
    if (i % 10 == 0) {
      ASSERT_EQ(state_->run(add_finalizers, nullptr, kLimits, error_), Ended::kReturned);
    }
    ASSERT_EQ(run(garbage), Ended::kReturned) << error_;
  }
  EXPECT_GE(state_->collected().cycles, 3U);
  EXPECT_EQ(lua_gettop(state_->get()), 0);
}

}  // namespace
}  // namespace sdns::lua
