// SPDX-License-Identifier: MIT
// Handing connections over between a reply and the next request.
#include <thread>

#include "tests/unit/net/unix_server_fixture.h"

namespace sdns::net {
namespace {

// What is still in the server's end of a connection.
std::string unread(const Fd& held) {
  static char octets[65536];
  const ssize_t n = ::recv(held.get(), octets, sizeof octets, MSG_DONTWAIT);
  return n > 0 ? std::string(octets, static_cast<std::size_t>(n)) : "";
}

TEST_F(UnixServerTest, QuiesceLeavesLaterRequestsInTheSocket) {
  start();
  Client client = connect();
  ASSERT_EQ(client.ask("before"), "before");
  ASSERT_TRUE(quiesce(60s));
  ASSERT_TRUE(client.send("after\n"));
  server_->stop();
  EXPECT_TRUE(client.silent());
  EXPECT_EQ(unread(held_[1]), "after\n");
  EXPECT_TRUE(nothing_was_closed());
  EXPECT_EQ(seen_.closed, std::vector<ConnectionId>{1});
}

TEST_F(UnixServerTest, QuiesceWithoutConnectionsIsOverAtOnce) {
  start({.threads = 3});
  EXPECT_TRUE(quiesce(60s));
  EXPECT_TRUE(quiesce(60s));
}

TEST_F(UnixServerTest, QuiesceFinishesALineThatHasBegunAndReadsNothingBeyondIt) {
  std::uint8_t busy = 0;
  start({.threads = 1});
  Client client = connect(SOCK_STREAM, &busy);
  ASSERT_TRUE(client.send("beg"));
  while (std::atomic_ref(busy).load() == 0) std::this_thread::yield();
  const auto done = begin_quiesce();
  ASSERT_TRUE(client.send("un\nnext\n"));
  EXPECT_EQ(client.line(), "begun");
  while (!*done) std::this_thread::yield();
  EXPECT_EQ(unread(held_[1]), "next\n");
  EXPECT_EQ(std::atomic_ref(busy).load(), 0);
}

TEST_F(UnixServerTest, QuiesceAnswersEveryLineThatWasRead) {
  start({.threads = 1});
  Client client = connect();
  ASSERT_EQ(client.ask("warm"), "warm");
  std::atomic<bool> first{true};
  auto done = std::make_shared<std::atomic<bool>>(false);
  seen_.before_line = [&](std::string_view) {
    if (first.exchange(false)) server_->quiesce(60s, [done] { *done = true; });
  };
  std::string all;
  for (int i = 0; i < 1000; ++i) all += "line " + std::to_string(i) + "\n";
  ASSERT_TRUE(client.send(all));
  int answered = 0;
  while (!*done || !client.silent()) {
    if (client.silent()) std::this_thread::yield();
    else ASSERT_EQ(client.line(), "line " + std::to_string(answered++));
  }
  std::string rest;
  for (int i = answered; i < 1000; ++i) rest += "line " + std::to_string(i) + "\n";
  EXPECT_GE(answered, 1);
  EXPECT_EQ(unread(held_[1]), rest);
  EXPECT_TRUE(nothing_was_closed());
}

TEST_F(UnixServerTest, QuiesceClosesWhatIsUnfinishedAtTheLimit) {
  std::uint8_t busy = 0;
  seen_.ready = false;
  start({.threads = 1, .not_ready_limit = 60s});
  Client half = connect(SOCK_STREAM, &busy);
  Client lazy = connect();
  Client waiting = connect();
  Client idle = connect();
  ASSERT_TRUE(half.send("half a li"));
  ASSERT_TRUE(lazy.send("big 5000000\n"));
  ASSERT_TRUE(waiting.send("later\n"));
  ASSERT_TRUE(seen_.signal.wait([&] { return seen_.deferred == 1; }));
  while (std::atomic_ref(busy).load() == 0) std::this_thread::yield();
  ASSERT_EQ(idle.ask("ping"), "ping");
  ASSERT_TRUE(quiesce(30ms));
  EXPECT_EQ(half.line(), "<eof>");
  EXPECT_EQ(waiting.line(), "<eof>");
  EXPECT_TRUE(idle.silent());
  std::vector<ConnectionId> closed = seen_.signal.look([&] { return seen_.server_closed; });
  std::sort(closed.begin(), closed.end());
  EXPECT_EQ(closed, (std::vector<ConnectionId>{1, 2, 3}));
  EXPECT_EQ(std::atomic_ref(busy).load(), 0);
}

TEST_F(UnixServerTest, QuiesceWaitsForAConnectionThatHoldsState) {
  start({.threads = 1});
  Client client = connect();
  ASSERT_EQ(client.ask("begin"), "begin");
  const auto done = begin_quiesce();
  EXPECT_EQ(client.ask("inside"), "inside");
  EXPECT_FALSE(*done);
  ASSERT_TRUE(client.send("commit\nafter\n"));
  EXPECT_EQ(client.line(), "commit");
  while (!*done) std::this_thread::yield();
  EXPECT_EQ(unread(held_[1]), "after\n");
}

TEST_F(UnixServerTest, QuiesceWaitsForTheReaderOfALongReply) {
  start({.threads = 1});
  Client client = connect();
  ASSERT_TRUE(client.send("big 5000000\n"));
  char first;
  ASSERT_EQ(::recv(client.fd(), &first, 1, MSG_PEEK), 1);
  const auto done = begin_quiesce();
  EXPECT_EQ(client.line().size(), 4'999'999U);
  while (!*done) std::this_thread::yield();
  EXPECT_TRUE(nothing_was_closed());
}

TEST_F(UnixServerTest, HandingOverUnderLoadLosesNothing) {
  start();
  constexpr int kClients = 8;
  constexpr int kHandOvers = 10;
  std::vector<Client> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(connect());
  std::atomic<bool> stop{false};
  std::atomic<int> lost{0};
  std::atomic<long> answered{0};
  std::vector<std::jthread> load;
  for (int i = 0; i < kClients; ++i)
    load.emplace_back([&, i] {
      // Half of them pipeline, so that requests are in the sockets at the moment of the hand-over.
      for (long n = 0; !stop; ++n) {
        const std::string one = std::to_string(i) + "/" + std::to_string(n);
        const int at_once = i % 2 == 0 ? 1 : 5;
        std::string all;
        for (int k = 0; k < at_once; ++k) all += one + "." + std::to_string(k) + "\n";
        if (!clients[i].send(all)) ++lost;
        for (int k = 0; k < at_once; ++k)
          if (clients[i].line() != one + "." + std::to_string(k)) ++lost;
        answered += at_once;
        if (lost > 0) return;
      }
    });
  for (int turn = 0; turn < kHandOvers; ++turn) {
    const long before = answered;
    while (answered < before + 200 && lost == 0) std::this_thread::yield();
    ASSERT_TRUE(quiesce(60s));
    auto next = start_server({.threads = 2}, seen_);
    for (auto& [id, held] : held_) next->adopt(Stream(Fd(::dup(held.get()))), id);
    server_ = std::move(next);
  }
  stop = true;
  load.clear();
  EXPECT_EQ(lost, 0);
  EXPECT_TRUE(nothing_was_closed());
}

}  // namespace
}  // namespace sdns::net
