// SPDX-License-Identifier: MIT
#include "pdm/allocation.h"

#include <gtest/gtest.h>

#include <optional>

namespace sdns::pdm {
namespace {

constexpr std::int64_t kNow = 1'000'000;
constexpr std::chrono::milliseconds kTtl{600'000};

AllocationRow row(AllocationState state, bool held, std::int64_t expires = kNow + 1) {
  AllocationRow made;
  made.pool_domain = "pool.example";
  made.subdomain = "t42";
  made.state = state;
  made.generation = 3;
  made.owner = "us";
  made.held = held;
  made.reservation = "r3";
  made.expires_at_ms = expires;
  made.quarantined_until_ms = kNow + 1;
  made.sovereign_fqdn = "t42.pool.example";
  made.load_balancer_ip = "192.0.2.1";
  made.zone = state == AllocationState::kActive || state == AllocationState::kReleasing ? 9 : 0;
  return made;
}

const Target kTarget{"t42.pool.example", "192.0.2.1", "", ""};

struct Case {
  const char* name;
  std::optional<AllocationRow> row;
  Phase phase;
  const char* reserve_us;  ///< "yes", or why not
  const char* reserve_them;
  const char* commit_good;  ///< with the row's token
  const char* commit_bad;   ///< with another one
  const char* release_us;
  const char* release_them;
};

std::string text(Refusal why) {
  switch (why) {
    case Refusal::kTaken:
      return "taken";
    case Refusal::kNotFound:
      return "not found";
    case Refusal::kTokenMismatch:
      return "mismatch";
    case Refusal::kAlreadyActive:
      return "active";
    case Refusal::kReservationExpired:
      return "expired";
    case Refusal::kForbidden:
      return "forbidden";
  }
  return "?";
}

AllocationRow over_quarantine() {
  AllocationRow made = row(AllocationState::kQuarantined, false);
  made.quarantined_until_ms = kNow;
  return made;
}

class AllocationTest : public testing::TestWithParam<Case> {
 protected:
  const AllocationRow* at() const { return GetParam().row ? &*GetParam().row : nullptr; }
  std::string try_reserve(const std::string& owner) const {
    const auto done = reserve(at(), {"pool.example", "t42", owner, "test", "r4", kTtl, false}, kNow);
    if (!done) return text(done.error());
    EXPECT_TRUE(done->held);
    EXPECT_EQ(kNow + kTtl.count(), done->expires_at_ms);
    EXPECT_EQ("r4", done->reservation);
    EXPECT_EQ((at() != nullptr ? at()->generation : 0) + 1, done->generation);
    EXPECT_EQ(Phase::kReserved, phase_of(&*done, kNow));
    return "yes";
  }
  std::string try_commit(bool matches) const {
    const auto done = commit(at(), kTarget, matches, kNow);
    if (!done) return text(done.error());
    EXPECT_EQ(Phase::kActive, phase_of(&done->row, kNow));
    EXPECT_FALSE(done->row.held);
    return done->zone == CommitPlan::Zone::kNew ? "new" : done->zone == CommitPlan::Zone::kKeep ? "keep" : "as it is";
  }
  std::string try_release(const std::string& owner) const {
    const auto done = release(at(), owner, kNow);
    if (!done) return text(done.error());
    EXPECT_FALSE(done->row.held && done->row.expires_at_ms > kNow);
    return done->withdraw ? "withdraw" : done->changed ? "freed" : "as it is";
  }
};

TEST_P(AllocationTest, DecidesByStateOwnerAndToken) {
  EXPECT_EQ(GetParam().phase, phase_of(at(), kNow));
  EXPECT_EQ(GetParam().reserve_us, try_reserve("us"));
  EXPECT_EQ(GetParam().reserve_them, try_reserve("them"));
  EXPECT_EQ(GetParam().commit_good, try_commit(true));
  EXPECT_EQ(GetParam().commit_bad, try_commit(false));
  EXPECT_EQ(GetParam().release_us, try_release("us"));
  EXPECT_EQ(GetParam().release_them, try_release("them"));
}

using enum AllocationState;
INSTANTIATE_TEST_SUITE_P(
    Pdm, AllocationTest,
    testing::Values(Case{"never reserved", std::nullopt, Phase::kFree, "yes", "yes", "not found", "not found",
                         "not found", "not found"},
                    Case{"reserved", row(kFree, true), Phase::kReserved, "taken", "taken", "new", "mismatch", "freed",
                         "forbidden"},
                    Case{"its reservation ran out, not swept", row(kFree, true, kNow), Phase::kFree, "yes", "yes",
                         "expired", "not found", "as it is", "not found"},
                    Case{"its reservation ran out and was swept", row(kFree, false, kNow), Phase::kFree, "yes", "yes",
                         "expired", "not found", "as it is", "not found"},
                    Case{"active", row(kActive, false), Phase::kActive, "taken", "taken", "as it is", "active",
                         "withdraw", "forbidden"},
                    Case{"releasing", row(kReleasing, false), Phase::kReleasing, "yes", "taken", "expired", "not found",
                         "as it is", "forbidden"},
                    Case{"releasing and reserved again", row(kReleasing, true), Phase::kReserved, "taken", "taken",
                         "keep", "mismatch", "freed", "forbidden"},
                    Case{"quarantined", row(kQuarantined, false), Phase::kQuarantined, "yes", "taken", "expired",
                         "not found", "as it is", "forbidden"},
                    Case{"quarantined and reserved again", row(kQuarantined, true), Phase::kReserved, "taken", "taken",
                         "new", "mismatch", "freed", "forbidden"},
                    Case{"its quarantine is over, not swept", over_quarantine(), Phase::kFree, "yes", "yes", "expired",
                         "not found", "as it is", "not found"}),
    [](const auto& info) { return "case" + std::to_string(info.index); });

TEST(Allocation, TheLiveTokenExtendsAReservationAndKeepsGenerationAndToken) {
  const AllocationRow before = row(kFree, true);
  const auto done = reserve(&before, {"pool.example", "t42", "us", "test", "r4", kTtl, true}, kNow);
  ASSERT_TRUE(done);
  EXPECT_EQ(before.generation, done->generation);
  EXPECT_EQ(before.reservation, done->reservation);
  EXPECT_EQ(kNow + kTtl.count(), done->expires_at_ms);
}

TEST(Allocation, ARepeatedCommitWithOtherAddressesIsNotTheSame) {
  const AllocationRow before = row(kActive, false);
  Target other = kTarget;
  other.load_balancer_ip = "192.0.2.2";
  EXPECT_EQ(Refusal::kAlreadyActive, commit(&before, other, true, kNow).error());
}

TEST(Allocation, AReservationUponAWayOutThatIsGivenBackLeavesTheWayOut) {
  const AllocationRow before = row(kReleasing, true);
  const auto done = release(&before, "us", kNow);
  ASSERT_TRUE(done);
  EXPECT_EQ(Phase::kReleasing, phase_of(&done->row, kNow));
  EXPECT_FALSE(done->withdraw);
}

TEST(Allocation, AWithdrawnNameIsQuarantinedWithTheReservationThatIsUponIt) {
  const AllocationRow after = withdrawn(row(kReleasing, true), std::chrono::milliseconds(500), kNow);
  EXPECT_EQ(Phase::kReserved, phase_of(&after, kNow));
  EXPECT_EQ(Phase::kQuarantined, phase_of(&after, kNow + 1)) << "when the reservation has run out";
  EXPECT_EQ(Phase::kFree, phase_of(&after, kNow + 500));
  EXPECT_EQ(0U, after.zone);
}

}  // namespace
}  // namespace sdns::pdm
