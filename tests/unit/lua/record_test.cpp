// SPDX-License-Identifier: MIT
// From the text of a record to its code, and what the code mentions.
#include "lua/record.h"

#include <gtest/gtest.h>

namespace sdns::lua {
namespace {

struct MentionCase {
  const char* source;
  bool query_name;
  const char* powerdns_word;
};
void PrintTo(const MentionCase& shown, std::ostream* out) { *out << shown.source; }

class MentionsOf : public testing::TestWithParam<MentionCase> {};
TEST_P(MentionsOf, FindsWhatACodeCanDependOn) {
  const Mentions found = mentions_of(GetParam().source);
  EXPECT_EQ(found.query_name, GetParam().query_name);
  EXPECT_EQ(found.powerdns_word, GetParam().powerdns_word);
  EXPECT_EQ(found.powerdns_only, *GetParam().powerdns_word != '\0');
}
INSTANTIATE_TEST_SUITE_P(
    Lua, MentionsOf,
    testing::Values(MentionCase{"return '192.0.2.1'", false, ""}, MentionCase{"return qname:toString()", true, ""},
                    MentionCase{"return 'qname' -- qname", false, ""},
                    MentionCase{"return [[qname]] --[[ qname\n qname ]]", false, ""},
                    MentionCase{"local x = 'a\\'b' return createForward()", true, ""},
                    MentionCase{"return createReverse6('%33%')", true, ""},
                    MentionCase{"return closestMagic()", true, ""},
                    MentionCase{"return picknamehashed({{1, 'a'}})", true, ""},
                    MentionCase{"return ifportup(80, {'192.0.2.1'}, {selector='picknamehashed'})", true, ""},
                    MentionCase{"return ifportup(80, {'192.0.2.1'}, {backupSelector=[[picknamehashed]]})", true, ""},
                    MentionCase{"return ifportup(80, {'192.0.2.1'}, {selector='pickhashed'})", false, ""},
                    MentionCase{"include('x')", true, ""}, MentionCase{"return _G[x]", true, ""},
                    MentionCase{"return r:qname()", false, ""}, MentionCase{"return t.qname", false, ""},
                    MentionCase{"return 'a'..qname:toString()", true, ""}, MentionCase{"return qnames", false, ""},
                    MentionCase{"return tcp and 1 or 2", false, "tcp"}, MentionCase{"return dh:getRD()", false, "dh"},
                    MentionCase{"return resolve('a.', pdns.A)", false, "resolve"},
                    MentionCase{"return t.tcp .. 'dh'", false, ""}),
    [](const auto& info) { return "Case" + std::to_string(info.index); });

struct JoinCase {
  const char* what;
  std::string quoted;
  std::string yes, no, with_auto;
};
void PrintTo(const JoinCase& shown, std::ostream* out) { *out << shown.what; }

class JoinChunks : public testing::TestWithParam<JoinCase> {};
TEST_P(JoinChunks, PutsBetweenThemWhatTheSettingSays) {
  EXPECT_EQ(join_chunks(GetParam().quoted, ChunkJoin::kYes), GetParam().yes) << GetParam().what;
  EXPECT_EQ(join_chunks(GetParam().quoted, ChunkJoin::kNo), GetParam().no) << GetParam().what;
  EXPECT_EQ(join_chunks(GetParam().quoted, ChunkJoin::kAuto), GetParam().with_auto) << GetParam().what;
}
const std::string kFull(255, 'x');
INSTANTIATE_TEST_SUITE_P(Lua, JoinChunks,
                         testing::Values(JoinCase{"one", R"("foo")", "foo ", "foo", "foo"},
                                         JoinCase{"PowerDNS up to 4.9 follows the space between two by another",
                                                  R"("foo" "bar")", "foo   bar ", "foobar", "foo bar"},
                                         JoinCase{"a transfer cut the first", '"' + kFull + R"(" "bar")",
                                                  kFull + "   bar ", kFull + "bar", kFull + "bar"},
                                         JoinCase{"a quote that is escaped ends the chunk all the same", R"("a\"b")",
                                                  "a\\ b ", "a\\b", "a\\ b"}),
                         [](const auto& info) { return "Case" + std::to_string(info.index); });

struct CodeCase {
  const char* content;
  const char* type;
  const char* source;
};
void PrintTo(const CodeCase& shown, std::ostream* out) { *out << shown.content; }
class ParseRecord : public testing::TestWithParam<CodeCase> {};
TEST_P(ParseRecord, SaysTypeAndSource) {
  const auto code = parse_record(GetParam().content, ChunkJoin::kAuto);
  ASSERT_TRUE(code) << to_text(code.error());
  EXPECT_EQ(code->type.text(), GetParam().type);
  EXPECT_EQ(code->source, GetParam().source);
}
INSTANTIATE_TEST_SUITE_P(Lua, ParseRecord,
                         testing::Values(CodeCase{R"(A "'192.0.2.1'")", "A", "return '192.0.2.1'"},
                                         CodeCase{R"(aaaa "; return x")", "AAAA", " return x"},
                                         CodeCase{R"(TYPE65 " ; return x")", "HTTPS", "return  ; return x"},
                                         CodeCase{R"(LUA "; x = 1")", "LUA", "; x = 1"}),
                         [](const auto& info) { return "Case" + std::to_string(info.index); });

TEST(ParseRecordErrors, WithoutTypeOrCode) {
  for (const char* content : {"", "A", R"("x")", R"(NOSUCH "x")", R"(A "")", "A "})
    EXPECT_FALSE(parse_record(content, ChunkJoin::kAuto)) << content;
}

}  // namespace
}  // namespace sdns::lua
