// SPDX-License-Identifier: MIT
#include "lua/constant_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sdns::lua {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ConstantCalls, AreThoseOfFunctionsThatAskChecksWithConstantArguments) {
  const struct {
    const char* source;
    const char* call;
  } rows[] = {
      {"return ifportup(443, {'192.0.2.1'})", "ifportup(443, {'192.0.2.1'})"},
      {"if country('NL') then return ifportup(80,{'a'}) end", "ifportup(80,{'a'})"},
      {"return ifurlup('https://x/', {{'a'}, {'b'}}, {stringmatch='ok', timeout=2, minimumFailures=3})",
       "ifurlup('https://x/', {{'a'}, {'b'}}, {stringmatch='ok', timeout=2, minimumFailures=3})"},
      {"return ifurlextup({{['a']='http://x/'; ['b']='http://y/'}})",
       "ifurlextup({{['a']='http://x/'; ['b']='http://y/'}})"},
      {"return pickclosest({'a', 'b'}, {port=443, alldown={'c'}})",
       "pickclosest({'a', 'b'}, {port=443, alldown={'c'}})"},
      {"x = pool('web') --[[ ifportup(1, {'a'}) ]]", "pool('web')"},
      {"return ifportup( -1.5 , { \"a\" .. [[b]] }, {x = true, y = nil})",
       "ifportup( -1.5 , { \"a\" .. [[b]] }, {x = true, y = nil})"},
      {"return ifportup(443, {')'})", "ifportup(443, {')'})"},
  };
  for (const auto& row : rows) EXPECT_THAT(constant_calls(row.source), ElementsAre(row.call)) << row.source;
}

TEST(ConstantCalls, AreNoOthers) {
  for (const char* source : {
           "",
           "return '192.0.2.1'",
           "return ifportup(port, {'a'})",
           "return ifportup(443, {'a'}, options)",
           "return ifportup(443, {qname:toString()})",
           "return ifportup(443, {'a', x == 1})",
           "return ifportup(443, (function() end)())",
           "return 'ifportup(443, {})'",
           "-- ifportup(443, {'a'})",
           "return ifportup",
           "return ifportup(443, {'a'}",
           "return country('NL')",
           "return ifportup(#x)",
       })
    EXPECT_THAT(constant_calls(source), IsEmpty()) << source;
}

TEST(ConstantCalls, AreSaidOnceAndInOrder) {
  EXPECT_THAT(
      constant_calls("return country('NL') and all(x) or ifportup(1, {'a'}) or pool('b') or ifportup(1, {'a'})"),
      ElementsAre("ifportup(1, {'a'})", "pool('b')"));
}

}  // namespace
}  // namespace sdns::lua
