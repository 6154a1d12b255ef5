// SPDX-License-Identifier: MIT
#include "backend/daemon/worker_link.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "backend/daemon/channel.h"
#include "backend/daemon/harden.h"

namespace sdns::daemon {

struct WorkerLink::Impl {
  explicit Impl(const Log& l) : log(l) {}
  ~Impl() {
    if (memory) ::munmap(memory, memory_octets);
  }

  const Log& log;
  Fd channel;
  Fd wake;  // an eventfd: run() is to look at `outbox` and `finished`
  std::uint8_t* memory = nullptr;
  std::size_t memory_octets = 0;

  std::mutex mutex;
  std::deque<Message> outbox;  // under mutex: what the channel had no room for
  bool finished = false;       // under mutex

  void wake_up() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake.get(), &one, sizeof one);
  }

  void send(Message message) {
    std::lock_guard lock(mutex);
    outbox.push_back(std::move(message));
    if (outbox.size() == 1 && !flush()) wake_up();
  }

  // With the mutex. False when there is no room for all; a holder that is gone is seen by run().
  bool flush() {
    for (; !outbox.empty(); outbox.pop_front()) {
      const SendResult sent = send_message(channel.get(), outbox.front());
      if (sent == SendResult::kFull || sent == SendResult::kLater) return false;
    }
    return true;
  }

  void obey(const Message& message, net::Stream stream, WorkerEvents& events);
};

WorkerLink::WorkerLink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WorkerLink::~WorkerLink() = default;

Result<std::unique_ptr<WorkerLink>> WorkerLink::from_environment(const Log& log) {
  const char* text = std::getenv(kChannelVariable);
  int version = 0;
  int channel = -1;
  int memory = -1;
  if (!text || std::sscanf(text, "%d:%d:%d", &version, &channel, &memory) != 3 || version != kChannelVersion)
    return fail(Errc::kConfig,
                fmt::format("--worker without a holder: {} is \"{}\"", kChannelVariable, text ? text : ""),
                "start sovereign-dnsd without --worker; it starts its workers itself");
  ::unsetenv(kChannelVariable);
  forbid_core_dumps();
  auto impl = std::make_unique<Impl>(log);
  impl->channel = Fd(channel);
  const Fd memory_fd(memory);
  for (const int fd : {channel, memory}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  struct stat size {};
  if (::fstat(memory, &size) != 0)
    return fail(Errc::kConfig,
                fmt::format("the holder's shared memory (descriptor {}): {}", memory, std::strerror(errno)));
  impl->memory_octets = static_cast<std::size_t>(size.st_size);
  void* mapped = ::mmap(nullptr, impl->memory_octets, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (mapped == MAP_FAILED)
    return fail(Errc::kIo, fmt::format("cannot map the holder's shared memory: {}", std::strerror(errno)));
  impl->memory = static_cast<std::uint8_t*>(mapped);
  impl->wake = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!impl->wake) return fail(Errc::kIo, fmt::format("cannot create an eventfd: {}", std::strerror(errno)));
  return std::unique_ptr<WorkerLink>(new WorkerLink(std::move(impl)));
}

void WorkerLink::Impl::obey(const Message& message, net::Stream stream, WorkerEvents& events) {
  const std::chrono::milliseconds limit(message.number);
  switch (message.kind) {
    case MessageKind::kConnection: {
      const std::size_t offset = message.slot * kBusyStride;
      if (!stream || offset >= memory_octets) {
        log.error("connection.lost",
                  {{"connection", message.number},
                   {"reason", stream ? "its slot is beyond the shared memory" : "no descriptors are free"}});
        send({.kind = MessageKind::kClosed, .number = message.number});
        return;
      }
      events.connection(message.number, std::move(stream), memory + offset);
      return;
    }
    case MessageKind::kOrphaned:
      events.orphaned(static_cast<pid_t>(message.number));
      return;
    case MessageKind::kQuiesce:
      events.quiesce(limit);
      return;
    case MessageKind::kReload:
      events.reload();
      return;
    case MessageKind::kStop:
      events.stop(limit);
      return;
    default:
      return;
  }
}

Result<void> WorkerLink::run(WorkerEvents& events) {
  using SteadyClock = std::chrono::steady_clock;
  for (SteadyClock::time_point next_beat{};;) {
    if (const auto now = SteadyClock::now(); now >= next_beat) {
      if (events.alive()) impl_->send({.kind = MessageKind::kAlive});
      next_beat = now + kHeartbeat / 2;
    }
    bool unsent = false;
    {
      std::lock_guard lock(impl_->mutex);
      unsent = !impl_->flush();
      if (impl_->finished && !unsent) return {};
    }
    pollfd wait[2] = {{impl_->channel.get(), static_cast<short>(POLLIN | (unsent ? POLLOUT : 0)), 0},
                      {impl_->wake.get(), POLLIN, 0}};
    const auto until_beat = std::chrono::duration_cast<std::chrono::milliseconds>(next_beat - SteadyClock::now());
    if (::poll(wait, 2, std::max(0, static_cast<int>(until_beat.count()) + 1)) < 0 && errno != EINTR)
      return fail(Errc::kIo, fmt::format("cannot wait for the holder: {}", std::strerror(errno)));
    if (wait[1].revents != 0) {
      std::uint64_t times = 0;
      [[maybe_unused]] const ssize_t count = ::read(impl_->wake.get(), &times, sizeof times);
    }
    for (;;) {
      Message message;
      net::Stream stream;
      const ReceiveResult got = receive_message(impl_->channel.get(), message, stream);
      if (got == ReceiveResult::kNothing) break;
      if (got == ReceiveResult::kGone)
        return fail(Errc::kUnavailable, "the holder is gone", "the worker ends; start sovereign-dnsd again");
      impl_->obey(message, std::move(stream), events);
    }
  }
}

void WorkerLink::finish() {
  std::lock_guard lock(impl_->mutex);
  impl_->finished = true;
  impl_->wake_up();
}

void WorkerLink::ready() { impl_->send({.kind = MessageKind::kReady}); }
void WorkerLink::released() { impl_->send({.kind = MessageKind::kReleased}); }
void WorkerLink::reloaded() { impl_->send({.kind = MessageKind::kReloaded}); }
void WorkerLink::closed(net::ConnectionId id) { impl_->send({.kind = MessageKind::kClosed, .number = id}); }
void WorkerLink::status(std::string_view one_line) {
  impl_->send({.kind = MessageKind::kStatus, .text = std::string(one_line.substr(0, kMaxMessageText))});
}

}  // namespace sdns::daemon
