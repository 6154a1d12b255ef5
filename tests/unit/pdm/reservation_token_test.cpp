// SPDX-License-Identifier: MIT
#include "pdm/reservation_token.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <regex>
#include <set>

#include "tests/support/temp_dir.h"

namespace sdns::pdm {
namespace {

store::AllocationRow row(const std::string& pool, const std::string& subdomain, std::int64_t generation,
                         const std::string& reservation) {
  store::AllocationRow made;
  made.pool_domain = pool;
  made.subdomain = subdomain;
  made.generation = generation;
  made.reservation = reservation;
  return made;
}

TEST(ReservationToken, HasTheShapeOfAUuidAndDependsOnEverything) {
  const auto key = TokenKey::from_octets({1, 2, 3});
  const std::regex uuid("[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> tokens;
  for (const auto& one : {row("p", "a", 1, "r"), row("p", "a", 2, "r"), row("p", "a", 1, "s"), row("p", "b", 1, "r"),
                          row("q", "a", 1, "r"), row("pa", "", 1, "r")}) {
    const std::string token = key.token(one);
    EXPECT_TRUE(std::regex_match(token, uuid)) << token;
    tokens.insert(token);
  }
  EXPECT_EQ(6U, tokens.size());
  EXPECT_NE(key.token(row("p", "a", 1, "r")), TokenKey::from_octets({1, 2, 4}).token(row("p", "a", 1, "r")));
}

TEST(ReservationToken, MatchesItsRowAlone) {
  const auto key = TokenKey::from_octets({});
  const auto mine = row("p", "a", 1, "r");
  EXPECT_TRUE(key.matches(mine, key.token(mine)));
  EXPECT_FALSE(key.matches(mine, key.token(row("p", "a", 2, "r"))));
  EXPECT_FALSE(key.matches(mine, ""));
  const auto never = row("p", "a", 0, "");
  EXPECT_FALSE(key.matches(never, key.token(never))) << "a row without reservation has no token";
}

TEST(TokenKeyFile, IsMadeOnceAndOwnerOnly) {
  test::TempDir dir;
  const auto first = TokenKey::read_or_create(dir / "key");
  const auto second = TokenKey::read_or_create(dir / "key");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->token(row("p", "a", 1, "r")), second->token(row("p", "a", 1, "r")));
  struct stat status {};
  ASSERT_EQ(0, ::stat((dir / "key").c_str(), &status));
  EXPECT_EQ(0600U, status.st_mode & 0777U);
}

TEST(TokenKeyFile, IsRefusedWhenOthersMayReadItOrItIsNoKey) {
  test::TempDir dir;
  ASSERT_TRUE(TokenKey::read_or_create(dir / "key"));
  ::chmod((dir / "key").c_str(), 0640);
  EXPECT_EQ(Errc::kPermission, TokenKey::read_or_create(dir / "key").error().code);
  std::ofstream(dir / "short") << "abcd\n";
  ::chmod((dir / "short").c_str(), 0600);
  EXPECT_EQ(Errc::kInvalidArgument, TokenKey::read_or_create(dir / "short").error().code);
}

}  // namespace
}  // namespace sdns::pdm
