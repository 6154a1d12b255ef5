// SPDX-License-Identifier: MIT
// Location databases: what they say, how they are opened, and when again.
#include "lua/geo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>

#include "tests/support/descriptors.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/lua/geo_rows.h"

namespace sdns::lua {
namespace {

using testing::HasSubstr;

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

// No file can be opened until it is gone.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{0, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(GeoFilesPoll, TriesAgainWhatCouldNotBeReadForNow) {
  if (test::kNeedsDescriptors) GTEST_SKIP() << test::kWhyDescriptors;
  const test::TempDir dir;
  write(dir / "a.mmdb", read(database("city.mmdb")));
  GeoFiles files({.databases = {dir / "a.mmdb"}});
  {
    const NoDescriptors none;
    const auto failed = files.poll();
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().what.find("Too many open files"), std::string::npos) << failed.error().what;
    for (int call = 0; call < 3; ++call) {
      const auto said_before = files.poll();
      ASSERT_TRUE(said_before);
      EXPECT_FALSE(*said_before);
    }
  }
  bool opened = false;
  for (int call = 0; call < 8 && !opened; ++call) opened = *files.poll() != nullptr;
  EXPECT_TRUE(opened) << "the file is the same as before";
  EXPECT_EQ(*files.poll(), nullptr);

  write(dir / "b.mmdb", read(database("asn.mmdb")));
  std::filesystem::rename(dir / "b.mmdb", dir / "a.mmdb");
  {
    const NoDescriptors none;
    EXPECT_FALSE(files.poll()) << "another change: said again";
  }
  EXPECT_NE(*files.poll(), nullptr) << "at the next call";
}

TEST(GeoFilesPoll, WhatIsDamagedIsReadOncePerChange) {
  if (test::kNeedsDescriptors) GTEST_SKIP() << test::kWhyDescriptors;
  const test::TempDir dir;
  write(dir / "a.mmdb", "half a file");
  GeoFiles files({.databases = {dir / "a.mmdb"}});
  EXPECT_FALSE(files.poll());
  const NoDescriptors none;  // reading it would be another error
  for (int call = 0; call < 200; ++call) ASSERT_TRUE(files.poll());
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
