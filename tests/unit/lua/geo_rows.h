// SPDX-License-Identifier: MIT
// What tests of locations share: the databases, which are written at build time from tests/data/geo/locations.txt, and
// the rows of that file.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "lua/geo.h"
#include "tests/support/seeded_random.h"

namespace sdns::lua {

inline dns::IpAddress ip(std::string_view text) {
  const auto parsed = dns::IpAddress::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(dns::IpAddress());
}
inline dns::IpNetwork net(std::string_view text) {
  const auto parsed = dns::IpNetwork::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(dns::IpNetwork());
}

inline std::filesystem::path database(const std::string& name) {
  return std::filesystem::path(SDNS_GEO_DATABASES) / name;
}

inline std::shared_ptr<const Geo> opened(const GeoConfig& config) {
  auto geo = Geo::open(config);
  EXPECT_TRUE(geo) << (geo ? "" : to_text(geo.error()));
  return geo ? *geo : Geo::nowhere();
}
inline std::shared_ptr<const Geo> city_and_asn() {
  static const auto geo = opened({.databases = {database("city.mmdb"), database("asn.mmdb")}});
  return geo;
}

inline constexpr GeoAttribute kAll[] = {GeoAttribute::kAsn,     GeoAttribute::kCity,     GeoAttribute::kContinent,
                                        GeoAttribute::kCountry, GeoAttribute::kCountry2, GeoAttribute::kName,
                                        GeoAttribute::kRegion,  GeoAttribute::kLocation};

inline std::string text_of(const Geo& geo, const dns::IpAddress& address, GeoAttribute attribute) {
  std::string scratch;
  return std::string(geo.lookup(address, attribute, scratch).text);
}
inline std::uint8_t bits_of(const Geo& geo, const dns::IpAddress& address, GeoAttribute attribute) {
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

inline std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return text;
}

inline const std::vector<Row>& rows() {
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

inline const Row* row_of(const dns::IpAddress& address) {
  const Row* found = nullptr;
  for (const Row& row : rows())
    if (row.network.contains(address) && (!found || row.network.bits > found->network.bits)) found = &row;
  return found;
}

inline dns::IpAddress last_of(const dns::IpNetwork& network) {
  std::vector<std::uint8_t> octets(network.address.octets().begin(), network.address.octets().end());
  for (unsigned bit = network.bits; bit < network.address.bits(); ++bit)
    octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] | (0x80U >> bit % 8));
  return dns::IpAddress::from_octets(octets);
}

// The first `bits` bits of `address`, and chance.
inline dns::IpAddress neighbour(const dns::IpAddress& address, unsigned bits, test::SeededRandom& random) {
  std::vector<std::uint8_t> octets(address.octets().begin(), address.octets().end());
  for (unsigned bit = bits; bit < address.bits(); ++bit)
    if (random.below(2) == 1) octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] ^ (0x80U >> bit % 8));
  return dns::IpAddress::from_octets(octets);
}

inline GeoConfig table(std::vector<GeoNetwork> networks) { return {.databases = {}, .networks = std::move(networks)}; }

}  // namespace sdns::lua
