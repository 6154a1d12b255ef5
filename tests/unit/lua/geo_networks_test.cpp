// SPDX-License-Identifier: MIT
// The table of networks, and on how much of an address a lookup rests.
#include <gtest/gtest.h>

#include "lua/geo.h"
#include "tests/unit/lua/geo_rows.h"

namespace sdns::lua {
namespace {

TEST(GeoNetworks, TheLongestPrefixThatHasAValueWins) {
  const auto geo = opened(table({{.network = net("10.0.0.0/8"), .region = "Office", .country = "NL"},
                                 {.network = net("10.1.0.0/16"), .region = "", .country = "DE"},
                                 {.network = net("10.1.2.3/32"), .region = "DESK"}}));
  EXPECT_EQ(text_of(*geo, ip("10.9.9.9"), GeoAttribute::kRegion), "office");
  EXPECT_EQ(text_of(*geo, ip("10.1.1.1"), GeoAttribute::kRegion), "office");
  EXPECT_EQ(text_of(*geo, ip("10.1.1.1"), GeoAttribute::kCountry), "de");
  EXPECT_EQ(text_of(*geo, ip("10.1.2.3"), GeoAttribute::kRegion), "desk");
  EXPECT_EQ(text_of(*geo, ip("10.1.2.3"), GeoAttribute::kCountry2), "de");
  EXPECT_EQ(text_of(*geo, ip("11.0.0.0"), GeoAttribute::kRegion), "");
}

struct BitsCase {
  const char* what;
  const char* address;
  const char* country;
  std::uint8_t bits;
};
class GeoNetworkBits : public testing::TestWithParam<BitsCase> {};
TEST_P(GeoNetworkBits, AreEnoughAndNoMore) {
  const auto geo = opened(table({{.network = net("10.0.0.0/8"), .country = "NL"},
                                 {.network = net("10.1.0.0/16"), .country = "DE"},
                                 {.network = net("10.3.0.0/16"), .region = "elsewhere"},
                                 {.network = net("192.0.2.0/24"), .country = "US"},
                                 {.network = net("2001:db8::/32"), .country = "JP"},
                                 {.network = net("2001:db8::1/128"), .country = "NZ"}}));
  std::string scratch;
  const GeoValue value = geo->lookup(ip(GetParam().address), GeoAttribute::kCountry, scratch);
  EXPECT_EQ(value.text, GetParam().country) << GetParam().what;
  EXPECT_EQ(value.bits, GetParam().bits) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(Geo, GeoNetworkBits,
                         testing::Values(BitsCase{"a network without others inside of it", "10.1.2.3", "de", 16},
                                         BitsCase{"one inside has to be excluded", "10.2.3.4", "nl", 15},
                                         BitsCase{"the nearer the more", "10.0.255.255", "nl", 16},
                                         BitsCase{"one that has no value does not count", "10.3.3.3", "nl", 15},
                                         BitsCase{"far from the one inside", "10.128.0.1", "nl", 9},
                                         BitsCase{"a miss", "11.0.0.0", "", 8},
                                         BitsCase{"a miss that is farther away", "64.0.0.0", "", 2},
                                         BitsCase{"a miss next to a short prefix", "128.0.0.0", "", 2},
                                         BitsCase{"a miss next to a long prefix", "192.0.3.0", "", 24},
                                         BitsCase{"a whole address", "2001:db8::1", "nz", 128},
                                         BitsCase{"next to a whole address", "2001:db8::", "jp", 128},
                                         BitsCase{"IPv6 away from it", "2001:db8:8000::", "jp", 33},
                                         BitsCase{"an IPv6 miss", "::ffff:10.1.2.3", "", 3}));

TEST(GeoNetworks, OfOneNetworkTheFirstRowWins) {
  const auto geo = opened(table({{.network = net("10.0.0.0/8"), .country = "NL"},
                                 {.network = net("10.5.0.0/8"), .region = "ab", .country = "DE"}}));
  EXPECT_EQ(text_of(*geo, ip("10.0.0.1"), GeoAttribute::kCountry), "nl");
  EXPECT_EQ(text_of(*geo, ip("10.0.0.1"), GeoAttribute::kRegion), "ab");
}

TEST(GeoNetworks, CountBeforeAllDatabases) {
  GeoConfig config = table({{.network = net("192.0.2.0/30"), .country = "AQ", .where = Coordinates{-80, 100}}});
  config.databases = {database("city.mmdb")};
  const auto geo = opened(config);
  EXPECT_EQ(text_of(*geo, ip("192.0.2.1"), GeoAttribute::kCountry), "aq");
  EXPECT_EQ(bits_of(*geo, ip("192.0.2.1"), GeoAttribute::kCountry), 30);
  EXPECT_EQ(text_of(*geo, ip("192.0.2.1"), GeoAttribute::kRegion), "nh");
  EXPECT_EQ(text_of(*geo, ip("192.0.2.1"), GeoAttribute::kLocation), "-80.000000 100.000000");
  EXPECT_EQ(geo->locate(ip("192.0.2.1")).where, (Coordinates{-80, 100}));
  EXPECT_EQ(geo->locate(ip("192.0.2.1")).bits, 30);
  // Not in the table, which had to be asked.
  EXPECT_EQ(text_of(*geo, ip("192.0.2.5"), GeoAttribute::kCountry), "nl");
  EXPECT_EQ(bits_of(*geo, ip("192.0.2.5"), GeoAttribute::kCountry), 30);
  EXPECT_EQ(geo->locate(ip("192.0.2.5")).bits, 30);
}

// Small numbers of networks close together, so that they are inside of each other and next to each other.
std::vector<GeoNetwork> random_networks(test::SeededRandom& random) {
  std::vector<GeoNetwork> networks;
  const std::size_t count = 1 + random.below(12);
  for (std::size_t i = 0; i < count; ++i) {
    GeoNetwork row;
    row.network = random.below(3) == 0 ? dns::IpNetwork{neighbour(ip("2001:db8::"), 24, random), 0}
                                       : dns::IpNetwork{neighbour(ip("192.0.2.0"), 22, random), 0};
    const std::uint8_t most = row.network.address.bits();
    row.network.bits = static_cast<std::uint8_t>(random.below(4) == 0 ? random.below(most + 1U)
                                                                      : most - random.below(most == 32 ? 12 : 110));
    if (random.below(3) > 0) row.country = "c" + std::to_string(i);
    if (random.below(3) > 0) row.where = Coordinates{double(i), 0};
    networks.push_back(row);
  }
  return networks;
}

TEST(GeoBits, EveryAddressThatSharesThemGetsTheSame) {
  test::SeededRandom random(11);
  std::size_t hits = 0;
  for (int round = 0; round < 400; ++round) {
    GeoConfig config = table(random_networks(random));
    if (round % 4 == 0) config.databases = {database("city.mmdb"), database("asn.mmdb")};
    const auto geo = opened(config);
    for (int query = 0; query < 20; ++query) {
      const auto& row = rows()[random.below(rows().size())].network.address;
      const auto near = config.networks[random.below(config.networks.size())].network.address;
      const auto& start = random.below(2) == 0 ? row : near;
      const auto address = neighbour(start, static_cast<unsigned>(random.below(start.bits() + 1U)), random);
      for (const GeoAttribute attribute : {GeoAttribute::kCountry, GeoAttribute::kAsn, GeoAttribute::kLocation}) {
        std::string scratch;
        const GeoValue value = geo->lookup(address, attribute, scratch);
        if (!value.text.empty()) ++hits;
        for (int other = 0; other < 20; ++other) {
          const auto sharing = neighbour(address, value.bits, random);
          ASSERT_EQ(text_of(*geo, sharing, attribute), value.text) << address.text() << " and " << sharing.text();
          ASSERT_EQ(bits_of(*geo, sharing, attribute), value.bits) << address.text() << " and " << sharing.text();
        }
      }
      const auto location = geo->locate(address);
      for (int other = 0; other < 20; ++other) {
        const auto sharing = geo->locate(neighbour(address, location.bits, random));
        ASSERT_EQ(sharing.where, location.where) << address.text();
        ASSERT_EQ(sharing.bits, location.bits) << address.text();
      }
    }
  }
  EXPECT_GT(hits, 2'000U);
}

TEST(GeoBits, AreTheFewestForTheTable) {
  test::SeededRandom random(12);
  for (int round = 0; round < 300; ++round) {
    const auto networks = random_networks(random);
    const auto geo = opened(table(networks));
    const auto near = networks[random.below(networks.size())].network.address;
    const auto address = neighbour(near, static_cast<unsigned>(random.below(near.bits() + 1U)), random);
    const std::uint8_t bits = bits_of(*geo, address, GeoAttribute::kCountry);
    // With one bit less, a network of the table would be partly in and partly out.
    if (bits == 0) continue;
    const dns::IpNetwork shorter{address.masked(static_cast<std::uint8_t>(bits - 1)),
                                 static_cast<std::uint8_t>(bits - 1)};
    bool divided = false;
    for (const auto& row : networks)
      divided =
          divided || (!row.country.empty() && row.network.bits >= bits && shorter.contains(row.network.network()));
    EXPECT_TRUE(divided) << address.text() << " " << int{bits};
  }
}

}  // namespace
}  // namespace sdns::lua
