// SPDX-License-Identifier: MIT
#include "lua/generate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sdns::lua {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

dns::IpAddress ip(std::string_view text) {
  const auto parsed = dns::IpAddress::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(dns::IpAddress());
}

// Views into `dotted`.
Labels labels(std::string_view dotted) {
  Labels out;
  while (!dotted.empty()) {
    const std::size_t size = std::min(dotted.find('.'), dotted.size());
    out.push_back(dotted.substr(0, size));
    dotted.remove_prefix(std::min(size + 1, dotted.size()));
  }
  return out;
}

TEST(LabelsOf, WithoutTheRoot) {
  using std::string_view_literals::operator""sv;
  EXPECT_THAT(labels_of("\3www\7Example\3org\0"sv), ElementsAre("www", "Example", "org"));
  EXPECT_THAT(labels_of("\3a.b\0"sv), ElementsAre("a.b"));
  EXPECT_THAT(labels_of("\0"sv), IsEmpty());
  EXPECT_THAT(labels_of(""sv), IsEmpty());
}

struct FormatCase {
  const char* what;
  const char* format;
  std::optional<std::string> text;  // nothing: unreadable
};
class FormatPositional : public testing::TestWithParam<FormatCase> {};
TEST_P(FormatPositional, IsBoostFormat) {
  const std::vector<std::string> arguments{"1", "010", "abcdef", ""};
  const auto text = format_positional(GetParam().format, arguments);
  ASSERT_EQ(text.has_value(), GetParam().text.has_value()) << GetParam().what;
  if (!text) {
    EXPECT_NE(text.error().what.find(GetParam().format), std::string::npos);
    return;
  }
  EXPECT_EQ(*text, *GetParam().text) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    Generate, FormatPositional,
    testing::Values(
        FormatCase{"nothing to do", "static.example.org", "static.example.org"}, FormatCase{"nothing", "", ""},
        FormatCase{"numbered, in any order, again", "%2%-%1%.%2%", "010-1.010"},
        FormatCase{"side by side", "%1%%2%%3%", "1010abcdef"}, FormatCase{"a percent sign", "100%%%1%%%", "100%1%"},
        FormatCase{"more than there are", "a%5%b%41%c", "abc"}, FormatCase{"an empty argument", "a%4%b", "ab"},
        FormatCase{"in turn, as printf does", "%s-%d-%x", "1-010-abcdef"},
        FormatCase{"in turn, more than there are", "%s%s%s%s.%s%s.", "1010abcdef.."},
        FormatCase{"numbered, as printf does", "%2$s-%1$s", "010-1"},
        FormatCase{"filled with zeros, whatever it is", "%1$03d.%2$05d.%3$03d", "001.00010.abcdef"},
        FormatCase{"a width", "[%1$3s|%1$-3s|%2$=8s]", "[  1|1  |   010  ]"}, FormatCase{"cut", "%3$.2s %3$c", "ab a"},
        FormatCase{"filled after being cut", "%3$05.2s", "000ab"},
        FormatCase{"no zeros on the right", "%1$-03d|", "1  |"},
        FormatCase{"between bars, no conversion is needed", "%|1$3|-%|2$s|", "  1-010"},
        FormatCase{"sizes and signs are of numbers", "%+ld %#x", "1 010"},
        FormatCase{"a blank where a sign would be", "% d", " 1"}, FormatCase{"ignored", "a%nb%s", "ab1"},
        FormatCase{"a percent sign at the end", "a%", std::nullopt}, FormatCase{"an open number", "a%1", std::nullopt},
        FormatCase{"an unknown conversion", "%1$y", std::nullopt},
        FormatCase{"a name in place of a number", "%(a)%", std::nullopt}, FormatCase{"argument 0", "%0%", std::nullopt},
        FormatCase{"both ways", "%1%%s", std::nullopt},
        FormatCase{"both ways, the other way around", "%s%1%", std::nullopt},
        FormatCase{"an open bar", "%|1$s", std::nullopt}, FormatCase{"bars around a number", "%|1%|", std::nullopt},
        FormatCase{"flags and no more", "%-", std::nullopt}, FormatCase{"a tabulation", "%10t", std::nullopt},
        FormatCase{"a width of over 65535", "%1$70000d", std::nullopt},
        FormatCase{"a number that no machine word holds", "%99999999999999999999999%", std::nullopt}));

TEST(FormatPositionalSize, IsThatOfARecordAtMost) {
  std::string format;
  for (int i = 0; i < 3; ++i) format += "%1$30000s";
  EXPECT_FALSE(format_positional(format, std::vector<std::string>{"a"}));
}

struct ReverseCase {
  const char* what;
  const char* qname;
  const char* format;
  const char* name;
};
const Exceptions& exceptions() {
  static const Exceptions all{{ip("192.0.2.9"), "nine.example.org."}, {ip("2001:db8::9"), "nine6.example.org."}};
  return all;
}

class CreateReverse : public testing::TestWithParam<ReverseCase> {};
TEST_P(CreateReverse, MakesAName) {
  EXPECT_EQ(create_reverse(labels(GetParam().qname), GetParam().format, exceptions()), GetParam().name)
      << GetParam().what;
}
constexpr const char* kReverse = "9.100.51.198.in-addr.arpa";
INSTANTIATE_TEST_SUITE_P(
    Generate, CreateReverse,
    testing::Values(ReverseCase{"octets", kReverse, "%1%.%2%.%3%.%4%.example.org", "198.51.100.9.example.org"},
                    ReverseCase{"hyphens", kReverse, "ip-%5%.example.org", "ip-198-51-100-9.example.org"},
                    ReverseCase{"hexadecimal", kReverse, "%6%.example.org", "c6336409.example.org"},
                    ReverseCase{"an exception", "9.2.0.192.in-addr.arpa", "%5%", "nine.example.org."},
                    ReverseCase{"an exception, leading zeros are none", "009.2.0.192", "%5%", "nine.example.org."},
                    ReverseCase{"leading zeros are kept", "010.2.0.192", "%4% %5% %6%", "010 192-0-2-010 c000020a"},
                    ReverseCase{"only the first four labels count", "1.2.3.4.5.6", "%5%", "4-3-2-1"},
                    ReverseCase{"three labels", "2.0.192", "%5%", "unknown"},
                    ReverseCase{"no octet", "256.2.0.192", "%5%", "error"},
                    ReverseCase{"letters", "a.2.0.192", "%1%", "error"},
                    ReverseCase{"four digits", "0001.2.0.192", "%5%", "error"},
                    ReverseCase{"a format that cannot be read", kReverse, "%5", "error"},
                    ReverseCase{"an exception comes before the format", "9.2.0.192", "%5", "nine.example.org."}));

class CreateReverse6 : public testing::TestWithParam<ReverseCase> {};
TEST_P(CreateReverse6, MakesAName) {
  EXPECT_EQ(create_reverse6(labels(GetParam().qname), GetParam().format, exceptions()), GetParam().name)
      << GetParam().what;
}
constexpr const char* kDb8 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6.arpa";
INSTANTIATE_TEST_SUITE_P(
    Generate, CreateReverse6,
    testing::Values(
        ReverseCase{"compressed", kDb8, "%33%.example.org", "2001-db8--1.example.org"},
        ReverseCase{"nibbles, as they were written", kDb8, "%1%%2%%3%%4%.%5%%6%%7%%8%.%32%", "2001.0DB8.1"},
        ReverseCase{"groups, as they were written", kDb8, "%34%-%35%-%36%-%41%", "2001-0DB8-0000-0001"},
        ReverseCase{"more than there are", kDb8, "%42%.", "."},
        ReverseCase{"an exception", "9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "%33%",
                    "nine6.example.org."},
        ReverseCase{"no hyphen at the front", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.x",
                    "%33%", "0--1"},
        ReverseCase{"no hyphen at the end", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                    "%33%", "2001-db8--0"},
        ReverseCase{"at neither end", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.x", "%33%",
                    "0--0"},
        ReverseCase{"no two hyphens in third place",
                    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.a.0.0.x", "%33%", "0aa--1"},
        ReverseCase{"31 labels", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2", "%33%", "unknown"},
        ReverseCase{"no nibble", "g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "%33%",
                    "error"},
        ReverseCase{"two digits", "11.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "%33%",
                    "error"},
        ReverseCase{"a format that cannot be read", kDb8, "%33", "error"}));

struct ForwardCase {
  const char* what;
  const char* relative;
  const char* address;
};
class CreateForward : public testing::TestWithParam<ForwardCase> {};
TEST_P(CreateForward, MakesAnAddress) {
  EXPECT_EQ(create_forward(labels(GetParam().relative)), GetParam().address) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    Generate, CreateForward,
    testing::Values(ForwardCase{"four labels", "198.51.100.9", "198.51.100.9"},
                    ForwardCase{"more labels than four", "198.51.100.9.static", "198.51.100.9"},
                    ForwardCase{"labels are decimal", "0x10.51.100.9", "0.0.0.0"},
                    ForwardCase{"labels have no leading zeros, octal or not", "010.51.100.9", "0.0.0.0"},
                    ForwardCase{"labels that are no octets", "198.51.100.256", "0.0.0.0"},
                    ForwardCase{"hyphens", "198-51-100-9", "198.51.100.9"},
                    ForwardCase{"hyphens behind a word", "ip-198-51-100-9", "198.51.100.9"},
                    ForwardCase{"hyphens behind words with digits", "host7-foo-198-51-100-9", "198.51.100.9"},
                    ForwardCase{"hyphens, in the first of several labels", "ip-198-51-100-9.static", "198.51.100.9"},
                    ForwardCase{"empty pieces", "ip-198--51-100-9-", "198.51.100.9"},
                    ForwardCase{"pieces are decimal, leading zeros and all", "198-051-100-009", "198.51.100.9"},
                    ForwardCase{"a piece over 255", "198-51-100-256", "0.0.0.0"},
                    ForwardCase{"a piece with something behind", "198-51-100-9x", "0.0.0.0"},
                    ForwardCase{"a piece of four digits", "0198-51-100-9", "0.0.0.0"},
                    ForwardCase{"five pieces: the last four", "1-198-51-100-9", "198.51.100.9"},
                    ForwardCase{"three pieces", "51-100-9", "0.0.0.0"},
                    ForwardCase{"eight hexadecimal digits", "c6336409", "198.51.100.9"},
                    ForwardCase{"in capitals", "C6336409", "198.51.100.9"},
                    ForwardCase{"hexadecimal digits behind two letters", "ipc6336409", "198.51.100.9"},
                    ForwardCase{"hexadecimal digits behind a word", "node-c6336409.static", "198.51.100.9"},
                    ForwardCase{"pieces of the word in front do not count", "my-x-b-c6336409", "198.51.100.9"},
                    ForwardCase{"seven hexadecimal digits", "6336409", "0.0.0.0"},
                    ForwardCase{"a letter among them", "c63364g9", "0.0.0.0"},
                    ForwardCase{"a hyphen among them", "c6-36409f", "0.0.0.0"}, ForwardCase{"a word", "www", "0.0.0.0"},
                    ForwardCase{"nothing", "", "0.0.0.0"}));

class CreateForward6 : public testing::TestWithParam<ForwardCase> {};
TEST_P(CreateForward6, MakesAnAddress) {
  EXPECT_EQ(create_forward6(labels(GetParam().relative)), GetParam().address) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    Generate, CreateForward6,
    testing::Values(ForwardCase{"eight labels", "2001.db8.0.0.0.0.0.1", "2001:db8::1"},
                    ForwardCase{"nine labels", "2001.db8.0.0.0.0.0.1.x", "::"},
                    ForwardCase{"eight labels, one too long", "02001.db8.0.0.0.0.0.1", "::"},
                    ForwardCase{"hyphens", "2001-db8--1", "2001:db8::1"},
                    ForwardCase{"hyphens, with the zeros that createReverse6 adds", "0--0", "::"},
                    ForwardCase{"a zero in front", "0aa--1", "aa::1"},
                    ForwardCase{"an IPv4 address with a port is none", "1-53", "::"},
                    ForwardCase{"four pieces", "198-51-100-9", "::"},
                    ForwardCase{"two labels", "2001-db8--1.static", "::"},
                    ForwardCase{"32 digits", "20010db8000000000000000000000001", "2001:db8::1"},
                    ForwardCase{"32 digits behind a word", "ip20010db8000000000000000000000001", "2001:db8::1"},
                    ForwardCase{"31 digits", "0010db8000000000000000000000001", "::"},
                    ForwardCase{"32 digits and a letter", "20010db800000000000000000000000g", "::"},
                    ForwardCase{"a word", "www", "::"}, ForwardCase{"nothing", "", "::"}));

TEST(MagicAddresses, EndAtTheFirstLabelThatIsNone) {
  EXPECT_THAT(magic_addresses(labels("192-0-2-1.198-51-100-1.www.203-0-113-1.example.org")),
              ElementsAre("192.0.2.1", "198.51.100.1"));
  EXPECT_THAT(magic_addresses(labels("192-0-2-1.2001:db8:0::1.www")), ElementsAre("192.0.2.1", "2001:db8::1"));
  EXPECT_THAT(magic_addresses(labels("192-0-2-1.7.www")), ElementsAre("192.0.2.1", "0.0.0.7"));
  EXPECT_THAT(magic_addresses(labels("www.192-0-2-1")), IsEmpty());
  EXPECT_THAT(magic_addresses({}), IsEmpty());
}

TEST(MagicAddress, IsTheFirstFourLabelsReversed) {
  EXPECT_EQ(magic_address(labels("4.3.2.1.example.org")), ip("1.2.3.4"));
  EXPECT_EQ(magic_address(labels("4.3.2")), std::nullopt);
  EXPECT_EQ(magic_address(labels("x.3.2.1.example.org")), std::nullopt);
  EXPECT_EQ(magic_address(labels("256.3.2.1")), std::nullopt);
}

}  // namespace
}  // namespace sdns::lua
