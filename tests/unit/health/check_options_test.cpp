// SPDX-License-Identifier: MIT
#include "backend/health/check_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "backend/health/check_question.h"

namespace sdns::health {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

using Given = std::vector<std::pair<std::string, std::string>>;

CheckOptions with_also(CheckOptions options, const std::string& name, const std::string& value) {
  const auto set = set_our_option(name, value, options);
  EXPECT_TRUE(set && *set) << name << '=' << value;
  return options;
}

CheckOptions with(const Given& given) {
  CheckOptions options;
  for (const auto& [name, value] : given) options = with_also(std::move(options), name, value);
  return options;
}

struct ValueCase {
  const char* name;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};
void PrintTo(const ValueCase& one, std::ostream* to) { *to << one.name; }
class OurOptionTest : public testing::TestWithParam<ValueCase> {};
TEST_P(OurOptionTest, TakesTheseValuesAlone) {
  const auto& [name, good, bad] = GetParam();
  for (const std::string& value : good) (void)with_also({}, name, value);
  for (const std::string& value : bad) {
    CheckOptions options;
    const auto set = set_our_option(name, value, options);
    ASSERT_FALSE(set) << name << '=' << value;
    EXPECT_EQ(set.error().code, Errc::kInvalidArgument);
    EXPECT_FALSE(set.error().hint.empty());
  }
}
INSTANTIATE_TEST_SUITE_P(
    Rows, OurOptionTest,
    testing::Values(ValueCase{"fall", {"1", "3", "1000"}, {"0", "1001", "-1", "x", "", "3 ", "2.5"}},
                    ValueCase{"rise", {"1", "1000"}, {"0", "1001"}},
                    ValueCase{"fallremembered", {"0", "1000"}, {"1001", "x"}},
                    ValueCase{"forgetafter", {"1", "1000"}, {"0", "1001"}},
                    ValueCase{"holddown", {"0", "604800"}, {"604801", "1m"}},
                    ValueCase{"initial", {"up", "down", "unknown"}, {"Up", "", "1"}},
                    ValueCase{"resume", {"manual", "automatic"}, {"Manual", "auto", ""}},
                    ValueCase{"send", {"PING\r\n", std::string(255, 'x')}, {"", std::string(256, 'x')}},
                    ValueCase{"expect", {"+PONG"}, {"", std::string(256, 'x')}},
                    ValueCase{"method", {"GET", "HEAD"}, {"POST", "get", ""}},
                    ValueCase{"codes", {"200", "200-299,301"}, {"", "2xx", "300-200", "99"}},
                    ValueCase{"redirects", {"none", "same", "follow"}, {"no", ""}},
                    ValueCase{"verify", {"true", "false"}, {"yes", "1", ""}},
                    ValueCase{"dns", {"www.example.org", "example.org.", ".", "_x._tcp.a"}, {"", "a..b", "\\999"}},
                    ValueCase{"dnstype", {"A", "soa", "TYPE65535"}, {"", "NOSUCH"}},
                    ValueCase{"dnsrcode", {"NOERROR", "REFUSED", "any", "15"}, {"16", "refused!", ""}},
                    ValueCase{"dnsrdata", {"192.0.2.1", "10 mail.example.org."}, {""}}));

TEST(OurOption, OthersAreNotTakenAndNotRefused) {
  for (const char* name : {"timeout", "minimumFailures", "Fall", "resumed", "exec", "probe", ""}) {
    CheckOptions options;
    const auto set = set_our_option(name, "1", options);
    EXPECT_TRUE(set && !*set) << name;
    EXPECT_EQ(options, CheckOptions{}) << name;
  }
}

TEST(OurOption, AnErrorNamesTheValueAndTheRule) {
  CheckOptions options;
  EXPECT_THAT(set_our_option("fall", "0", options).error().what,
              HasSubstr("\"0\" is not a whole number from 1 to 1000"));
  EXPECT_THAT(set_our_option("initial", "on", options).error().hint, HasSubstr("unknown, up, down"));
  EXPECT_THAT(set_our_option("dnsrcode", "BAD", options).error().hint, HasSubstr("REFUSED"));
}

struct TextCase {
  CheckKind kind;
  Given given;
  const char* identity;
};
void PrintTo(const TextCase& one, std::ostream* to) { *to << one.identity; }
class IdentityOfOptions : public testing::TestWithParam<TextCase> {};
TEST_P(IdentityOfOptions, SaysWhatIsNotTheDefaultAndIsReadBack) {
  const auto& [kind, given, identity] = GetParam();
  CheckQuestion question;
  question.kind = kind;
  question.address = *dns::IpAddress::parse("192.0.2.1");
  question.port = kind == CheckKind::kTcp ? 25 : kind == CheckKind::kDns ? 53 : 0;
  if (kind == CheckKind::kUrl) question.url = "https://x/";
  question.options = with(given);
  EXPECT_EQ(question.identity(), identity);
  const auto read = CheckQuestion::parse(identity);
  ASSERT_TRUE(read) << to_text(read.error());
  EXPECT_EQ(read->identity(), identity);
  EXPECT_EQ(thresholds_of(read->options), thresholds_of(question.options));
}
INSTANTIATE_TEST_SUITE_P(
    Rows, IdentityOfOptions,
    testing::Values(
        TextCase{CheckKind::kTcp, {}, "tcp 192.0.2.1:25"},
        TextCase{CheckKind::kTcp, {{"fall", "3"}}, "tcp 192.0.2.1:25 fall=3"},
        TextCase{CheckKind::kTcp, {{"rise", "2"}}, "tcp 192.0.2.1:25 fall=3 rise=2"},
        TextCase{CheckKind::kTcp, {{"initial", "unknown"}}, "tcp 192.0.2.1:25 fall=3"},
        TextCase{CheckKind::kTcp,
                 {{"fall", "9"}, {"fallremembered", "11"}, {"rise", "10"}, {"holddown", "60"}},
                 "tcp 192.0.2.1:25 fall=9"},
        TextCase{CheckKind::kTcp,
                 {{"holddown", "0"}, {"forgetafter", "4"}, {"fallremembered", "0"}, {"initial", "up"}, {"fall", "2"}},
                 "tcp 192.0.2.1:25 fall=2 fallremembered=0 forgetafter=4 holddown=0 initial=up"},
        TextCase{CheckKind::kTcp, {{"resume", "manual"}}, "tcp 192.0.2.1:25 fall=3 resume=manual"},
        TextCase{CheckKind::kTcp, {{"resume", "automatic"}}, "tcp 192.0.2.1:25 fall=3"},
        TextCase{CheckKind::kTcp,
                 {{"expect", "250 ok"}, {"send", "EHLO x\r\n"}},
                 "tcp 192.0.2.1:25 send=EHLO%20x%0d%0a expect=250%20ok"},
        TextCase{CheckKind::kTcp, {{"codes", "301"}, {"verify", "true"}, {"dns", "a"}}, "tcp 192.0.2.1:25"},
        TextCase{CheckKind::kUrl,
                 {{"method", "GET"}, {"redirects", "follow"}, {"verify", "false"}},
                 "url https://x/ from 192.0.2.1"},
        TextCase{CheckKind::kUrl,
                 {{"method", "HEAD"}, {"codes", "200-299,301,404-404"}, {"redirects", "none"}, {"verify", "true"}},
                 "url https://x/ from 192.0.2.1 method=HEAD codes=200-299,301,404 redirects=none verify=true"},
        TextCase{
            CheckKind::kUrl, {{"redirects", "same"}, {"send", "x"}}, "url https://x/ from 192.0.2.1 redirects=same"},
        TextCase{CheckKind::kDns, {{"dns", "WWW.example.ORG"}}, "dns www.example.org. from 192.0.2.1:53"},
        TextCase{CheckKind::kDns,
                 {{"dns", "a%b\\ c.d."}, {"dnstype", "MX"}, {"dnsrdata", "10 m.d."}, {"dnsrcode", "0"}},
                 "dns a%25b\\032c.d. from 192.0.2.1:53 dnstype=MX dnsrdata=10%20m.d."},
        TextCase{CheckKind::kDns, {{"dns", "."}, {"dnsrcode", "any"}}, "dns . from 192.0.2.1:53 dnsrcode=any"},
        TextCase{CheckKind::kDns, {{"dns", "x"}, {"dnsrcode", "5"}}, "dns x. from 192.0.2.1:53 dnsrcode=REFUSED"},
        TextCase{CheckKind::kDns, {{"dns", "x"}, {"dnsrcode", "15"}}, "dns x. from 192.0.2.1:53 dnsrcode=15"}));

TEST(IdentityOfOptions, MinimumFailuresIsNoPartOfItBesideThresholdsOfOurs) {
  CheckQuestion question;
  question.port = 25;
  question.options = with({{"rise", "2"}});
  question.options.minimum_failures = 7;
  EXPECT_EQ(question.identity(), "tcp 0.0.0.0:25 fall=3 rise=2");
}

TEST(ThresholdsOf, ArePowerdnsUntilOneIsGiven) {
  CheckOptions options;
  options.minimum_failures = 4;
  EXPECT_EQ(thresholds_of(options), Thresholds::power_dns(4));
  for (const auto& [name, value] : Given{{"fall", "3"}, {"rise", "10"}, {"initial", "unknown"}, {"holddown", "60"}})
    EXPECT_EQ(thresholds_of(with({{name, value}})), Thresholds{}) << name;
}

TEST(ThresholdsOf, AreWhatIsGivenAndWhatFollowsFromIt) {
  const Thresholds all = thresholds_of(with({{"fall", "8"},
                                             {"rise", "2"},
                                             {"fallremembered", "20"},
                                             {"forgetafter", "5"},
                                             {"holddown", "7200"},
                                             {"initial", "down"},
                                             {"resume", "manual"}}));
  Thresholds expected;
  expected.fall = 8;
  expected.fall_remembered = 20;
  expected.forget_after = 5;
  expected.rise = 2;
  expected.rise_after_loss = 6;
  expected.rise_most = 24;
  expected.initial = Initial::kDown;
  expected.resume = Resume::kManual;
  expected.hold_down = expected.hold_most = seconds(7200);
  EXPECT_EQ(all, expected);
  EXPECT_EQ(thresholds_of(with({{"fall", "8"}})).fall_remembered, 10) << "a blip must not come before the row of eight";
  EXPECT_EQ(thresholds_of(with({{"fall", "1"}})).fall_remembered, 5);
  EXPECT_EQ(thresholds_of(with({{"holddown", "0"}})).storm_falls, 0);
}

TEST(ThresholdsOf, KeepTheRulesAtEveryBound) {
  for (const char* fall : {"1", "1000"})
    for (const char* rise : {"1", "1000"})
      for (const char* remembered : {"", "0", "1000"})
        for (const char* hold : {"0", "604800"}) {
          CheckOptions options = with({{"fall", fall}, {"rise", rise}, {"forgetafter", rise}, {"holddown", hold}});
          if (*remembered != '\0') options = with_also(std::move(options), "fallremembered", remembered);
          const auto good = check_thresholds(thresholds_of(options));
          EXPECT_TRUE(good) << to_text(good.error());
        }
}

}  // namespace
}  // namespace sdns::health
