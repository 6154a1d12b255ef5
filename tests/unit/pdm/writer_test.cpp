// SPDX-License-Identifier: MIT
#include "pdm/writer.h"

#include <atomic>
#include <filesystem>
#include <future>

#include "pdm/nodes.h"
#include "tests/unit/pdm/pdm_fixture.h"

namespace sdns::pdm {
namespace {

using std::chrono::milliseconds;
using test::ok;

class WriterTest : public test::PdmTest {
 protected:
  OpenAuthority opener() {
    return
        [this] { return store::open_authority(url(), store::OpenMode::kExisting, clock, random, milliseconds(200)); };
  }
  static Writer::Part put(const std::string& subdomain) {
    return [subdomain](store::Transaction& edit) {
      AllocationRow row;
      row.pool_domain = "pool.example";
      row.subdomain = subdomain;
      return edit.ledger().put_allocation(row);
    };
  }
  Log log{clock, LogLevel::kError, LogFormat::kText, -1};
  Metrics metrics;
};

TEST_F(WriterTest, WhatWaitsSharesOneTransactionAndFailsAlone) {
  std::promise<void> gate;
  std::atomic<int> commits{0};
  std::promise<void> begun;
  Writer writer(opener(), log, metrics, [&](std::string_view point) {
    if (point != "before-commit") return;
    if (++commits == 1) {
      begun.set_value();
      gate.get_future().wait();
    }
  });
  std::vector<std::future<Result<zone::Revision>>> done;
  const auto submit = [&](Writer::Part part) {
    auto promise = std::make_shared<std::promise<Result<zone::Revision>>>();
    done.push_back(promise->get_future());
    writer.submit(std::move(part), [promise](const Result<zone::Revision>& outcome) { promise->set_value(outcome); });
  };
  submit(put("first"));
  begun.get_future().wait();
  for (int i = 0; i < 20; ++i) submit(put("n" + std::to_string(i)));
  submit([&](store::Transaction& edit) -> Result<void> {
    ok(put("half")(edit));
    return fail(Errc::kConflict, "no");
  });
  submit(put("last"));
  gate.set_value();
  std::vector<bool> good;
  for (auto& one : done) good.push_back(one.get().has_value());
  EXPECT_EQ(1, std::count(good.begin(), good.end(), false));
  EXPECT_FALSE(good[21]);
  EXPECT_EQ(2, commits);
  EXPECT_EQ("22", sql("SELECT count(*) FROM allocation"));
}

TEST_F(WriterTest, GoesOnWhenTheDatabaseIsBack) {
  Writer writer(opener(), log, metrics);
  EXPECT_TRUE(writer.run(put("a")));
  authority.reset();
  sql("VACUUM INTO '" + file() + ".restored'");
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::rename(file() + suffix, file() + suffix + ".away");
  EXPECT_FALSE(writer.run(put("b")));
  std::filesystem::rename(file() + ".restored", file());
  EXPECT_TRUE(writer.run(put("c")));
  EXPECT_EQ("2", sql("SELECT count(*) FROM allocation"));
}

class FakeNodes final : public Nodes {
 public:
  explicit FakeNodes(Result<zone::Revision> answer) : answer_(std::move(answer)) {}
  Result<zone::Revision> serve_up_to(zone::Revision, milliseconds) override { return answer_; }

 private:
  Result<zone::Revision> answer_;
};

TEST(Acknowledger, TellsWhatIsServedAndWhatIsNotInTime) {
  const SystemClock clock;
  Acknowledger acknowledger(std::make_unique<FakeNodes>(zone::Revision{7}), clock, milliseconds(20));
  std::promise<bool> there;
  std::promise<bool> not_there;
  acknowledger.wait(7, [&](bool served) { there.set_value(served); });
  acknowledger.wait(8, [&](bool served) { not_there.set_value(served); });
  EXPECT_TRUE(there.get_future().get());
  EXPECT_FALSE(not_there.get_future().get());
  EXPECT_EQ(7U, acknowledger.last_seen());
}

TEST(Acknowledger, DoesNotWaitForADaemonThatIsNotThere) {
  const SystemClock clock;
  Acknowledger acknowledger(std::make_unique<FakeNodes>(fail(Errc::kUnavailable, "no")), clock, std::chrono::hours(1));
  std::promise<bool> told;
  acknowledger.wait(1, [&](bool served) { told.set_value(served); });
  EXPECT_FALSE(told.get_future().get());
}

}  // namespace
}  // namespace sdns::pdm
