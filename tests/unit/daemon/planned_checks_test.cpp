// SPDX-License-Identifier: MIT
#include "backend/daemon/planned_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sdns::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> ask(PlannedChecks& planned, const std::string& identity) {
  std::vector<std::string> fresh;
  planned.ask(identity, fresh);
  return fresh;
}

TEST(PlannedChecks, ACheckIsNewOnce) {
  PlannedChecks planned;
  EXPECT_THAT(ask(planned, "a"), ElementsAre("a"));
  EXPECT_THAT(ask(planned, "a"), IsEmpty());
  planned.forget("a");
  EXPECT_THAT(ask(planned, "a"), ElementsAre("a")) << "it is checked again";
}

TEST(PlannedChecks, WhatNobodyAsksForGoesAfterTwoWholeTurns) {
  PlannedChecks planned;
  ask(planned, "a");
  ask(planned, "b");
  EXPECT_THAT(planned.turn(), IsEmpty());
  ask(planned, "a");
  EXPECT_THAT(planned.turn(), IsEmpty());
  EXPECT_THAT(planned.turn(), ElementsAre("b"));
  EXPECT_THAT(planned.turn(), ElementsAre("a"));
  EXPECT_EQ(planned.size(), 0U);
}

}  // namespace
}  // namespace sdns::daemon
