// SPDX-License-Identifier: MIT
// Framing, order, back-pressure and limits of the unix door.
#include "backend/net/unix_server.h"

#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <new>
#include <thread>

#include "tests/unit/net/unix_server_fixture.h"

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

// Counts what the whole test program allocates. Not inlined: g++ 12 would take new and free() for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] [[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] [[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace sdns::net {
namespace {

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtoul(line.c_str() + 6, nullptr, 10);
  return 0;
}

TEST_F(UnixServerTest, AnswersALineThatComesOctetByOctet) {
  start({.threads = 1});
  Client client = connect();
  Client other = connect();  // on the same loop: its answer says that the octet before was read
  for (const char c : std::string("hello\n")) {
    ASSERT_TRUE(client.silent());
    ASSERT_TRUE(client.send(std::string(1, c)));
    ASSERT_EQ(other.ask("ping"), "ping");
  }
  EXPECT_EQ(client.line(), "hello");
}

TEST_F(UnixServerTest, AnswersTenThousandLinesOfOneConnectionInOrder) {
  start();
  Client client = connect();
  std::jthread writer([&client] {
    std::string all;
    for (int i = 0; i < 10'000; ++i) all += "request " + std::to_string(i) + "\n";
    client.send(all);
  });
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(client.line(), "request " + std::to_string(i));
}

TEST_F(UnixServerTest, KeepsTheBeginningOfALineThatFollowsACompleteOne) {
  start();
  Client client = connect();
  ASSERT_TRUE(client.send("one\ntw"));
  EXPECT_EQ(client.line(), "one");
  ASSERT_TRUE(client.send("o\nthree\n"));
  EXPECT_EQ(client.line(), "two");
  EXPECT_EQ(client.line(), "three");
}

TEST_F(UnixServerTest, DoesNotAnswerAnUnterminatedLineAtEndOfFile) {
  start();
  Client client = connect();
  ASSERT_TRUE(client.send("whole\ncut off"));
  client.shut_writing();
  EXPECT_EQ(client.line(), "whole");
  EXPECT_EQ(client.line(), "<eof>");
}

TEST_F(UnixServerTest, SkipsBlankLines) {
  start();
  Client client = connect();
  ASSERT_TRUE(client.send("\n\r\n\nhello\n\n"));
  EXPECT_EQ(client.line(), "hello");
  EXPECT_EQ(client.ask("next"), "next");
}

TEST_F(UnixServerTest, GoesOnAfterARequestWithoutReply) {
  start();
  Client client = connect();
  EXPECT_EQ(client.ask("silent\nspeaking"), "speaking");
}

TEST_F(UnixServerTest, WritesAReplyInOnePiece) {
  start();
  Client client = connect(SOCK_SEQPACKET);
  ASSERT_TRUE(client.send("big 60000\n"));
  std::string reply(100'000, '\0');
  EXPECT_EQ(::recv(client.fd(), reply.data(), reply.size(), 0), 60'000);
}

TEST_F(UnixServerTest, WritesAReplyThatIsLargerThanTheSocketBuffer) {
  start();
  Client client = connect();
  EXPECT_EQ(client.ask("big 5000000").size(), 4'999'999U);
  EXPECT_EQ(client.ask("hello"), "hello");
}

TEST_F(UnixServerTest, SendsTheReplyBeforeItClosesForABrokenProtocol) {
  start();
  Client client = connect();
  ASSERT_TRUE(client.send("break\nnever answered\n"));
  EXPECT_EQ(client.line(), "break");
  EXPECT_EQ(client.line(), "<eof>");
  EXPECT_TRUE(seen_.signal.wait([&] { return seen_.server_closed == std::vector<ConnectionId>{1}; }));
}

TEST_F(UnixServerTest, TellsOfAConnectionThatEndedOnce) {
  start();
  connect().close();
  ASSERT_TRUE(seen_.signal.wait([&] { return !seen_.server_closed.empty(); }));
  server_->stop();
  EXPECT_EQ(seen_.opened, std::vector<ConnectionId>{1});
  EXPECT_EQ(seen_.closed, std::vector<ConnectionId>{1});
  EXPECT_EQ(seen_.server_closed, std::vector<ConnectionId>{1});
  EXPECT_NE(metrics_.render().find(R"(sdns_unix_connections_closed_total{reason="eof"} 1)"), std::string::npos);
}

TEST_F(UnixServerTest, ClosesALineWithoutEndInBoundedMemory) {
  start({.threads = 2, .max_request_octets = 4 * 1024 * 1024});
  Client other = connect();
  ASSERT_EQ(other.ask("warm"), "warm");
  const std::size_t before = resident_kib();
  Client client = connect();
  const std::string chunk(1024 * 1024, 'x');
  int sent = 0;
  while (sent < 100 && client.send(chunk)) {
    ++sent;
    ASSERT_EQ(other.ask("still here"), "still here");
  }
  EXPECT_LT(sent, 10);
  EXPECT_EQ(client.line(), "<eof>");
  EXPECT_TRUE(kSanitized || resident_kib() < before + 40 * 1024);
  EXPECT_EQ(other.ask("still here"), "still here");
  EXPECT_NE(log_text().find("event=request.too_long connection=2 limit_octets=4194304"), std::string::npos);
}

TEST_F(UnixServerTest, TakesALineOfExactlyTheLimit) {
  start({.threads = 1, .max_request_octets = 100'000});
  Client client = connect();
  EXPECT_EQ(client.ask(std::string(100'000, 'x')).size(), 100'000U);
  ASSERT_TRUE(client.send(std::string(100'001, 'x') + "\n"));
  EXPECT_EQ(client.line(), "<eof>");
}

TEST_F(UnixServerTest, APeerThatNeverReadsCostsOneReplyAndHurtsNobody) {
  start({.threads = 1});
  seen_.record = true;
  Client lazy = connect();
  Client other = connect();
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += "big 1000000\n";
  ASSERT_TRUE(lazy.send(requests));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(other.ask("ping"), "ping");
  const auto handled =
      seen_.signal.look([&] { return std::count(seen_.lines.begin(), seen_.lines.end(), "big 1000000"); });
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(lazy.line().size(), 999'999U);  // and it goes on where it stopped
  EXPECT_EQ(lazy.line().size(), 999'999U);
}

TEST_F(UnixServerTest, ALongPipelineYieldsToOtherConnections) {
  start({.threads = 1});
  Client busy = connect();
  Client other = connect();
  ASSERT_EQ(busy.ask("warm"), "warm");
  ASSERT_EQ(other.ask("warm"), "warm");
  // The first line of the pipeline is held until the other's request is in its socket.
  std::atomic<bool> first{true};
  seen_.before_line = [&](std::string_view line) {
    if (line == "p" && first.exchange(false)) other.send("other\n");
  };
  seen_.record = true;
  std::string pipeline;
  for (int i = 0; i < 5000; ++i) pipeline += "p\n";
  ASSERT_TRUE(busy.send(pipeline));
  ASSERT_EQ(other.line(), "other");
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(busy.line(), "p");
  const auto position = std::find(seen_.lines.begin(), seen_.lines.end(), "other") - seen_.lines.begin();
  EXPECT_LT(position, 200);
}

TEST_F(UnixServerTest, TwoThousandIdleConnectionsAreCheap) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  start();
  connect().ask("warm");
  const std::size_t before = resident_kib();
  std::vector<Client> clients;
  for (int i = 0; i < 2000; ++i) clients.push_back(connect());
  for (Client& client : clients) ASSERT_EQ(client.ask("hello"), "hello");
  EXPECT_TRUE(kSanitized || resident_kib() < before + 2000 * 4);
  for (Client& client : clients) ASSERT_EQ(client.ask("again"), "again");
  EXPECT_GE(server_->connections(), 2000U);
}

TEST_F(UnixServerTest, AllocatesNothingPerRequest) {
  start({.threads = 1});
  Client client = connect();
  ASSERT_EQ(client.ask(std::string(400, 'x')).size(), 400U);
  char request[401];
  std::fill_n(request, 400, 'x');
  request[400] = '\n';
  char reply[500];
  const std::size_t before = allocations;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(::send(client.fd(), request, sizeof request, 0), 401);
    ASSERT_EQ(::recv(client.fd(), reply, sizeof reply, 0), 401);
  }
  EXPECT_EQ(allocations - before, 0U);
}

TEST_F(UnixServerTest, ALineThatIsNotReadyWaitsAndHoldsUpOnlyItsConnection) {
  seen_.ready = false;
  start({.threads = 1, .not_ready_limit = 60s});
  Client waiting = connect();
  Client other = connect();
  ASSERT_TRUE(waiting.send("later\nafter it\n"));
  ASSERT_TRUE(seen_.signal.wait([&] { return seen_.deferred == 1; }));
  ASSERT_EQ(other.ask("ping"), "ping");
  server_->retry_deferred();
  ASSERT_TRUE(seen_.signal.wait([&] { return seen_.deferred == 2; }));
  ASSERT_EQ(other.ask("ping"), "ping");
  EXPECT_TRUE(waiting.silent());
  seen_.ready = true;
  server_->retry_deferred();
  EXPECT_EQ(waiting.line(), "later");
  EXPECT_EQ(waiting.line(), "after it");
}

TEST_F(UnixServerTest, ALineThatIsNeverReadyIsClosedAfterTheLimit) {
  seen_.ready = false;
  start({.threads = 1, .not_ready_limit = 30ms});
  Client waiting = connect();
  Client second = connect();
  ASSERT_TRUE(waiting.send("later\n"));
  ASSERT_TRUE(second.send("later\n"));
  EXPECT_EQ(waiting.line(), "<eof>");
  EXPECT_EQ(second.line(), "<eof>");
  EXPECT_EQ(connect().ask("ping"), "ping");
  EXPECT_NE(log_text().find("event=request.not_ready"), std::string::npos);
}

TEST_F(UnixServerTest, NudgeRefreshesTheHandlerOfEachLoop) {
  start({.threads = 3});
  server_->nudge();
  EXPECT_TRUE(seen_.signal.wait([&] { return seen_.refreshed == 3; }));
}

TEST_F(UnixServerTest, TheBusyByteIsSetFromTheReadToTheLastOctetOfTheReply) {
  seen_.ready = false;
  std::uint8_t busy = 0;
  std::atomic_ref byte(busy);
  std::atomic<int> while_handling{-1};
  seen_.before_line = [&](std::string_view) { while_handling = byte.load(); };
  start({.threads = 1, .not_ready_limit = 60s});
  Client client = connect(SOCK_STREAM, &busy);
  Client other = connect();  // on the same loop: its answer says that the loop is done with the former
  ASSERT_EQ(other.ask("ping"), "ping");
  EXPECT_EQ(byte.load(), 0);
  ASSERT_EQ(client.ask("whole"), "whole");
  ASSERT_EQ(while_handling.load(), 1);
  ASSERT_EQ(other.ask("ping"), "ping");
  EXPECT_EQ(byte.load(), 0);
  ASSERT_TRUE(client.send("ha"));
  while (byte.load() == 0) std::this_thread::yield();
  ASSERT_TRUE(client.send("lf\nlater\n"));
  ASSERT_EQ(client.line(), "half");
  ASSERT_TRUE(seen_.signal.wait([&] { return seen_.deferred == 1; }));
  ASSERT_EQ(other.ask("ping"), "ping");
  EXPECT_EQ(byte.load(), 1);
  seen_.ready = true;
  server_->retry_deferred();
  ASSERT_EQ(client.line(), "later");
  ASSERT_TRUE(client.send("big 3000000\n"));
  ASSERT_EQ(::recv(client.fd(), std::string(1, 0).data(), 1, MSG_PEEK), 1);
  ASSERT_EQ(other.ask("ping"), "ping");
  EXPECT_EQ(byte.load(), 1);
  ASSERT_EQ(client.line().size(), 2'999'999U);
  ASSERT_EQ(client.ask("begin"), "begin");
  ASSERT_EQ(other.ask("ping"), "ping");
  EXPECT_EQ(byte.load(), 1);
  ASSERT_EQ(client.ask("commit"), "commit");
  ASSERT_EQ(other.ask("ping"), "ping");
  EXPECT_EQ(byte.load(), 0);
  server_->stop();  // it knows the byte
}

TEST_F(UnixServerTest, StopLeavesConnectionsToWhoeverHasADuplicate) {
  start();
  Client client = connect();
  ASSERT_EQ(client.ask("ping"), "ping");
  server_->stop();
  EXPECT_TRUE(client.silent());
  EXPECT_TRUE(client.send("for another process\n"));
  EXPECT_TRUE(seen_.server_closed.empty());
}

}  // namespace
}  // namespace sdns::net
