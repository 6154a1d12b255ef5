// SPDX-License-Identifier: MIT
#include "lua/inspect.h"

#include <gmock/gmock.h>

#include <ostream>

namespace sdns::lua {

inline void PrintTo(const GlobalUse& use, std::ostream* out) {
  *out << (use.set ? "sets " : "reads ") << use.name << '.' << use.field << " in line " << use.line;
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<GlobalUse> uses(const std::string& source) {
  auto found = global_uses(source);
  EXPECT_TRUE(found) << found.error().what;
  return found.value_or(std::vector<GlobalUse>{});
}

TEST(Inspect, FindsGlobalsThatAreReadAndSet) {
  EXPECT_THAT(
      uses("x = qname\nreturn os.time()"),
      ElementsAre(GlobalUse{"qname", "", 1, false}, GlobalUse{"x", "", 1, true}, GlobalUse{"os", "time", 2, false}));
}

TEST(Inspect, LocalsAndArgumentsAreNoGlobals) {
  EXPECT_THAT(uses("local os = {} local function f(a) return a end return f(os)"), IsEmpty());
  EXPECT_THAT(uses("for i, v in ipairs({1}) do local x = v end"), ElementsAre(GlobalUse{"ipairs", "", 1, false}));
}

TEST(Inspect, LooksIntoFunctionsThatNothingCalls) {
  EXPECT_THAT(uses("local function never()\n return function() io.popen('x') leak = 1 end end return 1"),
              testing::UnorderedElementsAre(GlobalUse{"io", "popen", 2, false}, GlobalUse{"leak", "", 2, true}));
}

TEST(Inspect, AFieldOfAnotherValueIsNotTheGlobals) {
  EXPECT_THAT(uses("local t = {} local a = zone return t.b"), ElementsAre(GlobalUse{"zone", "", 1, false}));
}

TEST(Inspect, NamesInTextsAndCommentsAreNoUses) {
  EXPECT_THAT(uses("--[[ io ]] local a = 'os' -- debug\nreturn [[load]]"), IsEmpty());
}

TEST(Inspect, CodeThatDoesNotCompileIsAnError) {
  const auto found = global_uses("return return");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().what, testing::HasSubstr("record:1:"));
}

std::vector<std::string> words(std::string_view source) {
  std::vector<std::string> texts;
  for (const Token& token : tokens_of(source))
    texts.push_back(token.kind == Token::Kind::kText ? "<" + token.text + ">" : token.text);
  return texts;
}

TEST(Inspect, CutsSourceIntoWordsTextsAndSymbols) {
  EXPECT_THAT(words("f(1, 'a b', \"c\\\"d\", [[e]], [=[f]]g]=]) -- h\n--[[ i\nj ]] k"),
              ElementsAre("f", "(", "1", ",", "<a b>", ",", "<c\\\"d>", ",", "<e>", ",", "<f]]g>", ")", "k"));
}

TEST(Inspect, WhatDoesNotEndIsCutAtTheEnd) {
  for (const char* source : {"'", "'a", "[[a", "[==", "--[[", "--", "'\\", "\"\\"})
    EXPECT_LE(tokens_of(source).size(), 3U) << source;
  EXPECT_THAT(words("'ab"), testing::SizeIs(1));
}

TEST(Inspect, TokensKnowWhereTheyStand) {
  const auto tokens = tokens_of("x = 'yz'");
  ASSERT_EQ(tokens.size(), 3U);
  EXPECT_EQ(tokens[2].start, 4U);
  EXPECT_EQ(tokens[2].size, 4U);
}

}  // namespace
}  // namespace sdns::lua
