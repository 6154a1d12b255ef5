// SPDX-License-Identifier: MIT
// Programs in the configuration: what is read and what is refused.
#include "backend/daemon/config_programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sdns::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ProgramsRead read(const std::string& text) {
  auto layer = read_toml(text, "config.toml");
  EXPECT_TRUE(layer) << layer.error().what;
  return layer ? read_programs(*layer) : ProgramsRead{};
}

TEST(ConfigPrograms, AreReadWithTheirDefaults) {
  const ProgramsRead got = read(R"(
[health]
probe = "yes"
[[health.program]]
name = "ssh"
command = ["/bin/true", "-H", "{address}"]
[[health.program]]
name = "raid"
command = ["/bin/true"]
timeout = 30
at_once = 2
memory_mib = 64
)");
  EXPECT_THAT(got.problems, IsEmpty());
  EXPECT_THAT(got.warnings, IsEmpty());
  EXPECT_EQ(
      got.programs,
      (health::Programs{
          {"ssh", {.command = {"/bin/true", "-H", "{address}"}}},
          {"raid",
           {.command = {"/bin/true"}, .timeout = std::chrono::seconds(30), .at_once = 2, .memory_mebioctets = 64}}}));
  std::vector<std::string> shown;
  for (const Setting& setting : got.settings) shown.push_back(setting.key + " = " + setting.value);
  EXPECT_THAT(shown, testing::Contains("health.program[0].command = [\"/bin/true\", \"-H\", \"{address}\"]"));
  EXPECT_THAT(shown, testing::Contains("health.program[1].at_once = 2"));
  EXPECT_THAT(read("[health]\nprogram = []\n").problems, IsEmpty());
  EXPECT_THAT(read("[health]\nprogram = []\n").programs, IsEmpty());
}

struct ProblemCase {
  const char* what;
  const char* text;   ///< after [[health.program]]
  const char* where;  ///< and how the problem begins
};
void PrintTo(const ProblemCase& one, std::ostream* to) { *to << one.what; }
class ConfigProgramProblem : public testing::TestWithParam<ProblemCase> {};

TEST_P(ConfigProgramProblem, IsToldWithItsPath) {
  std::vector<std::string> lines;
  for (const Problem& problem : read(std::string("[[health.program]]\n") + GetParam().text).problems)
    lines.push_back(problem.where + " " + problem.what);
  EXPECT_THAT(lines, ElementsAre(testing::StartsWith(GetParam().where)));
}

INSTANTIATE_TEST_SUITE_P(
    Programs, ConfigProgramProblem,
    testing::Values(
        ProblemCase{"no name", "command = [\"/bin/true\"]", "health.program[0].name is missing"},
        ProblemCase{"a bad name", "name = \"a b\"\ncommand = [\"/bin/true\"]",
                    "health.program[0].name \"a b\" is no name"},
        ProblemCase{
            "a name twice",
            "name = \"a\"\ncommand = [\"/bin/true\"]\n[[health.program]]\nname = \"a\"\ncommand = [\"/bin/true\"]",
            "health.program[1].name \"a\" is the name of another [[health.program]]"},
        ProblemCase{"no command", "name = \"a\"", "health.program[0].command is missing"},
        ProblemCase{"a command for a shell", "name = \"a\"\ncommand = \"/bin/true -H\"",
                    "health.program[0].command is a text; write a list"},
        ProblemCase{"an empty command", "name = \"a\"\ncommand = []", "health.program[0].command has 0 words"},
        ProblemCase{"a program by its name", "name = \"a\"\ncommand = [\"true\"]",
                    "health.program[0].command \"true\" is no absolute path"},
        ProblemCase{"a program that is not there", "name = \"a\"\ncommand = [\"/no/such\"]",
                    "health.program[0].command /no/such cannot be run: No such file"},
        ProblemCase{
            "a file that is no program", "name = \"a\"\ncommand = [\"/etc/passwd\"]",
            "health.program[0].command /etc/passwd may not be executed by this user; chmod +x /etc/passwd (line 3)"},
        ProblemCase{"too long a time", "name = \"a\"\ncommand = [\"/bin/true\"]\ntimeout = 3601",
                    "health.program[0].timeout 3601 is outside of 1 to 3600"},
        ProblemCase{"none at once", "name = \"a\"\ncommand = [\"/bin/true\"]\nat_once = 0",
                    "health.program[0].at_once 0 is outside of 1 to 1000"},
        ProblemCase{"a number in quotes", "name = \"a\"\ncommand = [\"/bin/true\"]\nmemory_mib = \"1\"",
                    "health.program[0].memory_mib is a text; write a whole number"},
        ProblemCase{"an unknown key", "name = \"a\"\ncommand = [\"/bin/true\"]\ntime_out = 1",
                    "health.program[0].time_out is not a key of a program; did you mean timeout?"}));

TEST(ConfigPrograms, AreAListOfSections) {
  const auto got = read("[health.program]\nname = \"a\"\n");
  ASSERT_EQ(got.problems.size(), 1U);
  EXPECT_EQ(got.problems[0].where, "health.program.name");
  EXPECT_THAT(got.problems[0].what, HasSubstr("[[health.program]] with two brackets"));
}

TEST(ConfigPrograms, WarnOfWhatLooksLikeAPlaceholder) {
  const auto got = read("[[health.program]]\nname = \"a\"\ncommand = [\"/bin/true\", \"{adress}\"]\n");
  EXPECT_THAT(got.problems, IsEmpty());
  ASSERT_EQ(got.warnings.size(), 1U);
  EXPECT_THAT(got.warnings[0].what, HasSubstr("{adress} is no placeholder"));
  EXPECT_THAT(got.warnings[0].what, HasSubstr("{address}, {answered}"));
}

TEST(ConfigPrograms, AreKnownByNameWithoutALookAtTheirFiles) {
  const auto layer = read_toml("[[health.program]]\nname = \"a\"\ncommand = [\"/no/such\"]\n", "config.toml");
  EXPECT_THAT(program_names(*layer), ElementsAre("a"));
}

}  // namespace
}  // namespace sdns::daemon
