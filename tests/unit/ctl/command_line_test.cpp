// SPDX-License-Identifier: MIT
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class CommandLine : public CtlTest {};

TEST_F(CommandLine, WithoutArgumentsShowsHelpAndIsAUsageError) {
  const Ran ran = ctl({});
  EXPECT_THAT(ran, Exits(2));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("Usage: sdnsctl"), HasSubstr("database"), HasSubstr("Exit codes")));
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ctl({"zone"}), Exits(2));
  EXPECT_THAT(ctl({"zone"}).err, HasSubstr("secure"));
}

TEST_F(CommandLine, HelpGoesToStandardOutput) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--help"},
                                                                     {"zone", "--help"},
                                                                     {"zone", "import", "--help"},
                                                                     {"record", "set", "--help"},
                                                                     {"meta", "get", "-h"}}) {
    const Ran ran = ctl(arguments);
    EXPECT_THAT(ran, Exits(0));
    EXPECT_THAT(ran.out, HasSubstr("Usage: sdnsctl"));
    EXPECT_EQ(ran.err, "");
  }
  EXPECT_THAT(ctl({"zone", "import", "--help"}).out, HasSubstr("Usage: sdnsctl zone import"));
  EXPECT_THAT(ctl({"--version"}).out, HasSubstr("sdnsctl "));
}

TEST_F(CommandLine, UnknownWordsAreNamed) {
  EXPECT_THAT(ctl({"zone", "bogus"}).err, HasSubstr("\"bogus\""));
  EXPECT_THAT(ctl({"zone", "bogus"}), Exits(2));
  EXPECT_THAT(ctl({"bogus"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "list", "--bogus"}).err, HasSubstr("--bogus"));
  EXPECT_THAT(ctl({"zone", "list", "extra"}), Exits(2));
}

TEST_F(CommandLine, OptionsOfEveryCommandMayStandAnywhere) {
  EXPECT_EQ(ctl({"--json", "zone", "list"}).out, ctl({"zone", "list", "--json"}).out);
  EXPECT_EQ(ctl({"zone", "--json", "list"}).out, ctl({"zone", "list", "--json"}).out);
}

TEST_F(CommandLine, ADatabaseThatIsNotThereIsNamedWithItsOrigin) {
  variables_.erase("SDNS_DATABASE_URL");
  const std::string config =
      file("config.toml", "[database]\nurl = \"sqlite:" + (directory_ / "none.db").string() + "\"\n");
  const Ran ran = ctl({"--config", config, "zone", "list"});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("none.db"), HasSubstr(config), HasSubstr("sdnsctl database init")));
}

TEST_F(CommandLine, TheConfigurationFileNamesDatabaseAndDaemon) {
  variables_.erase("SDNS_DATABASE_URL");
  // Sections of the daemon alone are not looked at: their secrets may not be readable here.
  const std::string config =
      file("config.toml", "[database]\nurl = \"" + url_ +
                              "\"\n[admin]\nlisten = \"127.0.0.1:9999\"\n"
                              "[[powerdns]]\nname = \"main\"\napi_key_file = \"/nonexistent\"\n");
  ASSERT_THAT(ctl({"--config", config, "status"}), Exits(1));
  EXPECT_THAT(addresses_, ElementsAre("127.0.0.1:9999"));
  variables_["SDNS_ADMIN_LISTEN"] = "127.0.0.1:7777";
  ASSERT_THAT(ctl({"--config", config, "status"}), Exits(1));
  EXPECT_EQ(addresses_.back(), "127.0.0.1:7777");
  ASSERT_THAT(ctl({"--config", config, "--admin", "127.0.0.1:5555", "status"}), Exits(1));
  EXPECT_EQ(addresses_.back(), "127.0.0.1:5555");
  EXPECT_EQ(json({"--config", config, "database", "info"})["url"], url_);
}

TEST_F(CommandLine, AConfigurationFileThatIsWrongSaysWhere) {
  variables_.erase("SDNS_DATABASE_URL");
  EXPECT_THAT(ctl({"--config", (directory_ / "none").string(), "zone", "list"}), Exits(1));
  const Ran broken = ctl({"--config", file("broken.toml", "[database\n"), "zone", "list"});
  EXPECT_THAT(broken, Exits(1));
  EXPECT_THAT(broken.err, AllOf(HasSubstr("broken.toml"), HasSubstr("line 1")));
  const Ran typed = ctl({"--config", file("typed.toml", "[database]\nurl = 5\n"), "zone", "list"});
  EXPECT_THAT(typed, Exits(1));
  EXPECT_THAT(typed.err, HasSubstr("database.url"));
}

TEST_F(CommandLine, ADatabaseMayBeNamedByItsPath) {
  EXPECT_EQ(json({"--database", (directory_ / "authority.db").string(), "database", "info"})["url"], url_);
}

TEST_F(CommandLine, InitTwiceKeepsTheDatabase) {
  import_example();
  const auto before = json({"database", "info"});
  EXPECT_EQ(json({"database", "init"}), before);
}

TEST_F(CommandLine, PruningKeepsTheLastRevisionsAndAllRecords) {
  import_example();
  const auto info = json({"database", "info"});
  const auto now = info["revision"].get<zone::Revision>();
  const auto hex = info["chain"].get<std::string>();
  zone::Chain chain{};
  for (std::size_t i = 0; i < chain.size(); ++i)
    chain[i] = static_cast<std::uint8_t>(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
  EXPECT_THAT(ctl({"record", "add", "example.org", "www", "A", "192.0.2.82"}), Exits(0));
  EXPECT_EQ(json({"database", "prune"})["floor"], 0) << "less than what is kept by default";
  EXPECT_EQ(json({"database", "prune", "--keep", "1"})["floor"], now);
  const auto follower = store::open_follower(url_);
  ASSERT_TRUE(follower.has_value());
  EXPECT_TRUE((*follower)->changes_since(now, chain).has_value()) << "one revision behind is kept";
  EXPECT_EQ(json({"database", "prune", "--keep", "0"})["floor"], now + 1);
  EXPECT_FALSE((*follower)->changes_since(now, chain).has_value());
  EXPECT_EQ(contents("www", "A").size(), 3U);
  EXPECT_EQ(revision(), now + 1);
}

TEST_F(CommandLine, AFileThatIsNoDatabaseIsRefused) {
  const std::string path =
      file("text.db",
           "this is not a database, but it is long enough to be read as the head of one ............................");
  const Ran ran = ctl({"--database", path, "zone", "list"});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_THAT(ran.err, HasSubstr("text.db"));
}

}  // namespace
}  // namespace sdns::ctl
