// SPDX-License-Identifier: MIT
#include "lua/select.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <numeric>
#include <unordered_map>

#include "lua/meter.h"

namespace sdns::lua {
namespace {

constexpr std::uint32_t kGoldenRatio = 0x9e37'79b9;
constexpr std::size_t kBlock = 12;

constexpr std::uint32_t octet_at(std::string_view octets, std::size_t i, unsigned shift) {
  return i < octets.size() ? std::uint32_t{static_cast<std::uint8_t>(octets[i])} << shift : 0;
}
constexpr std::uint32_t word_at(std::string_view octets, std::size_t i) {
  return octet_at(octets, i, 0) | octet_at(octets, i + 1, 8) | octet_at(octets, i + 2, 16) |
         octet_at(octets, i + 3, 24);
}

struct Mixer {
  std::uint32_t a = kGoldenRatio;
  std::uint32_t b = kGoldenRatio;
  std::uint32_t c = 0;

  void mix() {
    a = (a - b - c) ^ (c >> 13);
    b = (b - c - a) ^ (a << 8);
    c = (c - a - b) ^ (b >> 13);
    a = (a - b - c) ^ (c >> 12);
    b = (b - c - a) ^ (a << 16);
    c = (c - a - b) ^ (b >> 5);
    a = (a - b - c) ^ (c >> 3);
    b = (b - c - a) ^ (a << 10);
    c = (c - a - b) ^ (b >> 15);
  }
};

// How many keys 1, 2, 3 … a std::unordered_map<int, …> of libstdc++ (GCC 8 and later) takes before it grows again. Each
// new key goes to the front of its list; growing turns the list around.
constexpr std::array<std::uint32_t, 20> kBucketCounts{13,     29,     59,      127,     257,     541,     1109,
                                                      2357,   5087,   10273,   20753,   42043,   85229,   172933,
                                                      351061, 712697, 1447153, 2938679, 5967347, 12117689};

// The walk of `size` keys in `order`, as indexes from 0.
void build_walk(std::size_t size, std::vector<std::uint32_t>& order) {
  // `order` is the list back to front, so that the front is where a vector grows.
  order.clear();
  order.reserve(size);
  const auto* capacity = kBucketCounts.begin();
  for (std::uint32_t key = 0; key < size; ++key) {
    if (capacity != kBucketCounts.end() && key == *capacity) {
      std::reverse(order.begin(), order.end());
      ++capacity;
    }
    order.push_back(key);
  }
  std::reverse(order.begin(), order.end());
}

template <class Order>
std::size_t first_above(std::span<const std::uint32_t> weights, std::uint64_t drawn, const Order& order) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    total += weights[order(i)];
    if (total > drawn) return order(i);
  }
  return weights.empty() ? 0 : order(weights.size() - 1);  // not reached with drawn below the sum
}

double radians(double degrees) { return degrees * (std::numbers::pi / 180); }

struct DegreesMinutesSeconds {
  int degrees;
  int minutes;
  double seconds;
};
// PowerDNS prints what no LOC record may say: `-0`, an exponent (`5.1e-12`, read back as 5.1), 60 seconds. Here these
// are no seconds, of the next minute.
DegreesMinutesSeconds split(double positive) {
  DegreesMinutesSeconds parts{};
  parts.degrees = static_cast<int>(positive);
  const double minutes = (positive - parts.degrees) * 60.0;
  parts.minutes = static_cast<int>(minutes);
  parts.seconds = (minutes - parts.minutes) * 60.0;
  constexpr double kLeast = 1e-4;           // below it six digits need an exponent
  constexpr double kRoundsTo60 = 59.99995;  // with six digits
  if (parts.seconds < kLeast || parts.seconds >= kRoundsTo60) {
    if (parts.seconds >= kRoundsTo60) ++parts.minutes;
    parts.seconds = 0;
  }
  parts.degrees += parts.minutes / 60;
  parts.minutes %= 60;
  return parts;
}

}  // namespace

std::uint32_t jenkins_hash(std::string_view octets, std::uint32_t init) {
  Mixer state;
  state.c = init;
  const auto size = static_cast<std::uint32_t>(octets.size());
  for (; octets.size() >= kBlock; octets.remove_prefix(kBlock)) {
    state.a += word_at(octets, 0);
    state.b += word_at(octets, 4);
    state.c += word_at(octets, 8);
    state.mix();
  }
  // What is left; the lowest octet of c is the length's.
  state.a += word_at(octets, 0);
  state.b += word_at(octets, 4);
  state.c += size + (word_at(octets, 8) << 8);
  state.mix();
  return state.c;
}

std::uint32_t hash_address(const dns::IpAddress& address) {
  const auto octets = address.octets();
  return jenkins_hash({reinterpret_cast<const char*>(octets.data()), octets.size()}, 0);
}

std::uint32_t hash_name(std::string_view wire) {
  std::array<char, 255> lower;
  const std::size_t size = std::min(wire.size(), lower.size());
  std::transform(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(size), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return jenkins_hash({lower.data(), size}, 0);
}

std::span<const std::uint32_t> walk_order(std::size_t size) {
  thread_local std::vector<std::uint32_t> order;
  if (order.size() != size) build_walk(size, order);
  return order;
}

std::size_t pick_weighted(std::span<const std::uint32_t> weights, std::uint64_t drawn) {
  const auto order = walk_order(weights.size());
  return first_above(weights, drawn, [order](std::size_t i) { return std::size_t{order[i]}; });
}

std::size_t pick_weighted_in_order(std::span<const std::uint32_t> weights, std::uint64_t drawn) {
  return first_above(weights, drawn, [](std::size_t i) { return i; });
}

HashCircle::HashCircle(std::span<const WeightedText> entries) {
  std::unordered_map<std::string_view, std::uint32_t> weight_of;
  for (const std::uint32_t index : walk_order(entries.size())) weight_of[entries[index].value] = entries[index].weight;
  for (std::uint32_t index = 0; index < entries.size(); ++index) {
    const auto found = weight_of.find(entries[index].value);
    if (found == weight_of.end()) continue;  // an earlier entry has the same value
    if (found->second > 0) arcs_.push_back({entries[index].value, found->second, index});
    weight_of.erase(found);
  }
}

// The distance from `hash` on, around the circle, is smallest for the point that is picked; of two there, for the
// first.
std::optional<std::size_t> HashCircle::pick(std::uint32_t hash, Meter* meter) const {
  constexpr std::uint64_t kStepsPerPoint = 4;
  std::optional<std::size_t> picked;
  std::uint32_t smallest = 0;
  std::string text;
  for (const Arc& arc : arcs_) {
    text.assign(arc.value) += '-';
    const std::size_t prefix = text.size();
    const std::uint64_t steps = kStepsPerPoint + prefix / 12;
    for (std::uint32_t k = 0; k < arc.weight; ++k) {
      if (meter && !meter->spend(steps)) return std::nullopt;
      char digits[10];
      text.resize(prefix);
      text.append(digits, std::to_chars(digits, std::end(digits), k).ptr);
      const std::uint32_t behind = jenkins_hash(text, 0) - hash;
      if (picked && behind >= smallest) continue;
      smallest = behind;
      picked = arc.entry;
    }
  }
  return picked;
}

double distance(const Coordinates& from, const Coordinates& to, Distance how) {
  if (how == Distance::kPlanar) {
    const double latitude = from.latitude - to.latitude;
    double longitude = std::abs(from.longitude - to.longitude);
    if (longitude > 180) longitude = 360 - longitude;
    return latitude * latitude + longitude * longitude;
  }
  constexpr double kEarthRadius = 6371.0;  // mean, kilometres
  const double half_latitude = std::sin(radians(from.latitude - to.latitude) / 2);
  const double half_longitude = std::sin(radians(from.longitude - to.longitude) / 2);
  const double haversine = half_latitude * half_latitude + std::cos(radians(from.latitude)) *
                                                               std::cos(radians(to.latitude)) * half_longitude *
                                                               half_longitude;
  return 2 * kEarthRadius * std::asin(std::sqrt(std::min(1.0, haversine)));
}

void closest(const Coordinates& from, std::span<const Coordinates> candidates, Distance how,
             std::vector<std::size_t>& nearest) {
  const std::size_t before = nearest.size();
  double smallest = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const double here = distance(from, candidates[i], how);
    if (i > 0 && here > smallest) continue;
    if (i == 0 || here < smallest) nearest.resize(before);
    smallest = here;
    nearest.push_back(i);
  }
}

std::string latlon_text(const Coordinates& where) { return fmt::format("{:f} {:f}", where.latitude, where.longitude); }

std::string latlonloc_text(const Coordinates& where) {
  const bool north = where.latitude > 0;
  const bool east = where.longitude > 0;
  const auto latitude = split(north ? where.latitude : -where.latitude);
  const auto longitude = split(east ? where.longitude : -where.longitude);
  return fmt::format("{} {} {:.6g} {} {} {} {:.6g} {} 0.00m 1.00m 10000.00m 10.00m", latitude.degrees, latitude.minutes,
                     latitude.seconds, north ? 'N' : 'S', longitude.degrees, longitude.minutes, longitude.seconds,
                     east ? 'E' : 'W');
}

}  // namespace sdns::lua
