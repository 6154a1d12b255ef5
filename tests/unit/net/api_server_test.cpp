// SPDX-License-Identifier: MIT
#include "backend/net/api_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <future>
#include <thread>

#include "backend/base/owned.h"
#include "tests/support/temp_dir.h"

namespace sdns::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string error_body(int status, std::string_view code, std::string_view) {
  return fmt::format("{} {}", status, code);
}

/// Says what it was asked.
void echo(ApiRequest&& request, ApiAnswer answer) {
  std::string path;
  for (const auto& segment : request.segments) path += "/" + segment;
  answer.send(
      {200, "text/plain", fmt::format("{} {} [{}] from {}", request.method, path, request.body, request.peer), {}});
}

class ApiServerTest : public testing::Test {
 protected:
  void start(ApiServerOptions options = {}, ApiServer::Handler handler = echo) {
    auto started = ApiServer::start(options, std::move(handler), error_body);
    ASSERT_TRUE(started) << to_text(started.error());
    server = std::move(*started);
  }
  Fd connect() const {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(0, ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)));
    return fd;
  }
  static void send_text(const Fd& fd, std::string_view text) {
    (void)!::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// Everything up to the end of the connection.
  static std::string read_all(const Fd& fd) {
    std::string text;
    char buffer[4096];
    for (;;) {
      const ssize_t got = ::recv(fd.get(), buffer, sizeof(buffer), 0);
      if (got <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(got));
    }
  }
  std::string ask(std::string_view request) const {
    const Fd fd = connect();
    send_text(fd, request);
    return read_all(fd);
  }
  static std::string get(std::string_view path) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
  }

  std::unique_ptr<ApiServer> server;
};

TEST_F(ApiServerTest, GivesBodiesOfEitherKindToTheHandler) {
  start();
  EXPECT_THAT(ask("POST /a/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"),
              HasSubstr("POST /a/b [hello] from 127.0.0.1"));
  EXPECT_THAT(ask("PUT /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
              HasSubstr("PUT /a [hello]"));
  EXPECT_THAT(ask("DELETE /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"),
              HasSubstr("DELETE /a [{}]"));
}

TEST_F(ApiServerTest, AnswersOneRequestAfterTheOtherOnAConnection) {
  start();
  const Fd fd = connect();
  send_text(fd, "GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string text = read_all(fd);
  EXPECT_THAT(text, HasSubstr("GET /one"));
  EXPECT_THAT(text, HasSubstr("GET /two"));
}

struct Trick {
  const char* name;
  const char* request;
};
class TrickTest : public ApiServerTest, public testing::WithParamInterface<Trick> {};

TEST_P(TrickTest, IsRefusedAndTheConnectionEnds) {
  std::atomic<int> handled{0};
  start({}, [&](ApiRequest&& request, ApiAnswer answer) {
    ++handled;
    echo(std::move(request), std::move(answer));
  });
  const std::string text = ask(GetParam().request);
  EXPECT_THAT(text, StartsWith("HTTP/1.1 4"));
  EXPECT_EQ(0, handled) << "what follows is no request of its own";
}

INSTANTIATE_TEST_SUITE_P(
    Smuggling, TrickTest,
    testing::Values(
        Trick{"a length and chunks",
              "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
              "0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
        Trick{"two lengths",
              "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 41\r\n\r\n"
              "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"},
        Trick{"a coding that is not chunked",
              "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
        Trick{"a coding in disguise", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
        Trick{"a length that is no number", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd"},
        Trick{"two hosts", "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"},
        Trick{"two tokens", "GET /a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"},
        Trick{"a header name with a blank", "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length : 4\r\n\r\nabcd"},
        Trick{"no host", "GET /a HTTP/1.1\r\n\r\n"},
        Trick{"a path out of its folder", "GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n"},
        Trick{"an encoded slash", "GET /a%2f..%2fb HTTP/1.1\r\nHost: x\r\n\r\n"},
        Trick{"a body that is too long", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"}),
    [](const auto& info) { return "case" + std::to_string(info.index); });

TEST_F(ApiServerTest, AChunkedBodyOverTheLimitIsRefusedAtItsEnd) {
  ApiServerOptions options;
  options.max_body_octets = 8;
  start(options);
  EXPECT_THAT(ask("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n123456789012\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
}

TEST_F(ApiServerTest, HeadersOverTheLimitAreRefused) {
  start();
  EXPECT_THAT(ask("GET /a HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(64 * 1024, 'a') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 4"));
}

TEST_F(ApiServerTest, ManySlowPeersHoldUpNobody) {
  start();
  std::vector<Fd> slow;
  for (int i = 0; i < 500; ++i) {
    slow.push_back(connect());
    send_text(slow.back(),
              i % 2 == 0 ? "POST /a HTTP/1.1\r\nHo" : "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");
  }
  EXPECT_THAT(ask(get("/quick")), HasSubstr("GET /quick"));
}

TEST_F(ApiServerTest, APeerThatSendsItsRequestTooSlowlyIsCutOffHoweverOftenItSends) {
  ApiServerOptions options;
  options.request_limit = milliseconds(300);
  start(options);
  const Fd fd = connect();
  send_text(fd, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  std::atomic<bool> over{false};
  std::thread sender([&] {
    while (!over) {
      send_text(fd, "x");
      std::this_thread::sleep_for(milliseconds(20));  // the trickle under test, not a synchronisation
    }
  });
  EXPECT_THAT(read_all(fd), Not(HasSubstr("200")));
  over = true;
  sender.join();
}

TEST_F(ApiServerTest, AnAnswerMayComeFromAnotherThreadMuchLater) {
  std::promise<ApiAnswer> given;
  auto future = given.get_future();
  start({}, [&](ApiRequest&& request, ApiAnswer answer) {
    if (request.segments == std::vector<std::string>{"later"}) given.set_value(std::move(answer));
    else echo(std::move(request), std::move(answer));
  });
  const Fd fd = connect();
  send_text(fd, get("/later"));
  ApiAnswer answer = future.get();
  EXPECT_THAT(ask(get("/now")), HasSubstr("GET /now")) << "others do not wait for it";
  answer.send({201, "text/plain", "late", {{"X-Extra", "yes"}}});
  const std::string text = read_all(fd);
  EXPECT_THAT(text, StartsWith("HTTP/1.1 201"));
  EXPECT_THAT(text, HasSubstr("X-Extra: yes"));
}

TEST_F(ApiServerTest, AnAnswerThatIsDroppedIsAnErrorForThePeer) {
  start({}, [](ApiRequest&&, ApiAnswer) {});
  EXPECT_THAT(ask(get("/a")), StartsWith("HTTP/1.1 500"));
}

TEST_F(ApiServerTest, StopWaitsForTheRequestInWork) {
  std::promise<ApiAnswer> given;
  auto future = given.get_future();
  start({}, [&](ApiRequest&&, ApiAnswer answer) { given.set_value(std::move(answer)); });
  const Fd fd = connect();
  send_text(fd, get("/a"));
  ApiAnswer answer = future.get();
  std::thread later([&answer] { answer.send({200, "text/plain", "done", {}}); });
  server->stop();
  later.join();
}

TEST_F(ApiServerTest, AUnixSocketTellsWhoAsks) {
  test::TempDir dir;
  ApiServerOptions options;
  options.unix_socket = (dir / "api.sock").string();
  std::atomic<std::int64_t> uid{-1};
  const auto handler = [&](ApiRequest&& request, ApiAnswer answer) {
    uid = request.peer_uid ? static_cast<std::int64_t>(*request.peer_uid) : -2;
    echo(std::move(request), std::move(answer));
  };
  start(options, handler);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, options.unix_socket.c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(0, ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)));
  send_text(fd, get("/a"));
  EXPECT_THAT(read_all(fd), HasSubstr("GET /a"));
  EXPECT_EQ(static_cast<std::int64_t>(::getuid()), uid);
  EXPECT_EQ(Errc::kExists, ApiServer::start(options, echo, error_body).error().code);
}

TEST_F(ApiServerTest, AnAddressThatIsTakenOrNoneIsAnError) {
  start();
  ApiServerOptions options;
  options.port = server->port();
  EXPECT_EQ(Errc::kExists, ApiServer::start(options, echo, error_body).error().code);
  options.host = "localhost";
  EXPECT_EQ(Errc::kInvalidArgument, ApiServer::start(options, echo, error_body).error().code);
}

}  // namespace
}  // namespace sdns::net
