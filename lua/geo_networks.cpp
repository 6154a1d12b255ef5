// SPDX-License-Identifier: MIT
// Our own table of networks, as a text file.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <string>

#include "lua/geo.h"

namespace sdns::lua {
namespace {

tl::unexpected<Error> bad_line(const std::filesystem::path& path, int line, std::string_view what) {
  return fail(Errc::kInvalidArgument, fmt::format("{}:{}: {}", path.string(), line, what),
              "a line is NETWORK KEY=VALUE …, as in: 192.0.2.0/24 region=eu latitude=52.37 longitude=4.9");
}

// The next word of the line; quotes around a part of it are taken away.
bool next_word(std::string_view& rest, std::string& word) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t' || rest.front() == '\r')) rest.remove_prefix(1);
  word.clear();
  if (rest.empty() || rest.front() == '#') return false;
  bool quoted = false;
  while (!rest.empty() && (quoted || (rest.front() != ' ' && rest.front() != '\t' && rest.front() != '\r'))) {
    if (rest.front() == '"') quoted = !quoted;
    else word += rest.front();
    rest.remove_prefix(1);
  }
  return true;
}

bool read_degrees(std::string_view text, double most, double& out) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  return end.ec == std::errc{} && end.ptr == text.data() + text.size() && std::abs(out) <= most;
}

}  // namespace

Result<std::vector<GeoNetwork>> read_networks(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in)
    return fail(Errc::kUnavailable, fmt::format("{} cannot be read", path.string()),
                "check geo.networks and its owner");
  std::vector<GeoNetwork> networks;
  std::string line;
  std::string word;
  for (int number = 1; std::getline(in, line); ++number) {
    std::string_view rest = line;
    if (!next_word(rest, word)) continue;
    auto network = dns::IpNetwork::parse(word);
    if (!network) return bad_line(path, number, network.error().what);
    GeoNetwork row;
    row.network = *network;
    std::optional<double> latitude;
    std::optional<double> longitude;
    while (next_word(rest, word)) {
      const std::size_t equals = word.find('=');
      const std::string key = word.substr(0, equals);
      const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
      double degrees = 0;
      if (key == "region") row.region = value;
      else if (key == "country") row.country = value;
      else if (key == "continent") row.continent = value;
      else if (key == "city") row.city = value;
      else if (key == "asn") row.asn = value;
      else if (key == "name") row.name = value;
      else if (key == "latitude" && read_degrees(value, 90, degrees)) latitude = degrees;
      else if (key == "longitude" && read_degrees(value, 180, degrees)) longitude = degrees;
      else return bad_line(path, number, fmt::format("\"{}\" is not a setting of a network", word.substr(0, 200)));
    }
    if (latitude.has_value() != longitude.has_value())
      return bad_line(path, number, "latitude and longitude go together");
    if (latitude) row.where = Coordinates{*latitude, *longitude};
    networks.push_back(std::move(row));
  }
  return networks;
}

}  // namespace sdns::lua
