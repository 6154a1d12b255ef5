// SPDX-License-Identifier: MIT
#include "backend/purge/control_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "backend/base/owned.h"
#include "backend/purge/announcer.h"
#include "tests/support/temp_dir.h"

namespace sdns::purge {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

dns::Name name(std::string_view text) { return dns::Name::parse(text).value(); }

// Plays PowerDNS's side: one connection after the other, like its control thread.
class FakeControl {
 public:
  using Serve = std::function<void(int fd)>;
  explicit FakeControl(Serve serve) : serve_(std::move(serve)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof(address.sun_path) - 1);
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_.get(), 10), 0);
    thread_ = std::thread([this] {
      for (;;) {
        Fd client(::accept(listener_.get(), nullptr, nullptr));
        if (stopping_ || !client) return;
        serve_(client.get());
      }
    });
  }
  ~FakeControl() {
    stopping_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);  // ends accept()
    thread_.join();
  }
  [[nodiscard]] std::string path() const { return dir_ / "pdns.controlsocket"; }

  // Reads up to the end of what the client writes; with `pause` in small pieces.
  static std::string read_all(int fd, bool slowly = false) {
    std::string all;
    char buffer[65536];
    for (;;) {
      const ssize_t n = ::read(fd, buffer, slowly ? 100 : sizeof(buffer));
      if (n <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(n));
    }
  }
  static void write_all(int fd, std::string_view text) {
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

 private:
  test::TempDir dir_;
  Serve serve_;
  std::atomic<bool> stopping_{false};
  Fd listener_;
  std::thread thread_;
};

TEST(ControlSocket, SendsAllNamesInOneLineAndReadsTheCount) {
  std::string got;
  FakeControl control([&got](int fd) {
    got = FakeControl::read_all(fd);  // returns only because the client has half-closed
    FakeControl::write_all(fd, "17");
  });
  const auto count =
      ControlSocket(control.path())
          .purge({name("www.example.org"), name("*.example.org"), name("a\\032b\\.c.example.org"), name(".")});
  ASSERT_TRUE(count.has_value()) << count.error().what;
  EXPECT_EQ(*count, 17U);
  EXPECT_EQ(got, "PURGE . *.example.org. a\\032b\\.c.example.org. www.example.org.\n");
}

TEST(ControlSocket, WritesSubtreesAndEverythingAsPowerDnsDoes) {
  std::vector<std::string> got;
  FakeControl control([&got](int fd) {
    got.push_back(FakeControl::read_all(fd));
    FakeControl::write_all(fd, "3\n");
  });
  const ControlSocket socket(control.path());
  EXPECT_EQ(socket.purge_subtree(name("example.org")).value(), 3U);
  EXPECT_EQ(socket.purge_everything().value(), 3U);
  EXPECT_TRUE(socket.rediscover().has_value());
  EXPECT_TRUE(socket.ping().has_value());
  EXPECT_EQ(got, (std::vector<std::string>{"PURGE example.org.$\n", "PURGE\n", "REDISCOVER\n", "RPING\n"}));
}

TEST(ControlSocket, SendsNothingForNoNames) { EXPECT_EQ(ControlSocket("/nonexistent/socket").purge({}).value(), 0U); }

TEST(ControlSocket, SplitsAListThatIsLongerThanALine) {
  std::set<dns::Name> names;
  const std::string label(63, 'a');
  for (int i = 0; i < 12'000; ++i) names.insert(name("n" + std::to_string(i) + "." + label + "." + label + ".example"));
  std::vector<std::string> lines;
  FakeControl control([&lines](int fd) {
    lines.push_back(FakeControl::read_all(fd));
    FakeControl::write_all(fd, "1");
  });
  EXPECT_EQ(ControlSocket(control.path(), milliseconds(20'000)).purge(names).value(), 2U);
  std::size_t words = 0;
  for (const std::string& line : lines) {
    EXPECT_LT(line.size(), 1'024'000U);
    words += static_cast<std::size_t>(std::count(line.begin(), line.end(), ' '));
  }
  EXPECT_EQ(words, names.size());
}

TEST(ControlSocket, WaitsForAServerThatReadsSlowly) {
  std::set<dns::Name> names;
  for (int i = 0; i < 5000; ++i) names.insert(name("n" + std::to_string(i) + ".example"));
  FakeControl control([](int fd) {
    const int small = 4096;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    FakeControl::read_all(fd, true);
    FakeControl::write_all(fd, "5");
    FakeControl::write_all(fd, "000");
  });
  EXPECT_EQ(ControlSocket(control.path(), milliseconds(20'000)).purge(names).value(), 5000U);
}

TEST(ControlSocket, GivesUpOnASilentServer) {
  FakeControl control([](int fd) {
    FakeControl::read_all(fd);
    pollfd gone{fd, POLLHUP, 0};
    ::poll(&gone, 1, -1);  // until the client closes
  });
  const auto count = ControlSocket(control.path(), milliseconds(30)).purge({name("example")});
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().code, Errc::kTimeout);
  EXPECT_THAT(count.error().what, HasSubstr(control.path()));
}

TEST(ControlSocket, GivesUpOnAServerThatDoesNotAccept) {
  // One thread that is busy with somebody else, and a full backlog.
  test::TempDir dir;
  const std::string path = dir / "socket";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  const Fd filler(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(filler.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  const auto count = ControlSocket(path, milliseconds(30)).purge({name("example")});
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().code, Errc::kTimeout);
}

TEST(ControlSocket, TellsAServerThatClosesWithoutAnAnswer) {
  FakeControl control([](int fd) { FakeControl::read_all(fd); });
  const auto count = ControlSocket(control.path()).purge({name("example")});
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().code, Errc::kProtocol);
}

TEST(ControlSocket, TellsAServerThatClosesAtOnce) {
  FakeControl control([](int) {});
  const auto count = ControlSocket(control.path()).purge({name("example")});
  ASSERT_FALSE(count.has_value());
  EXPECT_TRUE(count.error().code == Errc::kProtocol || count.error().code == Errc::kIo);
}

TEST(ControlSocket, TellsAnAnswerThatIsNoCount) {
  FakeControl control([](int fd) {
    FakeControl::read_all(fd);
    FakeControl::write_all(fd, "Unknown command: 'PURGE'");
  });
  const auto count = ControlSocket(control.path()).purge({name("example")});
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().code, Errc::kProtocol);
  EXPECT_THAT(count.error().what, HasSubstr("Unknown command"));
}

TEST(ControlSocket, TellsAnAnswerWithoutEnd) {
  FakeControl control([](int fd) {
    FakeControl::read_all(fd);
    const std::string much(65536, '1');
    while (::send(fd, much.data(), much.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  const auto count = ControlSocket(control.path()).purge({name("example")});
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().code, Errc::kProtocol);
}

TEST(ControlSocket, TellsThatNobodyListens) {
  test::TempDir dir;
  const auto count = ControlSocket(dir / "none").purge({name("example")});
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().code, Errc::kUnavailable);
  const auto long_path = ControlSocket(std::string(200, 'a')).purge({name("example")});
  ASSERT_FALSE(long_path.has_value());
  EXPECT_EQ(long_path.error().code, Errc::kInvalidArgument);
}

struct FakeHttp {
  std::vector<net::HttpRequest> requests;
  int status = 200;
  Announcer announcer{"http://127.0.0.1:8081/", "geheim",
                      [this](const net::HttpRequest& r) -> Result<net::HttpResponse> {
                        requests.push_back(r);
                        return net::HttpResponse{status, "{}"};
                      }};
};

TEST(Announcer, PutsTheNamePercentEncodedWithTheKey) {
  FakeHttp http;
  ASSERT_TRUE(http.announcer.flush(name("*.a\\032b.example")).has_value());
  ASSERT_EQ(http.requests.size(), 1U);
  EXPECT_EQ(http.requests[0].method, "PUT");
  EXPECT_EQ(http.requests[0].url,
            "http://127.0.0.1:8081/api/v1/servers/localhost/cache/flush?domain=%2A.a%5C032b.example.");
  EXPECT_EQ(http.requests[0].headers, (std::vector<std::pair<std::string, std::string>>{{"X-API-Key", "geheim"}}));
}

TEST(Announcer, SaysWhatIsWrongAndNeverTheKey) {
  FakeHttp http;
  for (const auto& [status, code] :
       {std::pair{401, Errc::kPermission}, std::pair{403, Errc::kPermission}, std::pair{404, Errc::kProtocol},
        std::pair{302, Errc::kProtocol}, std::pair{500, Errc::kProtocol}}) {
    http.status = status;
    const auto done = http.announcer.flush(name("example"));
    ASSERT_FALSE(done.has_value()) << status;
    EXPECT_EQ(done.error().code, code) << status;
    EXPECT_THAT(to_text(done.error()), testing::Not(HasSubstr("geheim")));
  }
}

}  // namespace
}  // namespace sdns::purge
