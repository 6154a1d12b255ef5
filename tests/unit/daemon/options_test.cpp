// SPDX-License-Identifier: MIT
#include "backend/daemon/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace sdns::daemon {
namespace {

using testing::HasSubstr;
using testing::Not;

tl::expected<Options, Usage> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "sovereign-dnsd");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Options, WithoutArgumentsTheDaemonRunsWithTheDefaultFile) {
  const auto options = parse({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->what, Options::Do::kRun);
  EXPECT_FALSE(options->config);
  EXPECT_FALSE(options->log_format);
  EXPECT_FALSE(options->worker);
}

TEST(Options, EachArgumentIsUnderstood) {
  EXPECT_EQ(parse({"--config", "/x.toml"})->config, "/x.toml");
  EXPECT_EQ(parse({"--log-format=json"})->log_format, "json");
  EXPECT_EQ(parse({"--check-config"})->what, Options::Do::kCheckConfig);
  EXPECT_EQ(parse({"--print-config"})->what, Options::Do::kPrintConfig);
  EXPECT_EQ(parse({"--version"})->what, Options::Do::kVersion);
  EXPECT_TRUE(parse({"--worker"})->worker);
}

TEST(Options, HelpIsNoErrorAndHidesWhatOnlyTheHolderSays) {
  const auto options = parse({"--help"});
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().exit_status, 0);
  EXPECT_THAT(options.error().text, HasSubstr("--check-config"));
  EXPECT_THAT(options.error().text, Not(HasSubstr("--worker")));
}

TEST(Options, AMistakeIsAUsageErrorThatNamesIt) {
  const std::vector<std::vector<const char*>> mistakes = {
      {"--confg", "x"}, {"--config"}, {"stray"}, {"--check-config", "--print-config"}};
  for (const auto& mistake : mistakes) {
    const auto options = parse(mistake);
    ASSERT_FALSE(options) << mistake[0];
    EXPECT_EQ(options.error().exit_status, 2) << mistake[0];
    EXPECT_THAT(options.error().text, HasSubstr(mistake[0]));
  }
}

}  // namespace
}  // namespace sdns::daemon
