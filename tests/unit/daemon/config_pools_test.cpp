// SPDX-License-Identifier: MIT
// Target pools in the configuration: what is read, what is refused, and what start-up compares with the database.
#include "backend/daemon/config_pools.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "backend/daemon/start_check.h"
#include "backend/store/authority.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"

namespace sdns::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr const char* kTwoPools = R"(
[[target_pool]]
name = "web"
url = "https://www.example.org/health"
port = 8443
failOnIncompleteCheck = true
selector = "pickclosest"
alldown = "fallback"
fallback = ["192.0.2.8", "192.0.2.9"]

[[target_pool.member]]
name = "fra"
address = "192.0.2.1"
weight = 7
group = 2
region = "eu"
latitude = 50.11
longitude = 8
enabled = false

[[target_pool.member]]
address = "2001:DB8::1"

[[target_pool]]
name = "app"
member = []
)";

class ConfigPoolsTest : public testing::Test {
 protected:
  tl::expected<LoadedConfig, ConfigProblems> load(const std::string& text, Environment environment = {}) {
    std::ofstream(dir_ / "config.toml") << text;
    ::chmod((dir_ / "config.toml").c_str(), 0600);
    ConfigSource source;
    source.file = (dir_ / "config.toml").string();
    environment.try_emplace("SDNS_LISTEN_SOCKET", (dir_ / "pdns.sock").string());
    environment.try_emplace("SDNS_DATABASE_URL", url_);
    source.environment = std::move(environment);
    return load_config(source);
  }
  /// `path what`, a line each.
  std::vector<std::string> problems_of(const std::string& text) {
    const auto loaded = load(text);
    std::vector<std::string> lines;
    if (loaded) return lines;
    for (const Problem& problem : loaded.error().problems) lines.push_back(problem.where + " " + problem.what);
    return lines;
  }
  LoadedConfig good(const std::string& text) {
    auto loaded = load(text);
    if (loaded) return std::move(*loaded);
    ADD_FAILURE() << loaded.error().text("", "");
    return {};
  }
  void store(const std::string& pool) {
    auto authority = store::open_authority(url_, store::OpenMode::kCreateIfMissing, clock_, random_);
    ASSERT_TRUE(authority) << to_text(authority.error());
    auto edit = *(*authority)->edit();
    ASSERT_TRUE(edit->put_target_pool({pool, {}, {}, false}));
    ASSERT_TRUE(edit->commit("test"));
  }

  test::TempDir dir_;
  const std::string url_ = "sqlite:" + (dir_ / "authority.db").string();
  test::ManualWallClock clock_;
  test::SeededRandom random_{3};
};

TEST_F(ConfigPoolsTest, AreReadFromTheFile) {
  const LoadedConfig loaded = good(kTwoPools);
  const health::TargetPools& pools = loaded.config.target_pools;
  ASSERT_EQ(pools.all().size(), 2U);
  const health::TargetPool& web = *pools.find("web");
  EXPECT_TRUE(web.from_configuration);
  EXPECT_EQ(web.options, (health::PoolOptions{{"url", "https://www.example.org/health"},
                                              {"port", "8443"},
                                              {"failOnIncompleteCheck", "true"},
                                              {"selector", "pickclosest"},
                                              {"alldown", "fallback"},
                                              {"fallback", "192.0.2.8 192.0.2.9"}}));
  ASSERT_EQ(web.members.size(), 2U);
  EXPECT_EQ(web.members[0],
            (health::PoolMember{"fra", *dns::IpAddress::parse("192.0.2.1"), 7, 2, "eu", 50.11, 8, false}));
  EXPECT_EQ(web.members[1], (health::PoolMember{"2001:db8::1", *dns::IpAddress::parse("2001:db8::1")}));
  EXPECT_THAT(pools.find("app")->members, IsEmpty());
  EXPECT_TRUE(good("target_pool = []\n").config.target_pools.all().empty());
}

TEST_F(ConfigPoolsTest, KeepTheOrderOfMoreThanTenMembers) {
  std::string text = "[[target_pool]]\nname = \"web\"\n";
  for (int i = 1; i <= 12; ++i) text += "[[target_pool.member]]\naddress = \"192.0.2." + std::to_string(i) + "\"\n";
  const LoadedConfig loaded = good(text);
  ASSERT_EQ(loaded.config.target_pools.all().size(), 1U);
  EXPECT_EQ(loaded.config.target_pools.all()[0].members.at(1).name, "192.0.2.2");
  EXPECT_EQ(loaded.config.target_pools.all()[0].members.at(11).name, "192.0.2.12");
}

TEST_F(ConfigPoolsTest, HaveFurtherChecksAndMembersThatAreProbedElsewhere) {
  const LoadedConfig loaded = good(R"(
[[target_pool]]
name = "web"
url = "https://www.example.org/health"
rule = 2
[[target_pool.check]]
port = 5432
timeout = 1
[[target_pool.check]]
dns = "www.example.org"
[[target_pool.member]]
address = "192.0.2.1"
probe = "2001:DB8::1"
)");
  const health::TargetPool& web = *loaded.config.target_pools.find("web");
  EXPECT_EQ(web.options, (health::PoolOptions{{"url", "https://www.example.org/health"}, {"rule", "2"}}));
  EXPECT_THAT(web.checks, ElementsAre(health::PoolOptions{{"port", "5432"}, {"timeout", "1"}},
                                      health::PoolOptions{{"dns", "www.example.org"}}));
  EXPECT_EQ(web.members.at(0).probe, *dns::IpAddress::parse("2001:db8::1"));
  for (const char* line : {"target_pool[0].check[0].timeout = 1", "target_pool[0].member[0].probe = \"2001:DB8::1\""})
    EXPECT_THAT(print_config(loaded), HasSubstr(line));
  EXPECT_THAT(good("[[target_pool]]\nname = \"a\"\ncheck = []\n").config.target_pools.find("a")->checks, IsEmpty());
}

TEST_F(ConfigPoolsTest, AreShownWithTheirOrigin) {
  const std::string text = print_config(good(kTwoPools));
  for (const char* line :
       {"target_pool[0].name = \"web\"", "target_pool[0].port = 8443",
        "target_pool[0].fallback = [\"192.0.2.8\", \"192.0.2.9\"]", "target_pool[0].member[0].latitude = 50.11",
        "target_pool[0].member[0].enabled = false", "target_pool[1].name = \"app\""})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, HasSubstr("config.toml:3\n"));
}

struct ProblemCase {
  const char* what;
  const char* text;   ///< after [[target_pool]]
  const char* where;  ///< and how the problem begins
};
void PrintTo(const ProblemCase& one, std::ostream* to) { *to << one.what; }
class ConfigPoolProblem : public ConfigPoolsTest, public testing::WithParamInterface<ProblemCase> {};

TEST_P(ConfigPoolProblem, IsToldWithItsPath) {
  EXPECT_THAT(problems_of(std::string("[[target_pool]]\n") + GetParam().text),
              ElementsAre(testing::StartsWith(GetParam().where)));
}

INSTANTIATE_TEST_SUITE_P(
    Pools, ConfigPoolProblem,
    testing::Values(
        ProblemCase{"no name", "port = 80", "target_pool[0].name is missing"},
        ProblemCase{"nothing at all", "", "target_pool[0].name is missing"},
        ProblemCase{"a name of another kind", "name = 5", "target_pool[0].name is a whole number; write a text"},
        ProblemCase{"a bad name", "name = \"a b\"", "target_pool[0].name \"a b\" has a character"},
        ProblemCase{"an option that cannot be read", "name = \"a\"\nport = 0",
                    "target_pool[0].port \"0\" is not a whole number from 1 to 65535; correct it (line 3)"},
        ProblemCase{"an unknown option", "name = \"a\"\ncheck = \"tcp\"",
                    "target_pool[0].check is no list of checks; write [[target_pool.check]]"},
        ProblemCase{"one bracket for checks", "name = \"a\"\n[target_pool.check]\nport = 25",
                    "target_pool[0].check.port is no list of checks"},
        ProblemCase{"a check that asks nothing", "name = \"a\"\n[[target_pool.check]]\ntimeout = 1",
                    "target_pool[0].check[0] asks nothing"},
        ProblemCase{"an option of a check that cannot be read",
                    "name = \"a\"\n[[target_pool.check]]\nport = 1\n[[target_pool.check]]\nport = 0",
                    "target_pool[0].check[1].port \"0\" is not a whole number from 1 to 65535; correct it (line 6)"},
        ProblemCase{"an option of a check that is a section",
                    "name = \"a\"\n[[target_pool.check]]\nport = 1\n[target_pool.check.url]\n",
                    "target_pool[0].check[0].url is a section; write a text in quotes"},
        ProblemCase{"a rule without checks", "name = \"a\"\nport = 25\nrule = \"any\"",
                    "target_pool[0].rule has no effect with fewer than two checks"},
        ProblemCase{
            "a probe that is no address",
            "name = \"a\"\n[[target_pool.member]]\naddress = \"192.0.2.1\"\nprobe = \"x\"",
            "target_pool[0].member[0].probe \"x\" is not an IP address; as in 10.0.0.1 or 2001:db8::1 (line 5)"},
        ProblemCase{"a probe of another kind",
                    "name = \"a\"\n[[target_pool.member]]\naddress = \"192.0.2.1\"\nprobe = 10",
                    "target_pool[0].member[0].probe is a whole number; write an IP address in quotes"},
        ProblemCase{"a program that is not there", "name = \"a\"\nexec = \"raid\"",
                    "target_pool[0].exec \"raid\" is the name of no [[health.program]]"},
        ProblemCase{"a program of a check that is not there", "name = \"a\"\n[[target_pool.check]]\nexec = \"raid\"",
                    "target_pool[0].check[0].exec \"raid\" is the name of no [[health.program]]"},
        ProblemCase{"an option that is a section", "name = \"a\"\n[target_pool.url]\n",
                    "target_pool[0].url is a section; write a text in quotes"},
        ProblemCase{"a fraction for an option", "name = \"a\"\ntimeout = 0.5", "target_pool[0].timeout \"0.5\" is not"},
        ProblemCase{"one bracket for members", "name = \"a\"\n[target_pool.member]\naddress = \"192.0.2.1\"",
                    "target_pool[0].member.address is no list of members; write [[target_pool.member]]"},
        ProblemCase{"no address", "name = \"a\"\n[[target_pool.member]]\nname = \"x\"",
                    "target_pool[0].member[0].address is missing"},
        ProblemCase{"a member without keys", "name = \"a\"\n[[target_pool.member]]\n",
                    "target_pool[0].member[0].address is missing"},
        ProblemCase{"a bad address", "name = \"a\"\n[[target_pool.member]]\naddress = \"host.example\"",
                    "target_pool[0].member[0].address \"host.example\" is not an IP address"},
        ProblemCase{"a key that no member has",
                    "name = \"a\"\n[[target_pool.member]]\naddress = \"192.0.2.1\"\nwight = 2",
                    "target_pool[0].member[0].wight is not a key of a member; did you mean weight?"},
        ProblemCase{"a weight below 0", "name = \"a\"\n[[target_pool.member]]\naddress = \"192.0.2.1\"\nweight = -1",
                    "target_pool[0].member[0].weight -1 is out of range"},
        ProblemCase{"a weight in quotes",
                    "name = \"a\"\n[[target_pool.member]]\naddress = \"192.0.2.1\"\nweight = \"1\"",
                    "target_pool[0].member[0].weight is a text; write a whole number"},
        ProblemCase{"enabled in quotes",
                    "name = \"a\"\n[[target_pool.member]]\naddress = \"192.0.2.1\"\nenabled = \"yes\"",
                    "target_pool[0].member[0].enabled is a text; write true or false"},
        ProblemCase{"half a place", "name = \"a\"\n[[target_pool.member]]\naddress = \"192.0.2.1\"\nlatitude = 5",
                    "target_pool[0].member[0].longitude is missing"},
        ProblemCase{"a place that is none",
                    "name = \"a\"\n[[target_pool.member]]\naddress = \"192.0.2.1\"\nlatitude = 95\nlongitude = 0.5",
                    "target_pool[0].member[0].latitude 95 is outside of -90 to 90 degrees; correct it (line 5)"},
        ProblemCase{"an address that is there twice",
                    "name = \"a\"\n[[target_pool.member]]\naddress = \"192.0.2.1\"\n"
                    "[[target_pool.member]]\naddress = \"192.0.2.1\"",
                    "target_pool[0].member[1].address 192.0.2.1 is that of another member"},
        ProblemCase{"a name that is taken", "name = \"a\"\n[[target_pool]]\nname = \"a\"",
                    "target_pool[1].name \"a\" is the name of target_pool[0] too"}));

TEST_F(ConfigPoolsTest, TellAllTheirProblemsAtOnceWithTheOthers) {
  EXPECT_THAT(problems_of("[engine]\nthreads = 99\n[[target_pool]]\nport = 0\n[[target_pool.member]]\naddress = \"x\"\n"
                          "[[target_pool.member]]\naddress = \"192.0.2.1\"\ngroup = 0\n"),
              UnorderedElementsAre(HasSubstr("engine.threads"), HasSubstr("target_pool[0].name"),
                                   HasSubstr("target_pool[0].port"), HasSubstr("target_pool[0].member[0].address"),
                                   HasSubstr("target_pool[0].member[1].group 0 is outside")));
}

TEST_F(ConfigPoolsTest, AreAListOfSections) {
  EXPECT_THAT(problems_of("[target_pool]\nname = \"web\"\n"),
              ElementsAre(HasSubstr("target_pool.name is no list of target pools; write [[target_pool]]")));
  EXPECT_THAT(problems_of("[[target_pools]]\nname = \"web\"\n"),
              ElementsAre(HasSubstr("target_pools[0].name is not a setting; did you mean target_pool[].name?")));
}

TEST_F(ConfigPoolsTest, WarnOfWhatHasNoEffect) {
  const auto loaded = load(kTwoPools, {{"SDNS_TARGET_POOL_0_NAME", "x"}});
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->warnings.size(), 2U);
  EXPECT_EQ(loaded->warnings[0].where, "target_pool[1]");
  EXPECT_EQ(loaded->warnings[1].where, "SDNS_TARGET_POOL_0_NAME");
}

TEST_F(ConfigPoolsTest, HaveTheKeysThatAreDocumented) {
  const auto keys = target_pool_keys();
  for (const char* key : {"target_pool[].name", "target_pool[].url", "target_pool[].member[].enabled"})
    EXPECT_NE(std::find(keys.begin(), keys.end(), key), keys.end()) << key;
}

TEST_F(ConfigPoolsTest, ThatTheDatabaseHasTooKeepTheDaemonFromStarting) {
  store("app");
  store("mail");
  const StartCheck check = check_start(good(kTwoPools));
  EXPECT_THAT(check.warnings, IsEmpty());
  ASSERT_EQ(check.problems.size(), 1U);
  EXPECT_EQ(check.problems[0].where, "target_pool[1].name");
  EXPECT_THAT(check.problems[0].what, HasSubstr("\"app\" is a target pool of the database sqlite:"));
}

TEST_F(ConfigPoolsTest, OfOtherNamesStandBesideThoseOfTheDatabase) {
  store("mail");
  const StartCheck check = check_start(good(kTwoPools));
  EXPECT_THAT(check.warnings, IsEmpty());
  EXPECT_THAT(check.problems, IsEmpty());
}

TEST_F(ConfigPoolsTest, DoNotKeepTheDaemonFromStartingWithoutADatabase) {
  const StartCheck check = check_start(good(kTwoPools));
  EXPECT_THAT(check.problems, IsEmpty());
  ASSERT_EQ(check.warnings.size(), 1U);
  EXPECT_THAT(check.warnings[0].what, HasSubstr("could not be compared"));
  EXPECT_THAT(check_start(good("")).warnings, IsEmpty()) << "there is nothing to compare";
}

}  // namespace
}  // namespace sdns::daemon
