// SPDX-License-Identifier: MIT
#include "backend/base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "backend/base/owned.h"

namespace sdns {
namespace {

class FixedClock final : public WallClock {
 public:
  WallTime wall_now() const override { return WallTime(std::chrono::milliseconds(1787393411512)); }
};

class LogTest : public testing::Test {
 protected:
  LogTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    read_ = Fd(ends[0]);
    write_ = Fd(ends[1]);
  }
  std::string text() {
    write_.reset();
    std::string all;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(read_.get(), buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<std::size_t>(n));
    return all;
  }
  FixedClock clock_;
  Fd read_;
  Fd write_;
};

TEST_F(LogTest, WritesOneEventALineAndQuotesOnlyWhatNeedsIt) {
  const Log log(clock_, LogLevel::kInfo, LogFormat::kText, write_.get());
  log.warn("health.verdict",
           {{"target", "192.0.2.10:443"}, {"failures", 3}, {"why", "timed \"out\"\nagain"}, {"ok", false}});
  EXPECT_EQ(text(),
            "ts=2026-08-22T10:10:11.512Z level=warn event=health.verdict target=192.0.2.10:443 failures=3 "
            "why=\"timed \\\"out\\\"\\nagain\" ok=false\n");
}

TEST_F(LogTest, WritesJson) {
  const Log log(clock_, LogLevel::kInfo, LogFormat::kJson, write_.get());
  log.info("x", {{"n", 1}, {"s", "a\x01"}});
  EXPECT_EQ(text(),
            "{\"ts\":\"2026-08-22T10:10:11.512Z\",\"level\":\"info\",\"event\":\"x\",\"n\":1,\"s\":\"a\\u0001\"}\n");
}

TEST_F(LogTest, LeavesOutWhatIsBelowItsLevel) {
  Log log(clock_, LogLevel::kWarn, LogFormat::kText, write_.get());
  log.info("unseen", {});
  log.set_level(LogLevel::kDebug);
  log.debug("seen", {});
  const std::string all = text();
  EXPECT_EQ(all.find("unseen"), std::string::npos);
  EXPECT_NE(all.find("event=seen"), std::string::npos);
}

TEST_F(LogTest, AFullPipeCostsLinesAndNoTime) {
  const Log log(clock_, LogLevel::kInfo, LogFormat::kText, write_.get());
  for (int i = 0; i < 2'000; ++i) log.info("flood", {{"text", std::string(1'000, 'x')}});
  EXPECT_GT(log.dropped(), 1'000U);
  EXPECT_GT(text().size(), 10'000U);
}

TEST_F(LogTest, CutsALineThatIsLongerThanAPipeTakesAtOnce) {
  const Log log(clock_, LogLevel::kInfo, LogFormat::kText, write_.get());
  log.info("long", {{"text", std::string(100'000, 'x')}});
  const std::string all = text();
  EXPECT_EQ(all.size(), 4'096U);
  EXPECT_EQ(all.back(), '\n');
}

TEST(LogNames, RejectsLevelsAndFormatsThatDoNotExist) {
  EXPECT_TRUE(Log::parse_level("warn").has_value());
  EXPECT_FALSE(Log::parse_level("WARNING").has_value());
  EXPECT_FALSE(Log::parse_format("xml").has_value());
}

}  // namespace
}  // namespace sdns
