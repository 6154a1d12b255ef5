// SPDX-License-Identifier: MIT
#include "backend/daemon/wanted_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sdns::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::UnorderedElementsAre;

class WantedChecksTest : public testing::Test {
 protected:
  std::vector<std::string> ask(zone::ZoneId zone, const std::vector<std::string>& identities) {
    std::vector<std::string> fresh;
    wanted_.ask(zone, identities, fresh);
    return fresh;
  }
  SteadyTime after(int seconds) { return SteadyTime{} + std::chrono::seconds(seconds); }
  WantedChecks wanted_{std::chrono::seconds(60), SteadyTime{}, {.of_one_zone = 3, .of_all = 5}};
};

TEST_F(WantedChecksTest, AreNewOnce) {
  EXPECT_THAT(ask(1, {"a", "b", "a"}), ElementsAre("a", "b"));
  EXPECT_THAT(ask(2, {"b", "c"}), ElementsAre("c"));
}

TEST_F(WantedChecksTest, AreLetGoWhenNobodyAskedForALife) {
  ask(1, {"a", "b"});
  EXPECT_FALSE(wanted_.turn(after(59)));
  EXPECT_THAT(wanted_.turn(after(60)), Optional(IsEmpty())) << "they may have been asked for just now";
  ask(1, {"b"});
  EXPECT_THAT(wanted_.turn(after(120)), Optional(ElementsAre("a")));
  EXPECT_THAT(wanted_.turn(after(180)), Optional(ElementsAre("b")));
  EXPECT_EQ(wanted_.size(), 0U);
  EXPECT_THAT(ask(1, {"a"}), ElementsAre("a"));
}

TEST_F(WantedChecksTest, OfOneZoneAreLimitedAndNoOtherZonePays) {
  EXPECT_THAT(ask(1, {"a", "b", "c", "d", "e"}), ElementsAre("a", "b", "c"));
  EXPECT_EQ(wanted_.refused(), 2U);
  EXPECT_EQ(wanted_.refused_zone(), 1U);
  EXPECT_THAT(ask(2, {"d", "e", "f"}), ElementsAre("d", "e")) << "five at all";
  EXPECT_EQ(wanted_.refused(), 3U);
  wanted_.turn(after(60));
  EXPECT_THAT(wanted_.turn(after(120)), Optional(UnorderedElementsAre("a", "b", "c", "d", "e")));
  EXPECT_THAT(ask(1, {"x", "y", "z"}), ElementsAre("x", "y", "z")) << "what is gone does not count";
}

TEST_F(WantedChecksTest, OfTargetPoolsAreLimitedWithAllOthers) {
  EXPECT_THAT(ask(0, {"a", "b", "c", "d", "e", "f"}), ElementsAre("a", "b", "c", "d", "e"));
}

}  // namespace
}  // namespace sdns::daemon
