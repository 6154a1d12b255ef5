// SPDX-License-Identifier: MIT
#include "backend/daemon/wanted_checks.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sdns::daemon {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class WantedChecksTest : public testing::Test {
 protected:
  using Asker = WantedChecks::Asker;
  std::vector<std::string> ask(const Asker& asker, const std::vector<std::string>& identities) {
    std::vector<std::string> fresh;
    wanted_.ask(asker, identities, fresh);
    return fresh;
  }
  SteadyTime after(int turns) { return SteadyTime{} + turns * seconds(60); }
  void limit(const CheckLimits& limits) { wanted_ = WantedChecks(seconds(60), SteadyTime{}, limits); }
  // Checks of as many URLs at one address.
  static std::vector<std::string> pages(int count, const std::string& address, const std::string& options = "") {
    std::vector<std::string> identities;
    for (int i = 0; i < count; ++i) identities.push_back(fmt::format("url http://x/{} from {}{}", i, address, options));
    return identities;
  }
  WantedChecks wanted_{seconds(60), SteadyTime{}, {.of_an_account = 3, .of_all = 5}};
};

TEST_F(WantedChecksTest, AreNewOnce) {
  EXPECT_THAT(ask({1}, {"a", "b", "a"}), ElementsAre("a", "b"));
  EXPECT_THAT(ask({2}, {"b", "c"}), ElementsAre("c"));
}

TEST_F(WantedChecksTest, AreLetGoWhenNobodyAskedForALife) {
  ask({1}, {"a", "b"});
  EXPECT_FALSE(wanted_.turn(after(1) - seconds(1)));
  EXPECT_THAT(wanted_.turn(after(1)), Optional(IsEmpty())) << "they may have been asked for just now";
  ask({1}, {"b"});
  EXPECT_THAT(wanted_.turn(after(2)), Optional(ElementsAre("a")));
  EXPECT_THAT(wanted_.turn(after(3)), Optional(ElementsAre("b")));
  EXPECT_EQ(wanted_.size(), 0U);
  EXPECT_THAT(ask({1}, {"a"}), ElementsAre("a"));
}

TEST_F(WantedChecksTest, OfOneZoneAreLimitedAndNoOtherZonePays) {
  EXPECT_THAT(ask({1}, {"a", "b", "c", "d", "e"}), ElementsAre("a", "b", "c"));
  EXPECT_EQ(wanted_.refused().times, 2U);
  EXPECT_EQ(wanted_.refused().zone, 1U);
  EXPECT_EQ(wanted_.refused().limit, "checks of an account");
  EXPECT_THAT(ask({2}, {"d", "e", "f"}), ElementsAre("d", "e")) << "five at all";
  EXPECT_EQ(wanted_.refused().times, 3U);
  EXPECT_EQ(wanted_.refused().limit, "checks of all");
  wanted_.turn(after(1));
  EXPECT_THAT(wanted_.turn(after(2)), Optional(UnorderedElementsAre("a", "b", "c", "d", "e")));
  EXPECT_THAT(ask({1}, {"x", "y", "z"}), ElementsAre("x", "y", "z")) << "what is gone does not count";
}

TEST_F(WantedChecksTest, OfZonesWithOneAccountAreLimitedTogether) {
  EXPECT_THAT(ask({1, "acme"}, {"a", "b"}), SizeIs(2));
  EXPECT_THAT(ask({2, "acme"}, {"c", "d"}), ElementsAre("c"));
  EXPECT_THAT(ask({3}, {"d"}), ElementsAre("d"));
}

TEST_F(WantedChecksTest, OfTargetPoolsAreLimitedWithAllOthers) {
  EXPECT_THAT(ask({}, {"a", "b", "c", "d", "e", "f"}), ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(WantedChecksTest, AreLimitedInTheirSize) {
  limit({.octets_of_a_check = 9, .octets_of_an_account = 20, .octets_of_all = 30});
  EXPECT_THAT(ask({1}, {"0123456789"}), IsEmpty());
  EXPECT_EQ(wanted_.refused().limit, "octets of a check");
  EXPECT_THAT(ask({1}, {"012345678", "123456789", "345"}), SizeIs(2));
  EXPECT_EQ(wanted_.refused().limit, "octets of an account's checks");
  EXPECT_THAT(ask({2}, {"234567890", "456", "567"}), SizeIs(2));
  EXPECT_EQ(wanted_.refused().limit, "octets of all checks");
}

// Rates are what the interval makes of a number of checks.
TEST_F(WantedChecksTest, OfAnAccountAreLimitedInTheirRate) {
  limit({.interval = seconds(5), .probes_of_an_account = 2, .probes_of_a_target = 1000});
  EXPECT_THAT(ask({1}, pages(11, "192.0.2.1")), SizeIs(10)) << "two a second, each every five seconds";
  EXPECT_EQ(wanted_.refused().limit, "probes of an account");
  EXPECT_THAT(ask({2}, pages(3, "192.0.2.1", " interval=1")), SizeIs(2));
}

// Nobody may have a stranger flooded, nor use up what others may have probed of a target that they share.
TEST_F(WantedChecksTest, OfATargetAreLimitedInTheirRate) {
  limit({.interval = seconds(5), .probes_of_a_target = 2});
  EXPECT_THAT(ask({1, "acme"}, pages(6, "192.0.2.1")), SizeIs(5)) << "half of two a second";
  EXPECT_EQ(wanted_.refused().limit, "an account's probes of a target");
  EXPECT_THAT(ask({2, "acme"}, pages(6, "192.0.2.1", " timeout=3")), IsEmpty()) << "the same account";
  EXPECT_THAT(ask({2, "acme"}, pages(5, "192.0.2.2")), SizeIs(5)) << "another target";
  EXPECT_THAT(ask({3}, pages(5, "192.0.2.1", " timeout=4")), SizeIs(5));
  EXPECT_THAT(ask({4}, pages(1, "192.0.2.1", " timeout=5")), IsEmpty());
  EXPECT_EQ(wanted_.refused().limit, "probes of a target");
  EXPECT_THAT(ask({}, pages(9, "192.0.2.1", " timeout=6")), SizeIs(9)) << "target pools are the operator's";
  wanted_.turn(after(1));
  wanted_.turn(after(2));
  EXPECT_THAT(ask({4}, pages(5, "192.0.2.1")), SizeIs(5)) << "what is gone does not count";
}

// ifurlextup: where the host is is not known here.
TEST_F(WantedChecksTest, OfAHostAreLimitedInTheirRate) {
  limit({.interval = seconds(5), .probes_of_a_target = 2});
  EXPECT_THAT(ask({1}, {"url http://x.example/1", "url http://X.example/2", "url http://u:p@x.example/3",
                        "url http://x.example?4", "url http://x.example#5", "url http://x.example/6",
                        "url http://y.example/7"}),
              SizeIs(6));
}

}  // namespace
}  // namespace sdns::daemon
