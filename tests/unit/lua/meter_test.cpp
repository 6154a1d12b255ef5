// SPDX-License-Identifier: MIT
#include "lua/meter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace sdns::lua {
namespace {

TEST(Meter, CountsSteps) {
  Meter meter;
  meter.start({.steps = 5'000, .time_nanoseconds = kUnlimited.time_nanoseconds});
  EXPECT_TRUE(meter.spend(4'000));
  EXPECT_TRUE(meter.tick(500));
  EXPECT_EQ(meter.used(), 4'500U);
  EXPECT_FALSE(meter.spend(500));
  EXPECT_FALSE(meter.spend(1)) << "from then on";
  EXPECT_TRUE(meter.over());
  meter.start({.steps = 5'000, .time_nanoseconds = kUnlimited.time_nanoseconds});
  EXPECT_TRUE(meter.spend(4'999));
}

TEST(Meter, AThreadThatHasToWaitIsNotOverItsTime) {
  Meter meter;
  meter.start({.steps = kUnlimited.steps, .time_nanoseconds = 400'000'000});
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_TRUE(meter.tick(1));
  EXPECT_TRUE(meter.tick(1));
  const auto begin = std::chrono::steady_clock::now();
  while (meter.tick(1)) {
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(190)) << "half of its time";
}

TEST(Meter, WithoutTimeNothingRuns) {
  Meter meter;
  meter.start({.steps = kUnlimited.steps, .time_nanoseconds = 0});
  EXPECT_FALSE(meter.tick(1));
}

}  // namespace
}  // namespace sdns::lua
