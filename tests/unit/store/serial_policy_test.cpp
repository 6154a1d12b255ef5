// SPDX-License-Identifier: MIT
#include "backend/store/serial_policy.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string_view>

#include "backend/dns/serial.h"

namespace sdns::store {
namespace {

using std::chrono::sys_days;
using std::chrono::year;

const WallTime kDay = sys_days(year{2026} / 12 / 9) + std::chrono::hours(23);

struct SerialCase {
  const char* behaviour;
  SerialPolicy policy;
  std::uint32_t before;
  std::uint32_t after;
};
void PrintTo(const SerialCase& one, std::ostream* out) { *out << one.behaviour; }

class NextSerialCase : public testing::TestWithParam<SerialCase> {};

TEST_P(NextSerialCase, IsWhatThePolicySays) {
  EXPECT_EQ(GetParam().after, next_serial(GetParam().policy, GetParam().before, kDay));
}

INSTANTIATE_TEST_SUITE_P(
    SerialPolicy, NextSerialCase,
    testing::Values(SerialCase{"a counter counts", SerialPolicy::kCounter, 7, 8},
                    SerialCase{"a counter wraps past 0", SerialPolicy::kCounter, 0xFFFF'FFFF, 1},
                    SerialCase{"a date starts the day at 00", SerialPolicy::kDate, 2026120877, 2026120900},
                    SerialCase{"a date counts within its day", SerialPolicy::kDate, 2026120900, 2026120901},
                    SerialCase{"a date passes nn = 99", SerialPolicy::kDate, 2026120999, 2026121000},
                    SerialCase{"a serial ahead of the date counts", SerialPolicy::kDate, 2030010100, 2030010101},
                    SerialCase{"a date is taken over the wrap, which is forward", SerialPolicy::kDate, 4'294'967'290,
                               2026120900},
                    SerialCase{"keep keeps", SerialPolicy::kKeep, 7, 7}));

TEST(NextSerial, IsAlwaysGreaterByRfc1982) {
  for (const SerialPolicy policy : {SerialPolicy::kCounter, SerialPolicy::kDate})
    for (const std::uint32_t old : {0U, 1U, 2026120900U, 0x7FFF'FFFFU, 0x8000'0000U, 0xFFFF'FFFEU, 0xFFFF'FFFFU}) {
      const std::uint32_t next = next_serial(policy, old, kDay);
      EXPECT_TRUE(dns::Serial{next} > dns::Serial{old}) << old << " to " << next;
      EXPECT_NE(0U, next);
    }
}

// 2026-01-08 was a Thursday. What PowerDNS 4.7.3 answers with its clock moved there.
struct ServedCase {
  const char* behaviour;
  const char* soa_edit;
  std::uint32_t stored;
  std::uint32_t served;
};
void PrintTo(const ServedCase& one, std::ostream* out) { *out << one.behaviour; }

class ServedSerialCase : public testing::TestWithParam<ServedCase> {};

TEST_P(ServedSerialCase, IsWhatPowerDnsAnswers) {
  for (const auto time : {WallTime(sys_days(year{2026} / 1 / 8)), WallTime(sys_days(year{2026} / 1 / 14))})
    EXPECT_EQ(GetParam().served, served_serial(GetParam().soa_edit, GetParam().stored, time));
}

INSTANTIATE_TEST_SUITE_P(
    SerialPolicy, ServedSerialCase,
    testing::Values(ServedCase{"a low serial is served as the week's start", "INCEPTION-EPOCH", 5, 1767830400},
                    ServedCase{"a higher one as it is", "INCEPTION-EPOCH", 4'294'967'290, 4'294'967'290},
                    ServedCase{"a date before the week", "INCEPTION-INCREMENT", 2026010799, 2026010801},
                    ServedCase{"the week's first number", "INCEPTION-INCREMENT", 2026010800, 2026010802},
                    ServedCase{"its second", "INCEPTION-INCREMENT", 2026010801, 2026010802},
                    ServedCase{"the third day's last", "INCEPTION-INCREMENT", 2026011099, 2026011100},
                    ServedCase{"the fourth day's first", "INCEPTION-INCREMENT", 2026011100, 2026011100},
                    ServedCase{"nothing is changed without a kind", "", 7, 7}, ServedCase{"nor by NONE", "NONE", 7, 7},
                    ServedCase{"weeks are added", "INCREMENT-WEEKS", 7, 2930}));

TEST(ServedSerial, MovesWithTheWeekAndNotWithinIt) {
  const WallTime thursday = sys_days(year{2026} / 1 / 8);
  EXPECT_EQ(1767225600U, served_serial("INCEPTION-EPOCH", 5, thursday - std::chrono::seconds(1)));
  EXPECT_EQ(1767830400U, served_serial("INCEPTION-EPOCH", 5, thursday));
  EXPECT_EQ(1767830400U,
            served_serial("INCEPTION-EPOCH", 5, thursday + std::chrono::days(7) - std::chrono::seconds(1)));
}

TEST(ServedSerial, OfEpochIsTheClock) {
  EXPECT_EQ(1767830405U, served_serial("EPOCH", 7, WallTime(std::chrono::seconds(1767830405))));
}

TEST(NextSerial, OfACounterPassesTheStartOfTheSigningWeek) {
  const WallTime now = sys_days(year{2026} / 1 / 8);
  EXPECT_EQ(1767830401U, next_serial(SerialPolicy::kCounter, "INCEPTION-EPOCH", 5, now));
  EXPECT_EQ(1767830401U, next_serial(SerialPolicy::kCounter, "INCEPTION-EPOCH", 1767830399, now));
  EXPECT_EQ(1767830402U, next_serial(SerialPolicy::kCounter, "INCEPTION-EPOCH", 1767830401, now));
  EXPECT_EQ(1767830400U, next_serial(SerialPolicy::kCounter, "INCEPTION-EPOCH", 0xFFFF'FFFF, now)) << "over the wrap";
  EXPECT_EQ(6U, next_serial(SerialPolicy::kCounter, "", 5, now));
  const WallTime late = sys_days(year{2040} / 1 / 5);
  EXPECT_LT(2'000'000'000U, next_serial(SerialPolicy::kCounter, "INCEPTION-EPOCH", 0xFFFF'FFFF, late)) << "it ends";
  EXPECT_EQ(5U, next_serial(SerialPolicy::kKeep, "INCEPTION-EPOCH", 5, now));
}

TEST(NextSerial, OfAZoneWithSoaEditAlwaysShowsAtSecondaries) {
  const WallTime start = sys_days(year{2026} / 1 / 7) + std::chrono::hours(23);
  for (const char* soa_edit : {"INCEPTION-EPOCH", "INCEPTION-INCREMENT", ""})
    for (const SerialPolicy policy : {SerialPolicy::kCounter, SerialPolicy::kDate})
      for (std::uint32_t serial : {5U, 1767225600U, 1767830399U, 2026010105U, 2026010799U, 2026010800U, 2026010898U,
                                   2026011098U, 0xFFFF'FFF0U}) {
        if (serial > 0x8000'0000U && std::string_view(soa_edit) == "INCEPTION-INCREMENT") continue;  // no date
        WallTime now = start;
        dns::Serial shown{served_serial(soa_edit, serial, now)};
        for (int edits = 0; edits < 200; ++edits) {
          serial = next_serial(policy, soa_edit, serial, now);
          const dns::Serial next{served_serial(soa_edit, serial, now)};
          ASSERT_TRUE(next > shown) << soa_edit << ": " << shown.value << " to " << next.value << ", edit " << edits;
          now += std::chrono::hours(2);
          shown = dns::Serial{served_serial(soa_edit, serial, now)};
          ASSERT_TRUE(shown == next || shown > next) << "the clock takes nothing back";
        }
      }
}

TEST(SoaSerial, IsTheThirdField) {
  const std::string content = "ns.example. a\\032b.example. 4294967295 1 2 3 4";
  EXPECT_EQ(0xFFFF'FFFFU, soa_serial(content));
  EXPECT_EQ("ns.example. a\\032b.example. 9 1 2 3 4", with_soa_serial(content, 9));
  EXPECT_FALSE(soa_serial("ns.example. admin.example."));
  EXPECT_FALSE(soa_serial("ns.example. admin.example. 4294967296 1 2 3 4"));
  EXPECT_FALSE(soa_serial("ns.example. admin.example. 12x 1 2 3 4"));
}

}  // namespace
}  // namespace sdns::store
