// SPDX-License-Identifier: MIT
#include "backend/answer/zone_rows.h"

#include <gmock/gmock.h>

#include "tests/support/seeded_random.h"
#include "tests/unit/answer/edit_fixture.h"

namespace sdns::answer {
namespace {

using testing::ElementsAre;

struct MatchCase {
  const char* behaviour;
  std::string pattern;
  std::string text;
  bool matches;
};
void PrintTo(const MatchCase& one, std::ostream* out) { *out << one.behaviour; }
class ZoneRowsMatch : public testing::TestWithParam<MatchCase> {};
TEST_P(ZoneRowsMatch, IsDecided) {
  const MatchCase& one = GetParam();
  EXPECT_EQ(matches(one.pattern, one.text), one.matches) << one.behaviour << ": " << one.pattern << " on " << one.text;
}
INSTANTIATE_TEST_SUITE_P(
    ZoneRows, ZoneRowsMatch,
    testing::Values(
        MatchCase{"nothing matches nothing", "", "", true}, MatchCase{"nothing matches no text", "", "a", false},
        MatchCase{"a text matches itself", "abc", "abc", true}, MatchCase{"not its beginning", "abc", "abcd", false},
        MatchCase{"not its end", "bcd", "abcd", false}, MatchCase{"letters in either case", "aZ-[", "Az-[", true},
        MatchCase{"only letters have a case", "@[`{", "`{@[", false},
        MatchCase{"octets over 0x7F have no case", "\xC4", "\xE4", false},
        MatchCase{"a star matches nothing", "*", "", true}, MatchCase{"a star matches everything", "*", "a.b", true},
        MatchCase{"two stars are one", "**", "", true}, MatchCase{"stars at both ends", "*b*", "abc", true},
        MatchCase{"stars at both ends, without it", "*x*", "abc", false},
        MatchCase{"a star at the end may be empty", "abc*", "abc", true},
        MatchCase{"a star gives back what it took", "*ab", "aab", true},
        MatchCase{"the last star gives back, not the first", "*a*b", "acab", true},
        MatchCase{"the end must be there after a star", "a*b", "abc", false},
        MatchCase{"a question mark is one octet", "a?c", "abc", true},
        MatchCase{"a question mark is not none", "a?", "a", false}, MatchCase{"nor two", "?", "ab", false},
        MatchCase{"a question mark matches a star", "?", "*", true},
        MatchCase{"question marks after a star", "*??", "ab", true},
        MatchCase{"too many question marks after a star", "*???", "ab", false},
        MatchCase{"a star stands for a star", "*.x", "*.x", true},
        MatchCase{"a backslash is a backslash", "\\*", "*", false},
        MatchCase{"a percent sign is no star", "%", "a", false},
        MatchCase{"NUL is an octet", std::string("?", 1), std::string("\0", 1), true}));

// What a recursion that tries everything says.
bool matches_slowly(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return matches_slowly(pattern.substr(1), text) || (!text.empty() && matches_slowly(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         matches_slowly(pattern.substr(1), text.substr(1));
}
TEST(ZoneRows, MatchAsATrialOfEverythingDoes) {
  const std::uint64_t seed = 20261121;
  test::SeededRandom random(seed);
  SCOPED_TRACE(seed);
  const auto text_of = [&](std::string_view octets, std::uint64_t most) {
    std::string text;
    for (std::uint64_t left = random.below(most + 1); left > 0; --left) text += octets[random.below(octets.size())];
    return text;
  };
  int matched = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string pattern = text_of("ab*?", 6);
    const std::string text = text_of("ab", 8);
    matched += matches(pattern, text) ? 1 : 0;
    ASSERT_EQ(matches(pattern, text), matches_slowly(pattern, text)) << pattern << " on " << text;
  }
  EXPECT_GT(matched, 2'000);
}

TEST(ZoneRows, MatchALongTextInTheProductOfTheLengthsAtMost) {
  EXPECT_FALSE(matches(std::string(60, '*') + std::string(60, 'a') + "b", std::string(4000, 'a')));
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "a*";
  EXPECT_FALSE(matches(pattern + "b", std::string(4000, 'a')));
}

// The owner names of the rows, in their order.
std::vector<std::string> owners_of(const std::string& rows) {
  std::vector<std::string> out;
  constexpr std::string_view kOwner = R"("qname":")";
  for (std::size_t at = 0; (at = rows.find(kOwner, at)) != std::string::npos;) {
    at += kOwner.size();
    out.push_back(rows.substr(at, rows.find('"', at) - at));
  }
  return out;
}

const zone::ZoneSetPtr& three_zones() {
  static const zone::ZoneSetPtr kZones = zone_set({
      zone_content(7, "b.example.", "@ 60 SOA ns h 1 2 3 4 5\nz 60 TXT x\n*.a 60 TXT x\nzz.z 60 TXT x\na 60 TXT x y\n"),
      zone_content(3, "a.example.", "@ 60 SOA ns h 1 2 3 4 5\nm 60 A 192.0.2.1\nm 60 A 192.0.2.2\nm 60 A 192.0.2.3\n"),
      zone_content(9, ".", "@ 60 SOA ns h 1 2 3 4 5\nm 60 TXT x\n"),
  });
  return kZones;
}

TEST(ZoneRows, ListAZoneInCanonicalOrderOfItsOwnerNames) {
  std::string rows;
  append_zone_rows(*three_zones()->find(7), rows);
  EXPECT_THAT(owners_of(rows),
              ElementsAre("b.example.", "a.b.example.", "*.a.b.example.", "z.b.example.", "zz.z.b.example."));
  EXPECT_TRUE(rows.starts_with("[{") && rows.ends_with("}]")) << rows;
}

TEST(ZoneRows, ListTheRootZone) {
  std::string rows;
  append_zone_rows(*three_zones()->find(9), rows);
  EXPECT_EQ(rows, R"([{"qname":".","qtype":"SOA","content":"ns h 1 2 3 4 5","ttl":60,"domain_id":9},)"
                  R"({"qname":"m.","qtype":"TXT","content":"\"x\"","ttl":60,"domain_id":9}])");
}

TEST(ZoneRows, ListNamesInContentsWithoutTheirFinalDots) {
  const zone::ZoneSetPtr set = zone_set(
      {zone_content(7, "x.",
                    "@ 60 SOA ns h 1 2 3 4 5\n@ 60 MX 0 .\n@ 60 TXT \"ends.\" \"with.\"\ns 60 SRV 1 2 3 a\\..b.\n"
                    "h 60 HTTPS 1 . alpn=h3\nn 60 NAPTR 1 2 \"s\" \"a. b.\" \"\" r.\n")});
  EXPECT_EQ(answered(list_line("x."), *set),
            R"({"result":[{"qname":"x.","qtype":"SOA","content":"ns.x h.x 1 2 3 4 5","ttl":60,"domain_id":7},)"
            R"({"qname":"x.","qtype":"MX","content":"0 .","ttl":60,"domain_id":7},)"
            R"({"qname":"x.","qtype":"TXT","content":"\"ends.\" \"with.\"","ttl":60,"domain_id":7},)"
            R"({"qname":"h.x.","qtype":"HTTPS","content":"1 . alpn=\"h3\"","ttl":60,"domain_id":7},)"
            R"({"qname":"n.x.","qtype":"NAPTR","content":"1 2 \"s\" \"a. b.\" \"\" r","ttl":60,"domain_id":7},)"
            R"({"qname":"s.x.","qtype":"SRV","content":"1 2 3 a\\..b","ttl":60,"domain_id":7}]})");
}

std::vector<std::string> found(std::string_view pattern, std::size_t limit) {
  std::string rows;
  append_matching_rows(*three_zones(), pattern, limit, rows);
  EXPECT_TRUE(rows.starts_with('[') && rows.ends_with(']')) << rows;
  return owners_of(rows);
}

TEST(ZoneRows, FindInZonesByTheirIdsAndNamesInCanonicalOrder) {
  EXPECT_THAT(found("*m*", 100),
              ElementsAre("a.example.", "m.a.example.", "m.a.example.", "m.a.example.", "b.example.", "a.b.example.",
                          "*.a.b.example.", "z.b.example.", "zz.z.b.example.", "m."));
}

TEST(ZoneRows, FindNoMoreThanTheLimitOverAllZones) {
  const std::vector<std::string> all = found("*", 1000);
  ASSERT_EQ(all.size(), 11U);
  for (std::size_t limit = 0; limit <= all.size() + 1; ++limit) {
    const std::vector<std::string> some = found("*", limit);
    ASSERT_EQ(some, std::vector<std::string>(all.begin(), all.begin() + std::min(limit, all.size()))) << limit;
  }
}

TEST(ZoneRows, FindSingleRecordsByTheirContentsUpToTheLimit) {
  EXPECT_THAT(found("192.0.2.?", 2), ElementsAre("m.a.example.", "m.a.example."));
  std::string rows;
  append_matching_rows(*three_zones(), "192.0.2.2", 5, rows);
  EXPECT_EQ(rows, R"([{"qname":"m.a.example.","qtype":"A","content":"192.0.2.2","ttl":60,"domain_id":3}])");
}

TEST(ZoneRows, FindEveryRecordOfAnRrsetWithItsOwnRow) {
  std::string text = "@ 60 SOA ns h 1 2 3 4 5\n";
  for (int i = 0; i < 100; ++i) text += "m 60 A 192.0.2." + std::to_string(i) + "\n";
  const zone::ZoneSetPtr zones = zone_set({zone_content(3, "a.example.", text)});
  for (int i = 0; i < 100; ++i) {
    const std::string address = "192.0.2." + std::to_string(i);
    std::string rows;
    append_matching_rows(*zones, address, 5, rows);
    EXPECT_EQ(rows, R"([{"qname":"m.a.example.","qtype":"A","content":")" + address + R"(","ttl":60,"domain_id":3}])");
  }
}

TEST(ZoneRows, FindTheRootByItsDotAlone) {
  EXPECT_THAT(found(".", 100), ElementsAre("."));
  EXPECT_THAT(found("", 100), ElementsAre());
}

}  // namespace
}  // namespace sdns::answer
