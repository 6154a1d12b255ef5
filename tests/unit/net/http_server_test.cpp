// SPDX-License-Identifier: MIT
#include "backend/net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/net/raw_http.h"

namespace sdns::net {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
 protected:
  void start(HttpServer::Routes routes, HttpServerOptions options = {}) {
    auto started = HttpServer::start(options, std::move(routes));
    ASSERT_TRUE(started) << to_text(started.error());
    server_ = std::move(*started);
  }
  std::string ask(const std::string& text) { return test::exchange(server_->port(), text); }
  std::unique_ptr<HttpServer> server_;
};

HttpReply echo(const HttpGet& request) {
  const auto name = request.query.find("name");
  return {200, "text/plain", request.path + " " + (name == request.query.end() ? "-" : name->second)};
}

TEST_F(HttpServerTest, AnswersAGetByItsPathWithItsDecodedQuery) {
  start({{"/hello", echo}});
  const std::string reply = ask("GET /hello?name=a%20b&name=c HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(reply, HasSubstr("\r\n\r\n/hello a b"));
  EXPECT_THAT(reply, HasSubstr("Cache-Control: no-store"));
  EXPECT_THAT(reply, HasSubstr("Connection: close")) << "an idle connection must not occupy a thread";
}

TEST_F(HttpServerTest, AHeadHasNoBody) {
  start({{"/hello", echo}});
  EXPECT_THAT(ask("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n"), testing::EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, RefusesOtherPathsAndOtherMethods) {
  start({{"/hello", echo}});
  EXPECT_THAT(ask("GET /other HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(ask("DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, RequestsThatWaitDoNotBlockOthersWhileThreadsAreLeft) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::promise<void> entered;
  start({{"/wait",
          [&](const HttpGet&) {
            entered.set_value();
            released.wait();
            return HttpReply{.body = "waited"};
          }},
         {"/hello", echo}},
        {.threads = 2});
  std::string waited;
  std::thread waiter([&] { waited = ask("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"); });
  entered.get_future().wait();
  EXPECT_THAT(ask("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  release.set_value();
  waiter.join();
  EXPECT_THAT(waited, HasSubstr("waited"));
}

TEST_F(HttpServerTest, AStreamGoesOnUntilItIsOver) {
  start({{"/stream", [](const HttpGet& request) {
            auto parts = std::make_shared<std::vector<std::string>>(
                std::vector<std::string>{"last\n", "", request.headers.at("last-event-id") + "\n"});
            return HttpReply{.content_type = "text/event-stream", .stream = [parts](std::string& out) {
                               out = parts->back();
                               parts->pop_back();
                               return !parts->empty();
                             }};
          }}});
  const std::string reply = ask("GET /stream HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 12\r\n\r\n");
  EXPECT_THAT(reply, HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(reply, HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_THAT(reply, testing::EndsWith("\r\n\r\n3\r\n12\n\r\n5\r\nlast\n\r\n0\r\n\r\n"));
}

// What a stream holds is let go of however it ends: places that are counted would run out else.
TEST_F(HttpServerTest, AStreamEndsWithItsPeerAndWithTheServer) {
  std::atomic<int> open = 0;
  start({{"/stream", [&](const HttpGet&) {
            open.fetch_add(1);
            const std::shared_ptr<void> place(nullptr, [&](void*) { open.fetch_sub(1); });
            // It has nothing more to say: no write can fail.
            return HttpReply{.stream = [place, begun = false](std::string& out) mutable {
              if (begun) std::this_thread::sleep_for(std::chrono::milliseconds(1));
              else out = "x";
              begun = true;
              return true;
            }};
          }}});
  {
    const Fd peer = test::connect_to(server_->port());
    test::send_all(peer.get(), "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    char octet = 0;
    ASSERT_EQ(1, ::recv(peer.get(), &octet, 1, 0));
    EXPECT_EQ(1, open);
  }
  while (open != 0) std::this_thread::yield();
  const Fd peer = test::connect_to(server_->port());
  test::send_all(peer.get(), "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  while (open == 0) std::this_thread::yield();
  server_->stop();
  EXPECT_EQ(0, open);
  EXPECT_THAT(test::exchange(server_->port(), "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n"), testing::IsEmpty());
}

TEST_F(HttpServerTest, APeerThatSendsNothingIsLetGoOf) {
  start({{"/hello", echo}}, {.threads = 1, .io_timeout = std::chrono::milliseconds(50)});
  const Fd silent = test::connect_to(server_->port());
  EXPECT_THAT(ask("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, TwoServersCannotShareAPort) {
  start({{"/hello", echo}});
  const auto second = HttpServer::start({.port = server_->port()}, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kExists);
  EXPECT_THAT(second.error().what, HasSubstr(std::to_string(server_->port())));
  const std::uint16_t port = server_->port();
  server_.reset();
  EXPECT_TRUE(HttpServer::start({.port = port}, {})) << "a port that was let go of is free at once";
}

TEST_F(HttpServerTest, OnlyLoopbackAddressesAreServed) {
  for (const char* host : {"0.0.0.0", "::", "192.0.2.1", "localhost.example", ""}) {
    const auto started = HttpServer::start({.host = host}, {});
    ASSERT_FALSE(started) << host;
    EXPECT_EQ(started.error().code, Errc::kInvalidArgument) << host;
  }
  EXPECT_TRUE(HttpServer::start({.host = "127.0.0.2"}, {}));
}

TEST_F(HttpServerTest, StopLetsARequestInWorkEnd) {
  std::promise<void> release;
  std::promise<void> entered;
  start({{"/wait", [&](const HttpGet&) {
            entered.set_value();
            release.get_future().wait();
            return HttpReply{.body = "to the end"};
          }}});
  std::string reply;
  std::thread waiter([&] { reply = ask("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"); });
  entered.get_future().wait();
  std::thread stopper([&] { server_->stop(); });
  release.set_value();
  stopper.join();
  waiter.join();
  EXPECT_THAT(reply, HasSubstr("to the end"));
}

}  // namespace
}  // namespace sdns::net
