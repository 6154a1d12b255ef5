// SPDX-License-Identifier: MIT
// The listening socket of the holder: file, mode, peers, limits, systemd.
#include <sys/syscall.h>

#include "tests/support/descriptors.h"
#include "tests/support/without.h"
#include "tests/unit/daemon/holder_fixture.h"

namespace sdns::daemon {
namespace {

Fd listening_socket(const std::string& path) {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd.get(), 16), 0);
  return fd;
}

/// What systemd would hear.
class NotifySocket {
 public:
  NotifySocket() : name_("sdns-notify-test-" + std::to_string(::getpid())) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name_.data(), name_.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  }
  [[nodiscard]] std::string variable() const { return "NOTIFY_SOCKET=@" + name_; }
  std::string next() {
    pollfd wait{fd_.get(), POLLIN, 0};
    char text[512];
    if (::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) != 1) return "<timeout>";
    const ssize_t n = ::recv(fd_.get(), text, sizeof text, 0);
    return std::string(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  }

 private:
  std::string name_;
  Fd fd_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(HolderTest, TheSocketHasItsModeAndGroupAndNothingElseIsLeftBehind) {
  const bool root = ::geteuid() == 0;
  const gid_t group = root ? 4242 : ::getegid();
  start({"mode=0620", "group=" + std::to_string(group)});
  struct stat found {};
  ASSERT_EQ(::stat(socket_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0620U);
  EXPECT_EQ(found.st_gid, group);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory_)) ++files;
  EXPECT_EQ(files, 1);
}

TEST_F(HolderTest, AStaleSocketFileIsReplaced) {
  listening_socket(socket_).reset();
  ASSERT_TRUE(std::filesystem::exists(socket_));
  start();
  EXPECT_EQ(connect().ask("hello"), "hello");
}

TEST_F(HolderTest, ASocketThatAnotherProcessServesIsLeftAlone) {
  const Fd other = listening_socket(socket_);
  spawn();
  EXPECT_EQ(wait_for_end(), 2);
  EXPECT_TRUE(wait_for_log("another process is listening there"));
  EXPECT_TRUE(connect().connected());
}

TEST_F(HolderTest, AFileThatIsNotASocketIsLeftAlone) {
  std::ofstream(socket_) << "precious";
  spawn();
  EXPECT_EQ(wait_for_end(), 2);
  EXPECT_TRUE(wait_for_log("exists and is not a socket"));
  EXPECT_EQ(std::filesystem::file_size(socket_), 8U);
}

TEST_F(HolderTest, APathThatIsTooLongIsRefused) {
  socket_ = directory_ + "/" + std::string(100, 'x');
  spawn();
  EXPECT_EQ(wait_for_end(), 2);
  EXPECT_TRUE(wait_for_log("a socket path has 1 to 107"));
}

TEST_F(HolderTest, ASocketFileThatIsNotOursAnyMoreIsNotRemoved) {
  start();
  std::filesystem::remove(socket_);
  const Fd other = listening_socket(socket_);
  signal(SIGTERM);
  EXPECT_EQ(wait_for_end(), 0);
  EXPECT_TRUE(std::filesystem::exists(socket_));
}

TEST_F(HolderTest, TakesTheSocketThatSystemdPassesAndLeavesItsFile) {
  const Fd passed = listening_socket(socket_);
  spawn({}, "LISTEN_PID=$$ LISTEN_FDS=1", passed.get());
  ASSERT_TRUE(wait_for_log("event=listen.passed"));
  EXPECT_EQ(connect().ask("hello"), "hello");
  signal(SIGTERM);
  EXPECT_EQ(wait_for_end(), 0);
  EXPECT_TRUE(std::filesystem::exists(socket_));
}

TEST_F(HolderTest, TellsSystemdHowItIs) {
  NotifySocket manager;
  spawn({}, manager.variable());
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=serving");
  signal(SIGHUP);
  EXPECT_TRUE(manager.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(manager.next(), "READY=1");
  signal(SIGTERM);
  EXPECT_TRUE(manager.next().starts_with("STOPPING=1"));
  EXPECT_EQ(wait_for_end(), 0);
}

TEST_F(HolderTest, TellsSystemdsWatchdogThatItLives) {
  NotifySocket manager;
  spawn({}, manager.variable() + " WATCHDOG_USEC=10000000");
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=serving");
  EXPECT_EQ(manager.next(), "WATCHDOG=1");
  EXPECT_EQ(manager.next(), "WATCHDOG=1");
}

TEST_F(HolderTest, RefusesAPeerThatIsNotAllowed) {
  if (test::left_out("root")) GTEST_SKIP() << "left out by --without=root";
  ASSERT_EQ(::geteuid(), 0U) << "needs root to connect as somebody else; --without=root leaves it out";
  constexpr uid_t kNobody = 65534;
  constexpr uid_t kFriend = 4711;
  start({"mode=0666", "allow=" + std::to_string(kFriend)});
  const auto ask_as = [this](uid_t uid) {
    std::string reply;
    std::thread([&] {
      // The bare system call: of this thread only, while the library's wrapper changes all.
      ASSERT_EQ(::syscall(SYS_setresuid, -1, uid, -1), 0);
      reply = connect().ask("hello");
    }).join();
    return reply;
  };
  EXPECT_EQ(ask_as(kNobody), "<eof>");
  EXPECT_TRUE(wait_for_log("event=peer.refused uid=65534"));
  EXPECT_EQ(ask_as(kFriend), "hello");
  EXPECT_EQ(ask_as(0), "hello");
}

TEST_F(HolderTest, ConnectionsBeyondTheLimitAreClosedAndTheOthersServed) {
  start({"max_connections=3"});
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect());
  for (Client& client : clients) ASSERT_EQ(client.ask("hello"), "hello");
  EXPECT_EQ(connect().ask("one too many"), "<eof>");
  EXPECT_TRUE(wait_for_log("event=connections.full limit=3"));
  for (Client& client : clients) ASSERT_EQ(client.ask("hello"), "hello");
  clients.pop_back();
  std::string reply;
  while ((reply = connect().ask("hello")) == "<eof>") std::this_thread::yield();  // until the worker has seen it go
  EXPECT_EQ(reply, "hello");
}

TEST_F(HolderTest, AShortLimitOfOpenFilesLeavesRoomForANewWorker) {
  spawn({}, "ulimit -n 96;");
  ASSERT_TRUE(wait_for_log("event=worker.ready"));
  EXPECT_TRUE(wait_for_log("event=descriptors.limit limit=96 max_connections=10000 used=48"));
  std::vector<Client> clients;
  for (int i = 0; i < 120; ++i) clients.push_back(connect());
  int served = 0;
  for (Client& client : clients) served += client.ask("hello") == "hello" ? 1 : 0;
  EXPECT_EQ(served, 48);
  const std::string worker = clients.front().ask("pid");
  ASSERT_EQ(clients.back().ask("hello"), "<eof>");
  ASSERT_EQ(clients[1].ask("hello"), "hello");
  ::kill(std::atoi(worker.c_str()), SIGKILL);
  EXPECT_NE(clients.front().ask("pid"), worker);
  clients.clear();
  std::string reply;
  while ((reply = connect().ask("hello")) == "<eof>") std::this_thread::yield();
  EXPECT_EQ(reply, "hello");
}

TEST_F(HolderTest, AWorkerWithoutDescriptorsClosesTheNewestAndServesTheOthers) {
  if (test::kNeedsDescriptors) GTEST_SKIP() << test::kWhyDescriptors;
  set_fault("hog");
  spawn({}, "ulimit -n 128;");
  ASSERT_TRUE(wait_for_log("event=worker.ready"));
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(connect());
    EXPECT_EQ(clients.back().ask("hello"), i < 5 ? "hello" : "<eof>");
  }
  EXPECT_TRUE(wait_for_log("event=connection.lost", 5));
  EXPECT_EQ(clients.front().ask("still here"), "still here");
  EXPECT_EQ(logged("event=worker.ended"), 0);
}

}  // namespace
}  // namespace sdns::daemon
