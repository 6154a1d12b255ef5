// SPDX-License-Identifier: MIT
#include "backend/dns/generate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/dns/master_file.h"

namespace sdns::dns {
namespace {

struct ExpandCase {
  std::string_view pattern;
  std::uint32_t number;
  std::string_view expanded;
};
class GenerateExpand : public testing::TestWithParam<ExpandCase> {};
TEST_P(GenerateExpand, FillsInTheNumberAsBindDoes) {
  std::string out;
  ASSERT_TRUE(expand_generate(GetParam().pattern, GetParam().number, out)) << GetParam().pattern;
  EXPECT_EQ(out, GetParam().expanded) << GetParam().pattern;
}
INSTANTIATE_TEST_SUITE_P(Generate, GenerateExpand,
                         testing::Values(ExpandCase{"host-$", 7, "host-7"}, ExpandCase{"$.$", 7, "7.7"},
                                         ExpandCase{"a$$b", 7, "a$b"}, ExpandCase{"a\\$b", 7, "a\\$b"},
                                         ExpandCase{"${0}", 7, "7"}, ExpandCase{"${5}", 7, "12"},
                                         ExpandCase{"${-5}", 7, "2"}, ExpandCase{"${+5}", 7, "12"},
                                         ExpandCase{"${0,3}", 7, "007"}, ExpandCase{"${0,3,d}", 7, "007"},
                                         ExpandCase{"${0,0,x}", 255, "ff"}, ExpandCase{"${0,4,X}", 255, "00FF"},
                                         ExpandCase{"${0,0,o}", 8, "10"}, ExpandCase{"${0,1,d}", 1234, "1234"},
                                         // The examples for nibbles in BIND's manual and its source.
                                         ExpandCase{"${0,8,n}", 0xABCD, "d.c.b.a."},
                                         ExpandCase{"${0,7,n}", 0xABCD, "d.c.b.a"},
                                         ExpandCase{"${0,0,N}", 0xABC, "C.B.A"}, ExpandCase{"${0,3,n}", 0x1, "1.0"},
                                         ExpandCase{"${0,4,n}", 0x1, "1.0."}, ExpandCase{"${0,1,n}", 0, "0"},
                                         ExpandCase{"plain", 1, "plain"}));

TEST(GenerateExpand, RefusesWhatDoesNotParse) {
  for (const std::string_view bad : {"${", "${}", "${x}", "${0,", "${0,x}", "${0,1,}", "${0,1,q}", "${0,1,dd}",
                                     "${0,999}", "${-8}", "${99999999999}"}) {
    std::string out;
    EXPECT_FALSE(expand_generate(bad, 7, out)) << bad;
  }
}

TEST(GenerateRange, CountsFromStartToStopByStep) {
  EXPECT_EQ(parse_generate_range("1-10")->count(), 10U);
  EXPECT_EQ(parse_generate_range("0-10/3")->count(), 4U);
  EXPECT_EQ(parse_generate_range("5-5")->count(), 1U);
  EXPECT_EQ(parse_generate_range("0-2147483647")->count(), 2147483648U);
  for (const std::string_view bad :
       {"", "1", "1-", "-1", "2-1", "1-2/0", "1-2/", "1-2/x", "0-2147483648", "1-2-3", "1/2-3"})
    EXPECT_FALSE(parse_generate_range(bad)) << bad;
}

std::vector<std::string> parse(std::string_view text) {
  const auto file = parse_master_text(text, "z", *Name::parse("example.org."));
  if (!file) return {"error: " + file.error().what};
  std::vector<std::string> out;
  for (const auto& [record, place] : file->records)
    out.push_back(std::to_string(place.line) + " " + record.owner.text() + " " + std::to_string(record.ttl.seconds) +
                  " " + record.type.text() + " " + record.content);
  return out;
}

TEST(GenerateDirective, MakesARecordForEachNumber) {
  EXPECT_THAT(parse("$TTL 5\n$GENERATE 1-3/2 host-${0,2} A 192.0.2.$ ; comment\n"),
              testing::ElementsAre("2 host-01.example.org. 5 A 192.0.2.1", "2 host-03.example.org. 5 A 192.0.2.3"));
}

TEST(GenerateDirective, TakesTtlClassAndAnyType) {
  EXPECT_THAT(
      parse("$GENERATE 1-1 $ 1m IN CNAME $.sub\n$GENERATE 2-2 $.x. IN 7 MX $ mail$\n"
            "$GENERATE 3-3 a$ 7 TXT \"n $\" $$\n$GENERATE 4-4 h$ 7 HTTPS 1 . alpn=\"h$\"\n"),
      testing::ElementsAre("1 1.example.org. 60 CNAME 1.sub.example.org.", "2 2.x. 7 MX 2 mail2.example.org.",
                           "3 a3.example.org. 7 TXT \"n 3\" \"$\"", "4 h4.example.org. 7 HTTPS 1 . alpn=\"h4\""));
}

TEST(GenerateDirective, ReversesNibbles) {
  EXPECT_THAT(parse("$GENERATE 26-26 ${0,3,n}.ip6.arpa. 5 PTR h${0,2,x}.x.\n"),
              testing::ElementsAre("1 a.1.ip6.arpa. 5 PTR h1a.x."));
}

TEST(GenerateDirective, SaysAnErrorOnce) {
  EXPECT_THAT(
      parse("$TTL 5\n$GENERATE 1-1000 a$ A 192.0.2.$\n"),
      testing::ElementsAre(testing::StartsWith("error: z:2: a256.example.org. A: the address \"192.0.2.256\"")));
  EXPECT_THAT(parse("$GENERATE 1-9 ${-5} 5 A 192.0.2.1\n"),
              testing::ElementsAre(testing::HasSubstr("its number is negative")));
  EXPECT_THAT(parse("$GENERATE 1-9 $GENERATE 1-9 a$ 5 A\n"), testing::ElementsAre(testing::StartsWith("error: z:1:")));
}

}  // namespace
}  // namespace sdns::dns
