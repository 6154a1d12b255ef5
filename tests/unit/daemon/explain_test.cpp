// SPDX-License-Identifier: MIT
#include "backend/daemon/explain.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace sdns::daemon {
namespace {

using testing::HasSubstr;

ExplainRequest parsed(QueryParameters query) {
  query.emplace("name", "www.example.org");
  auto request = parse_explain_request(query);
  EXPECT_TRUE(request) << request.error().what;
  return request ? std::move(*request) : ExplainRequest{};
}

TEST(ExplainRequest, AClientIsAssumedWhenNoneIsGiven) {
  const ExplainRequest request = parsed({});
  EXPECT_TRUE(request.client_assumed);
  EXPECT_EQ(request.question.client.who.text(), "127.0.0.1");
  EXPECT_FALSE(request.question.client.ecs);
  EXPECT_FALSE(request.question.type);
  EXPECT_FALSE(parsed({{"client", "192.0.2.1"}}).client_assumed);
}

TEST(ExplainRequest, APrefixIsAClientSubnetWithoutHostBits) {
  const auto by_client = parsed({{"client", "2001:db8::77/48"}}).question.client;
  EXPECT_EQ(by_client.who.text(), "2001:db8::77");
  EXPECT_EQ(by_client.ecs->text(), "2001:db8::/48");
  const auto by_ecs = parsed({{"client", "192.0.2.1"}, {"ecs", "198.51.100.9/24"}}).question.client;
  EXPECT_EQ(by_ecs.who.text(), "192.0.2.1");
  EXPECT_EQ(by_ecs.ecs->text(), "198.51.100.0/24");
}

TEST(ExplainRequest, TheWholeAddressOfTheClientIsNoSubnet) {
  EXPECT_FALSE(parsed({{"client", "192.0.2.1/32"}}).question.client.ecs);
  EXPECT_FALSE(parsed({{"client", "192.0.2.1"}, {"ecs", "192.0.2.1"}}).question.client.ecs);
}

TEST(ExplainRequest, TargetsStandOnALineEachInTheirOneSpelling) {
  const auto assumptions =
      parsed({{"at_health", "192.0.2.1=down\n\n[2001:DB8:0::1]:443=up\nurl http://x/?a=b from 192.0.2.1=up\n"}})
          .question.at_health;
  ASSERT_EQ(assumptions.size(), 3U);
  EXPECT_EQ(assumptions[0].target, "192.0.2.1");
  EXPECT_EQ(assumptions[0].verdict, health::Verdict::kDown);
  EXPECT_EQ(assumptions[1].target, "[2001:db8::1]:443");
  EXPECT_EQ(assumptions[2].target, "url http://x/?a=b from 192.0.2.1");
  EXPECT_EQ(assumptions[2].verdict, health::Verdict::kUp);
}

struct Refused {
  const char* behaviour;
  QueryParameters query;
  const char* rule;
};
void PrintTo(const Refused& one, std::ostream* out) { *out << one.behaviour; }
class ExplainRefused : public testing::TestWithParam<Refused> {};
TEST_P(ExplainRefused, NamesTheRule) {
  const auto request = parse_explain_request(GetParam().query);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().code, Errc::kInvalidArgument);
  EXPECT_THAT(request.error().what, HasSubstr(GetParam().rule));
}
INSTANTIATE_TEST_SUITE_P(
    ExplainRequest, ExplainRefused,
    testing::Values(
        Refused{"no name", {}, "name is missing"},
        Refused{"no domain name", {{"name", "a..b"}}, "is not a domain name"},
        Refused{"a question as type", {{"name", "a"}, {"type", "AXFR"}}, "is not a record type"},
        Refused{"no type", {{"name", "a"}, {"type", "X"}}, "is not a record type"},
        Refused{"no address", {{"name", "a"}, {"client", "x"}}, "client: "},
        Refused{"nobody", {{"name", "a"}, {"client", "::"}}, "nobody's address"},
        Refused{"no network", {{"name", "a"}, {"ecs", "1.2.3.4/33"}}, "ecs: "},
        Refused{
            "two subnets", {{"name", "a"}, {"client", "192.0.2.0/24"}, {"ecs", "192.0.2.0/24"}}, "ecs is given too"},
        Refused{"a target without state", {{"name", "a"}, {"at_health", "192.0.2.1"}}, "neither TARGET=up"},
        Refused{"a state that is none", {{"name", "a"}, {"at_health", "192.0.2.1=unknown"}}, "neither TARGET=up"},
        Refused{"no target", {{"name", "a"}, {"at_health", "x=up"}}, "is no target"},
        Refused{"every check, which only programs may mean", {{"name", "a"}, {"at_health", "*=up"}}, "is no target"},
        Refused{"another parameter", {{"name", "a"}, {"x", ""}}, "no parameter x"}));

}  // namespace
}  // namespace sdns::daemon
