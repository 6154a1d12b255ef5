// SPDX-License-Identifier: MIT
#include "backend/dns/name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace sdns::dns {
namespace {

Name name(std::string_view text) {
  auto parsed = Name::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Name();
}

struct TextCase {
  std::string_view what;
  std::string_view text;
  std::string_view canonical;
};

class NameText : public testing::TestWithParam<TextCase> {};
TEST_P(NameText, IsCanonicalAfterParsing) {
  EXPECT_EQ(name(GetParam().text).text(), GetParam().canonical) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    Name, NameText,
    testing::Values(TextCase{"the root", ".", "."},
                    TextCase{"letters become lower case", "WWW.Example.ORG.", "www.example.org."},
                    TextCase{"a missing final dot is added", "www.example.org", "www.example.org."},
                    TextCase{"an escaped dot stays in its label", "a\\.b.c.", "a\\.b.c."},
                    TextCase{"an escaped backslash", "a\\\\b.c.", "a\\\\b.c."},
                    TextCase{"a decimal escape of a plain letter", "\\065bc.d.", "abc.d."},
                    TextCase{"a blank is written as three digits", "a\\ b.", "a\\032b."},
                    TextCase{"octets above 0x7E are written as three digits", "\\255\\127.", "\\255\\127."},
                    TextCase{"NUL and 0x01", "\\000.\\001.", "\\000.\\001."},
                    TextCase{"a wildcard", "*.Example.", "*.example."},
                    TextCase{"a UTF-8 letter is two octets", "\xC3\xA9.", "\\195\\169."}));

class NameBad : public testing::TestWithParam<TextCase> {};
TEST_P(NameBad, IsRefused) {
  const auto parsed = Name::parse(GetParam().text);
  ASSERT_FALSE(parsed) << GetParam().what;
  EXPECT_EQ(parsed.error().code, Errc::kInvalidName);
}
INSTANTIATE_TEST_SUITE_P(Name, NameBad,
                         testing::Values(TextCase{"nothing", "", ""}, TextCase{"two dots", "a..b.", ""},
                                         TextCase{"a leading dot", ".a.", ""}, TextCase{"a \\ at the end", "a\\", ""},
                                         TextCase{"an escape of two digits", "a\\12.", ""},
                                         TextCase{"an escape over 255", "a\\256.", ""},
                                         TextCase{"an escape cut by a letter", "a\\1b2.", ""}));

TEST(NameLimits, TakesALabelOf63OctetsAndRefuses64) {
  EXPECT_TRUE(Name::parse(std::string(63, 'a') + "."));
  EXPECT_FALSE(Name::parse(std::string(64, 'a') + "."));
}

TEST(NameLimits, Takes255OctetsOnTheWireAndRefuses256) {
  const std::string three = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + ".";
  const auto longest = Name::parse(three + std::string(61, 'd') + ".");
  ASSERT_TRUE(longest);
  EXPECT_EQ(longest->wire().size(), 255U);
  EXPECT_FALSE(Name::parse(three + std::string(62, 'd') + "."));
}

TEST(NameLimits, EscapesCountAsTheOctetsThatTheyStandFor) {
  std::string label;
  for (int i = 0; i < 63; ++i) label += "\\200";
  EXPECT_TRUE(Name::parse(label + "."));
  EXPECT_FALSE(Name::parse(label + "\\200."));
}

TEST(NameLimits, TheOriginCountsForARelativeName) {
  const Name origin = name(std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + ".");
  EXPECT_TRUE(Name::parse_relative(std::string(61, 'd'), origin));
  EXPECT_FALSE(Name::parse_relative(std::string(62, 'd'), origin));
}

TEST(NameLimits, TheLongestNameHasNoWildcardChild) {
  const std::string three = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + ".";
  EXPECT_TRUE(name(three + std::string(59, 'd') + ".").wildcard_child());
  EXPECT_FALSE(name(three + std::string(60, 'd') + ".").wildcard_child());
}

TEST(NameRelative, AtIsTheOriginAndADotIsAbsolute) {
  const Name origin = name("example.org.");
  EXPECT_EQ(Name::parse_relative("@", origin)->text(), "example.org.");
  EXPECT_EQ(Name::parse_relative("www", origin)->text(), "www.example.org.");
  EXPECT_EQ(Name::parse_relative("www.", origin)->text(), "www.");
  EXPECT_EQ(Name::parse_relative("www\\.", origin)->text(), "www\\..example.org.");
}

TEST(NameWire, RefusesWhatIsCutShortCompressedOrTooLong) {
  EXPECT_EQ(Name::from_wire(std::string("\3WwW\0", 5))->text(), "www.");
  EXPECT_FALSE(Name::from_wire(""));
  EXPECT_FALSE(Name::from_wire("\3ww"));
  EXPECT_FALSE(Name::from_wire("\3www"));
  EXPECT_FALSE(Name::from_wire("\xC0\x0C"));
  EXPECT_FALSE(Name::from_wire(std::string("\3www\0x", 6)));
  std::string octets;
  for (int i = 0; i < 4; ++i) octets += std::string("\x3F") + std::string(63, 'a');
  EXPECT_FALSE(Name::from_wire(octets + std::string(1, '\0')));
}

// The example of RFC 4034 section 6.1.
const std::vector<std::string> kSorted = {"example.",         "a.example.",      "yljkjljk.a.example.",
                                          "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
                                          "\\001.z.example.", "*.z.example.",    "\\200.z.example."};

TEST(NameOrder, IsTheOneOfRfc4034) {
  std::vector<Name> names;
  for (const std::string& text : kSorted) names.push_back(name(text));
  std::vector<Name> shuffled = names;
  std::mt19937 random(4034);
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, names);
}

TEST(NameKey, HasTheOrderOfRfc4034) {
  std::vector<std::string> keys;
  for (const std::string& text : kSorted) keys.push_back(name(text).key());
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_TRUE(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
}

TEST(NameKey, IsAPrefixOfTheKeysBelowItAndOfNoOthers) {
  const std::string key = name("b.example.").key();
  EXPECT_TRUE(name("a.b.example.").key().starts_with(key));
  EXPECT_FALSE(name("bb.example.").key().starts_with(key));
  EXPECT_FALSE(name("b\\000.example.").key().starts_with(key));
  EXPECT_EQ(parent_key(name("a.b.example.").key()), key);
  EXPECT_EQ(Name().key(), "");
  EXPECT_EQ(parent_key(name("example.").key()), "");
}

TEST(NameKey, KnowsAWildcard) {
  EXPECT_TRUE(key_is_wildcard(name("*.example.").key()));
  EXPECT_TRUE(key_is_wildcard(name("*.").key()));
  EXPECT_FALSE(key_is_wildcard(name("a*.example.").key()));
  EXPECT_FALSE(key_is_wildcard(name("a.*.example.").key()));
  EXPECT_FALSE(key_is_wildcard(""));
}

TEST(NameKey, ARelativePartIsTextWithoutAFinalDot) {
  const std::string apex = name("example.").key();
  EXPECT_EQ(key_to_relative_text(name("a\\.b.c.example.").key().substr(apex.size())), "a\\.b.c");
  EXPECT_EQ(key_to_relative_text(""), "");
}

TEST(NameTree, AtOrBelowComparesWholeLabels) {
  EXPECT_TRUE(name("a.b.").at_or_below(name("b.")));
  EXPECT_TRUE(name("b.").at_or_below(name("b.")));
  EXPECT_FALSE(name("b.").below(name("b.")));
  EXPECT_TRUE(name("b.").below(Name()));
  EXPECT_FALSE(name("ab.").at_or_below(name("b.")));
  EXPECT_FALSE(name("x\\001b.").at_or_below(name("b.")));  // its octets end like those of b.
  EXPECT_EQ(name("a.b.").parent(), name("b."));
  EXPECT_TRUE(Name().parent().is_root());
  EXPECT_EQ(name("a.b.c.").label_count(), 3U);
}

Name random_name(std::mt19937& random) {
  std::string wire;
  const int labels = static_cast<int>(random() % 5);
  for (int i = 0; i < labels; ++i) {
    const std::size_t length = 1 + random() % 6;
    wire += static_cast<char>(length);
    // Few different octets, so that prefixes and equal labels are frequent.
    for (std::size_t k = 0; k < length; ++k) wire += "\0\1\2.\\*aAz\xFF"[random() % 10];
  }
  wire += '\0';
  return *Name::from_wire(wire);
}

TEST(NameProperty, TextWireKeyAndKeyBufferAgreeForAnyOctets) {
  std::mt19937 random(1035);
  for (int i = 0; i < 20000; ++i) {
    const Name one = random_name(random);
    EXPECT_EQ(*Name::parse(one.text()), one);
    EXPECT_EQ(Name::from_key(one.key()), one);
    KeyBuffer buffer;
    ASSERT_TRUE(buffer.assign(one.text())) << one.text();
    EXPECT_EQ(buffer.view(), one.key()) << one.text();
    const Name two = random_name(random);
    EXPECT_EQ(one.key() <=> two.key(), one <=> two) << one.text() << " " << two.text();
    EXPECT_EQ(one.at_or_below(two), one.key().starts_with(two.key())) << one.text() << " " << two.text();
  }
}

TEST(KeyBufferAssign, TakesAndRefusesTheSameTextsAsName) {
  std::vector<std::string> texts = {"",
                                    ".",
                                    "..",
                                    "a",
                                    "a.",
                                    "a..",
                                    ".a",
                                    "a\\",
                                    "a\\1",
                                    "a\\12",
                                    "a\\999.",
                                    "WWW.Example.",
                                    std::string(63, 'a'),
                                    std::string(64, 'a'),
                                    "\\000\\001.",
                                    "a\\.b."};
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "\\000.";
  texts.push_back(longest);
  texts.push_back(longest + "a.");
  const std::string three = std::string(63, 'a') + "." + std::string(63, '\1') + "." + std::string(63, 'c') + ".";
  texts.push_back(three + std::string(61, 'd') + ".");
  texts.push_back(three + std::string(62, 'd') + ".");
  for (const std::string& text : texts) {
    const auto parsed = Name::parse(text);
    KeyBuffer buffer;
    ASSERT_EQ(buffer.assign(text), parsed.has_value()) << text;
    if (parsed) {
      EXPECT_EQ(buffer.view(), parsed->key()) << text;
    }
  }
}

}  // namespace
}  // namespace sdns::dns
