// SPDX-License-Identifier: MIT
#include "backend/dns/rrtype.h"

#include <gtest/gtest.h>

#include "backend/dns/rdata.h"
#include "backend/dns/serial.h"

namespace sdns::dns {
namespace {

TEST(RrTypeText, ParsesMnemonicsInAnyLetterCaseAndNumbers) {
  EXPECT_EQ(*RrType::parse("aaaa"), kAAAA);
  EXPECT_EQ(*RrType::parse("TYPE28"), kAAAA);
  EXPECT_EQ(*RrType::parse("type65535"), RrType{65535});
  EXPECT_EQ(*RrType::parse("any"), kANY);
}

TEST(RrTypeText, RefusesWhatIsNoType) {
  for (const std::string_view text : {"", "TYPE", "TYPE65536", "TYPE1x", "TYPE-1", "AAAAA", "TYPE 1", "BOGUS"})
    EXPECT_FALSE(RrType::parse(text)) << text;
}

TEST(RrTypeText, EachTypeIsReadBackFromItsText) {
  for (unsigned value = 0; value <= 65535; ++value) {
    const RrType type{static_cast<std::uint16_t>(value)};
    const auto again = RrType::parse(type.text());
    ASSERT_TRUE(again) << type.text();
    ASSERT_EQ(*again, type);
  }
}

TEST(RrTypeText, ATypeWithoutAParserInPowerDnsHasNoMnemonic) {
  // PowerDNS 4.7.3 answers SERVFAIL for these in presentation format.
  for (const std::uint16_t value : {3, 4, 10, 11, 19, 20, 21, 22, 24, 26, 27, 30, 38, 55, 56, 58})
    EXPECT_EQ(RrType{value}.text(), "TYPE" + std::to_string(value));
}

TEST(RrTypeText, EveryTypeThatPowerDnsKnowsHasARdataFormat) {
  for (unsigned value = 0; value <= 65535; ++value) {
    const RrType type{static_cast<std::uint16_t>(value)};
    if (value == 29 || type == kLUA) continue;  // by ldns, and opaque
    EXPECT_EQ(type.known_to_powerdns(), !layout_of(type).empty()) << type.text();
  }
}

TEST(SerialOrder, WrapsAndHasPairsWithoutAnOrder) {
  EXPECT_TRUE(Serial{0xFFFF'FFFF} < Serial{0});
  EXPECT_TRUE(Serial{1} > Serial{0});
  EXPECT_TRUE((Serial{0} <=> Serial{0x8000'0000}) == std::partial_ordering::unordered);
  EXPECT_TRUE(Serial{0} < Serial{0x7FFF'FFFF});
  EXPECT_TRUE(Serial{0} > Serial{0x8000'0001});
}

}  // namespace
}  // namespace sdns::dns
