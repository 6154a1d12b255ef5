// SPDX-License-Identifier: MIT
#include "backend/health/probe_tcp.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <utility>
#include <vector>

#include "backend/health/probe_run.h"
#include "tests/support/descriptors.h"
#include "tests/unit/health/probe_fixture.h"

namespace sdns::health {
namespace {

using testing::HasSubstr;

class ProbeTcp : public ProberTest {};

TEST_F(ProbeTcp, AListenerIsUp) {
  Peer peer(wait_for_end);
  const ProbeResult got = run(tcp(peer.port()));
  EXPECT_FAILURE(got, ProbeFailure::kNone);
  EXPECT_EQ(got.weight, 1u);
  EXPECT_EQ(got.text, "");
}

TEST_F(ProbeTcp, IPv6IsProbedToo) {
  Peer peer(wait_for_end, "::1");
  EXPECT_FAILURE(run(tcp(peer.port(), {}, "::1")), ProbeFailure::kNone);
}

TEST_F(ProbeTcp, APortWithoutListenerRefuses) {
  const BoundSocket nobody = bind_to("127.0.0.1", SOCK_STREAM);  // bound, so that nobody else listens there
  const ProbeResult got = run(tcp(nobody.port));
  EXPECT_FAILURE(got, ProbeFailure::kRefused);
  EXPECT_EQ(got.text, "connect: Connection refused");
}

TEST_F(ProbeTcp, AListenerWhoseBacklogIsFullTimesOut) {
  const BoundSocket full = bind_to("127.0.0.1", SOCK_STREAM);
  ASSERT_EQ(::listen(full.fd.get(), 0), 0);
  std::array<Fd, 8> waiting;
  for (Fd& fd : waiting) {
    fd = std::move(bind_to("127.0.0.1", SOCK_STREAM).fd);
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(full.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to);
  }
  ProbeSpec spec = tcp(full.port);
  spec.timeout = std::chrono::milliseconds(150);
  const ProbeResult got = run(spec);
  EXPECT_FAILURE(got, ProbeFailure::kTimeout);
  EXPECT_EQ(got.text, "no connection within 150 ms");
  EXPECT_GE(got.total, std::chrono::milliseconds(150));
}

TEST_F(ProbeTcp, ASilentPeerIsUpUnlessSomethingIsExpected) {
  Peer silent(wait_for_end);
  EXPECT_FAILURE(run(tcp(silent.port())), ProbeFailure::kNone);
  EXPECT_FAILURE(run(tcp(silent.port(), {.send = "hello"})), ProbeFailure::kNone);
  ProbeSpec spec = tcp(silent.port(), {.expect = "220 "});
  spec.timeout = std::chrono::milliseconds(150);
  EXPECT_FAILURE(run(spec), ProbeFailure::kTimeout);
}

TEST_F(ProbeTcp, SendsAndFindsWhatIsExpectedAcrossPieces) {
  std::string seen;
  Peer peer([&seen](int fd) {
    char c = 0;
    while (!seen.ends_with("\r\n") && ::recv(fd, &c, 1, 0) == 1) seen += c;
    for (const char* piece : {"+P", "O", "NG\r\n"}) send_text(fd, piece);
    wait_for_end(fd);
  });
  EXPECT_FAILURE(run(tcp(peer.port(), {.send = "PING\r\n", .expect = "PONG"})), ProbeFailure::kNone);
  EXPECT_EQ(seen, "PING\r\n");
}

TEST_F(ProbeTcp, AnotherAnswerIsAMismatchThatIsShown) {
  Peer peer([](int fd) { send_text(fd, "421 busy\x01\r\n"); });
  const ProbeResult got = run(tcp(peer.port(), {.expect = "220 "}));
  EXPECT_FAILURE(got, ProbeFailure::kMismatch);
  EXPECT_THAT(got.text, HasSubstr("421 busy\\001\\013\\010"));
}

TEST_F(ProbeTcp, AnEndAResetAndTooMuchAreFailures) {
  Peer ends([](int) {});
  EXPECT_FAILURE(run(tcp(ends.port(), {.expect = "220 "})), ProbeFailure::kClosed);
  Peer breaks([](int fd) { break_connection(fd); });
  EXPECT_FAILURE(run(tcp(breaks.port(), {.expect = "220 "})), ProbeFailure::kReset);
  Peer floods([](int fd) {
    while (send_text(fd, std::string(4096, 'x'))) continue;
  });
  EXPECT_FAILURE(run(tcp(floods.port(), {.expect = "220 ", .limit_octets = 10'000})), ProbeFailure::kTooLarge);
}

TEST_F(ProbeTcp, ComesFromTheSourceAddress) {
  std::string from;
  Peer peer([&from](int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size);
    from = ::inet_ntoa(address.sin_addr);
    send_text(fd, "x");
  });
  ProbeSpec spec = tcp(peer.port(), {.expect = "x"});
  spec.source = ip("127.0.0.77");
  EXPECT_FAILURE(run(spec), ProbeFailure::kNone);
  EXPECT_EQ(from, "127.0.0.77");
  spec.source = ip("192.0.2.1");  // nobody's
  const ProbeResult got = run(spec);
  EXPECT_FAILURE(got, ProbeFailure::kLocal);
  EXPECT_THAT(got.text, HasSubstr("192.0.2.1"));
}

TEST_F(ProbeTcp, ZoneDataMayNotProbeWhatThePolicyRefuses) {
  Peer peer(wait_for_end);
  make_prober({}, {});
  const ProbeResult got = run(tcp(peer.port()));
  EXPECT_FAILURE(got, ProbeFailure::kForbidden);
  EXPECT_THAT(got.text, HasSubstr("127.0.0.0/8"));
  EXPECT_EQ(peer.connections(), 0);
  ProbeSpec own = tcp(peer.port());
  own.origin = ProbeOrigin::kOperator;
  EXPECT_FAILURE(run(own), ProbeFailure::kNone);
  prober_->set_policy(TargetPolicy({.allowed = {*dns::IpNetwork::parse("127.0.0.1/32")}}));
  EXPECT_FAILURE(run(tcp(peer.port())), ProbeFailure::kNone);
}

TEST(SocketFailure, IsTheTargetsUnlessThisHostIsToBlame) {
  for (const auto& [error, failure] : std::initializer_list<std::pair<int, ProbeFailure>>{
           {ECONNREFUSED, ProbeFailure::kRefused},
           {ECONNRESET, ProbeFailure::kReset},
           {ETIMEDOUT, ProbeFailure::kTimeout},
           {EHOSTUNREACH, ProbeFailure::kUnreachable},
           {ENETUNREACH, ProbeFailure::kUnreachable},
           {EACCES, ProbeFailure::kUnreachable},  // "administratively prohibited", from a firewall before the target
           {EPERM, ProbeFailure::kLocal},
           {EMFILE, ProbeFailure::kLocal},
           {ENOBUFS, ProbeFailure::kLocal},
       })
    EXPECT_EQ(socket_failure("connect", error).failure, failure) << std::strerror(error);
}

TEST_F(ProbeTcp, ASpecificationThatBreaksARuleIsInvalid) { EXPECT_FAILURE(run(tcp(0)), ProbeFailure::kInvalid); }

TEST_F(ProbeTcp, WithoutDescriptorsTheTargetIsNotToBlame) {
  if (test::kNeedsDescriptors) GTEST_SKIP() << test::kWhyDescriptors;
  Peer peer(wait_for_end);
  std::vector<Fd> all;
  for (;;) {
    all.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!all.back()) break;
  }
  const ProbeResult got = run(tcp(peer.port()));
  all.clear();
  EXPECT_FAILURE(got, ProbeFailure::kLocal);
}

TEST_F(ProbeTcp, ACancelledProbeSaysNothingAndLeavesNoDescriptor) {
  Peer silent(wait_for_end);
  run(tcp(silent.port()));
  const std::size_t before = open_descriptors();
  const auto never = [](ProbeId, const ProbeResult&) { ADD_FAILURE() << "was called"; };
  const ProbeId at_once = prober_->start(tcp(silent.port(), {.expect = "x"}), never);
  EXPECT_TRUE(prober_->cancel(at_once));
  EXPECT_FALSE(prober_->cancel(at_once));
  const ProbeId refused = prober_->start(tcp(0), never);
  EXPECT_TRUE(prober_->cancel(refused));
  const ProbeId later = prober_->start(tcp(silent.port(), {.expect = "x"}), never);
  poll_until([&] { return silent.connections() == 3; });
  EXPECT_TRUE(prober_->cancel(later));
  run(tcp(silent.port()));
  EXPECT_EQ(prober_->under_way(), 0u);
  // The peer's ends go when its threads have seen them.
  poll_until([&] { return open_descriptors() <= before; });
}

TEST_F(ProbeTcp, ACallbackMayStartAndCancelOthers) {
  Peer silent(wait_for_end);
  const ProbeId other =
      prober_->start(tcp(silent.port(), {.expect = "x"}), [](ProbeId, const ProbeResult&) { FAIL(); });
  int done = 0;
  prober_->start(tcp(silent.port()), [&](ProbeId, const ProbeResult& result) {
    EXPECT_TRUE(result.ok());
    EXPECT_TRUE(prober_->cancel(other));
    prober_->start(tcp(silent.port()), [&](ProbeId, const ProbeResult&) { ++done; });
  });
  turn_until([&] { return done == 1; });
}

TEST_F(ProbeTcp, AProberIsDestroyedWithProbesUnderWay) {
  Peer silent(wait_for_end);
  for (int i = 0; i < 50; ++i)
    prober_->start(tcp(silent.port(), {.expect = "x"}), [](ProbeId, const ProbeResult&) { ADD_FAILURE(); });
  for (int i = 0; i < 3; ++i) uv_run(&loop_, UV_RUN_NOWAIT);
  EXPECT_EQ(prober_->under_way(), 50u);
  prober_.reset();
}

TEST_F(ProbeTcp, ThousandsOfProbesLeaveNoDescriptorBehind) {
  Peer peer([](int) {});
  run(tcp(peer.port()));
  const std::size_t before = open_descriptors();
  int done = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 50; ++i)
      prober_->start(tcp(peer.port()), [&done](ProbeId, const ProbeResult& result) { done += result.ok() ? 1 : 0; });
    turn_until([&] { return prober_->under_way() == 0; });
  }
  EXPECT_EQ(done, 1000);
  poll_until([&] { return open_descriptors() <= before; });
}

}  // namespace
}  // namespace sdns::health
