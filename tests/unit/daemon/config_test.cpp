// SPDX-License-Identifier: MIT
#include "backend/daemon/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "backend/daemon/config_check.h"
#include "tests/support/temp_dir.h"

namespace sdns::daemon {
namespace {

using testing::HasSubstr;
using testing::Not;

class ConfigTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name) << text;
    ::chmod((dir_ / name).c_str(), 0600);
    return dir_ / name;
  }
  // A file with `text` below a socket path that can be used here.
  tl::expected<LoadedConfig, ConfigProblems> load(const std::string& text, Environment environment = {}) {
    ConfigSource source;
    source.file = write("config.toml", text);
    environment.try_emplace("SDNS_LISTEN_SOCKET", (dir_ / "pdns.sock").string());
    source.environment = std::move(environment);
    return load_config(source);
  }
  std::string problems_of(const std::string& text, Environment environment = {}) {
    auto loaded = load(text, std::move(environment));
    return loaded ? "none" : loaded.error().text("sovereign-dnsd", "nothing was started");
  }
  static Setting setting(const LoadedConfig& loaded, const std::string& key) {
    const auto found = std::find_if(loaded.settings.begin(), loaded.settings.end(),
                                    [&](const Setting& one) { return one.key == key; });
    return found == loaded.settings.end() ? Setting{} : *found;
  }
  test::TempDir dir_;
};

TEST_F(ConfigTest, AnEmptyFileGivesTheDocumentedDefaults) {
  const auto loaded = load("");
  ASSERT_TRUE(loaded) << loaded.error().text("", "");
  const Config& config = loaded->config;
  EXPECT_EQ(config.database.url, "sqlite:/var/lib/sovereign-dns/authority.db");
  EXPECT_EQ(config.listen.mode, 0660U);
  EXPECT_EQ(config.listen.max_connections, 10'000U);
  EXPECT_EQ(config.listen.max_request_octets, 16'777'216U);
  EXPECT_EQ(config.admin.endpoint, (AdminEndpoint{"127.0.0.1", 8053}));
  EXPECT_EQ(config.cache.packet_cache_ttl, std::chrono::seconds(60));
  EXPECT_TRUE(config.powerdns.empty());
  EXPECT_EQ(config.log.level, LogLevel::kInfo);
  EXPECT_EQ(setting(*loaded, "listen.mode").origin, "default");
}

TEST_F(ConfigTest, EveryKeyIsReadFromTheFile) {
  const std::string key = write("key", "  from-file \n");
  const auto loaded = load(
      "[database]\nurl = \"sqlite:/x/a.db\"\n[listen]\nmode = \"0600\"\ngroup = \"0\"\npeers = [\"root\", \"1234\", "
      "77]\n"
      "max_connections = 5\nmax_request_octets = 65536\n[engine]\nthreads = 3\n[admin]\nlisten = \"[::1]:9\"\n"
      "[cache]\npacket_cache_ttl = 20\nquery_cache_ttl = 0\n[log]\nlevel = \"debug\"\nformat = \"json\"\n"
      "[[powerdns]]\nname = \"a\"\ncontrol_socket = \"/c\"\napi_url = \"http://127.0.0.1:1/\"\napi_key_file = \"" +
      key + "\"\n[[powerdns]]\napi_url = \"\"\n");
  ASSERT_TRUE(loaded) << loaded.error().text("", "");
  const Config& config = loaded->config;
  EXPECT_EQ(config.database.url, "sqlite:/x/a.db");
  EXPECT_EQ(config.listen.mode, 0600U);
  EXPECT_EQ(config.listen.peer_uids, (std::vector<std::uint32_t>{0, 1234, 77}));
  EXPECT_EQ(config.listen.max_connections, 5U);
  EXPECT_EQ(config.engine.thread_count(), 3U);
  EXPECT_EQ(config.admin.endpoint, (AdminEndpoint{"::1", 9}));
  EXPECT_EQ(config.cache.query_cache_ttl, std::chrono::seconds(0));
  EXPECT_EQ(config.log.format, LogFormat::kJson);
  ASSERT_EQ(config.powerdns.size(), 2U);
  EXPECT_EQ(config.powerdns[0], (PowerDnsConfig{"a", "/c", "http://127.0.0.1:1", Secret("from-file")}));
  EXPECT_EQ(config.powerdns[1], (PowerDnsConfig{"pdns-1", "/run/pdns/pdns.controlsocket", "", Secret()}));
}

TEST_F(ConfigTest, TheEnvironmentBeatsTheFileAndTheCommandLineBeatsBoth) {
  ConfigSource source;
  source.file = write("config.toml", "[engine]\nthreads = 3\n[log]\nformat = \"text\"\n");
  source.environment = {{"SDNS_LISTEN_SOCKET", dir_ / "s"},   {"SDNS_ENGINE_THREADS", "5"},
                        {"SDNS_LISTEN_PEERS", "root, 12"},    {"SDNS_ADMIN_LISTEN", ""},
                        {"SDNS_POWERDNS_0_NAME", "from-env"}, {"SDNS_POWERDNS_0_API_URL", ""}};
  source.log_format = "json";
  const auto loaded = load_config(source);
  ASSERT_TRUE(loaded) << loaded.error().text("", "");
  EXPECT_EQ(loaded->config.engine.threads, 5U);
  EXPECT_EQ(loaded->config.listen.peer_uids, (std::vector<std::uint32_t>{0, 12}));
  EXPECT_FALSE(loaded->config.admin.endpoint);
  ASSERT_EQ(loaded->config.powerdns.size(), 1U);
  EXPECT_EQ(loaded->config.powerdns[0].name, "from-env");
  EXPECT_EQ(loaded->config.log.format, LogFormat::kJson);
  EXPECT_EQ(setting(*loaded, "engine.threads").origin, "environment SDNS_ENGINE_THREADS");
  EXPECT_EQ(setting(*loaded, "log.format").origin, "command line");
}

TEST_F(ConfigTest, PrintedSettingsNameTheirOriginAndHideSecrets) {
  const std::string key = write("key", "secret-of-file\n");
  const auto loaded =
      load("\n[[powerdns]]\napi_key = \"secret-inline\"\n[[powerdns]]\nname = \"b\"\napi_key_file = \"" + key + "\"\n",
           {{"SDNS_POWERDNS_1_CONTROL_SOCKET", "/run/b"}});
  ASSERT_TRUE(loaded) << loaded.error().text("", "");
  const std::string text = print_config(*loaded);
  EXPECT_THAT(text, Not(HasSubstr("secret-")));
  EXPECT_EQ(setting(*loaded, "powerdns[0].api_key").value, "(set)");
  EXPECT_EQ(setting(*loaded, "powerdns[0].api_key").origin, (dir_ / "config.toml").string() + ":3");
  EXPECT_EQ(setting(*loaded, "powerdns[1].api_key").value, "(set)");
  EXPECT_EQ(setting(*loaded, "powerdns[1].control_socket").origin, "environment SDNS_POWERDNS_1_CONTROL_SOCKET");
  EXPECT_EQ(loaded->config.powerdns[1].api_key.reveal(), "secret-of-file");
}

TEST_F(ConfigTest, ASecretInTheEnvironmentTakesThePlaceOfTheFilesKeyFile) {
  const auto loaded = load("[[powerdns]]\napi_key_file = \"/does/not/exist\"\n", {{"SDNS_POWERDNS_0_API_KEY", "k"}});
  ASSERT_TRUE(loaded) << loaded.error().text("", "");
  EXPECT_EQ(loaded->config.powerdns[0].api_key.reveal(), "k");
}

TEST_F(ConfigTest, EveryProblemIsToldAtOnceWithItsKeyAndItsLine) {
  const std::string text = problems_of(
      "[listen]\nmode = \"0999\"\nsokcet = \"x\"\n[admin]\nlisten = \"0.0.0.0:1\"\n[engine]\nthreads = 1000\n",
      {{"SDNS_CACHE_PACKET_CACHE_TTL", "soon"}});
  EXPECT_THAT(
      text, HasSubstr("sovereign-dnsd: 5 problems in " + (dir_ / "config.toml").string() + "; nothing was started\n"));
  EXPECT_THAT(text, HasSubstr("  listen.mode                  \"0999\" is not a file mode"));
  EXPECT_THAT(text, HasSubstr("listen.sokcet                is not a setting; did you mean listen.socket? (line 3)\n"));
  EXPECT_THAT(text, HasSubstr("\"0.0.0.0:1\" is not a loopback address"));
  EXPECT_THAT(text, HasSubstr("1000 is outside of 0 to 64; lower it (line 7)\n"));
  EXPECT_THAT(text, HasSubstr("SDNS_CACHE_PACKET_CACHE_TTL  \"soon\" is not a whole number"));
}

struct BadCase {
  const char* what;
  const char* toml;
  const char* told;
};
class BadConfig : public ConfigTest, public testing::WithParamInterface<BadCase> {};
TEST_P(BadConfig, IsRefused) {
  EXPECT_THAT(problems_of(GetParam().toml), HasSubstr(GetParam().told)) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    Cases, BadConfig,
    testing::Values(
        BadCase{"a syntax error names its line", "[listen]\nmode = \n", "line 2"},
        BadCase{"a misspelled section is suggested", "[databse]\nurl = \"x\"\n", "did you mean database.url?"},
        BadCase{"a misspelled key of a list", "[[powerdns]]\napi_kye = \"k\"\n", "did you mean powerdns[].api_key?"},
        BadCase{"a key without its section", "threads = 1\n", "did you mean engine.threads?"},
        BadCase{"a section that does not exist", "[zebra]\n", "zebra  is not a setting; remove it"},
        BadCase{"a value for a section", "listen = 3\n", "it is a section; write [listen]"},
        BadCase{"a table where a list belongs", "[powerdns]\nname = \"x\"\n", "write it with two brackets"},
        BadCase{"text for a number", "[engine]\nthreads = \"1\"\n", "is a text; write a whole number"},
        BadCase{"a number for text", "[listen]\nmode = 660\n", "is a whole number; write a text in quotes"},
        BadCase{"a mode for everybody", "[listen]\nmode = \"0666\"\n", "lets every user connect"},
        BadCase{"a mode for nobody", "[listen]\nmode = \"0060\"\n", "locks out the owner"},
        BadCase{"a user that does not exist", "[listen]\npeers = [\"no-such-user\"]\n",
                "there is no user \"no-such-user\""},
        BadCase{"a group that does not exist", "[listen]\ngroup = \"no-such-group\"\n", "there is no group"},
        BadCase{"another database", "[database]\nurl = \"mysql://u:geheim@h/d\"\n",
                "\"mysql://u:***@h/d\" is not a database"},
        BadCase{"a relative database path", "[database]\nurl = \"sqlite:a.db\"\n", "has no absolute path"},
        BadCase{"a connection URI that is none", "[database]\nurl = \"postgresql://u:geheim@[::1/x\"\n",
                "is not a PostgreSQL connection URI"},
        BadCase{"an admin address without port", "[admin]\nlisten = \"127.0.0.1\"\n", "is not ADDRESS:PORT"},
        BadCase{"a log level", "[log]\nlevel = \"loud\"\n", "\"loud\" is not a log level; use debug"},
        BadCase{"an API without its key", "[[powerdns]]\n", "powerdns[0].api_key  is not set"},
        BadCase{"a key file that is not there", "[[powerdns]]\napi_key_file = \"/no/key\"\n",
                "\"/no/key\" cannot be read"},
        BadCase{"two kinds of key", "[[powerdns]]\napi_key = \"a\"\napi_key_file = \"/b\"\n", "both set; remove one"},
        BadCase{"equal names", "[[powerdns]]\nname=\"a\"\napi_url=\"\"\n[[powerdns]]\nname=\"a\"\napi_url=\"\"\n",
                "name of another"},
        BadCase{"no way to purge keys", "[[powerdns]]\ncontrol_socket = \"\"\n", "PowerDNS forgets keys"},
        BadCase{"an API address with a password", "[[powerdns]]\napi_url = \"http://a:b@127.0.0.1\"\napi_key=\"k\"\n",
                "\"http://a:***@127.0.0.1\" is not the address"}));

TEST_F(ConfigTest, AGapInTheNumbersOfPowerDnsIsToldByTheMissingOne) {
  EXPECT_THAT(problems_of("", {{"SDNS_POWERDNS_1_API_URL", ""}}), HasSubstr("there is no powerdns[0]"));
}

TEST_F(ConfigTest, ANamedFileMustBeThereAndTheDefaultFileNeedNot) {
  ConfigSource source;
  source.environment = {{"SDNS_LISTEN_SOCKET", dir_ / "s"}};
  source.default_file = dir_ / "none.toml";
  const auto loaded = load_config(source);
  ASSERT_TRUE(loaded) << loaded.error().text("", "");
  EXPECT_EQ(loaded->file, "");
  source.file = dir_ / "none.toml";
  const auto missing = load_config(source);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text("p", "c"), HasSubstr("cannot be read (No such file or directory)"));
}

TEST_F(ConfigTest, TheSocketNeedsADirectoryAndAFreeName) {
  const std::string file = write("file", "");
  EXPECT_THAT(problems_of("", {{"SDNS_LISTEN_SOCKET", "/no/such/dir/s"}}), HasSubstr("create it"));
  EXPECT_THAT(problems_of("", {{"SDNS_LISTEN_SOCKET", file}}), HasSubstr("exists and is not a socket"));
  EXPECT_THAT(problems_of("", {{"SDNS_LISTEN_SOCKET", dir_ / std::string(120, 'x')}}), HasSubstr("use a shorter path"));
}

TEST_F(ConfigTest, ASocketThatAnotherProcessBoundNeedsNoDirectoryOfOurs) {
  ConfigSource source;
  source.file = write("config.toml", "[listen]\nsocket = \"/no/such/dir/s\"\n");
  EXPECT_FALSE(load_config(source));
  source.binds = false;
  EXPECT_TRUE(load_config(source));
}

TEST_F(ConfigTest, AKeyThatEveryUserMayReadAndASlipInTheEnvironmentAreWarnings) {
  const std::string key = write("key", "k");
  ::chmod(key.c_str(), 0644);
  const auto loaded = load("[[powerdns]]\napi_key_file = \"" + key + "\"\n",
                           {{"SDNS_DATABSE_URL", "x"}, {"SDNS_DNS_PORT", "5300"}, {"SDNS_ADMIN_PORT", "1"}});
  ASSERT_TRUE(loaded) << loaded.error().text("", "");
  ASSERT_EQ(loaded->warnings.size(), 2U);
  EXPECT_THAT(loaded->warnings[0].what, HasSubstr("every user may read"));
  EXPECT_EQ(loaded->warnings[1].where, "SDNS_DATABSE_URL");
  EXPECT_THAT(loaded->warnings[1].what, HasSubstr("did you mean SDNS_DATABASE_URL?"));
}

TEST_F(ConfigTest, TheShippedExampleIsCorrectAndShowsTheDefaults) {
  const auto defaults = load("");
  ConfigSource source;
  source.file = std::string(SOURCE_DIRECTORY) + "/deploy/config.example.toml";
  source.environment = {{"SDNS_LISTEN_SOCKET", dir_ / "pdns.sock"},
                        {"SDNS_LISTEN_GROUP", ""},
                        {"SDNS_LISTEN_PEERS", "root"},
                        {"SDNS_POWERDNS_0_API_KEY", "k"}};
  const auto example = load_config(source);
  ASSERT_TRUE(example) << example.error().text("", "");
  ASSERT_TRUE(defaults);
  EXPECT_EQ(example->config.database.url, defaults->config.database.url);
  EXPECT_EQ(example->config.listen.mode, defaults->config.listen.mode);
  EXPECT_EQ(example->config.admin.endpoint, defaults->config.admin.endpoint);
  EXPECT_EQ(example->config.cache.packet_cache_ttl, defaults->config.cache.packet_cache_ttl);
  EXPECT_EQ(example->config.cache.query_cache_ttl, defaults->config.cache.query_cache_ttl);
  ASSERT_EQ(example->config.powerdns.size(), 1U);
  EXPECT_EQ(example->config.powerdns[0].name, "main");
  EXPECT_EQ(example->config.log.level, defaults->config.log.level);
  EXPECT_EQ(example->config.log.format, defaults->config.log.format);
}

TEST_F(ConfigTest, WhatCannotChangeWhileRunningIsNamed) {
  const auto before = load("[[powerdns]]\napi_url = \"\"\n");
  const auto after = load("[listen]\nmax_connections = 7\n[log]\nlevel = \"error\"\n[admin]\nlisten = \"\"\n");
  ASSERT_TRUE(before && after);
  EXPECT_EQ(needs_restart(before->config, after->config),
            (std::vector<std::string>{"listen.max_connections", "admin.listen"}));
}

TEST_F(ConfigTest, HealthChecksProbeUnlessToldOtherwise) {
  const auto loaded = load("");
  ASSERT_TRUE(loaded);
  Config::Health expected;
  expected.state_file = "/var/lib/sovereign-dns/health.state";  // beside the database
  EXPECT_EQ(loaded->config.health, expected);
  EXPECT_TRUE(loaded->config.health.probe);
  const auto set = load(R"([health]
probe = "no"
interval = 30
probes_at_once = 7
longest_probe = 30
allow = ["127.0.0.0/8", "2001:db8::1"]
own_networks = ["10.0.0.0/8"]
private_networks = "no"
user_agent = "probe/1"
guard_percent = 0
metrics_per_check = "yes"
vantage = "any-down"
vantage_age = 60
)");
  ASSERT_TRUE(set) << set.error().text("", "");
  const Config::Health& health = set->config.health;
  EXPECT_FALSE(health.probe);
  EXPECT_EQ(health.interval, std::chrono::seconds(30));
  EXPECT_EQ(health.probes_at_once, 7U);
  EXPECT_EQ(health.longest_probe, std::chrono::seconds(30));
  EXPECT_THAT(health.allow,
              testing::ElementsAre(*dns::IpNetwork::parse("127.0.0.0/8"), *dns::IpNetwork::parse("2001:db8::1")));
  EXPECT_THAT(health.own_networks, testing::ElementsAre(*dns::IpNetwork::parse("10.0.0.0/8")));
  EXPECT_FALSE(health.private_networks);
  EXPECT_EQ(health.user_agent, "probe/1");
  EXPECT_EQ(health.guard_percent, 0U);
  EXPECT_TRUE(health.metrics_per_check);
  EXPECT_EQ(health.vantage, health::VantageRule::kAnyDown);
  EXPECT_EQ(health.vantage_age, std::chrono::seconds(60));
  ASSERT_EQ(set->warnings.size(), 1U);
  EXPECT_EQ(set->warnings[0].where, "health.vantage") << "nothing is probed: there is nothing to combine";
  EXPECT_THAT(needs_restart(loaded->config, set->config), testing::Contains("health"));
}

TEST_F(ConfigTest, WrongSettingsOfHealthChecksAreNamed) {
  const struct {
    const char* text;
    const char* problem;
  } rows[] = {
      {"probe = \"maybe\"", "health.probe"},
      {"interval = 0", "0 is outside of 1 to 86400"},
      {"probes_at_once = 0", "0 is outside of 1 to 100000"},
      {"longest_probe = 3601", "3601 is outside of 1 to 3600"},
      {"allow = [\"10.0.0.0/33\"]", "health.allow"},
      {"own_networks = \"10.0.0.0/8\"", "a list of networks"},
      {"user_agent = \"a\\nb\"", "is not a User-Agent header"},
      {"guard_percent = 100", "100 is outside of 0 to 99"},
      {"metrics_per_check = \"many\"", "health.metrics_per_check"},
      {"vantage = \"most\"", "write local, majority or any-down"},
      {"vantage_age = 9", "9 is outside of 10 to 86400"},
      {"probs = 1", "health.probs"},
      {"state_file = \"here\"", "is no absolute path"},
  };
  for (const auto& row : rows) EXPECT_THAT(problems_of(std::string("[health]\n") + row.text), HasSubstr(row.problem));
}

TEST_F(ConfigTest, ANodeHasTheNameOfItsHostUnlessItIsGivenOne) {
  const auto loaded = load("");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.node.name, host_name());
  EXPECT_EQ(loaded->config.node.max_stale, std::chrono::days(7));
  const auto set = load("[node]\nname = \"ns1.example\"\nmax_stale = 3600\n");
  ASSERT_TRUE(set) << set.error().text("", "");
  EXPECT_EQ(set->config.node.name, "ns1.example");
  EXPECT_EQ(set->config.node.max_stale, std::chrono::hours(1));
  EXPECT_THAT(needs_restart(loaded->config, set->config), testing::Contains("node"));
  EXPECT_THAT(problems_of("[node]\nname = \"a b\"\n"), HasSubstr("is not a node's name"));
  EXPECT_THAT(problems_of("[node]\nname = \"\"\n"), HasSubstr("is not a node's name"));
  EXPECT_THAT(problems_of("[node]\nmax_stale = 59\n"), HasSubstr("59 is outside of 60 to 31536000"));
}

}  // namespace
}  // namespace sdns::daemon
