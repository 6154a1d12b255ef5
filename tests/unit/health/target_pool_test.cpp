// SPDX-License-Identifier: MIT
#include "backend/health/target_pool.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace sdns::health {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

PoolMember member(const std::string& address, const std::string& name = "") {
  PoolMember made;
  made.address = *dns::IpAddress::parse(address);
  made.name = name.empty() ? made.address.text() : name;
  return made;
}

TargetPool pool(const std::string& name, std::vector<PoolMember> members = {}, PoolOptions options = {}) {
  return {name, std::move(options), std::move(members), false};
}

/// The keys that are wrong, members as `0/weight`.
std::vector<std::string> wrong(const TargetPool& pool) {
  std::vector<std::string> keys;
  for (const PoolProblem& problem : pool_problems(pool)) {
    keys.push_back((problem.member ? std::to_string(*problem.member) + "/" : "") +
                   (problem.check ? "check " + std::to_string(*problem.check) + "/" : "") + problem.key);
    EXPECT_FALSE(problem.what.empty());
    EXPECT_FALSE(problem.hint.empty());
  }
  return keys;
}

struct OptionCase {
  const char* name;
  const char* value;
  bool good;
};
void PrintTo(const OptionCase& one, std::ostream* to) { *to << one.name << " = \"" << one.value << '"'; }
class PoolOption : public testing::TestWithParam<OptionCase> {};

TEST_P(PoolOption, IsReadOrNamed) {
  const auto& [name, value, good] = GetParam();
  TargetPool made = pool("web", {member("192.0.2.1")}, {{name, value}});
  if (std::string_view(name) == "fallback") made.options["alldown"] = "fallback";
  const auto checked = check_pool(made);
  EXPECT_EQ(good, checked.has_value());
  if (checked) return;
  EXPECT_EQ(Errc::kInvalidArgument, checked.error().code);
  EXPECT_THAT(checked.error().what, HasSubstr(std::string("target pool web: ") + name));
}

INSTANTIATE_TEST_SUITE_P(
    Health, PoolOption,
    testing::Values(
        OptionCase{"url", "https://www.example.org/health?deep=1", true},
        OptionCase{"url", "HTTP://192.0.2.1:8080", true}, OptionCase{"url", "http://[2001:db8::1]:80/", true},
        OptionCase{"url", "http://[2001:db8::1]", true}, OptionCase{"url", "ftp://example.org/", false},
        OptionCase{"url", "http://", false}, OptionCase{"url", "http:///health", false},
        OptionCase{"url", "http://example.org:0/", false}, OptionCase{"url", "http://example.org:65536/", false},
        OptionCase{"url", "http://example.org:/", false}, OptionCase{"url", "http://[192.0.2.1]/", false},
        OptionCase{"url", "http://[2001:db8::1", false}, OptionCase{"url", "http://[2001:db8::1]80/", false},
        OptionCase{"url", "http://exa mple.org/", false}, OptionCase{"url", "http://example.org/\r\nX: 1", false},
        OptionCase{"url", "http://example.org/#top", false}, OptionCase{"url", "http://u:p@example.org/", false},
        OptionCase{"url", "http://u@example.org/", false}, OptionCase{"url", "http://[::1]@example.org/", false},
        OptionCase{"url", "http://example.org/@user", true}, OptionCase{"url", "", false},
        OptionCase{"port", "443", true}, OptionCase{"port", "1", true}, OptionCase{"port", "65535", true},
        OptionCase{"port", "0", false}, OptionCase{"port", "65536", false}, OptionCase{"port", "443x", false},
        OptionCase{"port", " 443", false}, OptionCase{"port", "", false}, OptionCase{"timeout", "1", true},
        OptionCase{"timeout", "0", false}, OptionCase{"timeout", "2s", false}, OptionCase{"timeout", "-1", false},
        OptionCase{"interval", "1", true}, OptionCase{"interval", "0", false}, OptionCase{"interval", "86401", false},
        OptionCase{"stringmatch", "alive", true}, OptionCase{"stringmatch", "", false},
        OptionCase{"useragent", "probe/1.0 (x)", true}, OptionCase{"useragent", "probe\r\nHost: x", false},
        OptionCase{"httpcode", "204", true}, OptionCase{"httpcode", "99", false}, OptionCase{"httpcode", "600", false},
        OptionCase{"byteslimit", "0", true}, OptionCase{"byteslimit", "-1", false},
        OptionCase{"minimumFailures", "3", true}, OptionCase{"minimumFailures", "0", false},
        OptionCase{"failOnIncompleteCheck", "true", true}, OptionCase{"failOnIncompleteCheck", "false", true},
        OptionCase{"failOnIncompleteCheck", "yes", false}, OptionCase{"source", "2001:db8::1", true},
        OptionCase{"source", "eth0", false}, OptionCase{"selector", "pickclosest", true},
        OptionCase{"selector", "pickfirst", true}, OptionCase{"selector", "pickchashed", true},
        OptionCase{"selector", "empty", true}, OptionCase{"selector", "Random", false},
        OptionCase{"selector", "", false}, OptionCase{"backupSelector", "all", true},
        OptionCase{"backupSelector", "none", false}, OptionCase{"minhealthy", "0", true},
        OptionCase{"minhealthy", "2", true}, OptionCase{"minhealthy", "50%", true},
        OptionCase{"minhealthy", "100%", true}, OptionCase{"minhealthy", "101%", false},
        OptionCase{"minhealthy", "%", false}, OptionCase{"minhealthy", "-1", false},
        OptionCase{"minhealthy", "50 %", false}, OptionCase{"alldown", "all", true},
        OptionCase{"alldown", "none", true}, OptionCase{"alldown", "first", true},
        OptionCase{"alldown", "random", true}, OptionCase{"alldown", "fallback", false},
        OptionCase{"alldown", "servfail", false}, OptionCase{"fallback", "192.0.2.9", true},
        OptionCase{"fallback", " 192.0.2.9  2001:db8::9 ", true}, OptionCase{"fallback", "192.0.2.9,192.0.2.8", false},
        OptionCase{"fallback", "  ", false}, OptionCase{"fallback", "", false},
        OptionCase{"distance", "greatcircle", true}, OptionCase{"distance", "planar", true},
        OptionCase{"distance", "flat", false}, OptionCase{"unknownlocation", "zero", true},
        OptionCase{"unknownlocation", "last", true}, OptionCase{"unknownlocation", "first", false},
        OptionCase{"fall", "3", true}, OptionCase{"fall", "0", false}, OptionCase{"rise", "2", true},
        OptionCase{"fallremembered", "0", true}, OptionCase{"forgetafter", "0", false},
        OptionCase{"holddown", "1m", false}, OptionCase{"initial", "up", true}, OptionCase{"initial", "on", false},
        OptionCase{"send", "PING\r\n", true}, OptionCase{"expect", "", false}, OptionCase{"method", "HEAD", true},
        OptionCase{"method", "POST", false}, OptionCase{"codes", "200-299,301", true},
        OptionCase{"codes", "2xx", false}, OptionCase{"redirects", "none", true},
        OptionCase{"redirects", "never", false}, OptionCase{"verify", "true", true}, OptionCase{"verify", "yes", false},
        OptionCase{"dns", "www.example.org", true}, OptionCase{"dns", "a..b", false},
        OptionCase{"exec", "check-ssh_2.sh", true}, OptionCase{"exec", "/bin/true", false},
        OptionCase{"exec", "", false}, OptionCase{"rule", "most", false}, OptionCase{"rule", "0", false},
        OptionCase{"rule", "10", false}, OptionCase{"probe", "192.0.2.9", false},
        OptionCase{"minimumfailures", "3", false}));

TEST(TargetPool, TellsHowAnOptionIsSpelt) {
  EXPECT_THAT(to_text(check_pool(pool("web", {}, {{"backupselector", "all"}})).error()),
              HasSubstr("it is spelt backupSelector"));
  EXPECT_THAT(to_text(check_pool(pool("web", {}, {{"ttl", "5"}})).error()), HasSubstr("there are url, dns, port"));
}

TEST(TargetPool, DoesNotRepeatThePasswordOfAUrl) {
  EXPECT_THAT(to_text(check_pool(pool("web", {}, {{"url", "http://u:hunter2@example.org/"}})).error()),
              Not(HasSubstr("hunter2")));
}

TEST(TargetPool, TakesUrlAndPortTogetherOnlyWhereTheUrlSaysNoPort) {
  EXPECT_THAT(wrong(pool("web", {}, {{"url", "http://example.org/"}, {"port", "8080"}})), IsEmpty());
  EXPECT_THAT(wrong(pool("web", {}, {{"url", "http://example.org:80/"}, {"port", "8080"}})), ElementsAre("port"));
  EXPECT_THAT(wrong(pool("web", {}, {{"url", "http://[2001:db8::1]:80"}, {"port", "80"}})), ElementsAre("port"));
}

TEST(TargetPool, TakesAFallbackOnlyWhereItIsUsed) {
  EXPECT_THAT(wrong(pool("web", {}, {{"fallback", "192.0.2.1"}})), ElementsAre("fallback"));
  EXPECT_THAT(wrong(pool("web", {}, {{"fallback", "192.0.2.1"}, {"alldown", "all"}})), ElementsAre("fallback"));
  EXPECT_THAT(wrong(pool("web", {}, {{"fallback", "192.0.2.1"}, {"alldown", "fallback"}})), IsEmpty());
  EXPECT_THAT(wrong(pool("web", {}, {{"alldown", "fallback"}})), ElementsAre("alldown"));
}

TEST(TargetPool, HasNoOptionThatDoesNothingBesideAnother) {
  const auto with = [](PoolOptions options) { return wrong(pool("web", {}, std::move(options))); };
  EXPECT_THAT(with({{"minimumFailures", "2"}, {"fall", "3"}, {"rise", "2"}}), ElementsAre("minimumFailures"));
  EXPECT_THAT(with({{"minimumFailures", "2"}, {"initial", "up"}}), ElementsAre("minimumFailures"));
  EXPECT_THAT(with({{"httpcode", "204"}, {"codes", "200-299"}}), ElementsAre("httpcode"));
  EXPECT_THAT(with({{"url", "http://x/"}, {"dns", "x"}}), ElementsAre("dns"));
  EXPECT_THAT(with({{"url", "http://x/"}, {"send", "x"}}), ElementsAre("send"));
  EXPECT_THAT(with({{"dns", "x"}, {"expect", "x"}}), ElementsAre("expect"));
  EXPECT_THAT(with({{"method", "HEAD"}, {"stringmatch", "x"}}), ElementsAre("stringmatch"));
  EXPECT_THAT(with({{"dnstype", "SOA"}}), ElementsAre("dnstype"));
  EXPECT_THAT(with({{"dns", "x"}, {"dnstype", "SOA"}, {"dnsrcode", "any"}, {"port", "5353"}, {"fall", "3"}}),
              IsEmpty());
}

TEST(TargetPool, AsksOneQuestionInItsOptionsAndOneInEachFurtherCheck) {
  const auto with = [](PoolOptions options, std::vector<PoolOptions> checks) {
    TargetPool made = pool("web", {}, std::move(options));
    made.checks = std::move(checks);
    return wrong(made);
  };
  EXPECT_THAT(with({{"url", "http://x/"}}, {{{"port", "25"}, {"send", "x"}}, {{"dns", "x"}}, {{"exec", "raid"}}}),
              IsEmpty());
  EXPECT_THAT(with({{"timeout", "1"}, {"dnstype", "MX"}}, {{{"dns", "x"}, {"dnsrdata", "10 m."}}}), IsEmpty())
      << "what the pool says is for its checks";
  EXPECT_THAT(with({{"url", "http://x/"}, {"exec", "raid"}}, {}), ElementsAre("url"));
  EXPECT_THAT(with({{"exec", "raid"}, {"timeout", "1"}}, {}), ElementsAre("timeout"));
  EXPECT_THAT(with({}, {{{"url", "http://x/"}, {"dns", "x"}}}), ElementsAre("check 0/dns"));
  EXPECT_THAT(with({}, {{{"port", "25"}}, {{"timeout", "1"}}}), ElementsAre("check 1/"));
  EXPECT_THAT(with({{"port", "80"}}, {{{"port", "0"}}}), ElementsAre("check 0/port"));
  EXPECT_THAT(with({}, {{{"port", "25"}, {"selector", "all"}}}), ElementsAre("check 0/selector"));
  EXPECT_THAT(with({}, {{{"port", "25"}, {"rule", "any"}}}), ElementsAre("check 0/rule"));
  EXPECT_THAT(with({}, {{{"port", "25"}, {"nosuch", "1"}}}), ElementsAre("check 0/nosuch"));
  EXPECT_THAT(with({}, {{{"port", "25"}, {"dnstype", "MX"}}}), ElementsAre("check 0/dnstype"));
  EXPECT_THAT(with({}, {{{"port", "25"}}, {{"port", "80"}}, {{"port", "25"}}}), ElementsAre("check 2/"))
      << "it would count twice";
}

TEST(TargetPool, HasARuleThatItsChecksCanFulfil) {
  const auto with = [](const char* rule, std::size_t checks, PoolOptions options = {}) {
    options["rule"] = rule;
    TargetPool made = pool("web", {}, std::move(options));
    for (std::size_t i = 0; i < checks; ++i) made.checks.push_back({{"port", std::to_string(i + 1)}});
    return wrong(made);
  };
  EXPECT_THAT(with("any", 2), IsEmpty());
  EXPECT_THAT(with("any", 1, {{"url", "http://x/"}}), IsEmpty());
  EXPECT_THAT(with("any", 1), ElementsAre("rule")) << "of one";
  EXPECT_THAT(with("all", 0, {{"url", "http://x/"}}), ElementsAre("rule"));
  EXPECT_THAT(with("3", 2, {{"url", "http://x/"}}), IsEmpty());
  EXPECT_THAT(with("3", 2), ElementsAre("rule"));
  EXPECT_THAT(with("all", kMaxPoolChecks), IsEmpty());
  EXPECT_THAT(with("all", kMaxPoolChecks + 1), ElementsAre(""));
}

TEST(TargetPool, HasNoMoreChecksOfAllMembersThanAnAnswerMayRestOn) {
  TargetPool made = pool("web", {}, {{"port", "443"}});
  for (std::size_t i = 0; i < kMaxCheckedMembers / 2; ++i) made.members.push_back(member(fmt::format("10.0.0.{}", i)));
  made.checks = {{{"port", "80"}}};
  EXPECT_THAT(wrong(made), IsEmpty());
  made.members.push_back(member("10.0.1.1"));
  EXPECT_THAT(wrong(made), ElementsAre(""));
}

TEST(TargetPool, ProbesAMemberElsewhereOrNot) {
  PoolMember made = member("192.0.2.1");
  made.probe = *dns::IpAddress::parse("2001:db8::1");
  EXPECT_THAT(wrong(pool("web", {made, member("192.0.2.2")})), IsEmpty());
  made.probe = made.address;
  EXPECT_THAT(wrong(pool("web", {made})), ElementsAre("0/probe"));
  EXPECT_THAT(to_text(check_pool(pool("web", {}, {{"probe", "192.0.2.1"}})).error()), HasSubstr("said of members"));
}

TEST(TargetPool, ExpectsDataOfTheTypeThatIsAskedFor) {
  const auto with = [](PoolOptions options) { return wrong(pool("web", {}, std::move(options))); };
  EXPECT_THAT(with({{"dns", "x"}, {"dnsrdata", "192.0.2.1"}}), IsEmpty());
  EXPECT_THAT(with({{"dns", "x"}, {"dnstype", "MX"}, {"dnsrdata", "10 mail.example.org."}}), IsEmpty());
  EXPECT_THAT(with({{"dns", "x"}, {"dnstype", "MX"}, {"dnsrdata", "192.0.2.1"}}), ElementsAre("dnsrdata"));
  EXPECT_THAT(with({{"dns", "x"}, {"dnsrdata", "2001:db8::1"}}), ElementsAre("dnsrdata"));
}

TEST(TargetPool, HasANameOfLettersDigitsAndThreeOthers) {
  for (const auto& good : std::vector<std::string>{"web", "eu-1.web_A", "0", std::string(63, 'a')})
    EXPECT_THAT(wrong(pool(good)), IsEmpty()) << good;
  for (const auto& bad : std::vector<std::string>{"", "a b", "a'b", "a/b", "a:b", "\xC3\xA9", std::string(64, 'a')})
    EXPECT_THAT(wrong(pool(bad)), ElementsAre("name")) << bad;
}

TEST(TargetPool, HasEachMemberOnce) {
  EXPECT_THAT(wrong(pool("web", {member("192.0.2.1", "a"), member("192.0.2.2", "a")})), ElementsAre("1/name"));
  EXPECT_THAT(wrong(pool("web", {member("192.0.2.1", "a"), member("192.0.2.1", "b")})), ElementsAre("1/address"));
  EXPECT_THAT(wrong(pool("web", {member("192.0.2.1"), member("192.0.2.1")})), ElementsAre("1/address"));
  EXPECT_THAT(wrong(pool("web", {member("2001:db8::1"), member("192.0.2.1")})), IsEmpty());
  EXPECT_THAT(wrong(pool("web", {member("192.0.2.1", "192.0.2.2")})), ElementsAre("0/name"))
      << "a name that is an address is the member's";
}

TEST(TargetPool, BoundsTheNumbersOfAMember) {
  PoolMember made = member("192.0.2.1");
  made.weight = kMaxPoolWeight;
  made.group = kMaxPoolGroup;
  EXPECT_THAT(wrong(pool("web", {made})), IsEmpty());
  made.weight = 0;
  made.group = 0;
  EXPECT_THAT(wrong(pool("web", {made})), ElementsAre("0/group"));
  made.weight = kMaxPoolWeight + 1;
  made.group = kMaxPoolGroup + 1;
  made.region = "no blanks";
  EXPECT_THAT(wrong(pool("web", {made})), ElementsAre("0/weight", "0/group", "0/region"));
  EXPECT_THAT(wrong(pool("web", std::vector<PoolMember>(1, member("192.0.2.1")))), IsEmpty());
  std::vector<PoolMember> many;
  for (std::size_t i = 0; i <= kMaxPoolMembers; ++i)
    many.push_back(member("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256)));
  EXPECT_THAT(wrong(pool("web", many)), ElementsAre(""));
  many.resize(kMaxCheckedMembers + 1);
  EXPECT_THAT(wrong(pool("web", many)), IsEmpty());
  EXPECT_THAT(wrong(pool("web", many, {{"port", "443"}})), ElementsAre("")) << "more than one answer may rest on";
  many.pop_back();
  EXPECT_THAT(wrong(pool("web", many, {{"port", "443"}})), IsEmpty());
}

struct PlaceCase {
  const char* what;
  std::optional<double> latitude;
  std::optional<double> longitude;
  std::vector<std::string> wrong;
};
TEST(TargetPool, HasBothCoordinatesInRangeOrNone) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const PlaceCase& one :
       {PlaceCase{"none", {}, {}, {}}, PlaceCase{"the corners", -90, 180, {}},
        PlaceCase{"no longitude", 1, {}, {"0/longitude"}}, PlaceCase{"no latitude", {}, 1, {"0/latitude"}},
        PlaceCase{"too far north", 90.5, 0, {"0/latitude"}}, PlaceCase{"too far west", 0, -180.5, {"0/longitude"}},
        PlaceCase{"no numbers", nan, nan, {"0/latitude", "0/longitude"}}}) {
    PoolMember made = member("192.0.2.1");
    made.latitude = one.latitude;
    made.longitude = one.longitude;
    EXPECT_EQ(one.wrong, wrong(pool("web", {made}))) << one.what;
  }
}

TEST(TargetPool, IsDescribedWithPoolMemberValueAndRule) {
  PoolMember made = member("192.0.2.1", "fra");
  made.latitude = 91;
  made.longitude = 0;
  EXPECT_EQ("target pool web: member fra: latitude 91 is outside of -90 to 90 degrees; correct it",
            to_text(check_pool(pool("web", {made})).error()));
  TargetPool asks = pool("web");
  asks.checks = {{{"port", "443"}}, {{"port", "99999"}}};
  EXPECT_EQ("target pool web: check 2: port \"99999\" is not a whole number from 1 to 65535; correct it",
            to_text(check_pool(asks).error()));
}

TEST(Degrees, AreReadAndWrittenWithoutLoss) {
  for (const char* text : {"0", "-13.4", "52.520007", "179.99999999999997", "1e-07"})
    EXPECT_EQ(text, degrees_text(std::stod(text)));
  EXPECT_EQ("0", degrees_text(-0.0));
  EXPECT_EQ(52.5, parse_degrees("52.5"));
  EXPECT_EQ("0", degrees_text(*parse_degrees("-0.0")));
  for (const char* text : {"", "nan", "inf", "52,5", "5 ", "1x", "N52"}) EXPECT_FALSE(parse_degrees(text)) << text;
}

TEST(TargetPools, AreOrderedAndFoundByName) {
  const auto pools = TargetPools::make({pool("web", {member("192.0.2.1")}), pool("a"), pool("mail")});
  ASSERT_TRUE(pools);
  ASSERT_EQ(3U, pools->all().size());
  EXPECT_EQ("a", pools->all()[0].name);
  EXPECT_EQ("web", pools->find("web")->name);
  EXPECT_EQ(1U, pools->find("web")->members.size());
  EXPECT_EQ(nullptr, pools->find("we"));
  EXPECT_EQ(nullptr, pools->find("webb"));
  EXPECT_EQ(nullptr, TargetPools().find("web"));
}

TEST(TargetPools, AreNotMadeOfTwoWithOneNameOrOfOneThatBreaksARule) {
  const auto twice = TargetPools::make({pool("web"), pool("a"), pool("web")});
  ASSERT_FALSE(twice);
  EXPECT_EQ(Errc::kInvalidArgument, twice.error().code);
  EXPECT_THAT(twice.error().what, HasSubstr("web is defined twice"));
  EXPECT_FALSE(TargetPools::make({pool("web", {}, {{"port", "x"}})}));
}

TEST(TargetPools, OfTheConfigurationWinAgainstStoredOnes) {
  TargetPool mine = pool("web", {member("192.0.2.1")});
  mine.from_configuration = true;
  const auto configured = *TargetPools::make({mine});
  const auto stored = *TargetPools::make({pool("web", {member("192.0.2.2")}), pool("app")});
  const MergedPools merged = TargetPools::merge(configured, stored);
  EXPECT_THAT(merged.hidden, ElementsAre("web"));
  ASSERT_EQ(2U, merged.pools.all().size());
  EXPECT_EQ("app", merged.pools.all()[0].name);
  EXPECT_EQ(mine, *merged.pools.find("web"));
  EXPECT_THAT(TargetPools::merge(TargetPools(), stored).hidden, IsEmpty());
  EXPECT_EQ(stored, TargetPools::merge(TargetPools(), stored).pools);
}

TEST(TargetPools, TellWhichOfThemDiffer) {
  const auto before = *TargetPools::make({pool("same"), pool("gone"), pool("changed", {member("192.0.2.1")})});
  const auto after = *TargetPools::make({pool("same"), pool("changed", {member("192.0.2.2")}), pool("new")});
  EXPECT_THAT(TargetPools::differing(before, after), ElementsAre("changed", "gone", "new"));
  EXPECT_THAT(TargetPools::differing(after, after), IsEmpty());
}

}  // namespace
}  // namespace sdns::health
