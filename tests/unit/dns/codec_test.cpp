// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "backend/dns/ldns_codec.h"
#include "backend/dns/rdata_text.h"

namespace sdns::dns {
namespace {

std::vector<std::vector<std::string>> table(const std::string& file, std::size_t columns) {
  std::ifstream in(std::string(SDNS_DNS_DATA "/") + file);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> row(1);
    for (const char c : line)
      if (c == '\t') row.emplace_back();
      else row.back() += c;
    EXPECT_EQ(row.size(), columns) << line;
    if (row.size() == columns) rows.push_back(std::move(row));
  }
  EXPECT_FALSE(rows.empty()) << file;
  return rows;
}

TEST(Codec, GivesTheContentAndTheOctetsThatPowerDnsServed) {
  for (const auto& row : table("rdata.tsv", 4)) {
    SCOPED_TRACE(row[0] + " " + row[1]);
    const auto type = parse_any_type(row[0]);
    ASSERT_TRUE(type);
    const auto content = canonical_content(*type, row[1], Name());
    ASSERT_TRUE(content) << to_text(content.error());
    EXPECT_EQ(*content, row[2]);
    const auto wire = rdata_wire(*type, *content);
    ASSERT_TRUE(wire) << to_text(wire.error());
    std::string expected;
    ASSERT_TRUE(append_from_hex(row[3], expected));
    EXPECT_EQ(*wire, expected);
  }
}

TEST(Codec, ContentIsTheContentOfItself) {
  const Name origin = *Name::parse("elsewhere.test.");
  for (const auto& row : table("rdata.tsv", 4)) {
    const auto again = canonical_content(*parse_any_type(row[0]), row[2], origin);
    ASSERT_TRUE(again) << row[0] << " " << row[2] << ": " << to_text(again.error());
    EXPECT_EQ(*again, row[2]);
  }
}

TEST(Codec, TakesTheOctetsOfEveryTypeInGenericForm) {
  for (const auto& row : table("rdata.tsv", 4)) {
    const RrType type = *parse_any_type(row[0]);
    if (type == kLUA || row[2].find("hint=auto") != std::string::npos) continue;  // have no octets of their own
    const auto content = canonical_content(type, "\\# " + std::to_string(row[3].size() / 2) + " " + row[3], Name());
    ASSERT_TRUE(content) << row[0] << " " << row[3] << ": " << to_text(content.error());
    EXPECT_EQ(*content, row[2]);
  }
}

TEST(Codec, RefusesWithTypeAndRule) {
  for (const auto& row : table("rdata_bad.tsv", 3)) {
    const auto type = parse_any_type(row[0]);
    if (!type) {
      EXPECT_EQ(type.error().what, row[2]);
      continue;
    }
    const auto content = canonical_content(*type, row[1], Name());
    ASSERT_FALSE(content) << row[0] << " " << row[1] << " gave " << *content;
    EXPECT_EQ(to_text(content.error()), row[2]);
    EXPECT_EQ(content.error().code, Errc::kInvalidRecord);
  }
}

TEST(Codec, NamesAreRelativeToTheOrigin) {
  const Name origin = *Name::parse("example.org.");
  EXPECT_EQ(*canonical_content(kMX, "10 Mail", origin), "10 Mail.example.org.");
  EXPECT_EQ(*canonical_content(kCNAME, "@", origin), "example.org.");
  EXPECT_EQ(*canonical_content(kSOA, "ns1 hostmaster 1 2 3 4 5", origin),
            "ns1.example.org. hostmaster.example.org. 1 2 3 4 5");
  EXPECT_EQ(*canonical_content(kHTTPS, "1 @ alpn=h2", origin), "1 example.org. alpn=\"h2\"");
}

TEST(Codec, CutsTextOver255OctetsIntoStrings) {
  const auto content = canonical_content(kTXT, '"' + std::string(300, 'x') + '"', Name());
  ASSERT_TRUE(content);
  EXPECT_EQ(*content, '"' + std::string(255, 'x') + "\" \"" + std::string(45, 'x') + '"');
}

TEST(Codec, RefusesAStringOver255OctetsWhereThereCanBeOneOnly) {
  EXPECT_TRUE(canonical_content(*RrType::parse("HINFO"), '"' + std::string(255, 'x') + "\" y", Name()));
  const auto longer = canonical_content(*RrType::parse("HINFO"), '"' + std::string(256, 'x') + "\" y", Name());
  ASSERT_FALSE(longer);
  EXPECT_THAT(longer.error().what, testing::EndsWith("is not a character-string: it is longer than 255 octets"));
}

TEST(Codec, RefusesRdataOver65535Octets) {
  std::string text;
  for (int i = 0; i < 256; ++i) text += '"' + std::string(255, 'x') + "\" ";
  EXPECT_FALSE(canonical_content(kTXT, text, Name()));
  EXPECT_FALSE(canonical_content(*RrType::parse("URI"), "1 1 \"" + std::string(65532, 'x') + '"', Name()));
  EXPECT_TRUE(canonical_content(*RrType::parse("URI"), "1 1 \"" + std::string(65531, 'x') + '"', Name()));
}

TEST(Codec, CanonicalOctetsIgnoreTheLetterCaseOfNamesAndNothingElse) {
  EXPECT_EQ(*canonical_rdata_wire(kMX, "10 Mail.Example."), *canonical_rdata_wire(kMX, "10 mail.example."));
  EXPECT_NE(*rdata_wire(kMX, "10 Mail.Example."), *rdata_wire(kMX, "10 mail.example."));
  EXPECT_NE(*canonical_rdata_wire(kTXT, "\"A\""), *canonical_rdata_wire(kTXT, "\"a\""));
  EXPECT_EQ(*canonical_rdata_wire(kNAPTR, "1 2 \"U\" \"\" \"\" A."),
            *canonical_rdata_wire(kNAPTR, "1 2 \"U\" \"\" \"\" a."));
  EXPECT_NE(*canonical_rdata_wire(kNAPTR, "1 2 \"U\" \"\" \"\" a."),
            *canonical_rdata_wire(kNAPTR, "1 2 \"u\" \"\" \"\" a."));
}

struct TargetCase {
  std::string_view type;
  std::string_view content;
  std::string_view target;  // empty: none
};
class FollowedTargets : public testing::TestWithParam<TargetCase> {};
TEST_P(FollowedTargets, AreTheNamesThatPowerDnsLooksUp) {
  const auto targets = followed_targets(*RrType::parse(GetParam().type), GetParam().content);
  if (GetParam().target.empty()) EXPECT_THAT(targets, testing::IsEmpty());
  else EXPECT_THAT(targets, testing::ElementsAre(*Name::parse(GetParam().target)));
}
INSTANTIATE_TEST_SUITE_P(Codec, FollowedTargets,
                         testing::Values(TargetCase{"CNAME", "A.b.", "a.b."}, TargetCase{"DNAME", "a.b.", "a.b."},
                                         TargetCase{"NS", "a.b.", "a.b."}, TargetCase{"ALIAS", "a.b.", "a.b."},
                                         TargetCase{"MX", "10 a.b.", "a.b."}, TargetCase{"MX", "0 .", ""},
                                         TargetCase{"SRV", "1 2 3 a.b.", "a.b."},
                                         TargetCase{"SVCB", "1 a.b. port=1", "a.b."},
                                         TargetCase{"HTTPS", "0 a.b.", "a.b."}, TargetCase{"HTTPS", "1 . port=1", ""},
                                         TargetCase{"NAPTR", "1 2 \"s\" \"a b\" \"\" a.b.", "a.b."},
                                         TargetCase{"PTR", "a.b.", ""}, TargetCase{"A", "192.0.2.1", ""},
                                         TargetCase{"TXT", "\"a.b.\"", ""}));

}  // namespace
}  // namespace sdns::dns
