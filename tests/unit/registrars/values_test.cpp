// SPDX-License-Identifier: MIT
// Names, DS records, credentials, signatures and the table of faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "registrars/secret.h"
#include "registrars/signature.h"
#include "tests/unit/registrars/registrar_fixture.h"

namespace sdns::registrars {
namespace {

using testing::HasSubstr;
using testing::Not;

struct HostCase {
  const char* sentence;
  const char* text;
  const char* host;  ///< null: refused
};
class HostName : public testing::TestWithParam<HostCase> {};
TEST_P(HostName, IsNormalisedOrRefused) {
  const auto host = parse_host(GetParam().text);
  if (GetParam().host == nullptr) {
    ASSERT_FALSE(host) << GetParam().sentence << ": " << undotted(*host);
    EXPECT_EQ(host.error().kind, FaultKind::kInvalidNameserver);
  } else {
    ASSERT_TRUE(host) << GetParam().sentence << ": " << to_text(host.error());
    EXPECT_EQ(undotted(*host), GetParam().host) << GetParam().sentence;
  }
}
const std::string kLongLabel = std::string(64, 'a') + ".example";
const std::string kLongName = [] {
  std::string name;
  for (int i = 0; i < 50; ++i) name += "aaaa.";
  return name + "example";
}();
INSTANTIATE_TEST_SUITE_P(
    Registrars, HostName,
    testing::Values(
        HostCase{"blanks, letter case and one final dot go", "  NS1.PDM.Example. ", "ns1.pdm.example"},
        HostCase{"U-labels become A-labels", "ns1.bücher.example", "ns1.xn--bcher-kva.example"},
        HostCase{"non-transitional: sharp s stays", "straße.example", "xn--strae-oqa.example"},
        HostCase{"an ideographic full stop is a dot", "ns1。example", "ns1.example"},
        HostCase{"A-labels stay", "ns1.xn--bcher-kva.example", "ns1.xn--bcher-kva.example"},
        HostCase{"hyphens in third and fourth place stay", "r3---sn.example.com", "r3---sn.example.com"},
        HostCase{"two final dots", "ns1.example..", nullptr}, HostCase{"an underscore", "ns_1.example", nullptr},
        HostCase{"a leading hyphen", "-ns1.example", nullptr}, HostCase{"a trailing hyphen", "ns1-.example", nullptr},
        HostCase{"one label", "localhost", nullptr}, HostCase{"an IPv4 address", "192.0.2.1", nullptr},
        HostCase{"an IPv6 address", "2001:db8::1", nullptr}, HostCase{"nothing", "  ", nullptr},
        HostCase{"an empty label", "ns1..example", nullptr},
        HostCase{"a label of 64 octets", kLongLabel.c_str(), nullptr},
        HostCase{"a name of over 253 octets", kLongName.c_str(), nullptr},
        HostCase{"an inner blank", "ns1 .example", nullptr}, HostCase{"an escape", "ns\\0461.example", nullptr}));

TEST(HostNames, AreComparedAsSets) {
  const auto a = test::name("a.example");
  const auto b = test::name("b.example");
  EXPECT_TRUE(same_hosts({a, b}, {b, a, b}));
  EXPECT_FALSE(same_hosts({a, b}, {a}));
}

const char* kKey = "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==";
const char* kDigest = "C988EC423E3880EB8DD8A46FE06CA230EE23F35B578D64E78B29C3E1C83D245A";

TEST(DsOfKey, IsTheWorkedExampleOfTheReference) {
  const auto record = ds_of_key(test::name("example.com"), DsKey{257, kKey}, 13);
  ASSERT_TRUE(record) << to_text(record.error());
  EXPECT_EQ(record->key_tag, 2371);
  EXPECT_EQ(record->digest, kDigest);
  EXPECT_TRUE(check_ds(test::name("example.com"), *record));
}

TEST(DsOfKey, CoversTheOwnerName) {
  const auto here = ds_of_key(test::name("example.com"), DsKey{257, kKey}, 13);
  ASSERT_TRUE(here);
  const auto checked = check_ds(test::name("example.net"), *here);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, FaultKind::kInvalidDs);
}

struct DsCase {
  const char* sentence;
  const char* text;
  bool good;
};
class DsText : public testing::TestWithParam<DsCase> {};
TEST_P(DsText, IsCheckedBeforeItIsSent) {
  const auto owner = test::name("example.com");
  auto record = parse_ds(owner, GetParam().text);
  const bool good = record && check_ds(owner, *record);
  EXPECT_EQ(good, GetParam().good) << GetParam().sentence;
}
INSTANTIATE_TEST_SUITE_P(
    Registrars, DsText,
    testing::Values(
        DsCase{"SHA-256", "2371 13 2 c988ec423e3880eb8dd8a46fe06ca230ee23f35b578d64e78b29c3e1c83d245a", true},
        DsCase{"blanks in the digest", "2371 13 2 C988EC423E3880EB8DD8A46FE06CA230 EE23F35B578D64E78B29C3E1C83D245A",
               true},
        DsCase{
            "a DNSKEY",
            "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==", true},
        DsCase{"SHA-1 is not offered", "2371 13 1 C988EC423E3880EB8DD8A46FE06CA230EE23F35B", false},
        DsCase{"GOST is not offered", "2371 13 3 C988EC423E3880EB8DD8A46FE06CA230EE23F35B578D64E78B29C3E1C83D245A",
               false},
        DsCase{"algorithm 7 is not offered",
               "2371 7 2 C988EC423E3880EB8DD8A46FE06CA230EE23F35B578D64E78B29C3E1C83D245A", false},
        DsCase{"a short digest", "2371 13 2 C988", false},
        DsCase{"SHA-384 of 64 digits", "2371 13 4 C988EC423E3880EB8DD8A46FE06CA230EE23F35B578D64E78B29C3E1C83D245A",
               false},
        DsCase{"a tag over 65535", "65536 13 2 C988EC423E3880EB8DD8A46FE06CA230EE23F35B578D64E78B29C3E1C83D245A",
               false},
        DsCase{"no digest", "2371 13 2", false}, DsCase{"no hexadecimal", "2371 13 2 xyz", false},
        DsCase{"a key that is no base64", "257 3 13 ***", false}, DsCase{"nothing", "", false}));

TEST(DsRecords, AreTheSameByDigestOrByTheKeyThatMakesIt) {
  const auto owner = test::name("example.com");
  const auto full = *ds_of_key(owner, DsKey{257, kKey}, 13);
  DsRecord digest = full;
  digest.key.reset();
  DsRecord key = full;
  key.digest_type = 0;
  key.digest.clear();
  EXPECT_TRUE(same(owner, digest, key));
  EXPECT_TRUE(same(owner, key, digest));
  EXPECT_TRUE(same_set(owner, {digest}, {key}));
  EXPECT_FALSE(same(test::name("example.net"), digest, key));
  digest.digest[0] = digest.digest[0] == '0' ? '1' : '0';
  EXPECT_FALSE(same(owner, digest, key));
  EXPECT_FALSE(same_set(owner, {full}, {}));
}

struct CredentialCase {
  const char* sentence;
  const char* registrar;
  const char* text;
  int parts;  ///< 0: refused
};
class Credential : public testing::TestWithParam<CredentialCase> {};
TEST_P(Credential, IsSplitOrRefusedWithoutBeingRepeated) {
  const auto parts = split_credential(GetParam().registrar, GetParam().text);
  EXPECT_EQ(parts ? static_cast<int>(parts->size()) : 0, GetParam().parts) << GetParam().sentence;
  if (!parts) {
    EXPECT_EQ(parts.error().kind, FaultKind::kInvalidToken);
    EXPECT_THAT(to_text(parts.error()), Not(HasSubstr("s3cr")));
    EXPECT_THAT(to_text(parts.error()), HasSubstr("form"));
  }
}
INSTANTIATE_TEST_SUITE_P(
    Registrars, Credential,
    testing::Values(
        CredentialCase{"a token", "cloudflare", " cfut_s3cret\n", 1},
        CredentialCase{"a global key needs another header", "cloudflare", "cfk_s3cret", 0},
        CredentialCase{"a colon in a token", "cloudflare", "s3cr:et", 0},
        CredentialCase{"user, key, address", "namecheap", "u:s3cret:192.0.2.1", 3},
        CredentialCase{"with a user name", "namecheap", "u:s3cret:n:192.0.2.1", 4},
        CredentialCase{"no address is made up", "namecheap", "u:s3cret", 0},
        CredentialCase{"the address is IPv4", "namecheap", "u:s3cret:localhost", 0},
        CredentialCase{"key and secret", "godaddy", "k:s3cret", 2},
        CredentialCase{"a token alone", "godaddy", "s3cret", 1},
        CredentialCase{"cut at the first colon", "godaddy", "k:s3cr:et", 2},
        CredentialCase{"three keys", "ovh", "a:s3cret:c", 3}, CredentialCase{"a region", "ovh", "a:s3cret:c:us", 4},
        CredentialCase{"no such region", "ovh", "a:s3cret:c:de", 0}, CredentialCase{"two keys", "ovh", "a:s3cret", 0},
        CredentialCase{"key alone", "dynadot", "s3cret", 1}, CredentialCase{"key and secret", "dynadot", "k:s3cret", 2},
        CredentialCase{"an empty part", "dynadot", "k:", 0},
        CredentialCase{"an empty first part", "ovh", ":s3cret:c", 0},
        CredentialCase{"a line break inside", "dynadot", "k:s3cr\r\net", 0},
        CredentialCase{"nothing", "dynadot", " ", 0}, CredentialCase{"another registrar", "example", "s3cret", 0}));

TEST(Masked, HidesEveryPartAndLeavesAddresses) {
  std::vector<Secret> parts;
  parts.emplace_back("s3cret");
  parts.emplace_back("203.0.113.9");
  EXPECT_EQ(masked("key s3crets3cret from 203.0.113.9", parts), "key ****** from 203.0.113.9");
}

TEST(OvhSignature, IsTheVectorOfTheVendorsClient) {
  EXPECT_EQ(ovh_signature("9ufkBmLaTQ9nz5yMUlg79taH0GNnzDjk", "5mBuy6SUQcRw2ZUxg0cG68BoDKpED4KY", "GET",
                          "https://eu.api.ovh.com/1.0/auth", "", 1457018875),
            "$1$e9556054b6309771395efa467c22e627407461ad");
}

struct OvhVector {
  const char* method;
  const char* path;
  const char* body;
  const char* signature;
};
class OvhSignatures : public testing::TestWithParam<OvhVector> {};
TEST_P(OvhSignatures, AreThoseOfTheReference) {
  EXPECT_EQ(ovh_signature("EXEgWIz07P0HYwtQDs7cNIqCiQaWSNHF", "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1", GetParam().method,
                          std::string("https://eu.api.ovh.com/1.0") + GetParam().path, GetParam().body, 1700000000),
            GetParam().signature);
}
INSTANTIATE_TEST_SUITE_P(
    Registrars, OvhSignatures,
    testing::Values(
        OvhVector{"GET", "/domain/example.com/nameServer", "", "$1$f30c6a7ecda9429f69577a7d7e15bb23722423d9"},
        OvhVector{"POST", "/domain/example.com/nameServers/update",
                  R"({"nameServers":[{"host":"ns1.pdm.example"},{"host":"ns2.pdm.example"}]})",
                  "$1$6e3982b97240f767e4d7fae405c87d97613c35af"},
        OvhVector{"PUT", "/domain/example.com", R"({"nameServerType":"external"})",
                  "$1$366e4c310d64b34d56b5fbd1806535ad0e3abe87"},
        OvhVector{"GET", "/domain/example.com/task?function=DomainDnsUpdate&status=todo", "",
                  "$1$59e2add682ad532afa62480cd3de468ff5faeebd"},
        OvhVector{
            "POST", "/domain/example.com/dsRecord",
            R"({"keys":[{"algorithm":13,"flags":257,"publicKey":"mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==","tag":2371}]})",
            "$1$8edadbfb89ffe4ab5bcb7f640cdd6800e59a5057"}));

struct DynadotVector {
  const char* key;
  const char* secret;
  const char* path;
  const char* request;
  const char* body;
  const char* signature;
};
class DynadotSignatures : public testing::TestWithParam<DynadotVector> {};
TEST_P(DynadotSignatures, AreThoseOfTheReference) {
  EXPECT_EQ(dynadot_signature(GetParam().secret, GetParam().key, GetParam().path, GetParam().request, GetParam().body),
            GetParam().signature);
}
INSTANTIATE_TEST_SUITE_P(
    Registrars, DynadotSignatures,
    testing::Values(DynadotVector{"key", "secret", "/restful/v2/domains/example.com/records",
                                  "8e5bc897-75c8-4a9c-9362-5671405c7761", R"({"sub_list":[]})",
                                  "1v6pCnviEO/dqOIRV2wSc+YRJHt92L+P2xqkyuTVQyk="},
                    DynadotVector{"APIKEY123", "APISECRET456", "/restful/v2/domains/example.com/nameservers", "",
                                  R"({"nameserver_list":["ns1.pdm.example","ns2.pdm.example"]})",
                                  "634ne7h8gO0Fi7Dw1NevdHnk6jjsTtenkaR9FwcwIgc="},
                    DynadotVector{"APIKEY123", "APISECRET456", "/restful/v2/domains/example.com/nameservers",
                                  "8e5bc897-75c8-4a9c-9362-5671405c7761",
                                  R"({"nameserver_list":["ns1.pdm.example","ns2.pdm.example"]})",
                                  "Cksen291NuE0s8SrQoVK4d2ny5hsfcYg0NUq7kqnvLw="},
                    DynadotVector{"APIKEY123", "APISECRET456", "/restful/v2/domains/example.com", "", "",
                                  "Z/AF+1GCLP4ivjv0tvGC8KWJFTwvcw+E4yEl27k1y3E="},
                    DynadotVector{"APIKEY123", "APISECRET456", "/restful/v2/domains/example.com/dnssec", "", "",
                                  "iudP75AZW+Dz11ja+bUriDfr6BdTNuz+6jS5x3xFNOo="}));

TEST(FaultTable, HasEveryKindOnceInItsOrderWithItsRestAnswer) {
  std::set<std::string_view> codes;
  for (std::size_t i = 0; i < kFaultKinds; ++i) {
    EXPECT_EQ(static_cast<std::size_t>(fault_table()[i].kind), i);
    codes.insert(fault_table()[i].code);
  }
  EXPECT_EQ(codes.size(), kFaultKinds);
  EXPECT_EQ(status_of(Fault{FaultKind::kApiUnavailable}), 502);
  Fault timeout{FaultKind::kApiUnavailable};
  timeout.timeout = true;
  EXPECT_EQ(status_of(timeout), 504);
  timeout.kind = FaultKind::kOutcomeUnknown;
  EXPECT_EQ(status_of(timeout), 502);
  EXPECT_EQ(status_of(Fault{FaultKind::kDnssecWouldBreak}), 409);
  EXPECT_EQ(status_of(Fault{FaultKind::kInvalidNameserver}), 422);
  EXPECT_EQ(status_of(Fault{FaultKind::kUnsupportedOperation}), 501);
  EXPECT_EQ(row_of(FaultKind::kIpNotAllowed).code, "ip-not-allowed");
}

TEST(Registrars, SayWhatTheyCanDoWithoutACredential) {
  for (const std::string_view name : registrar_names()) {
    const auto all = capabilities_of(name);
    ASSERT_FALSE(all.empty()) << name;
    for (const Capabilities& can : all) {
      EXPECT_EQ(can.registrar, name);
      for (const Capability* capability :
           {&can.set_nameservers, &can.get_ds, &can.set_ds, &can.get_glue, &can.glue_v4, &can.glue_v6}) {
        EXPECT_EQ(capability->offered, capability->why_not.empty()) << name;
        EXPECT_EQ(capability->offered, capability->instead.empty()) << name << ": a refusal says what to do instead";
      }
    }
  }
  EXPECT_EQ(capabilities_of("godaddy").size(), 3U);
  EXPECT_FALSE(capabilities_of("cloudflare")[0].set_nameservers.offered);
  EXPECT_TRUE(capabilities_of("example").empty());
}

struct BaseCase {
  const char* sentence;
  const char* url;
  bool good;
};
class BaseUrl : public testing::TestWithParam<BaseCase> {};
TEST_P(BaseUrl, IsHttpsOrOnLoopback) {
  EXPECT_EQ(checked_base("X", GetParam().url).has_value(), GetParam().good) << GetParam().sentence;
}
INSTANTIATE_TEST_SUITE_P(
    Registrars, BaseUrl,
    testing::Values(
        BaseCase{"https", "https://api.example/1.0/", true}, BaseCase{"http in clear", "http://api.example", false},
        BaseCase{"http on loopback", "http://127.0.0.1:8080/x", true}, BaseCase{"http on ::1", "http://[::1]:80", true},
        BaseCase{"a name that begins like loopback", "http://127.0.0.1.example", false},
        BaseCase{"a user in it", "https://a@b.example", false}, BaseCase{"a query", "https://a.example/?x=1", false},
        BaseCase{"another scheme", "ftp://a.example", false}, BaseCase{"no host", "https:///x", false}));

}  // namespace
}  // namespace sdns::registrars
