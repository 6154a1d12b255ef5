// SPDX-License-Identifier: MIT
#include "backend/health/checker.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "tests/support/manual_clock.h"
#include "tests/unit/daemon/log_capture.h"
#include "tests/unit/health/probe_fixture.h"

namespace sdns::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;

class CheckerTest : public testing::Test {
 protected:
  static CheckerOptions options(KeptChecks kept = {}) {
    CheckerOptions made;
    made.book.interval = milliseconds(50);
    made.book.most_in_flight = 20;
    made.book.guard.share_percent = 0;
    made.policy.allowed = {*dns::IpNetwork::parse("127.0.0.0/8")};
    made.kept = std::move(kept);
    return made;
  }
  std::unique_ptr<Checker> start(CheckerOptions wanted = options()) {
    auto started = Checker::start(std::move(wanted), clock_, clock_, log_.log(), metrics_);
    EXPECT_TRUE(started) << to_text(started.error());
    return std::move(*started);
  }
  static std::string tcp(std::uint16_t port, int host = 1) { return fmt::format("tcp 127.0.0.{}:{}", host, port); }

  // Takes states until this check has this verdict.
  void await(Checker& checker, const std::string& identity, Verdict verdict) {
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (std::chrono::steady_clock::now() < deadline) {
      for (auto& [changed, state] : checker.take()) states_[changed] = state;
      const auto found = states_.find(identity);
      if (found != states_.end() && found->second.verdict == verdict) return;
      std::this_thread::yield();
    }
    FAIL() << identity << " is not " << verdict_name(verdict);
  }

  SystemClock clock_;
  test::LogCapture log_;
  Metrics metrics_;
  std::map<std::string, State> states_;
};

TEST_F(CheckerTest, SaysWhenTargetsComeAndDie) {
  const auto checker = start();
  // Bound, and nobody listens: what connects is refused, and nobody else gets the port.
  BoundSocket target = bind_to("127.0.0.1", SOCK_STREAM);
  checker->want({tcp(target.port)});
  await(*checker, tcp(target.port), Verdict::kDown);
  ::listen(target.fd.get(), 1024);
  await(*checker, tcp(target.port), Verdict::kUp);
  target.fd.reset();
  await(*checker, tcp(target.port), Verdict::kDown);
  EXPECT_EQ(checker->transitions(), 3U);
  EXPECT_EQ(log_.count("health.verdict"), 3U);
  EXPECT_THAT(log_.text(), HasSubstr("reason=refused"));
  const auto reports = checker->report("tcp");
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].transitions, 3U);
  EXPECT_GT(reports[0].all_totals, reports[0].last_total);
  const auto past = checker->history().after(0, tcp(target.port)).transitions;
  ASSERT_EQ(past.size(), 3U);
  EXPECT_EQ(past[1].transition.to, Verdict::kUp);
  EXPECT_EQ(past[2].transition.failure, ProbeFailure::kRefused);
  EXPECT_LE(past[0].time, past[2].time);
}

TEST_F(CheckerTest, AFloodOfVerdictsIsNotAFloodOfLines) {
  constexpr int kChecks = 250;
  test::ManualClock still;  // one second that does not end
  auto checker = Checker::start(options(), still, clock_, log_.log(), metrics_);
  ASSERT_TRUE(checker) << to_text(checker.error());
  const BoundSocket refuses = bind_to("127.0.0.1", SOCK_STREAM);
  std::vector<std::string> identities;
  for (int i = 1; i <= kChecks; ++i) identities.push_back(fmt::format("{} timeout={}", tcp(refuses.port), i + 2));
  (*checker)->want(identities);
  for (const std::string& identity : identities) await(**checker, identity, Verdict::kDown);
  EXPECT_EQ(log_.count("health.verdict"), 200U);
  EXPECT_EQ(log_.count("health.verdicts_left_out"), 1U);
  EXPECT_EQ((*checker)->history().after(0, "").transitions.size(), std::size_t{kChecks});
}

TEST_F(CheckerTest, WhatIsForgottenIsGone) {
  const auto checker = start();
  const Peer peer([](int) {});
  checker->want({tcp(peer.port()), tcp(peer.port(), 2)});
  EXPECT_EQ(checker->report("").size(), 2U);
  checker->forget({tcp(peer.port()), "tcp 192.0.2.1:1"});
  const auto left = checker->report("");
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].identity, tcp(peer.port(), 2));
}

TEST_F(CheckerTest, AProbeOfAForgottenCheckEndsAtOnce) {
  CheckerOptions wanted = options();
  wanted.book.most_in_flight = 1;
  wanted.book.longest_probe = seconds(3600);
  const auto checker = start(std::move(wanted));
  std::atomic<bool> ended = false;
  const Peer silent([&ended](int fd) {
    wait_for_end(fd);
    ended = true;
  });
  const Peer other([](int) {});
  const std::string stuck = tcp(silent.port()) + " timeout=3600 expect=x";
  checker->want({stuck});
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (silent.connections() == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  checker->want({tcp(other.port())});
  checker->forget({stuck});
  await(*checker, tcp(other.port()), Verdict::kUp);
  while (!ended && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(ended);
}

TEST_F(CheckerTest, GoesOnFromWhatWasKept) {
  const Peer peer([](int) {});
  std::vector<KeptCheck> kept;
  {
    const auto checker = start();
    checker->want({tcp(peer.port())});
    await(*checker, tcp(peer.port()), Verdict::kUp);
    kept = checker->keep();
    ASSERT_EQ(kept.size(), 1U);
  }
  const auto checker = start(options(KeptChecks(kept, std::chrono::steady_clock::now(), seconds(1))));
  EXPECT_EQ(checker->begins_as(tcp(peer.port()), Planning::kNo).verdict, Verdict::kUp);
  EXPECT_EQ(checker->begins_as("tcp 192.0.2.1:1", Planning::kNo).verdict, Verdict::kUnknown);
  EXPECT_EQ(checker->begins_as("tcp 192.0.2.1:1 fall=3 initial=up", Planning::kNo).verdict, Verdict::kUp);
  checker->want({tcp(peer.port())});
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (!checker->report("").at(0).probed && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(checker->report("").at(0).state.verdict, Verdict::kUp);
  EXPECT_THAT(checker->take(), IsEmpty()) << "nothing has changed";
  EXPECT_EQ(log_.count("health.verdict"), 1U);
}

TEST_F(CheckerTest, WhatMayNotBeProbedStaysUnknown) {
  CheckerOptions strict = options();
  strict.policy.allowed.clear();
  const auto checker = start(std::move(strict));
  std::atomic<int> connections = 0;
  const Peer peer([&connections](int) { ++connections; });
  checker->want({tcp(peer.port())});
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (checker->report("").at(0).probes < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  const auto report = checker->report("").at(0);
  EXPECT_EQ(report.last_failure, ProbeFailure::kForbidden);
  EXPECT_EQ(report.state.verdict, Verdict::kUnknown);
  EXPECT_EQ(connections, 0);
}

// Nothing can leave this host from 127.0.0.1.
TEST_F(CheckerTest, TheHostsOwnAddressesAreLookedAtAgainAndAgain) {
  const std::string target = "tcp 192.0.2.1:9 source=127.0.0.1";
  std::atomic<int> state = 0;
  CheckerOptions wanted = options();
  wanted.policy.allowed.clear();
  wanted.host_addresses_every = milliseconds(1);
  wanted.host_addresses = [&state]() -> Result<std::vector<dns::IpAddress>> {
    switch (state) {
      case 0:
        return std::vector{ip("192.0.2.1")};
      case 1:
        return fail(Errc::kIo, "cannot say");
      default:
        return std::vector<dns::IpAddress>{};
    }
  };
  const auto checker = start(std::move(wanted));
  checker->want({target});
  const auto await_report = [&](auto&& done) {
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (std::chrono::steady_clock::now() < deadline) {
      if (done(checker->report("").at(0))) return;
      std::this_thread::yield();
    }
    ADD_FAILURE() << "it does not happen";
  };
  await_report([](const CheckReport& report) { return report.probed; });
  EXPECT_EQ(checker->report("").at(0).last_failure, ProbeFailure::kForbidden);
  EXPECT_THAT(checker->report("").at(0).last_text, HasSubstr("an address of this host"));
  state = 1;
  await_report([&](const CheckReport&) { return log_.count("health.host_unknown") > 0; });
  const std::uint64_t before = checker->report("").at(0).probes;
  await_report([&](const CheckReport& report) { return report.probes > before; });
  EXPECT_EQ(checker->report("").at(0).last_failure, ProbeFailure::kForbidden) << "what was known stays";
  state = 2;
  await_report([](const CheckReport& report) { return report.last_failure != ProbeFailure::kForbidden; });
  EXPECT_EQ(log_.count("health.host_unknown"), 1U);
}

// Many threads at once, checks that come and go while they are probed, and an end in the middle of it.
TEST_F(CheckerTest, IsSafeFromManyThreads) {
  const Peer peer([](int) {});
  for (int turn = 0; turn < 3; ++turn) {
    const auto checker = start();
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 50; ++i) {
          std::vector<std::string> identities;
          for (int host = 1; host < 30; ++host) identities.push_back(tcp(peer.port(), host));
          if ((i + thread) % 3 == 0) checker->forget(identities);
          else checker->want(identities);
          (void)checker->take();
          if (i % 10 == 0) (void)checker->report(":");
          if (i % 10 == 5) (void)checker->keep();
          (void)checker->transitions();
        }
      });
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace sdns::health
