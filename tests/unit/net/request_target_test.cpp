// SPDX-License-Identifier: MIT
#include "backend/net/request_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sdns::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

TEST(RequestTarget, IsTakenApartAndDecoded) {
  const auto plain = parse_request_target("/api/v1/pool/omani.works/check?sub=omantel&x=a%20b+c&sub=second&flag");
  ASSERT_TRUE(plain);
  EXPECT_THAT(plain->segments, ElementsAre("api", "v1", "pool", "omani.works", "check"));
  EXPECT_THAT(plain->query, UnorderedElementsAre(Pair("sub", "omantel"), Pair("x", "a b c"), Pair("flag", "")));
  EXPECT_THAT(parse_request_target("/")->segments, IsEmpty());
  EXPECT_THAT(parse_request_target("/a%3Fb")->segments, ElementsAre("a?b"));
  EXPECT_THAT(parse_request_target("http://proxy.example:8080/a/b?c=d")->segments, ElementsAre("a", "b"));
  EXPECT_THAT(parse_request_target("/a+b")->segments, ElementsAre("a+b")) << "a plus is a blank in queries alone";
}

TEST(RequestTarget, IsRefusedWhenTwoReadersCouldReadItInTwoWays) {
  for (const char* target : {"",       "api",         "*",        "/a//b",  "/a/",    "//a",   "/a/../b", "/..",
                             "/a/./b", "/a/%2e%2e/b", "/a/%2E/b", "/a%2fb", "/a%5cb", "/a\\b", "/a%00b",  "/a%0ab",
                             "/a%",    "/a%2",        "/a%zz",    "/a#b",   "/a?b=%", "/a\tb", "http:/a"})
    EXPECT_FALSE(parse_request_target(target)) << target;
}

}  // namespace
}  // namespace sdns::net
