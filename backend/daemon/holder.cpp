// SPDX-License-Identifier: MIT
#include "backend/daemon/holder.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "backend/daemon/harden.h"
#include "backend/daemon/holder_impl.h"

namespace sdns::daemon {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr int kAcceptsPerTurn = 64;
constexpr milliseconds kAcceptPause{100};        // after the limit of open files was met
constexpr milliseconds kChannelRetry{10};        // see SendResult::kLater
constexpr std::size_t kDescriptorsBesides = 64;  // what holder and worker need besides connections

}  // namespace

Holder::Holder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Holder::~Holder() = default;
int Holder::run() { return impl_->run(); }

Result<std::unique_ptr<Holder>> Holder::create(HolderOptions options, const Clock& clock, const Log& log) {
  if (options.worker_argv.empty()) return fail(Errc::kInvalidArgument, "the holder has no program to run");
  const char* notify_socket = std::getenv("NOTIFY_SOCKET");
  auto impl = std::make_unique<Impl>(std::move(options), clock, log, notify_socket ? notify_socket : "");
  forbid_core_dumps();
  // Some are kept back: a holder that cannot open a channel could not replace a worker that has died.
  const std::size_t descriptors = raise_descriptor_limit();
  const std::size_t room = descriptors - std::min(kDescriptorsBesides, descriptors / 2);
  if (room < impl->options.max_connections) {
    log.warn("descriptors.limit",
             {{"limit", descriptors},
              {"max_connections", impl->options.max_connections},
              {"used", room},
              {"hint", "raise LimitNOFILE or lower listen.max_connections; connections beyond are closed"}});
    impl->options.max_connections = room;
  }
  // Signals are read from a descriptor; blocked before the first child, so that no end of one is missed.
  sigset_t mask;
  sigemptyset(&mask);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR2}) sigaddset(&mask, number);
  ::sigprocmask(SIG_BLOCK, &mask, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  impl->signals = Fd(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!impl->signals) return fail(Errc::kIo, fmt::format("cannot create a signalfd: {}", std::strerror(errno)));
  auto held = HeldConnections::create(impl->options.max_connections);
  if (!held) return fail(held.error());
  impl->held = std::move(*held);
  auto listener = Listener::open({.path = impl->options.socket_path,
                                  .mode = impl->options.socket_mode,
                                  .group = impl->options.socket_group,
                                  .allowed_uids = impl->options.allowed_uids},
                                 log);
  if (!listener) return fail(listener.error());
  impl->listener = std::move(*listener);
  if (!impl->options.pipe_socket_path.empty()) {
    auto pipes = Listener::open({.setting = "listen.pipe_socket",
                                 .path = impl->options.pipe_socket_path,
                                 .type = SOCK_SEQPACKET,
                                 .mode = impl->options.socket_mode,
                                 .group = impl->options.socket_group,
                                 .allowed_uids = impl->options.allowed_uids},
                                log);
    if (!pipes) return fail(pipes.error());
    impl->pipe_listener = std::move(*pipes);
  }
  impl->watched = std::getenv("WATCHDOG_USEC") != nullptr;
  return std::unique_ptr<Holder>(new Holder(std::move(impl)));
}

int Holder::Impl::run() {
  looked_at_beats = clock.now();
  fill_current();
  while (!(stopping && !current && !next && leaving.empty())) wait_and_handle();
  log.info("holder.stopped", {{"connections", held->size()}, {"status", exit_status}});
  return exit_status;
}

void Holder::Impl::wait_and_handle() {
  std::vector<pollfd> wait{{signals.get(), POLLIN, 0}};
  const bool accepting = listener && clock.now() >= accept_from;
  wait.push_back({accepting ? listener->fd() : -1, POLLIN, 0});
  wait.push_back({pipe_listener && accepting ? pipe_listener->fd() : -1, POLLIN, 0});
  const std::size_t first_worker = wait.size();
  std::vector<Worker*> workers;
  for_each_worker([&](Worker& worker) {
    const bool unsent = !worker.retry_later && (!worker.orders.empty() || (&worker == receiver() && !waiting.empty()));
    const short events = static_cast<short>(POLLIN | (unsent ? POLLOUT : 0));
    wait.push_back({worker.channel ? worker.channel.get() : -1, events, 0});
    workers.push_back(&worker);
  });
  const std::size_t first_helper = wait.size();
  for (const Helper& helper : helpers) wait.push_back({helper.socket ? helper.socket.get() : -1, POLLIN, 0});
  const auto timeout = static_cast<int>(time_to_next_deadline().count());
  if (::poll(wait.data(), wait.size(), timeout) < 0 && errno != EINTR) {
    log.error("holder.poll", {{"reason", std::strerror(errno)}});
    return;
  }
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if ((wait[first_worker + i].revents & ~POLLOUT) != 0) receive(*workers[i]);
  }
  auto heard = wait.begin() + static_cast<std::ptrdiff_t>(first_helper);
  std::erase_if(helpers, [&](Helper& helper) { return (heard++)->revents != 0 && !hear(helper); });
  if (wait[0].revents != 0) take_signals();
  if (wait[1].revents != 0 && listener) accept_some();
  if (wait[2].revents != 0 && pipe_listener) accept_helpers();
  look_after_helpers();
  look_at_beats();
  kill_late();
  if (start_at && clock.now() >= *start_at) fill_current();
  if (reload_until && clock.now() >= *reload_until) {
    reload_until.reset();
    log.warn("reload.unanswered", {{"limit_ms", options.ready_limit.count()}});
    systemd.send("READY=1");
  }
  for_each_worker([&](Worker& worker) { flush(worker); });
}

milliseconds Holder::Impl::time_to_next_deadline() const {
  const SteadyTime now = clock.now();
  std::optional<SteadyTime> first;
  const auto consider = [&first](std::optional<SteadyTime> when) {
    if (when && (!first || *when < *first)) first = when;
  };
  consider(looked_at_beats + kHeartbeat);
  for (const Helper& helper : helpers) consider(helper.until);
  consider(start_at);
  consider(reload_until);
  if (accept_from > now) consider(accept_from);
  const auto consider_worker = [&](const Worker& worker) {
    consider(worker.kill_at);
    if (worker.retry_later) consider(now + kChannelRetry);
  };
  if (current) consider_worker(*current);
  if (next) consider_worker(*next);
  for (const auto& worker : leaving) consider_worker(*worker);
  if (!first) return milliseconds(-1);
  return *first <= now ? milliseconds(0) : duration_cast<milliseconds>(*first - now) + milliseconds(1);
}

void Holder::Impl::take_signals() {
  signalfd_siginfo info{};
  while (::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    switch (static_cast<int>(info.ssi_signo)) {
      case SIGCHLD:
        reap();
        break;
      case SIGUSR2:
        restart();
        break;
      case SIGHUP:
        reload();
        break;
      default:
        stop();
        break;
    }
  }
}

// Nothing when there is no more to accept now. What was refused has no socket.
std::optional<Listener::Accepted> Holder::Impl::accept_one(Listener& from) {
  using What = Listener::Accepted::What;
  Listener::Accepted accepted = from.accept();
  const SteadyTime now = clock.now();
  if (accepted.what == What::kNothing) return std::nullopt;
  if (accepted.what == What::kRefused) {
    if (const auto more = refused_events.pass(now))
      log.warn("peer.refused", {{"uid", accepted.uid},
                                {"pid", accepted.pid},
                                {"suppressed", *more},
                                {"hint", "add the user to listen.peers if it is PowerDNS's"}});
  }
  if (accepted.what == What::kNoDescriptors) {
    if (const auto more = descriptor_events.pass(now))
      log.error("descriptors.exhausted", {{"connections", held->size()},
                                          {"suppressed", *more},
                                          {"action", "the newest connection was closed"},
                                          {"hint", "raise LimitNOFILE"}});
    accept_from = now + kAcceptPause;
    return std::nullopt;
  }
  return accepted;
}

bool Holder::Impl::room_for_one() {
  if (!held->full()) return true;
  if (const auto more = full_events.pass(clock.now()))
    log.error("connections.full", {{"limit", options.max_connections},
                                   {"suppressed", *more},
                                   {"action", "the newest connection was closed"},
                                   {"hint", "raise listen.max_connections"}});
  return false;
}

void Holder::Impl::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    std::optional<Listener::Accepted> accepted = accept_one(*listener);
    if (!accepted) return;
    if (!accepted->socket || !room_for_one()) continue;
    waiting.push_back(held->add(net::Stream(std::move(accepted->socket)))->id);
  }
}

void Holder::Impl::reload() {
  if (stopping) return;
  log.info("reload.forwarded", {});
  const auto monotonic =
      duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  systemd.send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic));
  if (!current && !next) {
    systemd.send("READY=1");  // the next worker reads the configuration anyway
    return;
  }
  reload_until = clock.now() + options.ready_limit;
  if (current) order(*current, {.kind = MessageKind::kReload});
  if (next) order(*next, {.kind = MessageKind::kReload});
}

void Holder::Impl::stop() {
  if (stopping) {
    for_each_worker([](const Worker& worker) { ::kill(worker.pid, SIGKILL); });  // asked twice: at once
    return;
  }
  stopping = true;
  log.info("holder.stopping", {{"connections", held->size()}});
  systemd.send("STOPPING=1\nSTATUS=stopping");
  listener.reset();
  pipe_listener.reset();
  start_at.reset();
  for_each_worker([this](Worker& worker) {
    worker.kill_at = clock.now() + options.stop_limit;
    worker.kill_reason = "it did not end in time";
    order(worker, {.kind = MessageKind::kStop, .number = static_cast<std::uint64_t>(options.stop_limit.count())});
  });
}

}  // namespace sdns::daemon
