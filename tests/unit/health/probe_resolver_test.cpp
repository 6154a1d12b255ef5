// SPDX-License-Identifier: MIT
#include "backend/health/probe_resolver.h"

#include <fmt/format.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/unit/health/probe_http_fixture.h"

namespace sdns::health {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A resolver that knows every host, once the test lets it answer. Lookups may outlive the test.
class Lookups {
 public:
  [[nodiscard]] ResolverOptions options(std::size_t most_threads = 32) const {
    return {.most_threads = most_threads, .look_up = [state = state_](const std::string& host, HostFamily) {
              std::unique_lock lock(state->mutex);
              ++state->calls;
              state->changed.wait(lock, [&] { return state->open || host.starts_with("known"); });
              return host.starts_with("known") ? state->known : state->answer;
            }};
  }
  // Hosts whose names begin with "known" are found at once, others never or as `answer` says.
  void answer(LookupResult answer) {
    std::lock_guard lock(state_->mutex);
    state_->answer = std::move(answer);
    state_->open = true;
    state_->changed.notify_all();
  }
  void know(std::vector<dns::IpAddress> addresses) {
    std::lock_guard lock(state_->mutex);
    state_->known.addresses = std::move(addresses);
  }
  [[nodiscard]] int calls() const {
    std::lock_guard lock(state_->mutex);
    return state_->calls;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    int calls = 0;
    LookupResult answer;
    LookupResult known{.outcome = LookupOutcome::kFound, .addresses = {ip("127.0.0.1")}};
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

class ProbeHttpLookup : public ProbeHttp {
 protected:
  void use(std::size_t most_threads = 32) {
    make_prober({.resolver = lookups_.options(most_threads)}, {.allowed = {*dns::IpNetwork::parse("127.0.0.0/8")}});
  }
  ProbeSpec of(const std::string& host) const {
    return get(0, {.url = to_url(host, peer_.port()), .host = HttpHost::kResolved}, "0.0.0.0");
  }
  // Leaves a lookup to itself.
  void give_up(const std::string& host) {
    const int before = lookups_.calls();
    const ProbeId id = prober_->start(of(host), [](ProbeId, const ProbeResult&) { ADD_FAILURE(); });
    poll_until([&] { return lookups_.calls() > before; });
    EXPECT_TRUE(prober_->cancel(id));
  }
  Lookups lookups_;
  const Peer peer_{answers(response("200 OK", ""))};
};

TEST_F(ProbeHttpLookup, AddressesAreTriedInTurnAndTheHostStaysTheUrls) {
  const BoundSocket nobody = bind_to("127.0.0.1", SOCK_STREAM);
  std::mutex mutex;
  std::string head;
  const Peer there(
      [&](int fd) {
        std::lock_guard lock(mutex);
        head = read_head(fd);
        send_text(fd, response("200 OK", ""));
      },
      "127.0.0.2", nobody.port);
  use();
  lookups_.know({ip("127.0.0.1"), ip("127.0.0.2")});
  const ProbeSpec spec = get(0, {.url = to_url("known.invalid", nobody.port), .host = HttpHost::kResolved}, "0.0.0.0");
  EXPECT_FAILURE(run(spec), ProbeFailure::kNone);
  {
    std::lock_guard lock(mutex);
    EXPECT_THAT(head, HasSubstr("\r\nHost: known.invalid:"));
  }
  lookups_.know({ip("127.0.0.1")});
  EXPECT_FAILURE(run(spec), ProbeFailure::kRefused) << "what was known before is forgotten";
  EXPECT_EQ(lookups_.calls(), 2);
}

TEST_F(ProbeHttpLookup, ThereAreFewThreadsHoweverManyLookupsAreGivenUp) {
  use(2);
  give_up("a.invalid");
  give_up("b.invalid");
  int local = 0;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 10; ++i) {
      ProbeSpec spec = of(fmt::format("host-{}-{}.invalid", round, i));
      spec.timeout = std::chrono::milliseconds(20);
      prober_->start(spec, [&local](ProbeId, const ProbeResult& got) {
        local += got.failure == ProbeFailure::kLocal;
        EXPECT_THAT(got.text, HasSubstr("no address of the host within"));
      });
    }
    turn_until([&] { return prober_->under_way() == 0; });
  }
  EXPECT_EQ(local, 50) << "nobody was asked";
  lookups_.answer({.outcome = LookupOutcome::kNone, .text = "no such host"});
  const ProbeResult got = run(of("known.invalid"));
  EXPECT_FAILURE(got, ProbeFailure::kNone);
  EXPECT_EQ(lookups_.calls(), 3) << "those that were given up before their turn are not looked up";
}

TEST_F(ProbeHttpLookup, OneLookupServesAllWhoAskForAHostMeanwhile) {
  use();
  int resolved = 0;
  for (int i = 0; i < 5; ++i)
    prober_->start(of("one.invalid"), [&](ProbeId, const ProbeResult& got) {
      EXPECT_FAILURE(got, ProbeFailure::kResolve);
      EXPECT_EQ(got.text, "one.invalid: no such host");
      ++resolved;
    });
  poll_until([&] { return lookups_.calls() > 0; });
  lookups_.answer({.outcome = LookupOutcome::kNone, .text = "no such host"});
  turn_until([&] { return resolved == 5; });
  EXPECT_EQ(lookups_.calls(), 1);
}

TEST_F(ProbeHttpLookup, AResolverThatDoesNotWorkIsNoNewsOfTheTarget) {
  use();
  lookups_.answer({.outcome = LookupOutcome::kUnanswered, .text = "try again"});
  EXPECT_FAILURE(run(of("dead.invalid")), ProbeFailure::kLocal);
  lookups_.answer({.outcome = LookupOutcome::kLocal, .text = "no memory"});
  EXPECT_FAILURE(run(of("any.invalid")), ProbeFailure::kLocal);
  use(0);
  const ProbeResult none = run(of("known.invalid"));
  EXPECT_FAILURE(none, ProbeFailure::kLocal);
  EXPECT_EQ(none.text, "no thread to look up known.invalid");
}

TEST_F(ProbeHttpLookup, AHostThatNobodyAnswersForWhileOthersAreFoundIsAFailure) {
  use();
  std::optional<ProbeResult> dead;
  prober_->start(of("dead.invalid"), [&](ProbeId, const ProbeResult& got) { dead = got; });
  poll_until([&] { return lookups_.calls() > 0; });
  bool found = false;
  prober_->start(of("known.invalid"), [&](ProbeId, const ProbeResult& got) { found = got.ok(); });
  turn_until([&] { return found; });
  lookups_.answer({.outcome = LookupOutcome::kUnanswered, .text = "try again"});
  turn_until([&] { return dead.has_value(); });
  EXPECT_FAILURE(*dead, ProbeFailure::kResolve);
}

TEST_F(ProbeHttpLookup, AHostThatIsNotFoundInTimeIsATimeoutWhileOthersAreFound) {
  use();
  give_up("silent.invalid");
  for (std::chrono::milliseconds timeout(50);; timeout *= 2) {  // until another one was found in that time
    ProbeSpec spec = of("silent.invalid");
    spec.timeout = timeout;
    std::optional<ProbeResult> silent;
    bool meanwhile = false;
    bool over = false;
    prober_->start(spec, [&](ProbeId, const ProbeResult& got) { silent = got; });
    prober_->start(of("known.invalid"), [&](ProbeId, const ProbeResult&) {
      meanwhile = !silent;
      over = true;
    });
    turn_until([&] { return silent && over; });
    if (!meanwhile) continue;
    EXPECT_FAILURE(*silent, ProbeFailure::kTimeout);
    return;
  }
}

TEST_F(ProbeHttpLookup, CancelAndDestructionLeaveTheLookupToItself) {
  use(1);
  const auto never = [](ProbeId, const ProbeResult&) { ADD_FAILURE(); };
  give_up("a.invalid");
  const ProbeId waits = prober_->start(of("b.invalid"), never);
  EXPECT_TRUE(prober_->cancel(waits));
  prober_->start(of("a.invalid"), never);
  prober_->start(of("c.invalid"), never);
  prober_.reset();
  lookups_.answer({});
}

}  // namespace
}  // namespace sdns::health
