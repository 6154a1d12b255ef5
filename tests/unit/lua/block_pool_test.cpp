// SPDX-License-Identifier: MIT
#include "lua/block_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace sdns::lua {
namespace {

TEST(BlockPool, GivesWhatWasFreedToTheNextOfThatSize) {
  BlockPool pool;
  void* const first = pool.resize(nullptr, 0, 33);
  pool.free(first, 33);
  void* const larger = pool.resize(nullptr, 0, 49);
  EXPECT_NE(larger, first);
  void* const same = pool.resize(nullptr, 0, 48);
  EXPECT_EQ(same, first);
  pool.free(same, 48);
  pool.free(larger, 49);
  pool.free(nullptr, 0);
}

// Like realloc(): what a block holds survives, in any order of sizes.
TEST(BlockPool, KeepsContents) {
  BlockPool pool;
  std::mt19937 random(7);
  struct Held {
    void* block;
    std::string octets;
  };
  std::vector<Held> held;
  const auto size = [&random] { return std::size_t{1 + random() % (random() % 8 == 0 ? 2'000 : 300)}; };
  for (int turn = 0; turn < 20'000; ++turn) {
    const std::size_t at = random() % 64;
    if (at >= held.size()) {
      const std::size_t wanted = size();
      held.push_back({pool.resize(nullptr, 0, wanted), std::string(wanted, static_cast<char>(turn))});
      std::memcpy(held.back().block, held.back().octets.data(), wanted);
      continue;
    }
    Held& one = held[at];
    ASSERT_EQ(std::memcmp(one.block, one.octets.data(), one.octets.size()), 0) << turn;
    if (turn % 3 == 0) {
      pool.free(one.block, one.octets.size());
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
      continue;
    }
    const std::size_t wanted = size();
    one.block = pool.resize(one.block, one.octets.size(), wanted);
    ASSERT_EQ(std::memcmp(one.block, one.octets.data(), std::min(one.octets.size(), wanted)), 0) << turn;
    one.octets.assign(wanted, static_cast<char>(turn));
    std::memcpy(one.block, one.octets.data(), wanted);
  }
  for (const Held& one : held) pool.free(one.block, one.octets.size());
}

}  // namespace
}  // namespace sdns::lua
