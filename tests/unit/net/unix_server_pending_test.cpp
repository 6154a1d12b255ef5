// SPDX-License-Identifier: MIT
// Lines that another thread works on.
#include "tests/unit/net/unix_server_fixture.h"

namespace sdns::net {
namespace {

class UnixServerPendingTest : public UnixServerTest {
 protected:
  [[nodiscard]] bool wait_pending(std::size_t count) {
    return seen_.signal.wait([&] { return seen_.pending.size() >= count; });
  }
};

TEST_F(UnixServerPendingTest, APendingLineHoldsUpItsConnectionAloneUntilItIsResumed) {
  start({.threads = 1});
  Client waiting = connect();
  Client other = connect();
  ASSERT_TRUE(waiting.send("background\nafter it\n"));
  ASSERT_TRUE(wait_pending(1));
  EXPECT_EQ(other.ask("other"), "other");
  server_->resume(1);
  EXPECT_EQ(other.ask("again"), "again");
  EXPECT_TRUE(waiting.silent()) << "handed in again, and still pending";
  seen_.done = true;
  server_->resume(1);
  EXPECT_EQ(waiting.line(), "background");
  EXPECT_EQ(waiting.line(), "after it");
}

TEST_F(UnixServerPendingTest, ResumingAConnectionThatWaitsForNothingDoesNothing) {
  start({.threads = 2});
  Client client = connect();
  ASSERT_EQ(client.ask("a"), "a");
  server_->resume(1);
  server_->resume(77);
  EXPECT_EQ(client.ask("b"), "b");
}

TEST_F(UnixServerPendingTest, APeerThatHangsUpIsNoticedWhileItsLineIsPending) {
  start({.threads = 1});
  Client client = connect();
  ASSERT_TRUE(client.send("background\n"));
  ASSERT_TRUE(wait_pending(1));
  client.close();
  EXPECT_TRUE(seen_.signal.wait([&] { return seen_.server_closed == std::vector<ConnectionId>{1}; }));
  EXPECT_EQ(seen_.signal.look([&] { return seen_.closed; }), std::vector<ConnectionId>{1});
  server_->resume(1);
  Client other = connect();
  EXPECT_EQ(other.ask("x"), "x");
}

TEST_F(UnixServerPendingTest, QuiesceWaitsForAPendingLine) {
  start({.threads = 1});
  Client client = connect();
  ASSERT_TRUE(client.send("background\n"));
  ASSERT_TRUE(wait_pending(1));
  const auto done = begin_quiesce();
  EXPECT_FALSE(*done);
  seen_.done = true;
  server_->resume(1);
  EXPECT_EQ(client.line(), "background");
  EXPECT_TRUE(quiesce(60s));
}

TEST_F(UnixServerPendingTest, QuiesceClosesAPendingLineAtTheLimit) {
  start({.threads = 1});
  Client client = connect();
  ASSERT_TRUE(client.send("background\n"));
  ASSERT_TRUE(wait_pending(1));
  ASSERT_TRUE(quiesce(1ms));
  EXPECT_EQ(client.line(), "<eof>");
}

TEST_F(UnixServerPendingTest, StoppingWithAPendingLineLeavesTheConnection) {
  start({.threads = 1});
  Client client = connect();
  ASSERT_TRUE(client.send("background\n"));
  ASSERT_TRUE(wait_pending(1));
  server_->stop();
  EXPECT_TRUE(client.silent());
}

}  // namespace
}  // namespace sdns::net
