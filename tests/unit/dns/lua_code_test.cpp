// SPDX-License-Identifier: MIT
#include "backend/dns/lua_code.h"

#include <gtest/gtest.h>

#include <string>

#include "backend/dns/ldns_codec.h"
#include "backend/dns/master_file.h"

namespace sdns::dns {
namespace {

std::string content(const std::string& rdata) {
  const auto made = canonical_content(kLUA, rdata, Name());
  EXPECT_TRUE(made) << rdata << ": " << to_text(made.error());
  return made ? *made : "";
}

TEST(LuaCode, KeepsLineBreaksInQuotes) {
  EXPECT_EQ(content("A \";local a = 1\nreturn '192.0.2.1'\""), "A \";local a = 1\nreturn '192.0.2.1'\"");
  EXPECT_EQ(content("A \"a\n\" \"\tb\r\n\""), "A \"a\n\" \"\tb\r\n\"");
}

TEST(LuaCode, TakesEscapedWhiteSpaceForWhatItStandsForButInStrings) {
  const struct {
    const char* given;
    const char* kept;
  } cases[] = {
      {R"(a\010b)", "a\nb"},
      {R"(a\009b\013\010)", "a\tb\r\n"},
      {R"(return 'a\010b')", R"(return 'a\010b')"},
      {R"('it\'s\010' .. x\010)", "'it\\'s\\010' .. x\n"},
      {R"(-- it's\010return 'a\010')", "-- it's\nreturn 'a\\010'"},
      {R"(--[[ it's\010 ]] 'a\010')", "--[[ it's\n ]] 'a\\010'"},
      {R"([==[ ' ]] \010 ]==] 'a\010')", "[==[ ' ]] \n ]==] 'a\\010'"},
      {R"(t[i[1]]\010)", "t[i[1]]\n"},
      {R"(a - -1\010)", "a - -1\n"},
      {R"(\065\011)", R"(\065\011)"},
      {"'a\\\nb'\\010", "'a\\nb'\n"},
      {"-- a\n'b\\010'", "-- a\n'b\\010'"},
      {R"(a\01)", R"(a\01)"},
  };
  for (const auto& [given, kept] : cases)
    EXPECT_EQ(content("TXT \"" + std::string(given) + '"'), "TXT \"" + std::string(kept) + '"');
}

TEST(LuaCode, GoesOnFromChunkToChunk) {
  EXPECT_EQ(content(R"(TXT "'a\010" "b\010' .. c\010")"), "TXT \"'a\\010\" \"b\\010' .. c\n\"");
  EXPECT_EQ(content(R"(TXT "[=[ '" "]=]\010")"), "TXT \"[=[ '\" \"]=]\n\"");
}

TEST(LuaCode, ComesBackFromAMasterFile) {
  const Name apex = *Name::parse("example.");
  for (const char* code :
       {";local a = 1\nreturn '192.0.2.1'", "-- it's\r\n\treturn 'a\\010b'", "[[ \n ' ]]\n", "'a\\nb'\n"}) {
    const Record record{*Name::parse("www.example."), kLUA, Ttl{60}, content("A \"" + std::string(code) + '"')};
    const std::string text = write_master_text(apex, {record});
    EXPECT_EQ(text.find('\r'), std::string::npos);
    const std::size_t rdata = text.find("LUA\t");
    ASSERT_NE(rdata, std::string::npos) << text;
    const std::string line = text.substr(rdata + 4, text.find('\n', rdata) - rdata - 4);
    EXPECT_EQ(content(line), record.content);
    EXPECT_EQ(content(record.content), record.content);
  }
}

TEST(LuaCode, OtherTypesHaveNoLineBreaks) {
  EXPECT_FALSE(canonical_content(kTXT, "\"a\nb\"", Name()));
  EXPECT_FALSE(canonical_content(kLUA, "A \"a\" \n \"b\"", Name()));
  EXPECT_FALSE(canonical_content(kLUA, "A \"a\n", Name()));
}

}  // namespace
}  // namespace sdns::dns
