// SPDX-License-Identifier: MIT
// The holder with real processes: connections outlive workers.
#include <random>

#include "tests/unit/daemon/holder_fixture.h"

namespace sdns::daemon {
namespace {

// Clients that ask, read the reply, and ask again; one that is cut off connects anew.
class Load {
 public:
  Load(std::function<Client()> connect, int clients) : connect_(std::move(connect)) {
    for (int i = 0; i < clients; ++i) threads_.emplace_back([this, i] { run(i); });
  }
  ~Load() { end(); }
  void end() {
    stop_ = true;
    threads_.clear();
  }
  /// Returns when so many more requests have been answered.
  void wait_for(long more) {
    const long until = answered + more;
    while (answered < until && wrong == 0) std::this_thread::yield();
  }

  std::atomic<long> answered{0};
  std::atomic<int> cut_off{0};
  std::atomic<int> wrong{0};

 private:
  void run(int number) {
    Client client = connect_();
    for (long n = 0; !stop_; ++n) {
      const std::string request = std::to_string(number) + "/" + std::to_string(n);
      const std::string reply = client.ask(request);
      if (reply == request) {
        ++answered;
      } else if (reply == "<eof>") {
        ++cut_off;
        client = connect_();
      } else {
        ++wrong;
        return;
      }
    }
  }
  std::function<Client()> connect_;
  std::atomic<bool> stop_{false};
  std::vector<std::jthread> threads_;
};

TEST_F(HolderTest, ServesThroughAWorkerOfItsOwn) {
  start();
  Client client = connect();
  EXPECT_EQ(client.ask("hello"), "hello");
  EXPECT_NE(std::atoi(client.ask("pid").c_str()), holder_);
}

TEST_F(HolderTest, HotRestartUnderLoadLosesNothing) {
  start();
  Load load([this] { return connect(); }, 4);
  std::vector<Client> idle;
  for (int i = 0; i < 1500; ++i) idle.push_back(connect());  // more than the channel takes at once
  pid_t before = worker_pid();
  for (int turn = 1; turn <= 5; ++turn) {
    load.wait_for(100);
    signal(SIGUSR2);
    ASSERT_TRUE(wait_for_log("event=restart.done", turn));
    const pid_t after = worker_pid();
    EXPECT_NE(after, before);
    before = after;
  }
  load.wait_for(100);
  load.end();
  EXPECT_EQ(load.wrong, 0);
  EXPECT_EQ(load.cut_off, 0);
  for (Client& client : idle) EXPECT_EQ(client.ask("still here"), "still here");
  EXPECT_TRUE(wait_for_log("event=worker.ended", 5));  // the old ones are gone
  EXPECT_EQ(logged("level=error"), 0);
}

TEST_F(HolderTest, KillingTheWorkerUnderLoadCostsAtMostTheRequestInFlight) {
  constexpr int kClients = 4;
  constexpr int kKills = 15;
  start({"steady_after=0"});
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Client idle = connect();
  ASSERT_EQ(idle.ask("hello"), "hello");
  Load load([this] { return connect(); }, kClients);
  for (int turn = 1; turn <= kKills; ++turn) {
    load.wait_for(std::uniform_int_distribution<long>(1, 200)(random));
    const pid_t worker = worker_pid();
    ASSERT_GT(worker, 0);
    ::kill(worker, SIGKILL);
    ASSERT_TRUE(wait_for_log("event=worker.ended", turn));
  }
  load.wait_for(100);
  load.end();
  EXPECT_EQ(load.wrong, 0);
  EXPECT_LE(load.cut_off, kClients * kKills);
  EXPECT_TRUE(holder_lives());
  EXPECT_EQ(idle.ask("still here"), "still here");
}

TEST_F(HolderTest, AfterACrashExactlyTheBusyConnectionsAreClosed) {
  start();
  Client idle = connect();
  Client half = connect();
  Client witness = connect();
  ASSERT_EQ(idle.ask("hello"), "hello");
  ASSERT_EQ(half.ask("hello"), "hello");
  ASSERT_TRUE(half.send("half a requ"));
  // One loop serves all: after two rounds it is done with what came before them.
  ASSERT_EQ(witness.ask("one"), "one");
  const std::string worker = witness.ask("pid");
  ::kill(std::atoi(worker.c_str()), SIGKILL);
  EXPECT_EQ(half.line(), "<eof>");
  EXPECT_NE(idle.ask("pid"), worker);
}

TEST_F(HolderTest, ConnectionsWaitWhileWorkersCrashAtStart) {
  start({"backoff_most=100"});
  Client old = connect();
  ASSERT_EQ(old.ask("hello"), "hello");
  const pid_t worker = worker_pid();
  set_fault("crash");
  ::kill(worker, SIGKILL);
  ASSERT_TRUE(wait_for_log("event=worker.backoff delay_ms=50"));
  ASSERT_TRUE(wait_for_log("event=worker.backoff delay_ms=100", 2));
  Client young = connect();
  ASSERT_TRUE(young.connected());
  ASSERT_TRUE(young.send("sent meanwhile\n"));
  ASSERT_TRUE(old.send("sent meanwhile\n"));
  clear_fault("crash");
  EXPECT_EQ(young.line(), "sent meanwhile");
  EXPECT_EQ(old.line(), "sent meanwhile");
  EXPECT_EQ(logged("delay_ms=200"), 0);
}

TEST_F(HolderTest, TheFirstWorkerMayCrashToo) {
  set_fault("crash");
  spawn({"backoff_most=60"});
  ASSERT_TRUE(wait_for_log("event=worker.backoff", 2));
  clear_fault("crash");
  EXPECT_EQ(connect().ask("hello"), "hello");
}

TEST_F(HolderTest, AFirstWorkerThatGivesUpEndsTheHolder) {
  set_fault("give_up");
  spawn();
  EXPECT_EQ(wait_for_end(), 78);
  EXPECT_FALSE(std::filesystem::exists(socket_));
}

TEST_F(HolderTest, ALaterWorkerThatGivesUpDoesNot) {
  start({"backoff_most=60"});
  Client client = connect();
  set_fault("give_up");
  ::kill(worker_pid(), SIGKILL);
  ASSERT_TRUE(wait_for_log("with=\"status 78\"", 2));
  clear_fault("give_up");
  EXPECT_EQ(client.ask("hello"), "hello");
}

TEST_F(HolderTest, ANewWorkerThatCrashesLeavesTheOldOneServing) {
  start();
  Client client = connect();
  const std::string worker = client.ask("pid");
  set_fault("crash");
  signal(SIGUSR2);
  ASSERT_TRUE(wait_for_log("event=restart.failed"));
  EXPECT_EQ(client.ask("pid"), worker);
  EXPECT_EQ(connect().ask("pid"), worker);
  clear_fault("crash");
  signal(SIGUSR2);
  ASSERT_TRUE(wait_for_log("event=restart.done"));
  EXPECT_NE(client.ask("pid"), worker);
}

TEST_F(HolderTest, ANewWorkerThatIsNotReadyInTimeIsKilled) {
  start({"ready_limit=100"});
  Client client = connect();
  const std::string worker = client.ask("pid");
  set_fault("never_ready");
  signal(SIGUSR2);
  ASSERT_TRUE(wait_for_log("event=worker.killed"));
  ASSERT_TRUE(wait_for_log("event=restart.failed"));
  EXPECT_EQ(client.ask("pid"), worker);
}

TEST_F(HolderTest, ASecondHotRestartMeanwhileIsRemembered) {
  start();
  Client client = connect();
  const std::string worker = client.ask("pid");
  make_gate();
  signal(SIGUSR2);
  ASSERT_TRUE(wait_for_log("event=restart.begun"));
  signal(SIGUSR2);
  ASSERT_TRUE(wait_for_log("event=restart.remembered"));
  EXPECT_EQ(client.ask("pid"), worker);
  open_gate();
  ASSERT_TRUE(wait_for_log("event=restart.done", 1));
  ASSERT_TRUE(wait_for_log("event=restart.begun", 2));
  open_gate();
  ASSERT_TRUE(wait_for_log("event=restart.done", 2));
  EXPECT_EQ(client.ask("hello"), "hello");
}

TEST_F(HolderTest, TheOldWorkerMayDieWhileTheNewOneLoads) {
  start();
  Client client = connect();
  ASSERT_EQ(client.ask("hello"), "hello");
  const pid_t worker = worker_pid();
  make_gate();
  signal(SIGUSR2);
  ASSERT_TRUE(wait_for_log("event=restart.begun"));
  ::kill(worker, SIGKILL);
  EXPECT_NE(client.ask("pid"), std::to_string(worker));
  open_gate();
  EXPECT_TRUE(wait_for_log("event=worker.ready", 2));
}

TEST_F(HolderTest, AnOldWorkerThatHangsInQuiesceIsKilled) {
  start({"quiesce_limit=50", "kill_after=50"});
  Client client = connect();
  const std::string worker = client.ask("pid");
  set_fault("hang_in_quiesce");
  signal(SIGUSR2);
  ASSERT_TRUE(wait_for_log("event=worker.killed"));
  ASSERT_TRUE(wait_for_log("event=worker.ended"));
  EXPECT_NE(client.ask("pid"), worker);
  EXPECT_NE(connect().ask("pid"), worker);
}

TEST_F(HolderTest, SighupReachesTheWorker) {
  start();
  Client client = connect();
  EXPECT_EQ(client.ask("reloads"), "0");
  signal(SIGHUP);
  ASSERT_TRUE(wait_for_log("event=reload.forwarded"));
  while (client.ask("reloads") == "0") std::this_thread::yield();
  EXPECT_EQ(client.ask("reloads"), "1");
}

TEST_F(HolderTest, SigtermEndsWorkerAndHolderAndRemovesTheSocket) {
  start();
  Client client = connect();
  ASSERT_EQ(client.ask("hello"), "hello");
  signal(SIGTERM);
  EXPECT_EQ(wait_for_end(), 0);
  EXPECT_EQ(client.line(), "<eof>");
  EXPECT_FALSE(std::filesystem::exists(socket_));
  EXPECT_EQ(logged("event=worker.ended"), 1);
  EXPECT_EQ(logged("level=error"), 0);
}

TEST_F(HolderTest, SigtermDuringAHotRestartEndsBothWorkers) {
  start();
  make_gate();
  signal(SIGUSR2);
  ASSERT_TRUE(wait_for_log("event=restart.begun"));
  signal(SIGTERM);
  EXPECT_EQ(wait_for_end(), 0);
  EXPECT_EQ(logged("event=worker.ended"), 2);
}

TEST_F(HolderTest, AWorkerDoesNotOutliveItsHolder) {
  start();
  Client client = connect();
  ASSERT_EQ(client.ask("hello"), "hello");
  signal(SIGKILL);
  EXPECT_EQ(wait_for_end(), 1000 + SIGKILL);
  EXPECT_EQ(client.line(), "<eof>");  // the last descriptor of the connection is closed
}

TEST_F(HolderTest, AWorkerThatIsStuckDoesNotOutliveItsHolderEither) {
  start();
  Client client = connect();
  const std::string worker = client.ask("pid");
  ::kill(std::atoi(worker.c_str()), SIGSTOP);
  signal(SIGKILL);
  const std::string end = client.line();
  EXPECT_EQ(end, "<eof>");
  if (end != "<eof>") ::kill(std::atoi(worker.c_str()), SIGKILL);
}

TEST_F(HolderTest, NoCoreDumps) {
  start();
  for (const pid_t pid : {holder_, worker_pid()}) {
    std::ifstream limits("/proc/" + std::to_string(pid) + "/limits");
    std::string text((std::istreambuf_iterator<char>(limits)), {});
    const auto at = text.find("Max core file size");
    ASSERT_NE(at, std::string::npos);
    EXPECT_NE(text.substr(at, 60).find(" 0                    0 "), std::string::npos) << text.substr(at, 60);
  }
}

TEST_F(HolderTest, AWorkerThatHangsIsKilledAndAnotherOneTakesItsConnections) {
  start({"hung_after=1000"});
  Client client = connect();
  const pid_t worker = std::atoi(client.ask("pid").c_str());
  ASSERT_EQ(::kill(worker, SIGSTOP), 0);
  ASSERT_TRUE(wait_for_log("event=worker.hung"));
  ASSERT_TRUE(wait_for_log("event=worker.ready", 2));
  EXPECT_NE(std::atoi(client.ask("pid").c_str()), worker);
}

TEST_F(HolderTest, AWorkerWhoseLoopHangsIsKilledThoughItsOtherThreadsLive) {
  start({"hung_after=1000"});
  Client client = connect();
  ASSERT_TRUE(client.send("hang\n"));
  ASSERT_TRUE(wait_for_log("event=worker.hung"));
  EXPECT_EQ(client.line(), "<eof>");  // its request is lost
  ASSERT_TRUE(wait_for_log("event=worker.ready", 2));
  EXPECT_EQ(connect().ask("hello"), "hello");
}

}  // namespace
}  // namespace sdns::daemon
