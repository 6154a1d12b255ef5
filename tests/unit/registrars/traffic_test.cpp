// SPDX-License-Identifier: MIT
#include "registrars/traffic.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace sdns::registrars {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct TrafficTest : testing::Test {
  sdns::test::ManualClock clock;
  Traffic traffic;
  std::optional<milliseconds> enter(const Pace& pace, const std::string& account = "a") {
    return traffic.enter(account, pace, clock.now());
  }
};

TEST_F(TrafficTest, KeepsTheSpacingBetweenTheStartsOfCalls) {
  const Pace pace{milliseconds(1100), 0, {}, false};
  EXPECT_FALSE(enter(pace));
  clock.advance(milliseconds(100));
  EXPECT_EQ(enter(pace), milliseconds(1000));
  clock.advance(milliseconds(1000));
  EXPECT_FALSE(enter(pace));
}

TEST_F(TrafficTest, LetsOneCallRunAtATimeWhereTheRegistrarWantsIt) {
  const Pace pace{{}, 0, {}, true};
  EXPECT_FALSE(enter(pace));
  EXPECT_TRUE(enter(pace));
  EXPECT_FALSE(enter(pace, "b")) << "another account is not held up";
  traffic.leave("a");
  EXPECT_FALSE(enter(pace));
}

TEST_F(TrafficTest, CountsCallsInASlidingWindow) {
  const Pace pace{{}, 2, seconds(60), false};
  EXPECT_FALSE(enter(pace));
  clock.advance(seconds(20));
  EXPECT_FALSE(enter(pace));
  clock.advance(seconds(10));
  EXPECT_EQ(enter(pace), seconds(30)) << "the first of them is 30 s old";
  clock.advance(seconds(30));
  EXPECT_FALSE(enter(pace));
  EXPECT_EQ(enter(pace), seconds(20));
}

TEST_F(TrafficTest, StaysAwayForAsLongAsTheRegistrarSaid) {
  traffic.hold_off("a", clock.now() + seconds(30));
  traffic.hold_off("a", clock.now() + seconds(10));
  EXPECT_EQ(enter({}), seconds(30));
  clock.advance(seconds(30));
  EXPECT_FALSE(enter({}));
}

TEST_F(TrafficTest, GivesTheRightToWriteForADomainToOneAtATime) {
  const dns::Name domain = *dns::Name::parse("example.com");
  const dns::Name other = *dns::Name::parse("example.net");
  {
    const Traffic::WriteLock first(traffic, "ovh", domain);
    EXPECT_TRUE(first.held());
    {
      const Traffic::WriteLock second(traffic, "ovh", domain);
      EXPECT_FALSE(second.held());
    }
    EXPECT_FALSE(Traffic::WriteLock(traffic, "ovh", domain).held()) << "whoever did not get it does not give it away";
    EXPECT_TRUE(Traffic::WriteLock(traffic, "ovh", other).held());
    EXPECT_TRUE(Traffic::WriteLock(traffic, "dynadot", domain).held());
  }
  EXPECT_TRUE(Traffic::WriteLock(traffic, "ovh", domain).held());
}

TEST_F(TrafficTest, AccountKeysTellAccountsApartAndNotTheirCredentials) {
  EXPECT_EQ(traffic.account_key("ovh", "s3cret"), traffic.account_key("ovh", "s3cret"));
  EXPECT_NE(traffic.account_key("ovh", "s3cret"), traffic.account_key("ovh", "s3creu"));
  EXPECT_EQ(traffic.account_key("ovh", "s3cret").find("s3cret"), std::string::npos);
  EXPECT_NE(Traffic().account_key("ovh", "s3cret"), traffic.account_key("ovh", "s3cret"));
}

}  // namespace
}  // namespace sdns::registrars
