// SPDX-License-Identifier: MIT
#include "backend/health/kept_health.h"

#include <gtest/gtest.h>

#include <random>

namespace sdns::health {
namespace {

using std::chrono::milliseconds;

KeptHealth some() {
  KeptHealth kept;
  kept.saved = WallTime(milliseconds(1'787'394'852'511));
  KeptCheck check;
  check.identity = "url https://www.example/a%20b from 192.0.2.1 stringmatch=all%0Awell";
  check.record.verdict = Verdict::kDown;
  check.record.changed_ago = milliseconds(12'345);
  check.record.failing_for = milliseconds(12'000);
  check.record.held_for = milliseconds(60'000);
  check.record.run = 4'000'000'000U;
  check.record.remembered = 5;
  check.record.needed = 30;
  check.record.falls = 255;
  check.record.failing = true;
  check.record.resumed = true;
  check.weight = 7;
  check.probes = 1'000'000'000'000U;
  check.failures = 3;
  check.transitions = 2;
  check.up_ago = milliseconds(12'000);
  check.resumed = 1'787'394'000;
  kept.checks.push_back(check);
  check = {};
  check.identity = "tcp [2001:db8::1]:443";
  check.record.verdict = Verdict::kUp;
  kept.checks.push_back(check);
  return kept;
}

TEST(KeptHealth, IsReadBackAsItWas) {
  for (const KeptHealth& kept : {some(), KeptHealth{}}) {
    const auto read = parse_kept_health(to_text(kept));
    ASSERT_TRUE(read) << to_text(read.error());
    EXPECT_EQ(*read, kept);
  }
}

TEST(KeptHealth, ThatIsCutAnywhereIsRefused) {
  const std::string whole = to_text(some());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_kept_health(std::string_view(whole).substr(0, size))) << size;
  EXPECT_FALSE(parse_kept_health(whole + "\n"));
  EXPECT_FALSE(parse_kept_health(whole + whole));
}

TEST(KeptHealth, OfAnotherVersionIsSaidToBe) {
  EXPECT_EQ(parse_kept_health("sovereign-dns health 3 17\nend 0\n").error().code, Errc::kUnsupported);
  for (const char* text : {"", "\n", "something else\n", "sovereign-dns health 1 x\nend 0\n",
                           "sovereign-dns health 1 17\nend 1\n", "sovereign-dns health 1 17\nup\nend 1\n",
                           "sovereign-dns health 1 17\nsideways 0 0 0 0 0 0 0 0 0 1 0 0 0 tcp 192.0.2.1:1\nend 1\n",
                           "sovereign-dns health 1 17\nup 0 0 0 0 0 0 256 0 0 1 0 0 0 tcp 192.0.2.1:1\nend 1\n",
                           "sovereign-dns health 1 17\nup 0 0 0 0 0 0 0 2 0 1 0 0 0 tcp 192.0.2.1:1\nend 1\n",
                           "sovereign-dns health 1 17\nup 0 0 0 0 0 0 0 0 0 1 0 0 0 \nend 1\n",
                           "sovereign-dns health 2 17\nup 0 0 0 0 0 0 0 0 0 1 0 0 0 tcp 192.0.2.1:1\nend 1\n",
                           "sovereign-dns health 0 17\nend 0\n", "sovereign-dns health x 17\nend 0\n"})
    EXPECT_EQ(parse_kept_health(text).error().code, Errc::kCorrupt) << text;
}

TEST(KeptHealth, OfVersion1IsRead) {
  const auto read =
      parse_kept_health("sovereign-dns health 1 17\ndown 5 0 0 9 0 0 0 1 0 3 7 2 1 tcp 192.0.2.1:1\nend 1\n");
  ASSERT_TRUE(read) << to_text(read.error());
  const KeptCheck expected{
      .identity = "tcp 192.0.2.1:1",
      .record = {.changed_ago = milliseconds(5), .run = 9, .verdict = Verdict::kDown, .failing = true},
      .weight = 3,
      .probes = 7,
      .failures = 2,
      .transitions = 1};
  EXPECT_EQ(read->checks, std::vector<KeptCheck>{expected});
}

// What is read is either what somebody wrote, or an error; never a crash.
TEST(KeptHealth, ThatIsDamagedIsReadOrRefused) {
  const std::string whole = to_text(some());
  std::mt19937 random(3);
  for (int turn = 0; turn < 20'000; ++turn) {
    std::string damaged = whole;
    for (unsigned i = 0; i <= random() % 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto read = parse_kept_health(damaged);
    if (!read) continue;
    const auto again = parse_kept_health(to_text(*read));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *read);
  }
}

}  // namespace
}  // namespace sdns::health
