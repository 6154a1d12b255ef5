// SPDX-License-Identifier: MIT
#include "backend/dns/dnssec_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "backend/dns/ldns_codec.h"

namespace sdns::dns {
namespace {

using testing::HasSubstr;

// RFC 6605 section 6.1.
constexpr std::string_view kP256 =
    "Private-key-format: v1.2\n"
    "Algorithm: 13 (ECDSAP256SHA256)\n"
    "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n";
// RFC 6605 section 6.2.
constexpr std::string_view kP384 =
    "Private-key-format: v1.2\n"
    "Algorithm: 14 (ECDSAP384SHA384)\n"
    "PrivateKey: WURgWHCcYIYUPWgeLmiPY2DJJk02vgrmTfitxgqcL4vwW7BOrbawVmVe0d9V94SR\n";
// RFC 8080 section 6.1.
constexpr std::string_view kEd25519 =
    "Private-key-format: v1.2\n"
    "Algorithm: 15 (ED25519)\n"
    "PrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n";
// RFC 8080 section 6.2.
constexpr std::string_view kEd448 =
    "Private-key-format: v1.2\n"
    "Algorithm: 16 (ED448)\n"
    "PrivateKey: xZ+5Cgm463xugtkY5B0Jx6erFTXp13rYegst0qRtNsOYnaVpMx0Z/c5EiA9x8wWbDDct/U3FhYWA\n";
// RFC 5702 section 6.1.
constexpr std::string_view kRsa =
    "Private-key-format: v1.2\n"
    "Algorithm:       8 (RSASHA256)\n"
    "Modulus:         wVwaxrHF2CK64aYKRUibLiH30KpPuPBjel7E8ZydQW1HYWHfoGmidzC2RnhwCC293hCzw+TFR2nqn8OVSY5t2Q==\n"
    "PublicExponent:  AQAB\n"
    "PrivateExponent: UR44xX6zB3eaeyvTRzmskHADrPCmPWnr8dxsNwiDGHzrMKLN+i/HAam+97HxIKVWNDH2ba9Mf1SA8xu9dcHZAQ==\n"
    "Prime1:          4c8IvFu1AVXGWeFLLFh5vs7fbdzdC6U82fduE6KkSWk=\n"
    "Prime2:          2zZpBE8ZXVnL74QjG4zINlDfH+EOEtjJJ3RtaYDugvE=\n"
    "Exponent1:       G2xAPfK0KGxGANDVNxd1K1c9wOmmJ51mGbzKFFNMFFk=\n"
    "Exponent2:       GYxP1Pa7CAwtHm8SAGX594qZVofOMhgd6YFCNyeVpKE=\n"
    "Coefficient:     icQdNRjlZGPmuJm2TIadubcO8X7V4y07aVhX464tx8Q=\n";

const Name kExampleNet = *Name::parse("example.net.");
const Name kExampleCom = *Name::parse("example.com.");

struct VectorCase {
  std::string_view name;
  std::string_view text;
  const Name* apex;
  std::uint16_t flags;
  std::uint16_t tag;
  unsigned bits;
  std::string_view dnskey;
  int digest;
  std::string_view ds;
};
class KeyVector : public testing::TestWithParam<VectorCase> {};
TEST_P(KeyVector, GivesTheDnskeyAndDsOfItsRfc) {
  const VectorCase& c = GetParam();
  const auto facts = describe_key(*c.apex, c.flags, c.text);
  ASSERT_TRUE(facts) << to_text(facts.error());
  EXPECT_EQ(facts->tag, c.tag);
  EXPECT_EQ(facts->bits, c.bits);
  EXPECT_EQ(facts->dnskey_content, c.dnskey);
  EXPECT_EQ(*canonical_content(kDNSKEY, facts->dnskey_content, Name()), facts->dnskey_content);
  if (c.ds.empty()) return;
  const auto ds = ds_content(*c.apex, c.flags, c.text, c.digest);
  ASSERT_TRUE(ds);
  EXPECT_EQ(*ds, *canonical_content(kDS, c.ds, Name()));
}
INSTANTIATE_TEST_SUITE_P(
    Rfc, KeyVector,
    testing::Values(
        VectorCase{"P-256", kP256, &kExampleNet, 257, 55648, 256,
                   "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
                   2, "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"},
        VectorCase{"P-384", kP384, &kExampleNet, 257, 10771, 384,
                   "257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/"
                   "uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
                   4,
                   "10771 14 4 "
                   "72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6"},
        VectorCase{"Ed25519", kEd25519, &kExampleCom, 257, 3613, 256,
                   "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=", 2,
                   "3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b"},
        VectorCase{"Ed448", kEd448, &kExampleCom, 257, 9713, 456,
                   "257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA", 2,
                   "9713 16 2 6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7"},
        VectorCase{
            "RSA", kRsa, &kExampleNet, 256, 9033, 512,
            "256 3 8 AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/DlUmObdk=", 2,
            ""}),
    [](const auto& info) {
      std::string name(info.param.name);
      std::erase(name, '-');
      return name;
    });

class KeyGeneration : public testing::TestWithParam<Algorithm> {};
TEST_P(KeyGeneration, MakesAKeyThatDescribesItself) {
  const auto key = generate_key(GetParam(), 257);
  ASSERT_TRUE(key) << to_text(key.error());
  EXPECT_EQ(key->flags, 257);
  EXPECT_THAT(key->private_text, testing::StartsWith("Private-key-format: v1.2\nAlgorithm: "));
  const auto facts = describe_key(kExampleNet, 257, key->private_text);
  ASSERT_TRUE(facts) << to_text(facts.error());
  EXPECT_EQ(facts->algorithm, GetParam());
  EXPECT_NE(generate_key(GetParam(), 257)->private_text, key->private_text);
}
INSTANTIATE_TEST_SUITE_P(Key, KeyGeneration,
                         testing::Values(Algorithm::kRsaSha256, Algorithm::kRsaSha512, Algorithm::kEcdsaP256Sha256,
                                         Algorithm::kEcdsaP384Sha384, Algorithm::kEd25519, Algorithm::kEd448));

TEST(KeyGeneration, RsaHas2048BitsUnlessAskedOtherwise) {
  EXPECT_EQ(describe_key(kExampleNet, 256, generate_key(Algorithm::kRsaSha256, 256)->private_text)->bits, 2048U);
  EXPECT_EQ(describe_key(kExampleNet, 256, generate_key(Algorithm::kRsaSha256, 256, 1024)->private_text)->bits, 1024U);
  EXPECT_FALSE(generate_key(Algorithm::kRsaSha256, 256, 768));
  EXPECT_FALSE(generate_key(Algorithm::kRsaSha256, 256, 8192));
  EXPECT_FALSE(generate_key(Algorithm::kEcdsaP256Sha256, 256, 1024));
}

TEST(KeyAlgorithm, ParsesMnemonicsAndNumbersOfWhatCanBeMade) {
  EXPECT_EQ(*parse_algorithm("ecdsap256sha256"), Algorithm::kEcdsaP256Sha256);
  EXPECT_EQ(*parse_algorithm("ECDSA256"), Algorithm::kEcdsaP256Sha256);
  EXPECT_EQ(*parse_algorithm("15"), Algorithm::kEd25519);
  EXPECT_EQ(algorithm_text(Algorithm::kRsaSha256), "RSASHA256");
  for (const std::string_view bad : {"", "5", "RSASHA1", "DSA", "256", "x"}) EXPECT_FALSE(parse_algorithm(bad)) << bad;
}

TEST(PrivateKey, RefusesWhatIsDamagedWithoutQuotingIt) {
  const std::string good(kRsa);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    return text.replace(at, from.size(), to);
  };
  for (const std::string& bad :
       {std::string(), std::string("hello"), with("Private-key-format: v1.2\n", ""), with("v1.2", "v2.0"),
        with("Algorithm:       8 (RSASHA256)\n", ""), with("8 (RSASHA256)", "5 (RSASHA1)"),
        with("Prime1: ", "Prime9: "), with("4c8IvFu1", "4c8IvFu2"), with("AQAB", "!!!!"),
        with("8 (RSASHA256)", "13 (ECDSAP256SHA256)")}) {
    const auto facts = describe_key(kExampleNet, 256, bad);
    ASSERT_FALSE(facts) << bad;
    EXPECT_THAT(to_text(facts.error()), testing::Not(HasSubstr("vFu")));
  }
  EXPECT_FALSE(describe_key(
      kExampleNet, 256, "Private-key-format: v1.2\nAlgorithm: 13 (X)\nPrivateKey: AAAA" + std::string(60, 'A') + "\n"));
  EXPECT_FALSE(describe_key(
      kExampleNet, 256,
      "Private-key-format: v1.2\nAlgorithm: 13 (X)\nPrivateKey: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"));
}

TEST(PrivateKey, TakesTheTimesOfBindAndCrLf) {
  std::string text(kP256);
  text += "Created: 20260101000000\nPublish: 20260101000000\nActivate: 20260101000000\n";
  EXPECT_EQ(describe_key(kExampleNet, 257, text)->tag, 55648);
  std::string crlf;
  for (const char c : text) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(describe_key(kExampleNet, 257, crlf)->tag, 55648);
}

TEST(Ds, OtherDigestsThanSha256AndSha384AreRefused) {
  EXPECT_TRUE(ds_content(kExampleNet, 257, kP256, 4));
  EXPECT_FALSE(ds_content(kExampleNet, 257, kP256, 1));
}

class BindKeyTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sdns-key-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    stem_ = (folder_ / "Kexample.net.+013+55648").string();
    write(".private", kP256);
    write(".key",
          "; This is a key-signing key, keyid 55648, for example.net.\nexample.net. IN DNSKEY 257 3 13 "
          "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYb cB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==\n");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& suffix, std::string_view text) const { std::ofstream(stem_ + suffix) << text; }

  std::filesystem::path folder_;
  std::string stem_;
};

TEST_F(BindKeyTest, IsReadByEitherPathOrTheStem) {
  for (const std::string suffix : {"", ".key", ".private"}) {
    const auto key = read_bind_key(stem_ + suffix, kExampleNet);
    ASSERT_TRUE(key) << to_text(key.error());
    EXPECT_EQ(key->flags, 257);
    EXPECT_EQ(key->private_text, kP256);
  }
}

TEST_F(BindKeyTest, OfAnotherZoneIsRefused) {
  EXPECT_THAT(read_bind_key(stem_, kExampleCom).error().what,
              HasSubstr("this is a key of example.net., not of example.com."));
}

TEST_F(BindKeyTest, HalvesThatDoNotBelongTogetherAreRefused) {
  write(".private", std::string(kP256.substr(0, kP256.find("GU6S"))) + std::string(43, 'B') + "=\n");
  EXPECT_THAT(read_bind_key(stem_, kExampleNet).error().what, HasSubstr("the public keys differ"));
}

TEST_F(BindKeyTest, AMissingHalfIsNamed) {
  std::filesystem::remove(stem_ + ".private");
  const auto key = read_bind_key(stem_, kExampleNet);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Errc::kNotFound);
  EXPECT_THAT(key.error().what, HasSubstr(".private: No such file"));
}

// RFC 5155 appendix A: salt AABBCCDD, 12 iterations.
TEST(Nsec3Hash, GivesTheHashesOfRfc5155) {
  const std::string salt = "\xAA\xBB\xCC\xDD";
  const std::pair<std::string_view, std::string_view> hashes[] = {
      {"example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"},     {"a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"},
      {"ai.example.", "gjeqe526plbf1g8mklp59enfd789njgi"},  {"ns1.example.", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
      {"ns2.example.", "q04jkcevqvmu85r014c7dkba38o0ji5r"}, {"w.example.", "k8udemvp1j2f7eg6jebps17vp3n8i58h"},
      {"*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"}, {"x.w.example.", "b4um86eghhds6nea196smvmlo4ors995"},
      {"y.w.example.", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"}, {"x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s"},
      {"xx.example.", "t644ebqk9bibcna874givr6joj62mlhv"}};
  for (const auto& [name, hash] : hashes) {
    EXPECT_EQ(base32hex(nsec3_hash(*Name::parse(name), salt, 12)), hash) << name;
    std::array<std::uint8_t, 20> octets{};
    ASSERT_TRUE(parse_base32hex(hash, octets));
    EXPECT_EQ(octets, nsec3_hash(*Name::parse(name), salt, 12));
  }
}

TEST(Nsec3Hash, Base32HexOfAnotherLengthOrAlphabetIsRefused) {
  std::array<std::uint8_t, 20> octets{};
  EXPECT_FALSE(parse_base32hex("", octets));
  EXPECT_FALSE(parse_base32hex("0p9mhaveqvm6t7vbl5lop2u3t2rp3to", octets));
  EXPECT_FALSE(parse_base32hex("0p9mhaveqvm6t7vbl5lop2u3t2rp3tomm", octets));
  EXPECT_FALSE(parse_base32hex("wp9mhaveqvm6t7vbl5lop2u3t2rp3tom", octets));
  EXPECT_TRUE(parse_base32hex("0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM", octets));
}

}  // namespace
}  // namespace sdns::dns
