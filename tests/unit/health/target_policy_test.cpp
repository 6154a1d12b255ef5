// SPDX-License-Identifier: MIT
#include "backend/health/target_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/health/host_addresses.h"

namespace sdns::health {
namespace {

using testing::HasSubstr;

dns::IpAddress ip(const std::string& text) { return *dns::IpAddress::parse(text); }
dns::IpNetwork network(const std::string& text) { return *dns::IpNetwork::parse(text); }

struct PolicyCase {
  const char* what;
  const char* address;
  const char* network;  // in the error; "": may be probed
};
void PrintTo(const PolicyCase& row, std::ostream* out) { *out << row.what << ' ' << row.address; }

class TargetPolicyTest : public testing::TestWithParam<PolicyCase> {};

TEST_P(TargetPolicyTest, RefusesWhatIsNoOrdinaryDestination) {
  const auto got = TargetPolicy().check(ip(GetParam().address));
  if (*GetParam().network == '\0') {
    EXPECT_TRUE(got) << got.error().what;
    return;
  }
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::kPermission);
  EXPECT_THAT(got.error().what, HasSubstr(GetParam().address));
  EXPECT_THAT(got.error().what, HasSubstr(std::string(GetParam().network) + " ("));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, TargetPolicyTest,
    testing::Values(
        PolicyCase{"ordinary", "8.8.8.8", ""}, PolicyCase{"ordinary", "2606:4700::1111", ""},
        PolicyCase{"documentation", "192.0.2.1", ""}, PolicyCase{"documentation", "2001:db8::1", ""},
        PolicyCase{"private use", "10.0.0.1", ""}, PolicyCase{"private use", "fd00::1", ""},
        PolicyCase{"this host", "0.0.0.0", "0.0.0.0/8"}, PolicyCase{"this host", "0.1.2.3", "0.0.0.0/8"},
        PolicyCase{"loopback", "127.0.0.1", "127.0.0.0/8"}, PolicyCase{"loopback", "127.255.255.255", "127.0.0.0/8"},
        PolicyCase{"beside loopback", "126.255.255.255", ""}, PolicyCase{"beside loopback", "128.0.0.0", ""},
        PolicyCase{"metadata", "169.254.169.254", "169.254.0.0/16"},
        PolicyCase{"metadata", "100.100.100.200", "100.100.100.200/32"},
        PolicyCase{"metadata", "168.63.129.16", "168.63.129.16/32"},
        PolicyCase{"metadata", "192.0.0.192", "192.0.0.0/24"},
        PolicyCase{"metadata", "fd00:ec2::254", "fd00:ec2::254/128"},
        PolicyCase{"multicast", "224.0.0.251", "224.0.0.0/4"}, PolicyCase{"multicast", "239.1.2.3", "224.0.0.0/4"},
        PolicyCase{"multicast", "ff02::1", "ff00::/8"}, PolicyCase{"reserved", "250.0.0.1", "240.0.0.0/4"},
        PolicyCase{"broadcast", "255.255.255.255", "255.255.255.255/32"}, PolicyCase{"unspecified", "::", "::/128"},
        PolicyCase{"loopback", "::1", "::1/128"}, PolicyCase{"link-local", "fe80::1", "fe80::/10"},
        PolicyCase{"link-local", "febf::1", "fe80::/10"}, PolicyCase{"mapped", "::ffff:127.0.0.1", "127.0.0.0/8"},
        PolicyCase{"mapped", "::ffff:8.8.8.8", ""}, PolicyCase{"compatible", "::127.0.0.1", "127.0.0.0/8"},
        PolicyCase{"6to4", "2002:7f00:1::1", "127.0.0.0/8"}, PolicyCase{"6to4", "2002:a9fe:a9fe::", "169.254.0.0/16"},
        PolicyCase{"6to4", "2002:808:808::1", ""}, PolicyCase{"NAT64", "64:ff9b::a9fe:a9fe", "169.254.0.0/16"},
        PolicyCase{"NAT64", "64:ff9b::808:808", ""}, PolicyCase{"local NAT64", "64:ff9b:1::808:808", "64:ff9b:1::/48"},
        PolicyCase{"Teredo client", "2001:0:808:808::80ff:fffe", "127.0.0.0/8"},
        PolicyCase{"Teredo server", "2001:0:7f00:1::f7f7:f7f7", "127.0.0.0/8"},
        PolicyCase{"Teredo", "2001:0:808:808::f7f7:f7f7", ""}));

TEST(TargetPolicy, PrivateUseCanBeRefused) {
  const TargetPolicy policy({.private_use = false});
  for (const char* address : {"10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1", "fd12::1", "fec0::1",
                              "::ffff:10.0.0.1", "64:ff9b::a00:1"})
    EXPECT_FALSE(policy.check(ip(address))) << address;
  for (const char* address : {"172.32.0.1", "100.128.0.1", "192.169.0.1"})
    EXPECT_TRUE(policy.check(ip(address))) << address;
}

TEST(TargetPolicy, TheOperatorsOwnNetworksAreRefused) {
  const TargetPolicy policy({.own = {network("203.0.113.0/24"), network("2001:db8:1::/48"), network("10.0.0.7")}});
  for (const char* address : {"203.0.113.9", "2001:db8:1::1", "10.0.0.7", "::ffff:203.0.113.9", "2002:cb00:7109::"})
    EXPECT_FALSE(policy.check(ip(address))) << address;
  for (const char* address : {"203.0.114.9", "2001:db8:2::1", "10.0.0.8"})
    EXPECT_TRUE(policy.check(ip(address))) << address;
}

TEST(TargetPolicy, TheHostsOwnAddressesAreRefusedUnlessTheyAreAllowed) {
  const TargetPolicy policy(
      {.allowed = {network("10.1.0.0/16")},
       .own = {network("10.1.2.0/24")},
       .host = {ip("192.0.2.7"), ip("2001:db8::7"), ip("10.1.0.7"), ip("10.1.2.7"), ip("127.0.0.1")}});
  for (const char* address : {"192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", "64:ff9b::c000:207", "2002:c000:207::1"})
    EXPECT_FALSE(policy.check(ip(address))) << address;
  EXPECT_EQ(policy.check(ip("192.0.2.7")).error().what,
            "192.0.2.7 may not be probed for zone data: 192.0.2.7/32 (an address of this host)");
  for (const char* address : {"192.0.2.6", "2001:db8::6", "10.1.0.7"})
    EXPECT_TRUE(policy.check(ip(address))) << address;
  EXPECT_FALSE(policy.check(ip("10.1.2.7"))) << "what is closer does not allow it";
  EXPECT_THAT(policy.check(ip("127.0.0.1")).error().what, HasSubstr("loopback"));
}

TEST(HostAddresses, AreThoseOfTheInterfaces) {
  const auto addresses = host_addresses();
  ASSERT_TRUE(addresses) << to_text(addresses.error());
  EXPECT_THAT(*addresses, testing::Contains(ip("127.0.0.1")));
}

TEST(TargetPolicy, TheLongestPrefixDecidesAndOfEqualOnesTheAllowed) {
  const TargetPolicy policy({.allowed = {network("127.0.0.0/8"), network("10.1.0.0/16"), network("0.0.0.0/0")},
                             .own = {network("10.0.0.0/8"), network("10.1.2.0/24")}});
  EXPECT_TRUE(policy.check(ip("127.0.0.1")));
  EXPECT_TRUE(policy.check(ip("::ffff:127.0.0.1")));
  EXPECT_TRUE(policy.check(ip("10.1.1.1")));
  EXPECT_FALSE(policy.check(ip("10.2.1.1")));
  EXPECT_FALSE(policy.check(ip("10.1.2.1")));
  EXPECT_FALSE(policy.check(ip("169.254.169.254"))) << "everything is allowed, metadata are closer";
}

}  // namespace
}  // namespace sdns::health
