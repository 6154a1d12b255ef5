// SPDX-License-Identifier: MIT
// Connections that are two pipes, as the command of PowerDNS's pipe connector hands them over.
#include "tests/unit/net/unix_server_fixture.h"

namespace sdns::net {
namespace {

class UnixServerPipes : public UnixServerTest {
 protected:
  struct Pipes {
    Fd to_server;
    Fd from_server;
    std::string buffer = {};

    bool send(std::string_view octets) {
      return ::write(to_server.get(), octets.data(), octets.size()) == static_cast<ssize_t>(octets.size());
    }
    /// A line without its '\n'; "<eof>" when the server has closed its end, "<timeout>" when nothing came.
    std::string line() {
      for (;;) {
        if (const auto at = buffer.find('\n'); at != std::string::npos) {
          std::string out = buffer.substr(0, at);
          buffer.erase(0, at + 1);
          return out;
        }
        pollfd wait{from_server.get(), POLLIN, 0};
        if (::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) <= 0) return "<timeout>";
        char chunk[65536];
        const ssize_t n = ::read(from_server.get(), chunk, sizeof chunk);
        if (n <= 0) return "<eof>";
        buffer.append(chunk, static_cast<std::size_t>(n));
      }
    }
    std::string ask(std::string_view request) { return send(std::string(request) + "\n") ? line() : "<closed>"; }
  };

  UnixServerPipes() { ::signal(SIGPIPE, SIG_IGN); }  // as in the worker

  static std::pair<Fd, Fd> make() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    return {Fd(ends[0]), Fd(ends[1])};
  }
  Pipes connect(UnixServer& server, std::uint8_t* busy = nullptr) {
    auto [in, to_server] = make();
    auto [from_server, out] = make();
    for (const int fd : {in.get(), out.get()}) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    kept_in_ = Fd(::dup(in.get()));
    kept_out_ = Fd(::dup(out.get()));
    server.adopt(Stream(std::move(in), std::move(out)), ++last_id_, busy);
    return {std::move(to_server), std::move(from_server)};
  }
  void forget() {
    kept_in_.reset();
    kept_out_.reset();
  }

  // Of the last connection, as the holder keeps them.
  Fd kept_in_;
  Fd kept_out_;
};

TEST_F(UnixServerPipes, RequestsAreAnswered) {
  start();
  Pipes pipes = connect(*server_);
  EXPECT_EQ(pipes.ask("one"), "one");
  EXPECT_EQ(pipes.ask("two"), "two");
}

TEST_F(UnixServerPipes, AReplyThatDoesNotFitIsWrittenAsItIsRead) {
  start();
  Pipes pipes = connect(*server_);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(pipes.ask("big 1000000").size(), 999'999U);
    EXPECT_EQ(pipes.ask("small"), "small");
  }
}

TEST_F(UnixServerPipes, AProtocolErrorEndsTheConnectionOnceAllDuplicatesAreClosed) {
  start();
  Pipes pipes = connect(*server_);
  EXPECT_EQ(pipes.ask("break"), "break");
  ASSERT_TRUE(seen_.signal.wait([&] { return seen_.server_closed.size() == 1; }));
  forget();
  EXPECT_EQ(pipes.line(), "<eof>");
}

TEST_F(UnixServerPipes, APeerThatEndsIsNoticed) {
  start();
  Pipes pipes = connect(*server_);
  EXPECT_EQ(pipes.ask("hello"), "hello");
  pipes.to_server.reset();
  EXPECT_TRUE(seen_.signal.wait([&] { return seen_.server_closed.size() == 1; }));
}

TEST_F(UnixServerPipes, APeerThatDoesNotReadItsReplyAndEndsIsNoticed) {
  start();
  Pipes pipes = connect(*server_);
  ASSERT_TRUE(pipes.send("big 1000000\n"));
  pollfd wait{pipes.from_server.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())), 1);
  pipes.from_server.reset();
  EXPECT_TRUE(seen_.signal.wait([&] { return seen_.server_closed.size() == 1; }));
}

TEST_F(UnixServerPipes, APeerThatEndsWhileItsRequestIsPendingIsNoticed) {
  start();
  Pipes pipes = connect(*server_);
  ASSERT_TRUE(pipes.send("background\n"));
  ASSERT_TRUE(seen_.signal.wait([&] { return seen_.pending.size() == 1; }));
  pipes.to_server.reset();
  EXPECT_TRUE(seen_.signal.wait([&] { return seen_.server_closed.size() == 1; }));
}

TEST_F(UnixServerPipes, AnotherServerTakesOverWithoutALoss) {
  start({.threads = 1});
  std::uint8_t busy = 0;
  Pipes pipes = connect(*server_, &busy);
  EXPECT_EQ(pipes.ask("one"), "one");
  ASSERT_TRUE(quiesce(60s));
  ASSERT_TRUE(pipes.send("two\n"));
  server_->stop();
  EXPECT_EQ(busy, 0);
  auto next = start_server({.threads = 1}, seen_);
  next->adopt(Stream(std::move(kept_in_), std::move(kept_out_)), last_id_, &busy);
  EXPECT_EQ(pipes.line(), "two");
  EXPECT_EQ(pipes.ask("three"), "three");
  EXPECT_TRUE(nothing_was_closed());
  next->stop();
}

TEST_F(UnixServerPipes, AReplyThatIsHalfWrittenIsFinishedByTheServerThatQuiesces) {
  start({.threads = 1});
  Pipes pipes = connect(*server_);
  ASSERT_TRUE(pipes.send("big 1000000\n"));
  pollfd wait{pipes.from_server.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())), 1);
  const auto done = begin_quiesce();
  EXPECT_EQ(pipes.line().size(), 999'999U);
  EXPECT_TRUE(seen_.signal.wait([&] { return std::count(seen_.closed.begin(), seen_.closed.end(), 1U) == 1; }));
  EXPECT_TRUE(nothing_was_closed());
}

TEST_F(UnixServerPipes, StoppingWithRepliesUnderWayLeavesThePipesToWhoeverHasADuplicate) {
  start({.threads = 1});
  Pipes pipes = connect(*server_);
  ASSERT_TRUE(pipes.send("big 1000000\n"));
  pollfd wait{pipes.from_server.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())), 1);
  server_->stop();
  ASSERT_EQ(::write(kept_out_.get(), "\nrest\n", 6), -1);  // full
  std::string read(65536, ' ');
  ASSERT_GT(::read(pipes.from_server.get(), read.data(), read.size()), 0);
  ASSERT_EQ(::write(kept_out_.get(), "\nrest\n", 6), 6);
}

}  // namespace
}  // namespace sdns::net
