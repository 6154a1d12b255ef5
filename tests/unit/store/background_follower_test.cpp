// SPDX-License-Identifier: MIT
// What a follower that reads on a thread of its own says before and after it has met the database.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "backend/store/followers.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

using std::chrono::milliseconds;

// Answers what it was told to; while it is told nothing, a look takes until interrupt().
struct Script {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Result<zone::Batch>> answer;
  bool interrupted = false;
  std::string expected;
};

class ScriptedFollower final : public Follower {
 public:
  explicit ScriptedFollower(Script& script) : script_(script) {}
  Result<zone::LoadedState> load(const std::function<void(zone::ZoneContent&&)>&) override {
    return zone::LoadedState{.revision = 7};
  }
  Result<zone::Batch> changes_since(Revision, const Chain&) override {
    std::unique_lock lock(script_.mutex);
    script_.changed.wait(lock, [this] { return script_.interrupted || script_.answer; });
    if (script_.answer) return *script_.answer;
    return fail(Errc::kUnavailable, "interrupted", {});
  }
  Result<std::vector<health::TargetPool>> target_pools() override { return std::vector<health::TargetPool>(); }
  void wait(milliseconds limit) override {
    std::unique_lock lock(script_.mutex);
    script_.changed.wait_for(lock, limit, [this] { return script_.interrupted; });
  }
  void wake() override {}
  void interrupt() override {
    const std::lock_guard lock(script_.mutex);
    script_.interrupted = true;
    script_.changed.notify_all();
  }
  void expect(const std::string& identity) override { script_.expected = identity; }
  std::string identity() const override { return script_.expected; }
  std::uint64_t rows_read() const override { return 0; }

 private:
  Script& script_;
};

class BackgroundFollowerTest : public testing::Test {
 protected:
  Script script;
  std::unique_ptr<Follower> follower = in_background(std::make_unique<ScriptedFollower>(script), 1);
};

TEST_F(BackgroundFollowerTest, AStateThatWasKeptIsNotConfirmedByADatabaseThatIsAway) {
  script.answer = Result<zone::Batch>(fail(Errc::kUnavailable, "away", {}));
  const auto first = follower->changes_since(7, {});
  ASSERT_FALSE(first) << "nothing has compared it";
  EXPECT_EQ(Errc::kUnavailable, first.error().code);
}

TEST_F(BackgroundFollowerTest, AStateThatWasKeptIsNotConfirmedByADatabaseThatHangs) {
  const auto first = follower->changes_since(7, {});
  ASSERT_FALSE(first);
  EXPECT_EQ(Errc::kTimeout, first.error().code);
  EXPECT_FALSE(follower->changes_since(7, {}));
}

TEST_F(BackgroundFollowerTest, TheFirstLookOfAStateThatWasKeptIsWaitedFor) {
  script.answer = Result<zone::Batch>(zone::Batch{7, 9, {}, {}});
  EXPECT_EQ(9U, ok(follower->changes_since(7, {})).to);
}

TEST_F(BackgroundFollowerTest, AfterALoadNothingIsWaitedFor) {
  ok(follower->load([](zone::ZoneContent&&) {}));
  EXPECT_EQ(7U, ok(follower->changes_since(7, {})).to) << "it was read just now";
}

TEST_F(BackgroundFollowerTest, WhichDatabaseIsMeantIsPassedOn) {
  follower->expect("one");
  EXPECT_EQ("one", script.expected);
  EXPECT_EQ("one", follower->identity());
}

}  // namespace
}  // namespace sdns::store::test
