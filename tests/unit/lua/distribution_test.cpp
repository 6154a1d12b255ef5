// SPDX-License-Identifier: MIT
// How often each value is chosen: what is left to chance by many evaluations, what goes by a hash by many clients and
// names. Seeds are fixed; a chi-square statistic may be as large as it is by chance once in a thousand times.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "tests/unit/lua/runtime_fixture.h"

namespace sdns::lua {
namespace {

constexpr int kEvaluations = 20'000;

using Counts = std::map<std::string, int>;
using Shares = std::vector<std::pair<std::string, double>>;

// By Wilson and Hilferty; 3.09 standard deviations are 0.001.
double critical_value(std::size_t degrees) {
  const double k = 2.0 / (9.0 * static_cast<double>(degrees));
  return static_cast<double>(degrees) * std::pow(1 - k + 3.09 * std::sqrt(k), 3);
}

void expect_shares(const Counts& seen, const Shares& shares) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0,
                                     [](double total, const auto& share) { return total + share.second; });
  const int total =
      std::accumulate(seen.begin(), seen.end(), 0, [](int sofar, const auto& count) { return sofar + count.second; });
  double statistic = 0;
  std::size_t possible = 0;
  int counted = 0;
  std::string table;
  for (const auto& [value, share] : shares) {
    const auto found = seen.find(value);
    const int count = found == seen.end() ? 0 : found->second;
    const double expected = total * share / sum;
    table += "\n  " + value + ": " + std::to_string(count) + " of " + std::to_string(expected);
    counted += count;
    if (share == 0) {
      EXPECT_EQ(count, 0) << value;
      continue;
    }
    ++possible;
    statistic += (count - expected) * (count - expected) / expected;
  }
  EXPECT_EQ(counted, total) << "other values were chosen";
  ASSERT_GE(possible, 2U);
  EXPECT_LT(statistic, critical_value(possible - 1)) << table;
}

Shares equal(std::initializer_list<const char*> values) {
  Shares shares;
  for (const char* value : values) shares.emplace_back(value, 1);
  return shares;
}

// Equal shares of all ordered choices of `count` out of the letters.
Shares arrangements(const std::string& letters, std::size_t count) {
  std::vector<std::string> texts{""};
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::string> longer;
    for (const std::string& text : texts)
      for (const char letter : letters)
        if (text.find(letter) == std::string::npos) longer.push_back(text + letter);
    texts = longer;
  }
  Shares shares;
  for (const std::string& text : texts) shares.emplace_back(text, 1);
  return shares;
}

class Distribution : public RuntimeTest {
 protected:
  Distribution() {
    health::TargetPool pool;
    pool.name = "web";
    for (const std::uint32_t weight : {1, 2, 5}) {
      health::PoolMember member;
      member.name = "192.0.2." + std::to_string(weight);
      member.address = *dns::IpAddress::parse(member.name);
      member.weight = weight;
      pool.members.push_back(member);
    }
    pools_ = *health::TargetPools::make({pool});
    set_health({"tcp 192.0.2.11:80", "tcp 192.0.2.13:80"}, health::Verdict::kUp);
    set_health({"url http://w.example/ from 192.0.2.21"}, health::Verdict::kUp, 3);
    set_health({"url http://w.example/ from 192.0.2.22"}, health::Verdict::kUp, 1);
    set_health({"url http://w.example/ from 192.0.2.23"}, health::Verdict::kUp, 4);
  }

  // What each evaluation gave, its values in one text. `before` is called with the evaluation's number.
  template <class Before>
  Counts count(const char* code, const Before& before) {
    Script script(*parse_record(std::string("TXT \"") + code + '"', ChunkJoin::kAuto));
    const Sources sources{
        .health = table_.get(), .pools = &pools_, .geo = geo_.get(), .records = &library_, .random = &random_};
    Counts counts;
    for (int i = 0; i < kEvaluations; ++i) {
      before(i);
      const Question question{
          .qname_wire = qname_, .zone_wire = zone_, .base_wire = base_, .zone_id = 42, .client = &client_};
      runtime_.evaluate(script, question, sources, values_);
      EXPECT_EQ(values_.failure, Failure::kNone) << values_.error;
      if (values_.failure != Failure::kNone) break;
      std::string text;
      for (const std::string& content : values_.contents) text += content;
      ++counts[text];
    }
    runtime_.forget(script);
    return counts;
  }
  Counts by_chance(const char* code) {
    return count(code, [](int) {});
  }
  // Networks of clients one after the other, as resolvers send them.
  Counts by_client(const char* code) {
    return count(code, [this](int i) {
      const std::array<std::uint8_t, 4> octets{static_cast<std::uint8_t>(11 + i / 65'536),
                                               static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i), 0};
      client_.who = dns::IpAddress::from_octets(octets);
    });
  }
  Counts by_name(const char* code) {
    return count(code, [this](int i) { set_query_name(("host-" + std::to_string(i) + ".example.org.").c_str()); });
  }
};

struct ShareCase {
  const char* code;
  Shares shares;
};
void PrintTo(const ShareCase& shown, std::ostream* out) { *out << shown.code; }

class Chance : public Distribution, public testing::WithParamInterface<ShareCase> {};
TEST_P(Chance, GivesEachValueItsShareOfTheQueries) { expect_shares(by_chance(GetParam().code), GetParam().shares); }
INSTANTIATE_TEST_SUITE_P(
    Lua, Chance,
    testing::Values(
        ShareCase{"pickrandom({'a', 'b', 'c', 'd', 'e', 'f', 'g'})", equal({"a", "b", "c", "d", "e", "f", "g"})},
        ShareCase{"pickrandom({'a', 'a', 'b'})", {{"a", 2}, {"b", 1}}},
        ShareCase{"pickrandom({'a', 'b', 'c'}) .. pickrandom({'a', 'b', 'c'})",
                  equal({"aa", "ab", "ac", "ba", "bb", "bc", "ca", "cb", "cc"})},
        ShareCase{"pickrandomsample(1, {'a', 'b', 'c', 'd'})", equal({"a", "b", "c", "d"})},
        ShareCase{"pickrandomsample(2, {'a', 'b', 'c', 'd', 'e'})", arrangements("abcde", 2)},
        ShareCase{"pickrandomsample(-1, {'a', 'b', 'c', 'd'})", arrangements("abcd", 4)},
        ShareCase{"pickrandomsample(9, {'a', 'b', 'c'})", arrangements("abc", 3)},
        ShareCase{"pickwrandom({{1, 'a'}, {2, 'b'}, {0, 'z'}, {7, 'c'}})", {{"a", 1}, {"b", 2}, {"c", 7}, {"z", 0}}},
        ShareCase{"pickwrandom({{95, 'old'}, {5, 'new'}})", {{"old", 95}, {"new", 5}}},
        ShareCase{"; local list = {} for i = 1, 40 do list[i] = {i % 4, 'v' .. i % 4} end return pickwrandom(list)",
                  {{"v0", 0}, {"v1", 10}, {"v2", 20}, {"v3", 30}}},
        ShareCase{"pickwrandom(pool('web'))", {{"192.0.2.1", 1}, {"192.0.2.2", 2}, {"192.0.2.5", 5}}},
        ShareCase{"view({{{'0.0.0.0/0'}, {'a', 'b', 'c'}}})", equal({"a", "b", "c"})},
        ShareCase{"pickclosest({'192.0.2.1', '192.0.2.2', '192.0.2.3'})",
                  equal({"192.0.2.1", "192.0.2.2", "192.0.2.3"})},
        ShareCase{"pdnsrandom(5)", equal({"0", "1", "2", "3", "4"})},
        ShareCase{"math.random(6)", equal({"1", "2", "3", "4", "5", "6"})},
        ShareCase{"math.random(-1, 1)", equal({"-1", "0", "1"})},
        ShareCase{"math.floor(math.random() * 4)", equal({"0", "1", "2", "3"})}),
    [](const auto& info) { return "Case" + std::to_string(info.index); });
// What is up is chosen among; with all down, all of the first group.
INSTANTIATE_TEST_SUITE_P(
    LuaHealth, Chance,
    testing::Values(ShareCase{"ifportup(80, {'192.0.2.11', '192.0.2.12', '192.0.2.13'})",
                              {{"192.0.2.11", 1}, {"192.0.2.12", 0}, {"192.0.2.13", 1}}},
                    ShareCase{"ifportup(81, {'192.0.2.11', '192.0.2.12', '192.0.2.13'})",
                              equal({"192.0.2.11", "192.0.2.12", "192.0.2.13"})},
                    ShareCase{"ifportup(81, {{'192.0.2.11', '192.0.2.12'}, {'192.0.2.13'}}, {selector='all'})",
                              equal({"192.0.2.11", "192.0.2.12"})},
                    ShareCase{"ifurlup('http://x.example/', {'192.0.2.11', '192.0.2.12', '192.0.2.13'})",
                              equal({"192.0.2.11", "192.0.2.12", "192.0.2.13"})},
                    ShareCase{"ifurlextup({{['192.0.2.11']='http://a.example/', ['192.0.2.12']='http://b.example/'}})",
                              equal({"192.0.2.11", "192.0.2.12"})},
                    ShareCase{"pickrandom({'192.0.2.11', '192.0.2.12'}, {port=81})",
                              equal({"192.0.2.11", "192.0.2.12"})},
                    ShareCase{"pickfirst({'192.0.2.11', '192.0.2.12'}, {port=81, alldown='random'})",
                              equal({"192.0.2.11", "192.0.2.12"})},
                    ShareCase{"pickwrandom({{1, '192.0.2.11'}, {5, '192.0.2.12'}, {2, '192.0.2.13'}}, {port=80})",
                              {{"192.0.2.11", 1}, {"192.0.2.12", 0}, {"192.0.2.13", 2}}},
                    ShareCase{"pickwrandom({{1, '192.0.2.11'}, {5, '192.0.2.12'}, {2, '192.0.2.13'}}, {port=81})",
                              {{"192.0.2.11", 1}, {"192.0.2.12", 5}, {"192.0.2.13", 2}}},
                    ShareCase{"ifportup(81, pool('web'), {backupSelector='pickwrandom'})",
                              {{"192.0.2.1", 1}, {"192.0.2.2", 2}, {"192.0.2.5", 5}}},
                    ShareCase{"pickselfweighted('http://x.example/', {'192.0.2.11', '192.0.2.12', '192.0.2.13'})",
                              equal({"192.0.2.11", "192.0.2.12", "192.0.2.13"})}),
    [](const auto& info) { return "Case" + std::to_string(info.index); });

class Hashed : public Distribution, public testing::WithParamInterface<ShareCase> {};
TEST_P(Hashed, GivesEachValueItsShareOfTheClients) { expect_shares(by_client(GetParam().code), GetParam().shares); }
INSTANTIATE_TEST_SUITE_P(
    Lua, Hashed,
    testing::Values(
        ShareCase{"pickhashed({'a', 'b', 'c', 'd', 'e'})", equal({"a", "b", "c", "d", "e"})},
        ShareCase{"pickwhashed({{1, 'a'}, {2, 'b'}, {0, 'z'}, {7, 'c'}})", {{"a", 1}, {"b", 2}, {"c", 7}, {"z", 0}}},
        ShareCase{"; local list = {} for i = 1, 40 do list[i] = {i % 4, 'v' .. i % 4} end return pickwhashed(list)",
                  {{"v0", 0}, {"v1", 10}, {"v2", 20}, {"v3", 30}}},
        ShareCase{"pickwhashed(pool('web'))", {{"192.0.2.1", 1}, {"192.0.2.2", 2}, {"192.0.2.5", 5}}},
        ShareCase{"pickwhashed({{1, '192.0.2.11'}, {5, '192.0.2.12'}, {2, '192.0.2.13'}}, {port=80})",
                  {{"192.0.2.11", 1}, {"192.0.2.12", 0}, {"192.0.2.13", 2}}},
        ShareCase{"ifportup(80, {'192.0.2.11', '192.0.2.12', '192.0.2.13'}, {selector='hashed'})",
                  {{"192.0.2.11", 1}, {"192.0.2.12", 0}, {"192.0.2.13", 1}}},
        ShareCase{"ifportup(81, {'192.0.2.11', '192.0.2.12', '192.0.2.13'}, {backupSelector='hashed'})",
                  equal({"192.0.2.11", "192.0.2.12", "192.0.2.13"})},
        ShareCase{"pickselfweighted('http://w.example/', {'192.0.2.20', '192.0.2.21', '192.0.2.22', '192.0.2.23'})",
                  {{"192.0.2.20", 0}, {"192.0.2.21", 3}, {"192.0.2.22", 1}, {"192.0.2.23", 4}}}),
    [](const auto& info) { return "Case" + std::to_string(info.index); });

class NameHashed : public Distribution, public testing::WithParamInterface<ShareCase> {};
TEST_P(NameHashed, GivesEachValueItsShareOfTheNames) { expect_shares(by_name(GetParam().code), GetParam().shares); }
INSTANTIATE_TEST_SUITE_P(Lua, NameHashed,
                         testing::Values(ShareCase{"picknamehashed({{1, 'a'}, {1, 'b'}, {1, 'c'}})",
                                                   equal({"a", "b", "c"})},
                                         ShareCase{"picknamehashed({{1, 'a'}, {2, 'b'}, {0, 'z'}, {7, 'c'}})",
                                                   {{"a", 1}, {"b", 2}, {"c", 7}, {"z", 0}}},
                                         ShareCase{"ifportup(81, pool('web'), {backupSelector='picknamehashed'})",
                                                   {{"192.0.2.1", 1}, {"192.0.2.2", 2}, {"192.0.2.5", 5}}}),
                         [](const auto& info) { return "Case" + std::to_string(info.index); });

// The arcs of a circle are only about as long as the weights say.
TEST_F(Distribution, AConsistentHashGivesEachValueAboutItsWeight) {
  const Counts seen = by_client("pickchashed({{100, 'a'}, {200, 'b'}, {300, 'c'}})");
  EXPECT_NEAR(seen.at("a"), kEvaluations / 6.0, kEvaluations / 20.0);
  EXPECT_NEAR(seen.at("b"), kEvaluations / 3.0, kEvaluations / 20.0);
  EXPECT_NEAR(seen.at("c"), kEvaluations / 2.0, kEvaluations / 20.0);
}

TEST_F(Distribution, WhenATargetLeavesAConsistentHashOnlyItsOwnClientsMove) {
  const char* both =
      "; local now = pickchashed({{40, 'a'}, {40, 'b'}, {40, 'c'}, {40, 'd'}}) "
      "local later = pickchashed({{40, 'a'}, {40, 'b'}, {40, 'd'}}) return {now, later}";
  int moved = 0;
  std::map<char, int> taken_over;
  for (const auto& [pair, count] : by_client(both)) {
    if (pair[0] != 'c') {
      EXPECT_EQ(pair[0], pair[1]) << count << " clients moved from " << pair[0];
      continue;
    }
    moved += count;
    taken_over[pair[1]] += count;
  }
  EXPECT_NEAR(moved, kEvaluations / 4.0, kEvaluations / 10.0);
  EXPECT_EQ(taken_over.size(), 3U) << "the others share them";
}

TEST_F(Distribution, AHashKeepsItsChoiceAndMovesWithTheList) {
  for (const auto& [pair, count] :
       by_client("; local list = {{3, 'a'}, {5, 'b'}} return {pickwhashed(list), pickwhashed(list)}"))
    EXPECT_EQ(pair[0], pair[1]) << count;
}

}  // namespace
}  // namespace sdns::lua
