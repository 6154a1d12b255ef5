// SPDX-License-Identifier: MIT
// The pipe door: helpers (sovereign-dns-connect) hand the pipes of their PowerDNS over, and stay connected.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <utility>

#include "backend/daemon/holder_impl.h"

namespace sdns::daemon {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr std::chrono::milliseconds kHandOverLimit{1'000};

// A pipe that is open for this (O_RDONLY or O_WRONLY), made not to block.
bool prepare_pipe(int fd, int access) {
  struct stat status {};
  const int flags = ::fcntl(fd, F_GETFL);
  return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) && flags >= 0 && (flags & O_ACCMODE) == access &&
         ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

bool hung_up(int fd) {
  pollfd look{fd, 0, 0};
  return ::poll(&look, 1, 0) == 1 && (look.revents & POLLHUP) != 0;
}

}  // namespace

void Holder::Impl::accept_helpers() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    std::optional<Listener::Accepted> accepted = accept_one(*pipe_listener);
    if (!accepted) return;
    if (!accepted->socket || !room_for_one()) continue;
    helpers.push_back(
        {.socket = std::move(accepted->socket), .pid = accepted->pid, .until = clock.now() + kHandOverLimit});
    if (!hear(helpers.back())) helpers.pop_back();
  }
}

// False when there is nothing more to expect of it.
bool Holder::Impl::hear(Helper& helper) {
  for (;;) {
    Message message;
    net::Stream stream;
    switch (receive_message(helper.socket.get(), message, stream)) {
      case ReceiveResult::kNothing:
        return true;
      case ReceiveResult::kGone:
        return lost(helper);
      case ReceiveResult::kGot:
        if (message.kind == MessageKind::kPipes && helper.connection == 0 &&
            !take_pipes(helper, message, std::move(stream)))
          return false;
    }
  }
}

bool Holder::Impl::take_pipes(Helper& helper, const Message& message, net::Stream stream) {
  if (!stream.is_pipes() || !prepare_pipe(stream.in(), O_RDONLY) || !prepare_pipe(stream.out(), O_WRONLY)) {
    log.error("pipe.refused", {{"helper", helper.pid},
                               {"reason", stream ? "its descriptors are no pipes to read from and to write to"
                                                 : "no descriptors came, or none are free here"},
                               {"hint", "run sovereign-dns-connect by PowerDNS's remote-connection-string alone"}});
    return false;
  }
  if (!room_for_one()) return false;
  const HeldConnection* connection = held->add(std::move(stream));
  helper.connection = connection->id;
  helper.powerdns = static_cast<pid_t>(message.number);
  helper.until.reset();
  if (send_message(helper.socket.get(), {.kind = MessageKind::kTaken}) != SendResult::kSent) {
    held->end(helper.connection);
    return false;
  }
  waiting.push_back(connection->id);
  return true;
}

// The helper has ended. PowerDNS kills it when it is done with the connection and closes its pipes then. Otherwise
// somebody else killed it: PowerDNS fails every query of that thread from then on, until it is restarted.
bool Holder::Impl::lost(Helper& helper) {
  helper.socket.reset();
  const HeldConnection* connection = helper.connection != 0 ? held->find(helper.connection) : nullptr;
  if (!connection || hung_up(connection->stream.in())) return false;
  helper.until = clock.now() + options.helper_grace;
  return true;
}

void Holder::Impl::look_after_helpers() {
  const SteadyTime now = clock.now();
  std::erase_if(helpers, [&](Helper& helper) {
    if (!helper.until || now < *helper.until) return false;
    if (helper.connection == 0) {
      log.warn("pipe.refused",
               {{"helper", helper.pid}, {"reason", "it handed nothing over"}, {"limit_ms", kHandOverLimit.count()}});
      return true;
    }
    const HeldConnection* connection = held->find(helper.connection);
    if (!connection || hung_up(connection->stream.in())) return true;
    log.error("pipe.orphaned", {{"helper", helper.pid},
                                {"powerdns_pid", helper.powerdns},
                                {"reason",
                                 "the helper was killed; a thread of this pdns_server answers SERVFAIL until that is "
                                 "restarted"}});
    tell_orphaned(helper.powerdns);
    return true;
  });
}

void Holder::Impl::tell_orphaned(pid_t powerdns) {
  if (Worker* worker = receiver())
    order(*worker, {.kind = MessageKind::kOrphaned, .number = static_cast<std::uint64_t>(powerdns)});
}

}  // namespace sdns::daemon
