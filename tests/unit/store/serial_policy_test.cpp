// SPDX-License-Identifier: MIT
#include "backend/store/serial_policy.h"

#include <gtest/gtest.h>

#include <chrono>

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
