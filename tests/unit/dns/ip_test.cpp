// SPDX-License-Identifier: MIT
#include "backend/dns/ip.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace sdns::dns {
namespace {

IpAddress ip(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(IpAddress());
}
IpNetwork net(std::string_view text) {
  const auto parsed = IpNetwork::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(IpNetwork());
}

struct TextCase {
  const char* what;
  std::string text;
  std::string canonical;  // "": refused
};
class IpAddressText : public testing::TestWithParam<TextCase> {};
TEST_P(IpAddressText, IsCanonicalOrRefused) {
  const auto parsed = IpAddress::parse(GetParam().text);
  ASSERT_EQ(parsed.has_value(), !GetParam().canonical.empty()) << GetParam().what;
  if (!parsed) {
    EXPECT_EQ(parsed.error().code, Errc::kInvalidArgument);
    EXPECT_NE(parsed.error().what.find(GetParam().text), std::string::npos);
    return;
  }
  EXPECT_EQ(parsed->text(), GetParam().canonical) << GetParam().what;
  EXPECT_EQ(ip(parsed->text()), *parsed);
}
INSTANTIATE_TEST_SUITE_P(
    IpAddress, IpAddressText,
    testing::Values(TextCase{"a dotted quad", "192.0.2.1", "192.0.2.1"}, TextCase{"the least", "0.0.0.0", "0.0.0.0"},
                    TextCase{"the greatest", "255.255.255.255", "255.255.255.255"},
                    TextCase{"a leading zero is octal to some readers", "192.0.2.01", ""},
                    TextCase{"a part over 255", "192.0.2.256", ""},
                    TextCase{"a part of four digits", "192.0.2.1000", ""}, TextCase{"three parts", "192.0.2", ""},
                    TextCase{"five parts", "1.2.3.4.5", ""}, TextCase{"an empty part", "1..2.3", ""},
                    TextCase{"a final dot", "1.2.3.4.", ""}, TextCase{"a blank behind", "1.2.3.4 ", ""},
                    TextCase{"a sign", "+1.2.3.4", ""}, TextCase{"a port", "1.2.3.4:53", ""},
                    TextCase{"nothing", "", ""}, TextCase{"hexadecimal", "0x1.2.3.4", ""},
                    TextCase{"IPv6 is shortened and in lower case", "2001:0DB8:0:0:0:0:0:1", "2001:db8::1"},
                    TextCase{"the longest run of zeros is the one shortened", "1:0:0:2:0:0:0:3", "1:0:0:2::3"},
                    TextCase{"a single zero group is not shortened", "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
                    TextCase{"the unspecified address", "::", "::"},
                    TextCase{"IPv4 in IPv6 keeps its dots", "::ffff:192.0.2.1", "::ffff:192.0.2.1"},
                    TextCase{"the longest text", "FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:255.255.255.255",
                             "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
                    TextCase{"a zone index", "fe80::1%eth0", ""}, TextCase{"nine groups", "1:2:3:4:5:6:7:8:9", ""},
                    TextCase{"brackets", "[::1]", ""}, TextCase{"a group of five digits", "2001:0db80::1", ""},
                    TextCase{"a zero octet ends nothing", std::string("::1\0", 4), ""},
                    TextCase{"a zero octet behind a quad", std::string("1.2.3.4\0", 8), ""}));

struct EndpointCase {
  const char* what;
  std::string text;
  std::string address;  // "": refused
  std::uint16_t port = 0;
  bool lenient = false;
};
class EndpointText : public testing::TestWithParam<EndpointCase> {};
TEST_P(EndpointText, IsReadAsPowerDnsReadsIt) {
  const EndpointCase& row = GetParam();
  const auto parsed = Endpoint::parse(row.text);
  ASSERT_EQ(parsed.has_value(), !row.address.empty()) << row.what;
  if (!parsed) return;
  EXPECT_EQ(parsed->address.text(), row.address) << row.what;
  EXPECT_EQ(parsed->port, row.port) << row.what;
  EXPECT_EQ(parsed->lenient, row.lenient) << row.what;
}
INSTANTIATE_TEST_SUITE_P(
    Endpoint, EndpointText,
    testing::Values(
        EndpointCase{"IPv4", "192.0.2.1", "192.0.2.1"},
        EndpointCase{"IPv4 with a port", "192.0.2.1:443", "192.0.2.1", 443},
        EndpointCase{"the greatest port", "192.0.2.1:65535", "192.0.2.1", 65535},
        EndpointCase{"a port too large", "192.0.2.1:65536", ""},
        EndpointCase{"no port behind the colon", "192.0.2.1:", ""},
        EndpointCase{"a port with letters", "192.0.2.1:53a", ""},
        EndpointCase{"a blank before the port", "192.0.2.1: 53", "192.0.2.1", 53, true},
        EndpointCase{"a plus sign before the port", "[::1]:+53", "::1", 53, true},
        EndpointCase{"a plus sign and no port", "192.0.2.1:+", ""}, EndpointCase{"two signs", "192.0.2.1:+-1", ""},
        EndpointCase{"a negative port", "192.0.2.1:-1", ""}, EndpointCase{"three parts", "1.2.3", "1.2.0.3", 0, true},
        EndpointCase{"the last of three parts has 16 bits", "1.2.65535", "1.2.255.255", 0, true},
        EndpointCase{"but not 17", "1.2.65536", ""},
        EndpointCase{"the last of two parts has 24 bits", "1.16777215", "1.255.255.255", 0, true},
        EndpointCase{"one integer", "3221225985", "192.0.2.1", 0, true}, EndpointCase{"zero", "0", "0.0.0.0", 0, true},
        EndpointCase{"one integer over 32 bits", "4294967296", ""},
        EndpointCase{"one integer over 64 bits", "18446744073709551617", ""},
        EndpointCase{"octal", "010.0.0.010", "8.0.0.8", 0, true}, EndpointCase{"no octal digit", "08.0.0.1", ""},
        EndpointCase{"hexadecimal", "0xC0.0x00.0x2.0X1", "192.0.2.1", 0, true},
        EndpointCase{"an empty hexadecimal number", "0x.1.2.3", ""},
        EndpointCase{"one hexadecimal number with a port", "0xc0000201:53", "192.0.2.1", 53, true},
        EndpointCase{"what follows a blank does not count", "192.0.2.1 web", "192.0.2.1", 0, true},
        EndpointCase{"a leading blank", " 192.0.2.1", ""}, EndpointCase{"a final dot", "192.0.2.1.", ""},
        EndpointCase{"five parts", "1.2.3.4.5", ""}, EndpointCase{"nothing", "", ""},
        EndpointCase{"a name", "example.org", ""}, EndpointCase{"hexadecimal letters", "beef", ""},
        EndpointCase{"IPv6", "2001:db8::1", "2001:db8::1"},
        EndpointCase{"IPv6 whose first group is a number", "1::2", "1::2"},
        EndpointCase{"IPv6 in brackets", "[2001:db8::1]", "2001:db8::1"},
        EndpointCase{"IPv6 with a port", "[2001:db8::1]:53", "2001:db8::1", 53},
        EndpointCase{"IPv6 with a port too large", "[2001:db8::1]:65536", ""},
        EndpointCase{"text behind the bracket", "[2001:db8::1]53", ""},
        EndpointCase{"no closing bracket", "[2001:db8::1", ""}, EndpointCase{"IPv4 in brackets", "[192.0.2.1]:53", ""},
        EndpointCase{"IPv4 in IPv6", "::ffff:192.0.2.1", "::ffff:192.0.2.1"}));

TEST(EndpointParse, AgreesWithInetAton) {
  const std::string_view alphabet = "0123456789..xXaAfF8 \tg";
  std::mt19937 random(20);
  std::size_t taken = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text;
    const std::size_t size = 1 + random() % 14;
    while (text.size() < size) text += alphabet[random() % alphabet.size()];
    in_addr expected{};
    const bool accepted = ::inet_aton(text.c_str(), &expected) != 0;
    const auto parsed = Endpoint::parse(text);
    ASSERT_EQ(parsed.has_value(), accepted) << text;
    if (!accepted) continue;
    ++taken;
    ASSERT_EQ(parsed->address, IpAddress::from_octets({reinterpret_cast<const std::uint8_t*>(&expected), 4})) << text;
    in_addr strict{};
    ASSERT_EQ(parsed->lenient, ::inet_pton(AF_INET, text.c_str(), &strict) != 1) << text;
  }
  EXPECT_GT(taken, 10'000U);
}

TEST(IpAddressOrder, IsByFamilyThenOctets) {
  std::vector<IpAddress> addresses{ip("::"), ip("255.0.0.1"), ip("2001:db8::"), ip("1.2.3.4"), ip("128.0.0.0")};
  std::sort(addresses.begin(), addresses.end());
  EXPECT_EQ(addresses, (std::vector{ip("1.2.3.4"), ip("128.0.0.0"), ip("255.0.0.1"), ip("::"), ip("2001:db8::")}));
}

TEST(IpAddressBits, MaskedClearsWhatFollows) {
  EXPECT_EQ(ip("192.0.2.255").masked(24), ip("192.0.2.0"));
  EXPECT_EQ(ip("192.0.2.255").masked(26), ip("192.0.2.192"));
  EXPECT_EQ(ip("192.0.2.255").masked(0), ip("0.0.0.0"));
  EXPECT_EQ(ip("192.0.2.255").masked(32), ip("192.0.2.255"));
  EXPECT_EQ(ip("192.0.2.255").masked(128), ip("192.0.2.255"));
  EXPECT_EQ(ip("2001:db8:ffff::1").masked(33), ip("2001:db8:8000::"));
  EXPECT_EQ(ip("ffff::ffff").masked(128), ip("ffff::ffff"));
  EXPECT_TRUE(ip("ffff::ffff").masked(0).is_zero());
}

TEST(IpAddressBits, CommonBitsAreCountedWithinAFamily) {
  EXPECT_EQ(ip("10.2.3.4").common_bits(ip("10.1.0.0")), 14);
  EXPECT_EQ(ip("10.2.3.4").common_bits(ip("10.2.3.4")), 32);
  EXPECT_EQ(ip("0.0.0.0").common_bits(ip("128.0.0.0")), 0);
  EXPECT_EQ(ip("2001:db8::").common_bits(ip("2001:db8::1")), 127);
  EXPECT_EQ(ip("2001:db8::").common_bits(ip("2001:db8::")), 128);
  EXPECT_EQ(ip("0.0.0.0").common_bits(ip("::")), 0);
}

TEST(IpAddressKinds, MappedAndZeroAreSeen) {
  EXPECT_TRUE(ip("::ffff:192.0.2.1").is_mapped_v4());
  EXPECT_FALSE(ip("::fffe:192.0.2.1").is_mapped_v4());
  EXPECT_FALSE(ip("192.0.2.1").is_mapped_v4());
  EXPECT_TRUE(ip("::").is_zero());
  EXPECT_TRUE(IpAddress().is_zero());
  EXPECT_FALSE(ip("::1").is_zero());
}

TEST(IpAddressAppend, LeavesWhatWasThere) {
  std::string out = "A ";
  ip("100.10.1.0").append_text(out);
  EXPECT_EQ(out, "A 100.10.1.0");
}

class IpNetworkText : public testing::TestWithParam<TextCase> {};
TEST_P(IpNetworkText, KeepsHostBitsOrIsRefused) {
  const auto parsed = IpNetwork::parse(GetParam().text);
  ASSERT_EQ(parsed.has_value(), !GetParam().canonical.empty()) << GetParam().what;
  if (!parsed) return;
  EXPECT_EQ(parsed->text(), GetParam().canonical) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    IpNetwork, IpNetworkText,
    testing::Values(TextCase{"IPv4", "192.0.2.0/24", "192.0.2.0/24"},
                    TextCase{"host bits stay", "192.0.2.77/24", "192.0.2.77/24"},
                    TextCase{"an IPv4 address", "192.0.2.1", "192.0.2.1/32"},
                    TextCase{"everything", "0.0.0.0/0", "0.0.0.0/0"}, TextCase{"33 bits of IPv4", "192.0.2.0/33", ""},
                    TextCase{"no length", "192.0.2.0/", ""}, TextCase{"a sign", "192.0.2.0/-1", ""},
                    TextCase{"letters", "192.0.2.0/24a", ""}, TextCase{"over an octet", "192.0.2.0/280", ""},
                    TextCase{"a mask", "192.0.2.0/255.255.255.0", ""},
                    TextCase{"IPv6", "2001:db8::/32", "2001:db8::/32"},
                    TextCase{"an IPv6 address", "2001:db8::1", "2001:db8::1/128"},
                    TextCase{"129 bits of IPv6", "2001:db8::/129", ""},
                    TextCase{"three parts, which inet_aton reads as another network", "10.1/16", ""}));

TEST(IpNetworkContains, NeverAcrossFamilies) {
  EXPECT_TRUE(net("192.0.2.77/24").contains(ip("192.0.2.1")));
  EXPECT_EQ(net("192.0.2.77/24").network(), ip("192.0.2.0"));
  EXPECT_FALSE(net("192.0.2.0/24").contains(ip("192.0.3.1")));
  EXPECT_TRUE(net("0.0.0.0/0").contains(ip("203.0.113.1")));
  EXPECT_FALSE(net("0.0.0.0/0").contains(ip("::1")));
  EXPECT_FALSE(net("::/0").contains(ip("192.0.2.1")));
  EXPECT_FALSE(net("192.0.2.0/24").contains(ip("::ffff:192.0.2.1")));
}

}  // namespace
}  // namespace sdns::dns
