// SPDX-License-Identifier: MIT
#include "pdm/auth.h"

#include <gmock/gmock.h>

#include <fstream>

#include "pdm/config.h"
#include "tests/unit/pdm/pdm_fixture.h"

namespace sdns::pdm {
namespace {

using test::ok;
using testing::HasSubstr;

net::ApiRequest request(const std::string& header, const std::string& value, const std::string& peer = "192.0.2.9") {
  net::ApiRequest made;
  made.headers[header] = value;
  made.peer = peer;
  return made;
}

TEST(PresentedToken, IsReadFromEachOfTheFourHeaders) {
  EXPECT_EQ("t", presented_token(request("authorization", "Bearer t")));
  EXPECT_EQ("t", presented_token(request("authorization", "bearer  t")));
  EXPECT_EQ("t", presented_token(request("x-catalyst-token", "t")));
  EXPECT_EQ("t", presented_token(request("x-api-key", "t")));
  EXPECT_EQ("t:u", presented_token(request("authorization", "Basic YW55Ym9keTp0OnU=")));  // anybody:t:u
  EXPECT_EQ("", presented_token(request("authorization", "Basic !!")));
  EXPECT_EQ("", presented_token(request("authorization", "Digest t")));
}

TEST(Scope, AllowsItsVerbAndObject) {
  const auto scope = ok(Scope::parse("reserve:Pool.Example"));
  EXPECT_TRUE(scope.allows("reserve", "pool.example"));
  EXPECT_FALSE(scope.allows("commit", "pool.example"));
  EXPECT_FALSE(scope.allows("reserve", "other.example"));
  EXPECT_TRUE(ok(Scope::parse("*")).allows("tokens", ""));
  EXPECT_FALSE(ok(Scope::parse("tokens:pool.example")).allows("tokens", ""));
  EXPECT_FALSE(Scope::parse("fly:pool.example"));
  EXPECT_FALSE(Scope::parse("reserve:"));
}

TEST(Credentials, AreReadLineByLineAndNeverShown) {
  const auto good =
      ok(parse_credentials("# who\n\nus secret-one reserve:pool.example commit:pool.example\nthem other *\n"));
  ASSERT_EQ(2U, good.size());
  EXPECT_EQ("us", good[0].second.owner);
  EXPECT_EQ(token_hash("secret-one"), good[0].first);
  EXPECT_TRUE(good[0].second.may("commit", "pool.example"));
  const auto bad = parse_credentials("us secret-one\n");
  ASSERT_FALSE(bad);
  EXPECT_THAT(to_text(bad.error()), testing::AllOf(HasSubstr("line 1"), testing::Not(HasSubstr("secret-one"))));
}

class AuthTest : public test::PdmTest {
 protected:
  Readers readers{[this] { return store::open_authority(url(), store::OpenMode::kExisting, clock, random); }};
  sdns::test::ManualClock steady;
};

TEST_F(AuthTest, ARuleOpensItsVerbsToItsNetworkAlone) {
  AuthOptions options;
  options.rules = {{{"check"}, {ok(dns::IpNetwork::parse("10.0.0.0/8"))}}};
  Auth auth(options, readers, steady, clock);
  EXPECT_TRUE(ok(auth.admit(request("x", "", "10.1.2.3"), "check", "pool.example")));
  EXPECT_EQ(Auth::Denied::kNoToken, ok(auth.admit(request("x", "", "10.1.2.3"), "commit", "pool.example")).error());
  EXPECT_EQ(Auth::Denied::kNoToken, ok(auth.admit(request("x", "", "192.0.2.1"), "check", "pool.example")).error());
  EXPECT_EQ(Auth::Denied::kNoToken, ok(auth.admit(request("x", "", ""), "check", "pool.example")).error());
}

TEST_F(AuthTest, ATokenOfTheDatabaseIsGoodUntilItsTimeIsOverOrItIsRevoked) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall_now().time_since_epoch()).count();
  {
    auto edit = ok(authority->edit());
    ok(edit->ledger().add_api_token({"a", token_hash("one"), "us", "reserve:*\n", "", now, "", now + 5'000, 0}));
    ok(edit->ledger().add_api_token({"b", token_hash("two"), "us", "reserve:*\n", "", now, "", 0, 0}));
    ok(edit->commit("test"));
  }
  Auth auth({}, readers, steady, clock);
  const auto asks = [&](const std::string& token) {
    return ok(auth.admit(request("x-api-key", token), "reserve", "p"));
  };
  EXPECT_EQ("us", asks("one")->owner);
  EXPECT_EQ(Auth::Denied::kScope, ok(auth.admit(request("x-api-key", "one"), "commit", "p")).error());
  EXPECT_EQ(Auth::Denied::kUnknownToken, asks("three").error());
  clock.advance(std::chrono::seconds(5));
  EXPECT_EQ(Auth::Denied::kUnknownToken, asks("one").error());
  {
    auto edit = ok(authority->edit());
    ok(edit->ledger().revoke_api_token("b", now));
    ok(edit->commit("test"));
  }
  EXPECT_EQ(Auth::Denied::kUnknownToken, asks("two").error());
}

TEST_F(AuthTest, ACredentialsFileIsReadAgainWhenItChanges) {
  const std::string file = (dir / "credentials").string();
  std::ofstream(file) << "us one *\n";
  AuthOptions options;
  options.credentials_file = file;
  Auth auth(options, readers, steady, clock);
  EXPECT_TRUE(ok(auth.admit(request("x-api-key", "one"), "reserve", "p")));
  std::ofstream(file) << "us another *\n";
  steady.advance(std::chrono::seconds(2));
  EXPECT_FALSE(ok(auth.admit(request("x-api-key", "one"), "reserve", "p")));
  EXPECT_TRUE(ok(auth.admit(request("x-api-key", "another"), "reserve", "p")));
  std::ofstream(file) << "broken\n";
  steady.advance(std::chrono::seconds(2));
  EXPECT_TRUE(ok(auth.admit(request("x-api-key", "another"), "reserve", "p"))) << "what was good stays";
}

class ConfigTest : public testing::Test {
 protected:
  static tl::expected<LoadedConfig, daemon::ConfigProblems> load(daemon::Environment environment,
                                                                 const std::string& text = "") {
    sdns::test::TempDir dir;
    std::ofstream(dir / "pdm.toml") << text;
    return load_config({(dir / "pdm.toml").string(), std::move(environment)});
  }
  static std::string problems(daemon::Environment environment, const std::string& text = "") {
    auto loaded = load(std::move(environment), text);
    return loaded ? "" : loaded.error().text("sovereign-pdm", "nothing was started");
  }
};

TEST_F(ConfigTest, TakesTheEnvironmentOfTheServiceThatItReplaces) {
  const auto loaded = load({{"PORT", "9090"},
                            {"PDM_NAMESERVERS", "ns1.omani.works, ns2.omani.works"},
                            {"DYNADOT_MANAGED_DOMAINS", "omani.works openova.io"},
                            {"DYNADOT_DOMAIN", "old.example"},
                            {"DYNADOT_API_KEY", "unused"},
                            {"PDM_RESERVATION_TTL", "1m30s"},
                            {"PDM_SWEEPER_INTERVAL", "5s"},
                            {"PDM_LOG_LEVEL", "WARN"},
                            {"POOL_DOMAIN_MANAGER_NS_GLUE_IP", "192.0.2.53"},
                            {"POOL_FORCE_RELEASE_GRACE_HOURS", "2"},
                            {"PDM_REAP_STALE_PARENT_WILDCARDS", "true"},
                            {"SDNS_PDM_AUTH_FIRST_TOKEN", "0123456789abcdef"}});
  ASSERT_TRUE(loaded) << loaded.error().text("p", "c");
  const Config& config = loaded->config;
  EXPECT_EQ("0.0.0.0", config.listen.host);
  EXPECT_EQ(9090, config.listen.port);
  ASSERT_EQ(2U, config.settings.pool_domains.size());
  const PoolDomain& pool = config.settings.pool_domains.front();
  EXPECT_EQ("omani.works", pool.name);
  ASSERT_EQ(2U, pool.nameservers.size());
  EXPECT_EQ("192.0.2.53", pool.nameservers[0].addresses.at(0).text());
  EXPECT_TRUE(pool.remove_stale);
  EXPECT_EQ(std::chrono::seconds(90), config.settings.lifetimes.reservation);
  EXPECT_EQ(std::chrono::seconds(5), config.sweeper_interval);
  EXPECT_EQ(std::chrono::hours(2), config.force_release_grace);
  EXPECT_EQ(LogLevel::kWarn, config.log_level);
  for (const auto& setting : loaded->settings) EXPECT_THAT(setting.value, testing::Not(HasSubstr("0123456789abcdef")));
}

TEST_F(ConfigTest, NoneNeedsALoopbackAddressOrItsOwnWord) {
  const daemon::Environment good{
      {"PDM_NAMESERVERS", "ns1.example.net"}, {"DYNADOT_DOMAIN", "pool.example"}, {"SDNS_PDM_AUTH_MODE", "none"}};
  EXPECT_EQ("", problems(good));
  auto open = good;
  open["SDNS_PDM_LISTEN_ADDRESS"] = "0.0.0.0:8080";
  EXPECT_THAT(problems(open), HasSubstr("no loopback address"));
  open["SDNS_PDM_AUTH_NONE_BEYOND_LOOPBACK"] = "true";
  EXPECT_EQ("", problems(open));
}

TEST_F(ConfigTest, NamesEveryProblemAtOnce) {
  const std::string text = problems(
      {},
      "[pool]\ndomain = [\"a\"]\n[times]\nreservation = \"10\"\n[listen]\naddress = \"localhost\"\n[ttl]\nds = 0\n");
  for (const char* part :
       {"pool.domain ", "pool.domains is", "times.reservation", "listen.address", "ttl.ds", "pool.nameservers"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(Duration, IsReadAsGoWritesIt) {
  using std::chrono::milliseconds;
  EXPECT_EQ(milliseconds(600'000), parse_duration("10m"));
  EXPECT_EQ(milliseconds(5'400'000), parse_duration("1h30m"));
  EXPECT_EQ(milliseconds(1'500), parse_duration("1.5s"));
  EXPECT_EQ(milliseconds(0), parse_duration("0"));
  for (const char* bad : {"", "10", "m", "-1s", "1y", "1s2", "1e9h"}) EXPECT_FALSE(parse_duration(bad)) << bad;
}

}  // namespace
}  // namespace sdns::pdm
