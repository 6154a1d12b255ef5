// SPDX-License-Identifier: MIT
#include "lua/select.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <unordered_map>

#include "tests/support/seeded_random.h"

namespace sdns::lua {
namespace {

using testing::ElementsAre;

dns::IpAddress ip(std::string_view text) {
  const auto parsed = dns::IpAddress::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(dns::IpAddress());
}

std::string wire(std::string_view dotted) {
  std::string out;
  while (!dotted.empty()) {
    const std::size_t size = std::min(dotted.find('.'), dotted.size());
    out += static_cast<char>(size);
    out += dotted.substr(0, size);
    dotted.remove_prefix(std::min(size + 1, dotted.size()));
  }
  return out + '\0';
}

struct AddressHash {
  const char* address;
  std::uint32_t hash;
};
class HashAddress : public testing::TestWithParam<AddressHash> {};
TEST_P(HashAddress, IsPowerDns) { EXPECT_EQ(hash_address(ip(GetParam().address)), GetParam().hash); }
INSTANTIATE_TEST_SUITE_P(Select, HashAddress,
                         testing::Values(AddressHash{"127.0.0.1", 4196678856}, AddressHash{"1.2.3.0", 4209512405},
                                         AddressHash{"192.0.2.1", 3312216360}, AddressHash{"192.0.2.0", 1089457031},
                                         AddressHash{"198.51.100.0", 1337944138}, AddressHash{"10.0.0.1", 1025235157},
                                         AddressHash{"0.0.0.0", 2305145833}, AddressHash{"::", 1030211419},
                                         AddressHash{"2001:db8::", 429933902}, AddressHash{"2001:db8::1", 104545022}));

TEST(HashName, IsPowerDnsAndDoesNotSeeLetterCase) {
  EXPECT_EQ(hash_name(wire("test.namehashed.example.org")), 1903138504U);
  EXPECT_EQ(hash_name(wire("test2.namehashed.example.org")), 1631520935U);
  EXPECT_EQ(hash_name(wire("TEST.NameHashed.Example.ORG")), 1903138504U);
}

TEST(JenkinsHash, OfTheTextsOfPoints) {
  EXPECT_EQ(jenkins_hash("1.2.3.4-0", 0), 2127524561U);
  EXPECT_EQ(jenkins_hash("1.2.3.4-1", 0), 1208733610U);
  EXPECT_EQ(jenkins_hash("4.3.2.1-0", 0), 402799723U);
}

TEST(JenkinsHash, EveryOctetAndTheInitialValueCount) {
  for (std::size_t size = 1; size <= 40; ++size) {
    const std::string text(size, 'a');
    const std::uint32_t hash = jenkins_hash(text, 0);
    EXPECT_NE(jenkins_hash(text, 1), hash);
    EXPECT_NE(jenkins_hash(text + '\0', 0), hash);
    for (std::size_t i = 0; i < size; ++i) {
      std::string other = text;
      other[i] = '\xE1';  // the highest bit too
      EXPECT_NE(jenkins_hash(other, 0), hash) << size << " octets, octet " << i;
    }
  }
}

// PowerDNS reads the list into such a table, key by key.
std::vector<std::uint32_t> real_walk(std::size_t size) {
  std::unordered_map<int, int> table;
  for (std::size_t key = 1; key <= size; ++key) table.insert({static_cast<int>(key), 0});
  std::vector<std::uint32_t> order;
  for (const auto& entry : table) order.push_back(static_cast<std::uint32_t>(entry.first - 1));
  return order;
}

TEST(WalkOrder, IsThatOfARealHashTable) {
  for (std::size_t size = 0; size <= 600; ++size) {
    const auto order = walk_order(size);
    ASSERT_EQ(std::vector(order.begin(), order.end()), real_walk(size)) << size;
  }
}

TEST(WalkOrder, IsThatOfARealHashTableWhereItGrows) {
  for (const std::size_t size : {1109,  1110,  2357,  2358,  5087,   5088,   10273,  10274,  20753,  20754,
                                 42043, 42044, 85229, 85230, 172933, 172934, 351061, 351062, 712697, 712698}) {
    const auto order = walk_order(size);
    ASSERT_EQ(std::vector(order.begin(), order.end()), real_walk(size)) << size;
  }
}

TEST(PickWeighted, WalksBackwardsAsPowerDnsDoes) {
  // PowerDNS's own test of picknamehashed: {{15,'1.2.3.4'},{42,'4.3.2.1'}}.
  const std::vector<std::uint32_t> weights{15, 42};
  EXPECT_EQ(pick_weighted(weights, hash_name(wire("test.namehashed.example.org")) % 57), 0U);
  EXPECT_EQ(pick_weighted(weights, hash_name(wire("test2.namehashed.example.org")) % 57), 1U);
  EXPECT_EQ(pick_weighted(weights, hash_address(ip("127.0.0.1")) % 57), 0U);
  EXPECT_EQ(pick_weighted(weights, hash_address(ip("192.0.2.1")) % 57), 0U);
  EXPECT_EQ(pick_weighted(weights, hash_address(ip("198.51.100.0")) % 57), 1U);
}

TEST(PickWeighted, AnEntryWinsAsOftenAsItsWeight) {
  const std::vector<std::uint32_t> weights{3, 0, 5, 1};
  std::vector<std::size_t> backwards;
  std::vector<std::size_t> forwards;
  for (std::uint64_t drawn = 0; drawn < 9; ++drawn) {
    backwards.push_back(pick_weighted(weights, drawn));
    forwards.push_back(pick_weighted_in_order(weights, drawn));
  }
  EXPECT_THAT(backwards, ElementsAre(3, 2, 2, 2, 2, 2, 0, 0, 0));
  EXPECT_THAT(forwards, ElementsAre(0, 0, 0, 2, 2, 2, 2, 2, 3));
}

TEST(PickWeighted, TheSumMayPass32Bits) {
  const std::vector<std::uint32_t> weights{0xFFFF'FFFF, 0xFFFF'FFFF};
  EXPECT_EQ(pick_weighted(weights, 0xFFFF'FFFE), 1U);
  EXPECT_EQ(pick_weighted(weights, 0xFFFF'FFFF), 0U);
  EXPECT_EQ(pick_weighted(weights, 0x1'FFFF'FFFD), 0U);
  const std::vector<std::uint32_t> three(3, 0xFFFF'FFFF);
  EXPECT_EQ(pick_weighted(three, 0x1'0000'0000), 1U);
  EXPECT_EQ(pick_weighted_in_order(three, 0x1'FFFF'FFFE), 2U);
}

TEST(HashCircle, PicksAsPowerDnsDoes) {
  const std::vector<WeightedText> entries{{15, "1.2.3.4"}, {42, "4.3.2.1"}};
  const HashCircle circle(entries);
  EXPECT_EQ(circle.pick(hash_address(ip("127.0.0.1"))), 1U);
  EXPECT_EQ(circle.pick(hash_address(ip("192.0.2.1"))), 1U);
  EXPECT_EQ(circle.pick(hash_address(ip("198.51.100.0"))), 0U);
  EXPECT_EQ(circle.pick(hash_address(ip("2001:db8::1"))), 1U);
}

TEST(HashCircle, TheFirstPointIsAfterTheLast) {
  const std::vector<WeightedText> entries{{1, "1.2.3.4"}, {1, "4.3.2.1"}};  // points 2127524561 and 402799723
  const HashCircle circle(entries);
  EXPECT_EQ(circle.pick(0), 1U);
  EXPECT_EQ(circle.pick(402799723), 1U);
  EXPECT_EQ(circle.pick(402799724), 0U);
  EXPECT_EQ(circle.pick(2127524561), 0U);
  EXPECT_EQ(circle.pick(2127524562), 1U);
  EXPECT_EQ(circle.pick(std::numeric_limits<std::uint32_t>::max()), 1U);
}

TEST(HashCircle, NothingWithoutPoints) {
  EXPECT_EQ(HashCircle({}).pick(7), std::nullopt);
  const std::vector<WeightedText> weightless{{0, "1.2.3.4"}, {0, "4.3.2.1"}};
  EXPECT_EQ(HashCircle(weightless).pick(7), std::nullopt);
}

TEST(HashCircle, OfOneValueTheWeightSeenLastInTheWalkWins) {
  const std::vector<WeightedText> twice{{1, "1.2.3.4"}, {300, "4.3.2.1"}, {200, "1.2.3.4"}};
  const std::vector<WeightedText> once{{1, "1.2.3.4"}, {300, "4.3.2.1"}};
  const HashCircle circle(twice);
  const HashCircle expected(once);
  test::SeededRandom random(4);
  for (int round = 0; round < 1000; ++round) {
    const auto hash = static_cast<std::uint32_t>(random.next());
    ASSERT_EQ(circle.pick(hash), expected.pick(hash)) << hash;
  }
}

TEST(HashCircle, AnEntryThatLeavesTakesNobodyElseAlong) {
  const std::vector<WeightedText> three{{50, "192.0.2.1"}, {50, "192.0.2.2"}, {50, "192.0.2.3"}};
  const HashCircle all(three);
  const HashCircle fewer(std::span<const WeightedText>(three).first(2));
  test::SeededRandom random(5);
  std::size_t moved = 0;
  for (int round = 0; round < 10'000; ++round) {
    const auto hash = static_cast<std::uint32_t>(random.next());
    if (all.pick(hash) == 2U) ++moved;
    else ASSERT_EQ(all.pick(hash), fewer.pick(hash));
  }
  EXPECT_GT(moved, 2'000U);
  EXPECT_LT(moved, 4'700U);
}

struct DistanceCase {
  const char* what;
  Coordinates from;
  Coordinates to;
  double planar;
  double kilometres;
};
class DistanceTest : public testing::TestWithParam<DistanceCase> {};
TEST_P(DistanceTest, IsTheSameBothWays) {
  const DistanceCase& row = GetParam();
  EXPECT_DOUBLE_EQ(distance(row.from, row.to, Distance::kPlanar), row.planar) << row.what;
  EXPECT_DOUBLE_EQ(distance(row.to, row.from, Distance::kPlanar), row.planar) << row.what;
  EXPECT_NEAR(distance(row.from, row.to, Distance::kGreatCircle), row.kilometres, 1) << row.what;
  EXPECT_NEAR(distance(row.to, row.from, Distance::kGreatCircle), row.kilometres, 1) << row.what;
}
INSTANTIATE_TEST_SUITE_P(
    Select, DistanceTest,
    testing::Values(DistanceCase{"the same place", {52, 5}, {52, 5}, 0, 0},
                    DistanceCase{"a quarter of the equator", {0, 0}, {0, 90}, 8100, 10007.5},
                    DistanceCase{"half of the equator", {0, 0}, {0, 180}, 32400, 20015.1},
                    DistanceCase{"pole to pole", {90, 0}, {-90, 0}, 32400, 20015.1},
                    DistanceCase{"over the antimeridian", {0, 179}, {0, -179}, 4, 222.4},
                    DistanceCase{"over the antimeridian and the equator", {1, -175}, {-2, 170}, 234, 1700.4},
                    DistanceCase{"longitude shrinks near the pole", {80, 0}, {80, 60}, 3600, 1107.7},
                    DistanceCase{"Amsterdam to New York", {52.25, 5}, {40.75, -74}, 6373.25, 5870.9}));

TEST(Closest, TheAntimeridianIsNoBarrier) {
  std::vector<std::size_t> nearest;
  const std::vector<Coordinates> candidates{{0, 0}, {0, 170}};
  closest({0, -170}, candidates, Distance::kPlanar, nearest);
  EXPECT_THAT(nearest, ElementsAre(1));
}

TEST(Closest, EquallyCloseOnesAreAllThere) {
  std::vector<std::size_t> nearest{77};  // appended to
  const std::vector<Coordinates> candidates{{5, 5}, {1, 0}, {0, -1}, {3, 3}, {0, 1}};
  closest({0, 0}, candidates, Distance::kPlanar, nearest);
  EXPECT_THAT(nearest, ElementsAre(77, 1, 2, 4));
}

TEST(Closest, NothingOutOfNothing) {
  std::vector<std::size_t> nearest;
  closest({0, 0}, {}, Distance::kPlanar, nearest);
  EXPECT_TRUE(nearest.empty());
}

TEST(Closest, TheKindOfDistanceDecides) {
  // Due east at 80 degrees north is near on the ground and far in degrees.
  const std::vector<Coordinates> candidates{{80, 60}, {60, 0}};
  std::vector<std::size_t> planar;
  std::vector<std::size_t> ground;
  closest({80, 0}, candidates, Distance::kPlanar, planar);
  closest({80, 0}, candidates, Distance::kGreatCircle, ground);
  EXPECT_THAT(planar, ElementsAre(1));
  EXPECT_THAT(ground, ElementsAre(0));
}

TEST(LatLonText, HasSixDecimals) {
  EXPECT_EQ(latlon_text({52.5, -5.25}), "52.500000 -5.250000");
  EXPECT_EQ(latlon_text({0, 0}), "0.000000 0.000000");
  EXPECT_EQ(latlon_text({-33.8688197, 151.2092956}), "-33.868820 151.209296");
}

struct LocCase {
  const char* what;
  Coordinates where;
  const char* start;
};
class LatLonLocText : public testing::TestWithParam<LocCase> {};
TEST_P(LatLonLocText, IsThatOfALocRecord) {
  EXPECT_EQ(latlonloc_text(GetParam().where), std::string(GetParam().start) + " 0.00m 1.00m 10000.00m 10.00m")
      << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    Select, LatLonLocText,
    testing::Values(LocCase{"as PowerDNS 4.7.3 prints it", {52.3759, 4.8975}, "52 22 33.24 N 4 53 51 E"},
                    LocCase{"west, and no minutes", {40.7128, -74.006}, "40 42 46.08 N 74 0 21.6 W"},
                    LocCase{"south", {-33.8688, 151.2093}, "33 52 7.68 S 151 12 33.48 E"},
                    LocCase{"zero is south and west, and has no sign", {0, 0}, "0 0 0 S 0 0 0 W"},
                    LocCase{"seconds that are next to nothing", {-16.85, -180}, "16 51 0 S 180 0 0 W"},
                    LocCase{"seconds that are next to a minute", {2.05, 8.3}, "2 3 0 N 8 18 0 E"},
                    LocCase{"next to a degree", {0.99999999, 1.9999999999}, "1 0 0 N 2 0 0 E"},
                    LocCase{"six digits", {10.123456, 0.001}, "10 7 24.4416 N 0 0 3.6 E"}));

TEST(LatLonLocTexts, HaveNeitherExponentsNor60SecondsAnywhere) {
  for (int i = -180'000; i <= 180'000; i += 7) {
    const std::string text = latlonloc_text({i / 2000.0, i / 1000.0});
    ASSERT_EQ(text.find('e'), text.npos) << text;
    ASSERT_EQ(text.find('-'), text.npos) << text;
    for (const char* sixty : {" 60 N", " 60 S", " 60 E", " 60 W"}) ASSERT_EQ(text.find(sixty), text.npos) << text;
  }
}

}  // namespace
}  // namespace sdns::lua
