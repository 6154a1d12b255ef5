// SPDX-License-Identifier: MIT
#include "backend/net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/net/raw_http.h"

namespace sdns::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string response(const std::string& status, const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

TEST(HttpClient, SendsMethodHeadersAndBodyAndGivesStatusAndBody) {
  std::string seen;
  test::RawServer server([&](const std::string& request) {
    seen = request;
    return response("201 Created", "made");
  });
  const auto got = HttpClient().send(
      {.method = "PUT", .url = server.url("/a?b=c"), .headers = {{"X-API-Key", "k"}}, .body = "data"});
  ASSERT_TRUE(got) << to_text(got.error());
  EXPECT_EQ(got->status, 201);
  EXPECT_EQ(got->body, "made");
  EXPECT_THAT(seen, StartsWith("PUT /a?b=c HTTP/1.1\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nX-API-Key: k\r\n"));
  EXPECT_THAT(seen, testing::EndsWith("\r\n\r\ndata"));
  EXPECT_THAT(seen, Not(HasSubstr("Expect:")));
}

TEST(HttpClient, ARedirectIsAResultAndNotFollowed) {
  test::RawServer elsewhere([](const std::string&) { return response("200 OK", "no"); });
  test::RawServer server(
      [&](const std::string&) { return response("302 Found", "", "Location: " + elsewhere.url() + "\r\n"); });
  const auto got = HttpClient().send({.url = server.url()});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 302);
  EXPECT_EQ(elsewhere.requests(), 0);
}

TEST(HttpClient, UsesNoProxyOfTheEnvironment) {
  test::RawServer proxy([](const std::string&) { return response("200 OK", "proxy"); });
  test::RawServer server([](const std::string&) { return response("200 OK", "direct"); });
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) ::setenv(name, proxy.url().c_str(), 1);
  const auto got = HttpClient().send({.url = server.url()});
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->body, "direct");
  EXPECT_EQ(proxy.requests(), 0);
}

TEST(HttpClient, AResponseOverTheLimitIsAnErrorAndNotKept) {
  test::RawServer server([](const std::string&) { return response("200 OK", std::string(101, 'x')); });
  HttpClient client;
  const auto over = client.send({.url = server.url(), .max_response_octets = 100});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::kProtocol);
  EXPECT_THAT(over.error().what, HasSubstr("more than 100 octets"));
  const auto fits = client.send({.url = server.url(), .max_response_octets = 101});
  ASSERT_TRUE(fits) << "the client is usable after an error";
  EXPECT_EQ(fits->body.size(), 101U);
}

TEST(HttpClient, APeerThatDoesNotAnswerIsATimeout) {
  std::promise<void> release;
  test::RawServer server([&](const std::string&) {
    release.get_future().wait();
    return std::string();
  });
  const auto got = HttpClient().send({.url = server.url(), .timeout = milliseconds(50)});
  release.set_value();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::kTimeout);
}

TEST(HttpClient, NobodyThereAndNotHttpAreToldApart) {
  std::uint16_t port = 0;
  {
    port = test::RawServer([](const std::string&) { return std::string(); }).port();
  }
  const auto nobody = HttpClient().send({.url = "http://127.0.0.1:" + std::to_string(port) + "/"});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Errc::kUnavailable);
  test::RawServer talker([](const std::string&) { return std::string("220 mail.example ESMTP\r\n"); });
  const auto other = HttpClient().send({.url = talker.url()});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::kProtocol) << to_text(other.error());
}

TEST(HttpClient, GivesTheHeadersOfTheFinalResponse) {
  test::RawServer server([](const std::string&) {
    return "HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n" +
           response("429 Too Many Requests", "", "Retry-After:  17 \r\nX-Empty:\r\n");
  });
  const auto got = HttpClient().send({.url = server.url()});
  ASSERT_TRUE(got) << to_text(got.error());
  EXPECT_EQ(got->header("retry-after"), "17");
  EXPECT_EQ(got->header("x-empty"), "");
  EXPECT_EQ(got->header("x-interim"), "");
  EXPECT_EQ(got->headers.size(), 4U);
}

TEST(HttpClient, HeadersOverTheLimitAreAnError) {
  test::RawServer server(
      [](const std::string&) { return response("200 OK", "", "X: " + std::string(80'000, 'x') + "\r\n"); });
  const auto got = HttpClient().send({.url = server.url()});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::kProtocol);
}

TEST(HttpClient, SaysWhetherARequestMayHaveReachedThePeer) {
  std::uint16_t port = 0;
  {
    port = test::RawServer([](const std::string&) { return std::string(); }).port();
  }
  HttpClient client;
  EXPECT_FALSE(client.send({.url = "http://127.0.0.1:" + std::to_string(port) + "/"}));
  EXPECT_FALSE(client.request_sent());
  test::RawServer silent([](const std::string&) { return std::string(); });
  EXPECT_FALSE(client.send({.url = silent.url()}));
  EXPECT_TRUE(client.request_sent());
}

TEST(HttpClient, MessagesSayTheSubjectInsteadOfAUrlWithASecret) {
  test::RawServer silent([](const std::string&) { return std::string(); });
  const auto got = HttpClient().send({.url = silent.url("/?key=s3cret"), .subject = "asking for the key"});
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().what, StartsWith("asking for the key: "));
  EXPECT_THAT(got.error().what, Not(HasSubstr("s3cret")));
}

/// Answers the first request and keeps its connection; hangs up on every later one once it has read it.
class Quitter {
 public:
  Quitter() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = test::loopback(0);
    socklen_t size = sizeof address;
    ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size);
    ::listen(listener_.get(), 8);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      // A kept connection and a new one are served side by side.
      std::vector<Fd> peers;
      for (;;) {
        std::vector<pollfd> fds = {{listener_.get(), POLLIN, 0}};
        for (const Fd& peer : peers) fds.push_back({peer.get(), POLLIN, 0});
        ::poll(fds.data(), fds.size(), -1);
        for (std::size_t i = 1; i < fds.size(); ++i) {
          if (fds[i].revents == 0) continue;
          char buffer[4096];
          if (::recv(fds[i].fd, buffer, sizeof buffer, 0) > 0 && ++requests_ == 1)
            test::send_all(fds[i].fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
          else peers[i - 1].reset();
        }
        std::erase_if(peers, [](const Fd& peer) { return !peer; });
        if (fds[0].revents == 0) continue;
        Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!peer || ending_) return;
        peers.push_back(std::move(peer));
      }
    });
  }
  ~Quitter() {
    ending_ = true;
    const Fd wake = test::connect_to(port_);
    thread_.join();
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  Fd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> requests_ = 0;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

TEST(HttpClient, SendsNoRequestTwiceOnAFreshConnection) {
  Quitter server;
  HttpClient client;
  ASSERT_TRUE(client.send({.url = server.url()}));
  EXPECT_FALSE(client.send({.method = "POST", .url = server.url(), .body = "x", .fresh_connection = true}));
  EXPECT_EQ(server.requests(), 2) << "on the kept connection libcurl would send it again";
  EXPECT_TRUE(client.request_sent());
}

struct BadRequest {
  const char* what;
  HttpRequest request;
};
class HttpClientRefuses : public testing::TestWithParam<BadRequest> {};
TEST_P(HttpClientRefuses, BeforeAnythingIsSent) {
  const auto got = HttpClient().send(GetParam().request);
  ASSERT_FALSE(got) << GetParam().what;
  EXPECT_EQ(got.error().code, Errc::kInvalidArgument) << GetParam().what << ": " << got.error().what;
  EXPECT_THAT(got.error().what, Not(HasSubstr("secret")));
}
INSTANTIATE_TEST_SUITE_P(
    Cases, HttpClientRefuses,
    testing::Values(BadRequest{"a header with a line break",
                               {.url = "http://127.0.0.1:1/", .headers = {{"X-API-Key", "secret\r\nX: y"}}}},
                    BadRequest{"another scheme", {.url = "file:///etc/passwd"}},
                    BadRequest{"no host", {.url = "http://"}},
                    BadRequest{"a method with a blank", {.method = "GET /x", .url = "http://127.0.0.1:1/"}}));

}  // namespace
}  // namespace sdns::net
