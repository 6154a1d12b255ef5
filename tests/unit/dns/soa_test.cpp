// SPDX-License-Identifier: MIT
#include "backend/dns/soa.h"

#include <gtest/gtest.h>

namespace sdns::dns {
namespace {

TEST(Soa, IsTwoNamesAndFiveNumbers) {
  const std::string content = R"(ns.example. a\032b.example. 4294967295 2 3 4 0)";
  const auto soa = read_soa(content);
  ASSERT_TRUE(soa);
  EXPECT_EQ(soa->primary, "ns.example.");
  EXPECT_EQ(soa->mailbox, R"(a\032b.example.)");
  EXPECT_EQ(soa->serial, 4294967295U);
  EXPECT_EQ(soa->refresh, 2U);
  EXPECT_EQ(soa->retry, 3U);
  EXPECT_EQ(soa->expire, 4U);
  EXPECT_EQ(soa->minimum, 0U);
  EXPECT_EQ(soa->text(), content);
}

TEST(Soa, ItsFieldsMayBeApartByMoreThanOneBlank) {
  const auto soa = read_soa("  a. b.  1 2 3   4 5 ");
  ASSERT_TRUE(soa);
  EXPECT_EQ(soa->text(), "a. b. 1 2 3 4 5");
}

TEST(Soa, IsNothingElse) {
  for (const char* content : {"", "a. b.", "a. b. 1 2 3 4", "a. b. 1 2 3 4 5 6", "a. b. 4294967296 2 3 4 5",
                              "a. b. 1x 2 3 4 5", "a. b. -1 2 3 4 5", "a. b. 1 2 3 4 1h"})
    EXPECT_FALSE(read_soa(content)) << content;
}

}  // namespace
}  // namespace sdns::dns
