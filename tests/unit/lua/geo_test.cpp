// SPDX-License-Identifier: MIT
// The databases are written at build time from tests/data/geo/locations.txt, which is read here too.
#include "lua/geo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"

namespace sdns::lua {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

dns::IpAddress ip(std::string_view text) {
  const auto parsed = dns::IpAddress::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(dns::IpAddress());
}
dns::IpNetwork net(std::string_view text) {
  const auto parsed = dns::IpNetwork::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(dns::IpNetwork());
}

std::filesystem::path database(const std::string& name) { return std::filesystem::path(SDNS_GEO_DATABASES) / name; }

std::shared_ptr<const Geo> opened(const GeoConfig& config) {
  auto geo = Geo::open(config);
  EXPECT_TRUE(geo) << (geo ? "" : to_text(geo.error()));
  return geo ? *geo : Geo::nowhere();
}
std::shared_ptr<const Geo> city_and_asn() {
  static const auto geo = opened({.databases = {database("city.mmdb"), database("asn.mmdb")}});
  return geo;
}

constexpr GeoAttribute kAll[] = {GeoAttribute::kAsn,     GeoAttribute::kCity,     GeoAttribute::kContinent,
                                 GeoAttribute::kCountry, GeoAttribute::kCountry2, GeoAttribute::kName,
                                 GeoAttribute::kRegion,  GeoAttribute::kLocation};

std::string text_of(const Geo& geo, const dns::IpAddress& address, GeoAttribute attribute) {
  std::string scratch;
  return std::string(geo.lookup(address, attribute, scratch).text);
}
std::uint8_t bits_of(const Geo& geo, const dns::IpAddress& address, GeoAttribute attribute) {
  std::string scratch;
  return geo.lookup(address, attribute, scratch).bits;
}

// A row of locations.txt.
struct Row {
  dns::IpNetwork network;
  std::string continent, country, region, city, latitude, longitude, radius, asn, name;

  [[nodiscard]] std::string value(GeoAttribute attribute) const {
    switch (attribute) {
      case GeoAttribute::kAsn:
        return asn;
      case GeoAttribute::kCity:
        return city.substr(city.starts_with('=') ? 1 : 0, city.find('/') - (city.starts_with('=') ? 1 : 0));
      case GeoAttribute::kContinent:
        return continent;
      case GeoAttribute::kCountry:
      case GeoAttribute::kCountry2:
        return country == "--" ? "" : country;
      case GeoAttribute::kName:
        return name;
      case GeoAttribute::kRegion:
        return region;
      case GeoAttribute::kLocation:
        break;
    }
    if (latitude.empty() || radius.empty()) return "";
    char text[64];
    std::snprintf(text, sizeof text, "%f %f", std::atof(latitude.c_str()), std::atof(longitude.c_str()));
    return text;
  }
};

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return text;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> all = [] {
    std::vector<Row> read;
    std::ifstream in(SDNS_GEO_LOCATIONS);
    for (std::string line; std::getline(in, line);) {
      if (line.empty() || line[0] == '#') continue;
      std::vector<std::string> fields;
      for (std::size_t start = 0; start <= line.size();) {
        const std::size_t end = std::min(line.find('|', start), line.size());
        const std::string field = line.substr(start, end - start);
        const std::size_t first = field.find_first_not_of(' ');
        const std::size_t last = field.find_last_not_of(' ');
        fields.push_back(first == field.npos ? "" : field.substr(first, last - first + 1));
        start = end + 1;
      }
      EXPECT_EQ(fields.size(), 10U) << line;
      fields.resize(10);
      read.push_back({net(fields[0]), fields[1], fields[2], fields[3], fields[4], fields[5], fields[6], fields[7],
                      fields[8], fields[9]});
    }
    EXPECT_GE(read.size(), 55U);
    return read;
  }();
  return all;
}

const Row* row_of(const dns::IpAddress& address) {
  const Row* found = nullptr;
  for (const Row& row : rows())
    if (row.network.contains(address) && (!found || row.network.bits > found->network.bits)) found = &row;
  return found;
}

dns::IpAddress last_of(const dns::IpNetwork& network) {
  std::vector<std::uint8_t> octets(network.address.octets().begin(), network.address.octets().end());
  for (unsigned bit = network.bits; bit < network.address.bits(); ++bit)
    octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] | (0x80U >> bit % 8));
  return dns::IpAddress::from_octets(octets);
}

// The first `bits` bits of `address`, and chance.
dns::IpAddress neighbour(const dns::IpAddress& address, unsigned bits, test::SeededRandom& random) {
  std::vector<std::uint8_t> octets(address.octets().begin(), address.octets().end());
  for (unsigned bit = bits; bit < address.bits(); ++bit)
    if (random.below(2) == 1) octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] ^ (0x80U >> bit % 8));
  return dns::IpAddress::from_octets(octets);
}

TEST(GeoDatabases, SayWhatTheirTextSaysInLowerCase) {
  const auto geo = city_and_asn();
  for (const Row& row : rows()) {
    for (const auto& address : {row.network.network(), last_of(row.network)}) {
      const Row* owner = row_of(address);
      for (const GeoAttribute attribute : kAll)
        EXPECT_EQ(text_of(*geo, address, attribute), lower(owner->value(attribute)))
            << address.text() << " attribute " << static_cast<int>(attribute);
      const auto location = geo->locate(address);
      EXPECT_EQ(location.where ? latlon_text(*location.where) : "", owner->value(GeoAttribute::kLocation));
    }
  }
}

TEST(GeoDatabases, OnlyAsciiLettersBecomeLowerCase) {
  const auto geo = opened({.databases = {database("city.mmdb")}, .language = "de"});
  EXPECT_EQ(text_of(*city_and_asn(), ip("202.0.64.1"), GeoAttribute::kCity),
            "noum\xC3\xA9"
            "a");
  EXPECT_EQ(text_of(*geo, ip("10.200.0.1"), GeoAttribute::kCity), "z\xC3\xBCrich");
}

TEST(GeoDatabases, ACityHasNoNameInALanguageThatIsNotThere) {
  const auto german = opened({.databases = {database("city.mmdb")}, .language = "de"});
  EXPECT_EQ(text_of(*german, ip("127.0.0.1"), GeoAttribute::kCity), "wien");
  EXPECT_EQ(text_of(*german, ip("192.0.2.1"), GeoAttribute::kCity), "");
  EXPECT_EQ(text_of(*german, ip("203.0.113.150"), GeoAttribute::kCity), "milan");  // a list has no languages
}

TEST(GeoDatabases, KnowNothingOfOtherAddresses) {
  std::string scratch;
  const GeoValue value = city_and_asn()->lookup(ip("9.9.9.9"), GeoAttribute::kCountry, scratch);
  EXPECT_EQ(value.text, "");
  EXPECT_EQ(value.bits, 8);  // 8.8.8.0/24 is as close as that
}

TEST(GeoDatabases, TheFirstThatHasAValueWinsAndAllThatWereAskedCount) {
  const auto city_first = opened({.databases = {database("city.mmdb"), database("asn.mmdb")}});
  const auto asn_first = opened({.databases = {database("asn.mmdb"), database("city.mmdb")}});
  const auto asn_only = opened({.databases = {database("asn.mmdb")}});
  const auto city_only = opened({.databases = {database("city.mmdb")}});
  // 203.0.113.224/27 is in neither; 192.0.2.224/28 has no AS number, and neighbours that have.
  for (const char* address : {"192.0.2.1", "192.0.2.225", "203.0.113.230", "203.0.113.213", "2001:db8:8003::53"}) {
    const auto at = ip(address);
    EXPECT_EQ(bits_of(*asn_first, at, GeoAttribute::kCountry),
              std::max(bits_of(*asn_only, at, GeoAttribute::kCountry), bits_of(*city_only, at, GeoAttribute::kCountry)))
        << address;
    EXPECT_EQ(bits_of(*city_first, at, GeoAttribute::kCountry), bits_of(*city_only, at, GeoAttribute::kCountry))
        << address;
    EXPECT_EQ(text_of(*asn_first, at, GeoAttribute::kCountry), text_of(*city_first, at, GeoAttribute::kCountry))
        << address;
  }
  EXPECT_EQ(bits_of(*city_first, ip("203.0.113.213"), GeoAttribute::kCountry), 32);
  EXPECT_EQ(bits_of(*city_first, ip("192.0.2.1"), GeoAttribute::kCountry), 26);
}

TEST(GeoDatabases, AnIpv4DatabaseKnowsNoIpv6) {
  const auto geo = opened({.databases = {database("asn4.mmdb")}});
  EXPECT_EQ(text_of(*geo, ip("192.0.2.1"), GeoAttribute::kAsn), "64496");
  EXPECT_EQ(bits_of(*geo, ip("192.0.2.1"), GeoAttribute::kAsn), 26);
  EXPECT_EQ(text_of(*geo, ip("2001:db8::1"), GeoAttribute::kAsn), "");
  EXPECT_EQ(bits_of(*geo, ip("2001:db8::1"), GeoAttribute::kAsn), 0);
}

TEST(GeoDatabases, SayWhatTheyAre) {
  const auto lines = city_and_asn()->describe();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("city.mmdb: Test-City, built 20"));
  EXPECT_THAT(lines[1], HasSubstr("asn.mmdb: Test-ASN, built 20"));
}

GeoConfig table(std::vector<GeoNetwork> networks) { return {.databases = {}, .networks = std::move(networks)}; }

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

TEST(GeoNowhere, IsEmptyAndRestsOnNothing) {
  const auto geo = Geo::nowhere();
  EXPECT_TRUE(geo->empty());
  EXPECT_FALSE(city_and_asn()->empty());
  EXPECT_FALSE(opened(table({{.network = net("10.0.0.0/8"), .region = "x"}}))->empty());
  EXPECT_EQ(text_of(*geo, ip("192.0.2.1"), GeoAttribute::kCountry), "");
  EXPECT_EQ(bits_of(*geo, ip("192.0.2.1"), GeoAttribute::kCountry), 0);
  EXPECT_EQ(geo->locate(ip("192.0.2.1")).where, std::nullopt);
  EXPECT_EQ(geo->locate(ip("192.0.2.1")).bits, 0);
  EXPECT_TRUE(geo->describe().empty());
}

void write(const std::filesystem::path& path, const std::string& octets) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << octets;
}
std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(GeoOpen, WhatHappensToAFileLaterDoesNotMatter) {
  const test::TempDir dir;
  write(dir / "city.mmdb", read(database("city.mmdb")));
  const auto geo = opened({.databases = {dir / "city.mmdb"}});
  write(dir / "city.mmdb", "");  // a mapping of the file itself would now end the process
  EXPECT_EQ(text_of(*geo, ip("192.0.2.1"), GeoAttribute::kCountry), "nl");
  write(dir / "city.mmdb", std::string(100'000, '\xFF'));
  EXPECT_EQ(text_of(*geo, ip("2001:db8:8003::53"), GeoAttribute::kCity), "melbourne");
}

TEST(GeoOpen, RefusesWhatIsNoDatabaseAndNamesIt) {
  const test::TempDir dir;
  const auto refused = [&](const std::string& name) {
    const auto geo = Geo::open({.databases = {database("city.mmdb"), dir / name}});
    EXPECT_FALSE(geo) << name;
    if (geo) return Errc::kConfig;
    EXPECT_THAT(geo.error().what, HasSubstr((dir / name).string()));
    return geo.error().code;
  };
  EXPECT_EQ(refused("missing"), Errc::kUnavailable);
  std::filesystem::create_directory(dir / "folder");
  EXPECT_EQ(refused("folder"), Errc::kUnavailable);
  write(dir / "empty", "");
  EXPECT_EQ(refused("empty"), Errc::kCorrupt);
  write(dir / "text", "GeoLite2");
  EXPECT_EQ(refused("text"), Errc::kCorrupt);
  const std::string whole = read(database("city.mmdb"));
  write(dir / "half", whole.substr(0, whole.size() / 2));
  EXPECT_EQ(refused("half"), Errc::kCorrupt);
}

TEST(GeoOpen, ADamagedDatabaseDoesNotEndTheProcess) {
  const test::TempDir dir;
  const std::string whole = read(database("city.mmdb"));
  test::SeededRandom random(13);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 40; ++i) damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    write(dir / "damaged", damaged);
    const auto geo = Geo::open({.databases = {dir / "damaged"}});
    if (!geo) continue;
    for (const Row& row : rows())
      for (const GeoAttribute attribute : kAll) text_of(**geo, row.network.address, attribute);
  }
}

TEST(GeoGeneration, IsAnotherForEach) {
  const auto first = Geo::nowhere();
  EXPECT_NE(first->generation(), Geo::nowhere()->generation());
}

TEST(GeoFilesPoll, OpensOnceAndAgainWhenAFileChanges) {
  const test::TempDir dir;
  write(dir / "a.mmdb", read(database("country.mmdb")));
  GeoFiles files({.databases = {dir / "a.mmdb"}, .networks = {{.network = net("10.0.0.0/8"), .country = "AQ"}}});
  const auto first = files.poll();
  ASSERT_TRUE(first);
  ASSERT_TRUE(*first);
  EXPECT_EQ(text_of(**first, ip("192.0.2.1"), GeoAttribute::kCountry), "nl");
  EXPECT_EQ(text_of(**first, ip("192.0.2.1"), GeoAttribute::kAsn), "");
  EXPECT_EQ(text_of(**first, ip("10.0.0.1"), GeoAttribute::kCountry), "aq");

  const auto unchanged = files.poll();
  ASSERT_TRUE(unchanged);
  EXPECT_FALSE(*unchanged);

  write(dir / "b.mmdb", read(database("asn.mmdb")));
  std::filesystem::rename(dir / "b.mmdb", dir / "a.mmdb");
  const auto second = files.poll();
  ASSERT_TRUE(second);
  ASSERT_TRUE(*second);
  EXPECT_EQ(text_of(**second, ip("192.0.2.1"), GeoAttribute::kAsn), "64496");
  EXPECT_EQ(text_of(**second, ip("10.0.0.1"), GeoAttribute::kCountry), "aq");
  EXPECT_EQ(text_of(**first, ip("192.0.2.1"), GeoAttribute::kCountry), "nl");
}

TEST(GeoFilesPoll, SaysOnceThatAFileCannotBeRead) {
  const test::TempDir dir;
  GeoFiles files({.databases = {dir / "a.mmdb"}});
  EXPECT_FALSE(files.poll());
  const auto again = files.poll();
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again);

  write(dir / "a.mmdb", "half a file");
  EXPECT_FALSE(files.poll());
  const auto still = files.poll();
  ASSERT_TRUE(still);
  EXPECT_FALSE(*still);

  write(dir / "a.mmdb", read(database("city.mmdb")));
  const auto repaired = files.poll();
  ASSERT_TRUE(repaired);
  EXPECT_TRUE(*repaired);

  std::filesystem::remove(dir / "a.mmdb");
  EXPECT_FALSE(files.poll());
}

TEST(GeoFilesPoll, OpensOnceWithoutFiles) {
  GeoFiles files({});
  const auto first = files.poll();
  ASSERT_TRUE(first);
  ASSERT_TRUE(*first);
  EXPECT_TRUE((*first)->empty());
  const auto second = files.poll();
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second);
}

}  // namespace
}  // namespace sdns::lua
