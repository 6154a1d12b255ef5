// SPDX-License-Identifier: MIT
#include "lua/location_memo.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sdns::lua {
namespace {

dns::IpAddress address(const std::string& text) { return *dns::IpAddress::parse(text); }

std::shared_ptr<const Geo> geo_of(double latitude) {
  GeoConfig config;
  config.networks.push_back({.network = *dns::IpNetwork::parse("192.0.2.0/24"), .where = Coordinates{latitude, 5}});
  config.networks.push_back({.network = *dns::IpNetwork::parse("10.0.0.0/8"), .where = Coordinates{-latitude, 6}});
  config.networks.push_back({.network = *dns::IpNetwork::parse("2001:db8::/32"), .where = Coordinates{latitude, 7}});
  return *Geo::open(config);
}

TEST(LocationMemo, SaysWhatTheDatabaseSaysTheFirstTimeAndLater) {
  LocationMemo memo;
  const auto geo = geo_of(50);
  memo.use(geo.get());
  for (int turn = 0; turn < 2; ++turn) {
    for (const char* text : {"192.0.2.1", "192.0.3.1", "10.1.2.3", "2001:db8::1", "2001:db9::1", "0.0.0.0", "::"}) {
      const GeoLocation location = memo.locate(address(text));
      const GeoLocation looked_up = geo->locate(address(text));
      EXPECT_EQ(location.bits, looked_up.bits) << text;
      EXPECT_EQ(location.where, looked_up.where) << text;
    }
  }
}

TEST(LocationMemo, KnowsNothingOfFormerData) {
  LocationMemo memo;
  EXPECT_FALSE(memo.locate(address("192.0.2.1")).where);
  const auto first = geo_of(50);
  memo.use(first.get());
  EXPECT_EQ(memo.locate(address("192.0.2.1")).where, (Coordinates{50, 5}));
  const auto second = geo_of(51);
  memo.use(second.get());
  EXPECT_EQ(memo.locate(address("192.0.2.1")).where, (Coordinates{51, 5}));
  memo.use(nullptr);
  EXPECT_FALSE(memo.locate(address("192.0.2.1")).where);
}

// Far more than there are places: they drive each other out.
TEST(LocationMemo, MixesNoAddressesUp) {
  LocationMemo memo;
  const auto geo = geo_of(50);
  memo.use(geo.get());
  for (int turn = 0; turn < 2; ++turn) {
    for (int number = 0; number < 60'000; ++number) {
      const bool ours = number % 2 == 0;
      const auto text = fmt::format("{}.{}.{}.1", ours ? 10 : 11, number >> 8, number & 255);
      ASSERT_EQ(memo.locate(address(text)).where.has_value(), ours) << text;
    }
  }
}

}  // namespace
}  // namespace sdns::lua
