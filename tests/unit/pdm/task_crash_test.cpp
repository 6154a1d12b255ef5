// SPDX-License-Identifier: MIT
// A whole life of a name, ended with SIGKILL before and after each of its commits: the next process completes it.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "pdm/task_runner.h"
#include "tests/unit/pdm/pdm_fixture.h"

namespace sdns::pdm {
namespace {

using test::ok;

constexpr int kFast = 500;  // seconds of the database's clock in one second
constexpr int kMostPoints = 100;

/// Runs fast, and alike in every process.
class FastClock final : public WallClock {
 public:
  WallTime wall_now() const override {
    return begin_ +
           std::chrono::duration_cast<WallTime::duration>(kFast * (std::chrono::steady_clock::now() - steady_));
  }

 private:
  WallTime begin_{std::chrono::seconds(1'767'323'045)};
  std::chrono::steady_clock::time_point steady_ = std::chrono::steady_clock::now();
};

class AllServe final : public Nodes {
 public:
  Result<zone::Revision> serve_up_to(zone::Revision wanted, std::chrono::milliseconds) override { return wanted; }
};

class TaskCrashTest : public test::PdmTest {
 protected:
  TaskCrashTest() { authority.reset(); }  // no connection crosses a fork

  OpenAuthority opener() {
    return [this] { return store::open_authority(url(), store::OpenMode::kExisting, fast, random); };
  }

  /// What a client does that finds out where it was: reserve, commit, wait for the DS, release, wait for the end.
  void live(const Writer::FaultPoint& fault) {
    const SystemClock clock;
    const Log log(fast, LogLevel::kError, LogFormat::kText);
    Metrics metrics;
    const Allocations machine = allocations("child" + std::to_string(::getpid()));
    Readers readers(opener());
    Writer writer(opener(), log, metrics, fault);
    TaskRunner tasks(machine, writer, readers, std::make_unique<AllServe>(), clock, log, metrics,
                     {.look_every = std::chrono::milliseconds(5), .sweep_every = std::chrono::hours(1)});
    for (;;) {
      struct Seen {
        std::optional<AllocationRow> row;
        bool publishing;
        Phase phase;
      };
      const auto seen = ok(readers.read<Seen>([](store::Transaction& read) -> Result<Seen> {
        auto row = ok(read.ledger().allocation("pool.example", "t42"));
        const Phase phase = phase_of(row ? &*row : nullptr, now_ms(read));
        return Seen{row, ok(read.ledger().task(kPublishTask, "t42.pool.example")).has_value(), phase};
      }));
      if (seen.phase == Phase::kQuarantined) return;
      if (seen.phase == Phase::kFree) {
        ok(writer.run([&](store::Transaction& edit) -> Result<void> {
          ok(machine.reserve(edit, {"us", "us"}, {&pool(), "t42", "test", "r", ""}));
          return {};
        }));
      } else if (seen.phase == Phase::kReserved) {
        const auto call = commit_call("t42", machine.token(*seen.row));
        ok(writer.run([&](store::Transaction& edit) -> Result<void> {
          ok(machine.commit(edit, {"us", "us"}, call));
          return {};
        }));
        tasks.wake();
      } else if (seen.phase == Phase::kActive && !seen.publishing) {
        ok(writer.run([&](store::Transaction& edit) -> Result<void> {
          ok(machine.release(edit, {"us", "us"}, pool(), "t42"));
          return {};
        }));
        tasks.wake();
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));  // asks again
      }
    }
  }

  /// In a process of its own. True when it came to the end.
  bool live_until(int point) {
    const pid_t child = ::fork();
    if (child == 0) {
      int passed = 0;
      live([&](std::string_view) {
        if (++passed == point) ::kill(::getpid(), SIGKILL);
      });
      ::_exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    EXPECT_EQ(child, ::waitpid(child, &status, 0));
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
  }

  void start_again() {
    sql("DELETE FROM allocation; DELETE FROM task; DELETE FROM audit");
    settings.lifetimes.quarantine = std::chrono::hours(1000);
    settings.lifetimes.reservation = std::chrono::hours(1000);
  }

  FastClock fast;
};

TEST_F(TaskCrashTest, KilledAtAnyStepTheNextProcessCompletesIt) {
  int points = 0;
  for (int point = 1; point < kMostPoints; ++point) {
    SCOPED_TRACE(point);
    start_again();
    const std::string zones = sql("SELECT value FROM counter WHERE name = 'zone'");
    const bool ended = live_until(point);
    if (!ended) {
      ASSERT_TRUE(live_until(0)) << "the next process";
    }
    EXPECT_EQ("3", sql("SELECT state FROM allocation")) << "quarantined";
    EXPECT_EQ("1", sql("SELECT generation FROM allocation"));
    EXPECT_EQ("0", sql("SELECT count(*) FROM task"));
    EXPECT_EQ("1", sql("SELECT count(*) FROM zone")) << "the pool domain alone";
    EXPECT_EQ("0", sql("SELECT count(*) FROM record WHERE type = 43"));
    EXPECT_EQ(std::to_string(std::stoi(zones) + 1), sql("SELECT value FROM counter WHERE name = 'zone'"));
    for (const char* verb : {"reserve", "commit", "ds-in", "release", "ds-out", "zone-out"})
      EXPECT_EQ("1", sql(fmt::format("SELECT count(*) FROM audit WHERE verb = '{}'", verb))) << verb << " once";
    {
      auto opened = ok(opener()());
      std::vector<store::AuditFault> faults;
      ok(ok(opened->read())->ledger().verify_audit(faults));
      EXPECT_TRUE(faults.empty());
    }
    if (ended) break;
    points = point;
  }
  EXPECT_GE(points, 2 * 6) << "before and after each of the commits";
}

}  // namespace
}  // namespace sdns::pdm
