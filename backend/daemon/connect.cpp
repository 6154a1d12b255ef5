// SPDX-License-Identifier: MIT
// sovereign-dns-connect: the command of PowerDNS's pipe connector. Hands its standard input and output, which are pipes
// of pdns_server, over to sovereign-dnsd, and then waits to be ended.
//
//   remote-connection-string=pipe:command=/usr/bin/sovereign-dns-connect /run/sovereign-dns/pipe.sock,timeout=0
//
// PowerDNS makes a new connection, and so runs this again, only when it finds the end of the pipe where a reply should
// be. Hence: `initialize` is answered here, always with true; standard input stays open, so that PowerDNS's writes
// never fail; of standard output no copy is kept, so that the daemon's end is the end; when there is no daemon it is
// closed; and the program ends after PowerDNS alone, since one whose command has ended recovers from nothing.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "backend/base/owned.h"
#include "backend/daemon/channel.h"
#include "backend/net/stream.h"

namespace sdns::daemon {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMaxInitializeOctets = 64 * 1024;
// A daemon that is being started again is waited for; longer than that PowerDNS's thread is better off with SERVFAIL.
constexpr milliseconds kConnectLimit{1'000};
constexpr milliseconds kConnectPause{20};

// PowerDNS's other descriptors, the ends of other commands' pipes among them: a copy here would keep those open.
void close_inherited() {
  const Fd listing(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* open = listing ? ::fdopendir(::dup(listing.get())) : nullptr;
  if (!open) {
    for (int fd = 3; fd < static_cast<int>(::sysconf(_SC_OPEN_MAX)); ++fd) ::close(fd);
    return;
  }
  const int own = ::dirfd(open);
  while (const dirent* entry = ::readdir(open)) {
    const int fd = std::atoi(entry->d_name);
    if (fd > 2 && fd != own && fd != listing.get()) ::close(fd);
  }
  ::closedir(open);
}

// Octet by octet: what follows is the daemon's.
bool read_initialize() {
  for (std::size_t read = 0; read < kMaxInitializeOctets; ++read) {
    char octet = 0;
    ssize_t count = 0;
    do count = ::read(STDIN_FILENO, &octet, 1);
    while (count < 0 && errno == EINTR);
    if (count != 1) return false;
    if (octet == '\n') return true;
  }
  return false;
}

bool answer_initialize() {
  constexpr std::string_view kTrue = "{\"result\":true}\n";
  return ::write(STDOUT_FILENO, kTrue.data(), kTrue.size()) == static_cast<ssize_t>(kTrue.size());
}

Fd connect_to_daemon(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  for (const auto until = Clock::now() + kConnectLimit;;) {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
    if (Clock::now() >= until) {
      std::fprintf(stderr, "sovereign-dns-connect: %s: %s\n", path, std::strerror(errno));
      return Fd();
    }
    ::poll(nullptr, 0, static_cast<int>(kConnectPause.count()));
  }
}

bool hand_over(int socket) {
  // Copies of its own: what is sent is not what this program keeps.
  const net::Stream stream(Fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)),
                           Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)));
  const Message message{.kind = MessageKind::kPipes, .number = static_cast<std::uint64_t>(::getppid())};
  if (send_message(socket, message, stream) != SendResult::kSent) return false;
  pollfd wait{socket, POLLIN, 0};
  if (::poll(&wait, 1, static_cast<int>(kConnectLimit.count())) != 1) return false;
  Message reply;
  net::Stream none;
  return receive_message(socket, reply, none) == ReceiveResult::kGot && reply.kind == MessageKind::kTaken;
}

// Until PowerDNS has closed its end; usually it kills this process before.
void wait_for_powerdns() {
  for (;;) {
    pollfd wait{STDIN_FILENO, 0, 0};
    if (::poll(&wait, 1, -1) > 0 && (wait.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) return;
  }
}

int run(const char* path) {
  ::signal(SIGPIPE, SIG_IGN);
  close_inherited();
  if (!read_initialize() || !answer_initialize()) return 0;  // PowerDNS has ended
  Fd socket = connect_to_daemon(path);
  if (socket && !hand_over(socket.get()))
    std::fprintf(stderr, "sovereign-dns-connect: %s: sovereign-dnsd did not take the pipes; its log says why\n", path);
  ::close(STDOUT_FILENO);
  wait_for_powerdns();
  return 0;
}

}  // namespace
}  // namespace sdns::daemon

int main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] != '/') {
    std::fprintf(stderr,
                 "usage: sovereign-dns-connect SOCKET\n"
                 "Run by pdns_server, with the daemon's listen.pipe_socket:\n"
                 "  remote-connection-string=pipe:command=/usr/bin/sovereign-dns-connect SOCKET,timeout=0\n");
    return 2;
  }
  return sdns::daemon::run(argv[1]);
}
