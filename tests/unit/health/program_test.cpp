// SPDX-License-Identifier: MIT
#include "backend/health/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/temp_dir.h"

namespace sdns::health {
namespace {

using testing::HasSubstr;

class ProgramFile : public testing::Test {
 protected:
  ProgramFile() { ::chmod(dir_.path().c_str(), 0755); }
  std::string file(const char* name, mode_t mode) {
    const auto path = dir_ / name;
    std::ofstream(path) << "#!/bin/sh\n";
    ::chmod(path.c_str(), mode);
    return path.string();
  }
  // Why it is refused; "" when it is not.
  static std::string refused(const std::string& path) {
    const auto checked = check_program_file(path);
    if (checked) return {};
    EXPECT_FALSE(checked.error().hint.empty());
    return checked.error().what;
  }
  test::TempDir dir_;
};

TEST_F(ProgramFile, MustBeThereAndMayBeRun) {
  EXPECT_EQ(refused(file("good", 0755)), "");
  EXPECT_THAT(refused("bin/true"), HasSubstr("absolute path"));
  EXPECT_THAT(refused((dir_ / "none").string()), HasSubstr("cannot be run: No such file"));
  EXPECT_THAT(refused(dir_.path().string()), HasSubstr("is no file"));
  EXPECT_THAT(refused(file("plain", 0644)), HasSubstr("may not be executed"));
}

TEST_F(ProgramFile, MayNotBeWrittenByOthers) {
  EXPECT_THAT(refused(file("others", 0757)), HasSubstr("written by others"));
  EXPECT_THAT(refused(file("group", 0775)), HasSubstr("written by a group"));
}

TEST_F(ProgramFile, MayNotBeReplacedByOthers) {
  const std::string good = file("good", 0755);
  std::filesystem::create_directory(dir_ / "open");
  std::filesystem::create_directory(dir_ / "open" / "below");
  std::filesystem::copy(good, dir_ / "open" / "below" / "program");
  const std::string below = (dir_ / "open" / "below" / "program").string();
  EXPECT_EQ(refused(below), "");
  ::chmod((dir_ / "open").c_str(), 0777);
  EXPECT_THAT(refused(below), HasSubstr("open, which every user may write to"));
  ::chmod((dir_ / "open").c_str(), 01777);
  EXPECT_EQ(refused(below), "") << "as /tmp";
  ::chmod((dir_ / "open").c_str(), 0777);
  std::filesystem::create_symlink(below, dir_ / "link");
  EXPECT_THAT(refused((dir_ / "link").string()), HasSubstr("open, which every user may write to"));
  std::filesystem::create_symlink(good, dir_ / "open" / "link");
  EXPECT_THAT(refused((dir_ / "open" / "link").string()), HasSubstr("open, which every user may write to"));
}

TEST(ProgramArgument, HasValuesInPlaceOfPlaceholders) {
  const std::map<std::string_view, std::string> values = {{"{address}", "192.0.2.1"}, {"{port}", "443"}};
  const auto filled = [&](std::string_view argument) { return filled_in(argument, values); };
  EXPECT_EQ(filled("-p{port}"), "-p443");
  EXPECT_EQ(filled("{address}:{port}/{port}"), "192.0.2.1:443/443");
  EXPECT_EQ(filled("{{port}}"), "{443}");
  EXPECT_EQ(filled("{\"a\": {}, {other} {port"), "{\"a\": {}, {other} {port");
  EXPECT_EQ(filled(""), "");
}

TEST(ProgramArgument, TellsWhatLooksLikeAPlaceholderAndIsNone) {
  EXPECT_EQ(unknown_placeholder("{address} {answered} {port} {timeout}"), "");
  EXPECT_EQ(unknown_placeholder("{address}:{prot}"), "{prot}");
  EXPECT_EQ(unknown_placeholder("{\"a\":1} {} {A} {a"), "");
}

}  // namespace
}  // namespace sdns::health
