// SPDX-License-Identifier: MIT
#include "backend/health/probe_http.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <vector>

#include "backend/health/probe_url.h"
#include "tests/unit/health/probe_http_fixture.h"

namespace sdns::health {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(ProbeHttp, SendsWhatTheSpecificationSaysToThePinnedAddress) {
  std::string head;
  Peer peer([&head](int fd) {
    head = read_head(fd);
    send_text(fd, response("200 OK", "fine"));
  });
  const ProbeResult got = run(get(0, {.url = to_url("www.invalid", peer.port(), "/up?x=1"),
                                      .headers = {{"X-A", "b"}, {"X-None", ""}},
                                      .user_agent = "agent/1"}));
  EXPECT_FAILURE(got, ProbeFailure::kNone);
  EXPECT_EQ(got.text, "");
  EXPECT_THAT(head, StartsWith("GET /up?x=1 HTTP/1.1\r\nHost: www.invalid:" + std::to_string(peer.port()) + "\r\n"));
  EXPECT_THAT(head,
              AllOf(HasSubstr("\r\nUser-Agent: agent/1\r\n"), HasSubstr("\r\nX-A: b\r\n"), HasSubstr("\r\nX-None:")));
}

TEST_F(ProbeHttp, APortOfTheProbeIsConnectedToInsteadOfTheUrls) {
  std::string head;
  Peer peer([&head](int fd) {
    head = read_head(fd);
    send_text(fd, response("200 OK", ""));
  });
  ProbeSpec spec = get(0, {.url = "http://www.invalid/"});
  spec.port = peer.port();
  EXPECT_FAILURE(run(spec), ProbeFailure::kNone);
  EXPECT_THAT(head, HasSubstr("\r\nHost: www.invalid\r\n"));
}

TEST_F(ProbeHttp, IPv6AndASourceAddressAreUsed) {
  Peer peer6(answers(response("200 OK", "")), "::1");
  EXPECT_FAILURE(run(get(peer6.port(), {}, "::1")), ProbeFailure::kNone);
  std::string from;
  Peer peer([&from](int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size);
    from = ::inet_ntoa(address.sin_addr);
    read_head(fd);
    send_text(fd, response("200 OK", ""));
  });
  ProbeSpec spec = get(peer.port());
  spec.source = ip("127.0.0.88");
  EXPECT_FAILURE(run(spec), ProbeFailure::kNone);
  EXPECT_EQ(from, "127.0.0.88");
  spec.source = ip("203.0.113.200");
  EXPECT_FAILURE(run(spec), ProbeFailure::kLocal);
}

TEST_F(ProbeHttp, MethodsAreSentAndAHeadHasNoBody) {
  std::mutex mutex;  // of what the last connection has sent
  std::string head;
  const auto seen = [&] {
    std::lock_guard lock(mutex);
    return head;
  };
  Peer peer([&](int fd) {
    const std::string got = read_head(fd);
    {
      std::lock_guard lock(mutex);
      head = got;
    }
    send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    if (!got.starts_with("HEAD")) send_text(fd, std::string(1000, 'x'));
    wait_for_end(fd);
  });
  EXPECT_FAILURE(run(get(peer.port(), {.method = "HEAD"})), ProbeFailure::kNone);
  EXPECT_THAT(seen(), StartsWith("HEAD / "));
  EXPECT_FAILURE(run(get(peer.port(), {.method = "OPTIONS"})), ProbeFailure::kNone);
  EXPECT_THAT(seen(), StartsWith("OPTIONS / "));
}

TEST_F(ProbeHttp, TheStatusMustBeAmongTheExpected) {
  Peer peer(answers(response("204 No Content", "")));
  const ProbeResult got = run(get(peer.port()));
  EXPECT_FAILURE(got, ProbeFailure::kStatus);
  EXPECT_EQ(got.text, "the status is 204");
  EXPECT_FAILURE(run(get(peer.port(), {.codes = {{200, 299}}})), ProbeFailure::kNone);
  EXPECT_FAILURE(run(get(peer.port(), {.codes = {{100, 203}, {205, 599}}})), ProbeFailure::kStatus);
}

TEST_F(ProbeHttp, TheBodyMustHaveTheTextAlsoWhereItComesInPieces) {
  Peer peer([](int fd) {
    read_head(fd);
    send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const char* piece : {"4\r\n12 r\r\n", "2\r\nea\r\n", "5\r\ndy ok\r\n", "0\r\n\r\n"}) send_text(fd, piece);
    wait_for_end(fd);
  });
  const ProbeResult got = run(get(peer.port(), {.stringmatch = "ready"}));
  EXPECT_FAILURE(got, ProbeFailure::kNone);
  EXPECT_EQ(got.weight, 12u);
  const ProbeResult miss = run(get(peer.port(), {.stringmatch = "steady"}));
  EXPECT_FAILURE(miss, ProbeFailure::kMismatch);
  EXPECT_EQ(miss.text, "\"steady\" is not in the 11 octets of the body");
}

TEST_F(ProbeHttp, AByteLimitCutsAnEndlessBodyAndWhatCameIsJudged) {
  Peer endless([](int fd) {
    read_head(fd);
    send_text(fd, "HTTP/1.1 200 OK\r\n\r\n7 begin ");
    while (send_text(fd, std::string(8192, 'x'))) continue;
  });
  const ProbeResult got = run(get(endless.port(), {.stringmatch = "begin", .byte_limit = 20'000}));
  EXPECT_FAILURE(got, ProbeFailure::kNone);
  EXPECT_EQ(got.weight, 7u);
  EXPECT_FAILURE(run(get(endless.port(), {.stringmatch = "begin", .byte_limit = 6})), ProbeFailure::kMismatch);
  make_prober({.http = {.header_octets = 1000, .body_octets = 50'000}},
              {.allowed = {*dns::IpNetwork::parse("127.0.0.0/8")}});
  EXPECT_FAILURE(run(get(endless.port(), {.stringmatch = "begin"})), ProbeFailure::kTooLarge);
  EXPECT_FAILURE(run(get(endless.port(), {.stringmatch = "begin", .byte_limit = 50'000})), ProbeFailure::kNone);
  const ProbeResult much = run(get(endless.port(), {.stringmatch = "begin", .byte_limit = 50'001}));
  EXPECT_FAILURE(much, ProbeFailure::kTooLarge);
  EXPECT_EQ(much.text, "the response has more than 50000 octets");
}

struct BadPeer {
  const char* what;
  ProbeFailure failure;
  bool briefly;  // it would go on for ever
  Peer::Script script;
};
void PrintTo(const BadPeer& row, std::ostream* out) { *out << row.what; }
class ProbeHttpBadPeer : public ProbeHttp, public testing::WithParamInterface<BadPeer> {};

TEST_P(ProbeHttpBadPeer, EndsTheProbe) {
  Peer peer(GetParam().script);
  const ProbeSpec spec = get(peer.port(), {.codes = {{100, 999}}, .redirects = Redirects::kFollow});
  EXPECT_FAILURE(GetParam().briefly ? run_briefly(spec) : run(spec), GetParam().failure);
}

void then_reset(int fd) {
  read_head(fd);
  break_connection(fd);
}
// Octets at a distance of a few milliseconds, until the client goes.
void trickle(int fd, const char* octets) {
  pollfd gone{fd, POLLIN, 0};
  while (::poll(&gone, 1, 5) == 0)
    if (!send_text(fd, octets)) return;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ProbeHttpBadPeer,
    testing::Values(BadPeer{"silent", ProbeFailure::kTimeout, true, [](int fd) { wait_for_end(fd); }},
                    BadPeer{"ends at once", ProbeFailure::kClosed, false, [](int fd) { read_head(fd); }},
                    BadPeer{"resets at once", ProbeFailure::kReset, false, then_reset},
                    BadPeer{"headers that do not end", ProbeFailure::kTooLarge, false,
                            [](int fd) {
                              read_head(fd);
                              send_text(fd, "HTTP/1.1 200 OK\r\n");
                              while (send_text(fd, "X-Endless: header\r\n")) continue;
                            }},
                    BadPeer{"a header line that does not end", ProbeFailure::kTooLarge, false,
                            [](int fd) {
                              read_head(fd);
                              send_text(fd, "HTTP/1.1 200 OK\r\nX-Endless: ");
                              while (send_text(fd, std::string(4096, 'x'))) continue;
                            }},
                    BadPeer{"responses of status 100 without an end", ProbeFailure::kTooLarge, false,
                            [](int fd) {
                              read_head(fd);
                              while (send_text(fd, "HTTP/1.1 100 Continue\r\n\r\n")) continue;
                            }},
                    BadPeer{"slow headers", ProbeFailure::kTimeout, true,
                            [](int fd) {
                              read_head(fd);
                              send_text(fd, "HTTP/1.1 200 OK\r\n");
                              trickle(fd, "A: b\r\n");
                            }},
                    BadPeer{"a slow body", ProbeFailure::kTimeout, true,
                            [](int fd) {
                              read_head(fd);
                              send_text(fd, "HTTP/1.1 200 OK\r\n\r\n");
                              trickle(fd, "x");
                            }},
                    BadPeer{"a body that ends too early", ProbeFailure::kClosed, false,
                            [](int fd) {
                              read_head(fd);
                              send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
                            }},
                    BadPeer{"a chunk that ends too early", ProbeFailure::kClosed, false,
                            [](int fd) {
                              read_head(fd);
                              send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc");
                            }},
                    BadPeer{"chunks that are none", ProbeFailure::kProtocol, false,
                            [](int fd) {
                              read_head(fd);
                              send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
                              wait_for_end(fd);
                            }},
                    BadPeer{"no HTTP", ProbeFailure::kProtocol, false,
                            [](int fd) {
                              read_head(fd);
                              send_text(fd, "220 smtp ready\r\n");
                              wait_for_end(fd);
                            }},
                    BadPeer{"a redirect to itself", ProbeFailure::kRedirect, false, [](int fd) {
                              read_head(fd);
                              send_text(fd, response("302 Found", "", "Location: /again\r\n"));
                              wait_for_end(fd);
                            }}));

TEST_F(ProbeHttp, AResetInTheMiddleOfTheBodyIsAFailure) {
  Peer peer([](int fd) {
    read_head(fd);
    send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(5000, 'x'));
    char c = 0;
    ::recv(fd, &c, 1, MSG_DONTWAIT);
    break_connection(fd);
  });
  const ProbeResult got = run(get(peer.port()));
  EXPECT_FALSE(got.ok());
  EXPECT_THAT(failure_name(got.failure), testing::AnyOf("reset", "closed"));
}

TEST_F(ProbeHttp, APortWithoutListenerRefuses) {
  const BoundSocket nobody = bind_to("127.0.0.1", SOCK_STREAM);
  const ProbeResult got = run(get(nobody.port));
  EXPECT_FAILURE(got, ProbeFailure::kRefused);
  EXPECT_EQ(got.text, "connect: Connection refused");
}

TEST_F(ProbeHttp, TheEnvironmentNamesNoProxy) {
  Peer proxy(answers(response("200 OK", "proxy")));
  Peer peer(answers(response("200 OK", "direct")));
  const std::string url = to_url("127.0.0.1", proxy.port());
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) ::setenv(name, url.c_str(), 1);
  const ProbeResult got = run(get(peer.port(), {.stringmatch = "direct"}));
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
  EXPECT_FAILURE(got, ProbeFailure::kNone);
  EXPECT_EQ(proxy.connections(), 0);
}

TEST_F(ProbeHttp, ZoneDataMayNotProbeWhatThePolicyRefuses) {
  Peer peer(answers(response("200 OK", "")));
  make_prober({}, {});
  EXPECT_FAILURE(run(get(peer.port())), ProbeFailure::kForbidden);
  // Where an external URL leads is known when the socket is made.
  for (const std::string host : {"localhost", "127.0.0.1", "[::1]", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"}) {
    const ProbeResult got = run(get(0, {.url = to_url(host, peer.port()), .host = HttpHost::kResolved}));
    EXPECT_FAILURE(got, ProbeFailure::kForbidden) << host;
  }
  EXPECT_EQ(peer.connections(), 0);
  ProbeSpec own = get(peer.port());
  own.origin = ProbeOrigin::kOperator;
  EXPECT_FAILURE(run(own), ProbeFailure::kNone);
}

TEST_F(ProbeHttp, AnExternalUrlIsResolved) {
  Peer peer(answers(response("200 OK", "")));
  ProbeSpec spec = get(0, {.url = to_url("localhost", peer.port()), .host = HttpHost::kResolved}, "0.0.0.0");
  EXPECT_FAILURE(run(spec), ProbeFailure::kNone);
  spec.source = ip("127.0.0.99");
  EXPECT_FAILURE(run(spec), ProbeFailure::kNone);
}

// Redirects.

Peer::Script redirects_to(std::function<std::string(const std::string& path)> where, std::string at_end = "200 OK",
                          std::string body = "arrived") {
  return [=](int fd) {
    const std::string head = read_head(fd);
    if (head.empty()) return;
    const std::string location = where(head.substr(4, head.find(' ', 4) - 4));
    send_text(fd, location.empty() ? response(at_end, body)
                                   : response("302 Found", "9 moved", "Location: " + location + "\r\n"));
    wait_for_end(fd);
  };
}
std::string once(const std::string& path, const std::string& location) { return path == "/" ? location : ""; }

TEST_F(ProbeHttp, ARedirectIsTheResponseUnlessItIsFollowed) {
  Peer peer(redirects_to([](const std::string& path) { return once(path, "/there"); }));
  EXPECT_EQ(run(get(peer.port())).text, "the status is 302");
  EXPECT_FAILURE(run(get(peer.port(), {.codes = {{302, 302}}, .stringmatch = "moved"})), ProbeFailure::kNone);
  for (const Redirects how : {Redirects::kSameHost, Redirects::kFollow}) {
    const ProbeResult got = run(get(peer.port(), {.stringmatch = "arrived", .redirects = how}));
    EXPECT_FAILURE(got, ProbeFailure::kNone);
    EXPECT_EQ(got.weight, 1u) << "the body of the redirect does not count";
    EXPECT_FAILURE(run(get(peer.port(), {.stringmatch = "moved", .redirects = how})), ProbeFailure::kMismatch);
  }
}

TEST_F(ProbeHttp, AsManyRedirectsAsAllowedAreFollowed) {
  Peer peer(redirects_to([](const std::string& path) { return path.size() < 4 ? path + "x" : ""; }));
  EXPECT_FAILURE(run(get(peer.port(), {.redirects = Redirects::kFollow, .most_redirects = 3})), ProbeFailure::kNone);
  const ProbeResult got = run(get(peer.port(), {.redirects = Redirects::kFollow, .most_redirects = 2}));
  EXPECT_FAILURE(got, ProbeFailure::kRedirect);
  EXPECT_EQ(got.text, "more than 2 redirects");
}

TEST_F(ProbeHttp, TheSameHostStaysAtThePinnedAddress) {
  Peer other(answers(response("200 OK", "other port")));
  Peer peer(redirects_to([&](const std::string& path) { return once(path, to_url("WWW.invalid.", other.port())); }));
  for (const Redirects how : {Redirects::kSameHost, Redirects::kFollow})
    EXPECT_FAILURE(run(get(peer.port(), {.stringmatch = "other port", .redirects = how})), ProbeFailure::kNone);
}

TEST_F(ProbeHttp, APortOfTheProbeStaysForItsOwnUrlAlone) {
  Peer other(answers(response("200 OK", "other port")));
  std::string target = "http://www.invalid/there";
  Peer peer(redirects_to([&](const std::string& path) { return once(path, target); }));
  ProbeSpec spec = get(0, {.url = "http://www.invalid/", .stringmatch = "arrived", .redirects = Redirects::kSameHost});
  spec.port = peer.port();
  EXPECT_FAILURE(run(spec), ProbeFailure::kNone);
  target = to_url("www.invalid", other.port());
  std::get<HttpProbe>(spec.kind).stringmatch = "other port";
  EXPECT_FAILURE(run(spec), ProbeFailure::kNone);
}

TEST_F(ProbeHttp, AnotherHostIsFollowedOnlyIfThatIsWanted) {
  std::string head;
  Peer elsewhere([&head](int fd) {
    head = read_head(fd);
    send_text(fd, response("200 OK", "elsewhere"));
  });
  Peer peer(redirects_to([&](const std::string& path) { return once(path, to_url("localhost", elsewhere.port())); }));
  const HttpProbe http{.headers = {{"X-Key", "secret"}}, .stringmatch = "elsewhere", .redirects = Redirects::kSameHost};
  const ProbeResult stays = run(get(peer.port(), http));
  EXPECT_FAILURE(stays, ProbeFailure::kRedirect);
  EXPECT_THAT(stays.text, HasSubstr("localhost"));
  EXPECT_EQ(elsewhere.connections(), 0);
  HttpProbe follows = http;
  follows.redirects = Redirects::kFollow;
  EXPECT_FAILURE(run(get(peer.port(), follows)), ProbeFailure::kNone);
  EXPECT_THAT(head, Not(HasSubstr("X-Key")));
}

TEST_F(ProbeHttp, ARedirectDoesNotLeadAroundThePolicy) {
  Peer forbidden(answers(response("200 OK", "secret")), "127.0.0.2");
  std::string target;
  Peer peer(redirects_to([&](const std::string& path) { return once(path, target); }));
  make_prober({}, {.allowed = {*dns::IpNetwork::parse("127.0.0.1/32")}});
  for (const std::string host : {"127.0.0.2", "0x7f000002", "[::ffff:127.0.0.2]", "2130706434"}) {
    target = to_url(host, forbidden.port());
    EXPECT_FAILURE(run(get(peer.port(), {.redirects = Redirects::kFollow})), ProbeFailure::kForbidden) << host;
  }
  for (const char* elsewhere : {"file:///etc/passwd", "gopher://127.0.0.1/", "http://", "//", "http://[::1"}) {
    target = elsewhere;
    EXPECT_FAILURE(run(get(peer.port(), {.redirects = Redirects::kFollow})), ProbeFailure::kRedirect) << elsewhere;
  }
  EXPECT_EQ(forbidden.connections(), 0);
}

TEST_F(ProbeHttp, CancelAndDestructionEndItInEveryState) {
  Peer silent(wait_for_end);
  Peer begins([](int fd) {
    read_head(fd);
    send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    wait_for_end(fd);
  });
  Peer moves(redirects_to([](const std::string& path) { return path + "x"; }));
  run(get(moves.port(), {.codes = {{302, 302}}}));
  const std::size_t before = open_descriptors();
  const auto ignore = [](ProbeId, const ProbeResult&) {};
  for (int turns = 0; turns < 12; ++turns) {
    std::vector<ProbeId> ids;
    for (const Peer* peer : {&silent, &begins, &moves})
      ids.push_back(
          prober_->start(get(peer->port(), {.redirects = Redirects::kFollow, .most_redirects = 1000}), ignore));
    ids.push_back(
        prober_->start(get(0, {.url = to_url("localhost", silent.port()), .host = HttpHost::kResolved}), ignore));
    for (int i = 0; i < turns; ++i) uv_run(&loop_, UV_RUN_ONCE);
    for (const ProbeId id : ids) EXPECT_TRUE(prober_->cancel(id)) << turns;
  }
  poll_until([&] { return open_descriptors() <= before; });
  const auto never = [](ProbeId, const ProbeResult&) { ADD_FAILURE(); };
  for (int i = 0; i < 20; ++i) prober_->start(get(i % 2 == 0 ? silent.port() : begins.port()), never);
  for (int i = 0; i < 5; ++i) uv_run(&loop_, UV_RUN_ONCE);
  prober_.reset();
}

TEST_F(ProbeHttp, ManyProbesLeaveNoDescriptorBehind) {
  Peer peer(answers(response("200 OK", "up")));
  run(get(peer.port()));
  const std::size_t before = open_descriptors();
  int good = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 50; ++i)
      prober_->start(get(peer.port(), {.stringmatch = "up"}),
                     [&good](ProbeId, const ProbeResult& result) { good += result.ok(); });
    turn_until([&] { return prober_->under_way() == 0; });
  }
  EXPECT_EQ(good, 500);
  poll_until([&] { return open_descriptors() <= before; });
}

TEST(ProbeUrlTest, ReadsAndResolves) {
  const auto url = read_url("https://user@Example.NET./a?b");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "example.net");
  EXPECT_EQ(url->port, 443);
  EXPECT_FALSE(read_url("ftp://example.net/"));
  EXPECT_FALSE(read_url("example.net"));
  EXPECT_EQ(resolve_url("http://a/b/c?d", "../e f")->text, "http://a/e%20f");
  EXPECT_EQ(resolve_url("http://a/b", "//c:81/")->host, "c");
  EXPECT_EQ(resolve_url("http://a/b", "//c:81/")->port, 81);
  EXPECT_EQ(location_of("LOCATION: \t/x \r\n"), "/x");
  EXPECT_FALSE(location_of("Content-Location: /x\r\n"));
}

}  // namespace
}  // namespace sdns::health
