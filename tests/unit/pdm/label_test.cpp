// SPDX-License-Identifier: MIT
#include "pdm/label.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sdns::pdm {
namespace {

using testing::Contains;
using testing::Not;

TEST(Label, TakesWhatPlatformsGiveOut) {
  for (const char* label : {"t42", "hw126", "omantel", "acme-bank", "nsbank", "a", "x-y-z", "a1"})
    EXPECT_FALSE(label_problem(label, false)) << label;
  EXPECT_FALSE(label_problem(std::string(63, 'a'), false));
}

TEST(Label, RefusesWhatIsNoHostNameOrBeginsWithADigit) {
  for (const char* label :
       {"", "4t", "-a", "a-", "a.b", "a_b", "A", "ä", "a b", "xn--4ca", "ab--c", "*", "a\n", "a'--"})
    EXPECT_TRUE(label_problem(label, false)) << label;
  EXPECT_TRUE(label_problem(std::string(64, 'a'), false));
}

TEST(Label, TakesPunycodeWhereThePolicyAllowsIt) {
  EXPECT_FALSE(label_problem("xn--4ca", true));
  EXPECT_TRUE(label_problem("ab--c", true)) << "no other prefix has a meaning";
}

TEST(Label, IsReadWithoutBlanksAndInSmallLetters) {
  EXPECT_EQ("omantel", trimmed_lower(" \tOmanTel\r\n"));
  EXPECT_EQ("", trimmed_lower("  "));
  EXPECT_EQ("Ä", trimmed_lower("Ä")) << "no guesses beyond ASCII";
}

TEST(ReservedNames, HaveTheNamesOfPlatformMailAndAuthorities) {
  const auto names = ReservedNames::with({});
  ASSERT_TRUE(names);
  for (const char* name :
       {"api",    "admin",         "console", "gitea",   "harbor",      "keycloak",   "www",        "mail",
        "smtp",   "imap",          "vpn",     "openova", "catalyst",    "docs",       "status",     "app",
        "system", "openbao",       "vault",   "flux",    "k8s",         "postmaster", "hostmaster", "webmaster",
        "abuse",  "administrator", "wpad",    "isatap",  "autodiscover"}) {
    EXPECT_TRUE(names->contains(name)) << name;
    EXPECT_THAT(names->plain(), Contains(name));
  }
  EXPECT_TRUE(std::is_sorted(names->plain().begin(), names->plain().end()));
}

TEST(ReservedNames, MatchPatternsOnDigitsAlone) {
  const auto names = ReservedNames::with({"db#-x", "Extra"});
  ASSERT_TRUE(names);
  for (const char* name : {"ns1", "ns42", "mx0", "db7-x", "extra", "ns", "mx"})
    EXPECT_TRUE(names->contains(name)) << name;
  for (const char* name : {"nsbank", "ns1a", "mxx", "db-x", "t42"}) EXPECT_FALSE(names->contains(name)) << name;
  EXPECT_THAT(names->plain(), Not(Contains("ns#")));
  EXPECT_THAT(names->patterns(), Contains("ns#"));
}

TEST(ReservedNames, RefuseWhatCouldNeverBeAsked) {
  EXPECT_FALSE(ReservedNames::with({"a.b"}));
  EXPECT_FALSE(ReservedNames::with({"ns##"}));
}

}  // namespace
}  // namespace sdns::pdm
