// SPDX-License-Identifier: MIT
#include "backend/answer/repeated_answers.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace sdns::answer {
namespace {

// One lookup is remembered; a row changes one thing of the question, the ground or the time before it is asked again.
struct Asked {
  protocol::Lookup lookup{.qname = "www.example.",
                          .qname_json = "www.example.",
                          .qtype = dns::kANY,
                          .zone_id = 7,
                          .remote = "198.51.100.7",
                          .local = "192.0.2.53",
                          .real_remote = "203.0.113.0/24"};
  Ground ground{.revision = 3,
                .chain = {},
                .pools = std::make_shared<const health::TargetPools>(),
                .health_sequence = 5,
                .geo_generation = 2};
  SteadyTime now{std::chrono::seconds(100)};
};

struct Case {
  const char* name;
  std::function<void(Asked&)> change;
  bool found = false;
};

class RepeatedAnswersTest : public testing::TestWithParam<Case> {};

TEST_P(RepeatedAnswersTest, AreThoseOfTheSameQuestionOnTheSameGround) {
  RepeatedAnswers repeated;
  Asked asked;
  SteeredRows rows;
  rows.text = "rows";
  rows.any = true;
  repeated.remember(asked.lookup, asked.ground, asked.now, rows);
  GetParam().change(asked);
  const SteeredRows* found = repeated.find(asked.lookup, asked.ground, asked.now);
  ASSERT_EQ(found != nullptr, GetParam().found);
  if (found != nullptr) {
    EXPECT_EQ(found->text, "rows");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Lookups, RepeatedAnswersTest,
    testing::Values(Case{"the same again", [](Asked&) {}, true},
                    Case{"a moment later", [](Asked& a) { a.now += std::chrono::milliseconds(900); }, true},
                    Case{"a second later", [](Asked& a) { a.now += std::chrono::seconds(1); }},
                    Case{"another name", [](Asked& a) { a.lookup.qname = "ww2.example."; }},
                    Case{"another letter case", [](Asked& a) { a.lookup.qname = "WWW.example."; }},
                    Case{"another type", [](Asked& a) { a.lookup.qtype = dns::kA; }},
                    Case{"another zone", [](Asked& a) { a.lookup.zone_id = 8; }},
                    Case{"another resolver", [](Asked& a) { a.lookup.remote = "198.51.100.8"; }},
                    Case{"another address asked", [](Asked& a) { a.lookup.local = "192.0.2.54"; }},
                    Case{"a longer client subnet", [](Asked& a) { a.lookup.real_remote = "203.0.113.0/25"; }},
                    Case{"another revision", [](Asked& a) { a.ground.revision = 4; }},
                    Case{"the revision of another history", [](Asked& a) { a.ground.chain[0] = 1; }},
                    Case{"other target pools",
                         [](Asked& a) { a.ground.pools = std::make_shared<const health::TargetPools>(); }},
                    Case{"a change of health", [](Asked& a) { a.ground.health_sequence = 6; }},
                    Case{"other places", [](Asked& a) { a.ground.geo_generation = 3; }}),
    [](const auto& info) {
      std::string name = info.param.name;
      for (char& letter : name)
        if (letter == ' ') letter = '_';
      return name;
    });

TEST(RepeatedAnswers, ANewOneTakesThePlaceOfTheFormer) {
  RepeatedAnswers repeated;
  Asked asked;
  SteeredRows rows;
  for (int network = 0; network < 1000; ++network) {
    const std::string client = "10." + std::to_string(network / 250) + '.' + std::to_string(network % 250) + ".0/24";
    asked.lookup.real_remote = client;
    EXPECT_EQ(repeated.find(asked.lookup, asked.ground, asked.now), nullptr) << client;
    rows.text = client;
    repeated.remember(asked.lookup, asked.ground, asked.now, rows);
    const SteeredRows* found = repeated.find(asked.lookup, asked.ground, asked.now);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->text, client);
  }
}

}  // namespace
}  // namespace sdns::answer
