// SPDX-License-Identifier: MIT
#include "backend/net/loop.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <uv.h>

#include <array>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "backend/net/peer.h"

namespace sdns::net {
namespace {

constexpr std::size_t kReadBufferOctets = 64 * 1024;

struct Adopted {
  Stream stream;
  ConnectionId id;
  std::uint8_t* busy;
};

// What other threads have asked for since the loop looked last.
struct Orders {
  std::vector<Adopted> adopted;
  std::vector<ConnectionId> resumed;
  bool nudge = false;
  bool retry = false;
  bool stop = false;
  std::optional<std::chrono::milliseconds> quiesce_limit;
  std::vector<std::function<void()>> quiesce_done;
};

}  // namespace

struct Loop::Impl {
  struct Connection {
    Connection(Impl& loop, Adopted&& from)
        : owner(loop), peer(std::move(from.stream), from.id, from.busy, loop.shared) {}
    uv_poll_t poll{};
    uv_poll_t out_poll{};  // of pipes: of the one for replies
    int handles = 1;       // of libuv that are not closed yet
    Impl& owner;
    Peer peer;
    int watched = 0;     // the events that libuv watches for
    bool again = false;  // is in Impl::again
    bool parked = false;
    bool waiting = false;  // is in Impl::waiting
    std::uint64_t wait_until_ms = 0;
  };

  Impl(const LoopOptions& o, std::unique_ptr<LineHandler> h, const Log& l, Metrics& metrics,
       const std::function<void(ConnectionId)>& closed)
      : options(o),
        handler(std::move(h)),
        log(l),
        on_closed(closed),
        open_connections(metrics.gauge("sdns_unix_connections", "Connections that are served")),
        adopted_total(metrics.counter("sdns_unix_connections_adopted_total", "Connections taken on by a loop")),
        deferred_total(metrics.counter("sdns_unix_requests_deferred_total", "Requests kept until zones were loaded")),
        read_buffer(kReadBufferOctets),
        shared{.handler = *handler,
               .log = log,
               .requests = metrics.counter("sdns_unix_requests_total", "Requests answered over the unix socket"),
               .max_request_octets = options.max_request_octets,
               .read_buffer = read_buffer} {
    for (std::size_t i = 0; i < kCloseReasons; ++i)
      closed_total[i] =
          &metrics.counter("sdns_unix_connections_closed_total", "Connections ended by this process, by reason",
                           {{"reason", std::string(to_text(static_cast<CloseReason>(i)))}});
  }

  LoopOptions options;
  std::unique_ptr<LineHandler> handler;
  const Log& log;
  const std::function<void(ConnectionId)>& on_closed;
  Metric& open_connections;
  Metric& adopted_total;
  Metric& deferred_total;
  std::array<Metric*, kCloseReasons> closed_total{};
  std::vector<char> read_buffer;
  PeerShared shared;

  uv_loop_t loop{};
  uv_async_t wake{};
  uv_idle_t turn{};         // active while `again` has something: the loop does not sleep then
  uv_timer_t wait_timer{};  // the oldest of `waiting`
  uv_timer_t quiesce_timer{};
  std::thread thread;
  std::atomic<std::size_t> count{0};
  std::atomic<bool> obeyed{true};  // since came_round()

  std::mutex mutex;
  Orders orders;         // under mutex
  bool stopped = false;  // under mutex

  // The loop's thread only.
  std::unordered_set<Connection*> connections;
  std::vector<Connection*> again;
  std::vector<Connection*> turn_list;  // of turn_over(); null where the connection has gone
  std::deque<Connection*> waiting;     // in order of wait_until_ms; null where it does not wait any more
  std::unordered_map<ConnectionId, Connection*> pending;  // wait for resume()
  std::size_t unparked = 0;
  std::vector<std::function<void()>> quiesce_done;

  Result<void> init();
  void post(auto&& change) {
    std::lock_guard lock(mutex);
    if (stopped) return;
    change(orders);
    stopped = orders.stop;
    uv_async_send(&wake);  // under the lock: the handle is closed after the order to stop was taken
  }
  void run() {
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
  }

  void obey();
  void take_on(Adopted&& from);
  void apply(Connection& c, Want want);
  void watch(Connection& c, int events);
  void happened(Connection& c, int status);
  void wait(Connection& c);
  void stop_waiting(Connection& c);
  void arm_wait_timer();
  void wait_is_over();
  void retry();
  void resume(ConnectionId id);
  void turn_over();
  void begin_quiesce(std::chrono::milliseconds limit);
  void end_quiesce_if_done();
  void close(Connection& c);
  void release(Connection& c);
  void close_handles(Connection& c);
  void stop();
};

Result<void> Loop::Impl::init() {
  if (const int error = uv_loop_init(&loop); error != 0)
    return fail(Errc::kIo, fmt::format("cannot create an event loop: {}", uv_strerror(error)),
                "raise the limit of open files (LimitNOFILE)");
  loop.data = this;
  if (const int error = uv_async_init(&loop, &wake, [](uv_async_t* h) { static_cast<Impl*>(h->loop->data)->obey(); });
      error != 0) {
    uv_loop_close(&loop);
    return fail(Errc::kIo, fmt::format("cannot create the wake-up of an event loop: {}", uv_strerror(error)),
                "raise the limit of open files (LimitNOFILE)");
  }
  uv_idle_init(&loop, &turn);
  uv_timer_init(&loop, &wait_timer);
  uv_timer_init(&loop, &quiesce_timer);
  return {};
}

void Loop::Impl::obey() {
  obeyed.store(true, std::memory_order_relaxed);
  Orders now;
  {
    std::lock_guard lock(mutex);
    std::swap(now, orders);
  }
  for (Adopted& from : now.adopted) take_on(std::move(from));
  if (now.nudge) handler->refresh();
  if (now.retry) retry();
  for (const ConnectionId id : now.resumed) resume(id);
  if (now.quiesce_limit) {
    for (auto& done : now.quiesce_done) quiesce_done.push_back(std::move(done));
    begin_quiesce(*now.quiesce_limit);
  }
  if (now.stop) stop();
}

void Loop::Impl::close_handles(Connection& c) {
  const auto closed = [](uv_handle_t* h) {
    auto* self = static_cast<Connection*>(h->data);
    if (--self->handles == 0) delete self;
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&c.poll), closed);
  if (c.handles == 2) uv_close(reinterpret_cast<uv_handle_t*>(&c.out_poll), closed);
  c.peer.close();  // not before libuv has forgotten the descriptors
}

void Loop::Impl::take_on(Adopted&& from) {
  if (shared.quiescing) return;  // its duplicate goes to the process that takes over
  auto* c = new Connection(*this, std::move(from));
  const auto unwatchable = [&](int error) {
    log.error("connection.unwatchable", {{"connection", c->peer.id()}, {"reason", uv_strerror(error)}});
    c->peer.shut_down();
    const ConnectionId id = c->peer.id();
    if (on_closed) on_closed(id);
  };
  if (const int error = uv_poll_init(&loop, &c->poll, c->peer.stream().in()); error != 0) {
    unwatchable(error);
    delete c;
    return;
  }
  c->poll.data = c;
  if (c->peer.stream().is_pipes()) {
    if (const int error = uv_poll_init(&loop, &c->out_poll, c->peer.stream().out()); error != 0) {
      unwatchable(error);
      close_handles(*c);
      return;
    }
    c->out_poll.data = c;
    ++c->handles;
  }
  connections.insert(c);
  count.store(connections.size(), std::memory_order_relaxed);
  open_connections.add();
  adopted_total.add();
  ++unparked;
  handler->opened(c->peer.id());
  apply(*c, Want::kRead);
}

void Loop::Impl::watch(Connection& c, int events) {
  if (c.watched == events) return;
  const auto handle_of = [&c](int what) {
    return what == UV_WRITABLE && c.peer.stream().is_pipes() ? &c.out_poll : &c.poll;
  };
  if (c.watched != 0 && (events == 0 || handle_of(c.watched) != handle_of(events))) uv_poll_stop(handle_of(c.watched));
  c.watched = events;
  if (events == 0) return;
  uv_poll_start(handle_of(events), events, [](uv_poll_t* poll, int status, int) {
    Connection& self = *static_cast<Connection*>(poll->data);
    self.owner.happened(self, status);
  });
}

void Loop::Impl::happened(Connection& c, int status) {
  const bool writing = c.watched == UV_WRITABLE;
  const bool hung_up = c.watched == UV_DISCONNECT;
  if (status < 0) c.watched = 0;  // an error condition: libuv has stopped watching; the system call says which
  if (c.again) return;
  if (hung_up) {
    c.peer.fail(CloseReason::kEof);
    close(c);
  } else {
    apply(c, writing ? c.peer.on_writable() : c.peer.on_readable());
  }
  end_quiesce_if_done();
}

void Loop::Impl::apply(Connection& c, Want want) {
  if (want != Want::kRetry) stop_waiting(c);
  switch (want) {
    case Want::kRead:
      watch(c, UV_READABLE);
      return;
    case Want::kWrite:
      watch(c, UV_WRITABLE);
      return;
    case Want::kAgain:
      // Still watched: its events are ignored until its turn, which comes before the loop sleeps.
      c.again = true;
      again.push_back(&c);
      uv_idle_start(&turn, [](uv_idle_t* h) { static_cast<Impl*>(h->loop->data)->turn_over(); });
      return;
    case Want::kRetry:
      watch(c, 0);
      wait(c);
      return;
    case Want::kResume:
      watch(c, UV_DISCONNECT);
      pending.insert({c.peer.id(), &c});
      return;
    case Want::kParked:
      watch(c, 0);
      if (!c.parked) {
        c.parked = true;
        --unparked;
        handler->closed(c.peer.id());
      }
      return;
    case Want::kClose:
      close(c);
      return;
  }
}

void Loop::Impl::turn_over() {
  turn_list.swap(again);
  for (std::size_t i = 0; i < turn_list.size(); ++i) {
    Connection* c = turn_list[i];
    if (!c) continue;
    c->again = false;
    apply(*c, c->peer.resume());
  }
  turn_list.clear();
  if (again.empty()) uv_idle_stop(&turn);
  end_quiesce_if_done();
}

void Loop::Impl::wait(Connection& c) {
  deferred_total.add();
  c.waiting = true;
  c.wait_until_ms = uv_now(&loop) + static_cast<std::uint64_t>(options.not_ready_limit.count());
  waiting.push_back(&c);
  if (!uv_is_active(reinterpret_cast<uv_handle_t*>(&wait_timer))) arm_wait_timer();
}

void Loop::Impl::stop_waiting(Connection& c) {
  if (!c.waiting) return;
  c.waiting = false;
  for (Connection*& entry : waiting)
    if (entry == &c) entry = nullptr;
}

void Loop::Impl::arm_wait_timer() {
  while (!waiting.empty() && !waiting.front()) waiting.pop_front();
  if (waiting.empty()) {
    uv_timer_stop(&wait_timer);
    return;
  }
  const std::uint64_t until = waiting.front()->wait_until_ms;
  const std::uint64_t now = uv_now(&loop);
  uv_timer_start(
      &wait_timer, [](uv_timer_t* h) { static_cast<Impl*>(h->loop->data)->wait_is_over(); },
      until > now ? until - now : 0, 0);
}

void Loop::Impl::wait_is_over() {
  while (!waiting.empty() && (!waiting.front() || waiting.front()->wait_until_ms <= uv_now(&loop))) {
    Connection* c = waiting.front();
    waiting.pop_front();
    if (!c) continue;
    c->waiting = false;
    log.warn("request.not_ready",
             {{"connection", c->peer.id()}, {"limit_ms", options.not_ready_limit.count()}, {"action", "closed"}});
    c->peer.fail(CloseReason::kNotReady);
    close(*c);
  }
  arm_wait_timer();
  end_quiesce_if_done();
}

void Loop::Impl::retry() {
  std::deque<Connection*> now;
  now.swap(waiting);
  for (Connection* c : now) {
    if (!c) continue;
    c->waiting = false;
    const Want want = c->peer.resume();
    if (want == Want::kRetry) {
      c->waiting = true;  // with the limit that it had
      waiting.push_back(c);
    } else {
      apply(*c, want);
    }
  }
  arm_wait_timer();
  end_quiesce_if_done();
}

void Loop::Impl::resume(ConnectionId id) {
  const auto at = pending.find(id);
  if (at == pending.end()) return;
  Connection& c = *at->second;
  pending.erase(at);
  apply(c, c.peer.resume());
  end_quiesce_if_done();
}

void Loop::Impl::begin_quiesce(std::chrono::milliseconds limit) {
  shared.quiescing = true;
  const std::vector<Connection*> now(connections.begin(), connections.end());
  for (Connection* c : now)
    if (!c->again && !c->waiting) apply(*c, c->peer.quiesce());
  uv_timer_start(
      &quiesce_timer,
      [](uv_timer_t* h) {
        Impl& self = *static_cast<Impl*>(h->loop->data);
        self.waiting.clear();
        const std::vector<Connection*> late(self.connections.begin(), self.connections.end());
        for (Connection* c : late) {
          if (c->parked) continue;
          self.log.warn("quiesce.closed", {{"connection", c->peer.id()}, {"reason", "request or reply unfinished"}});
          c->peer.fail(CloseReason::kQuiesceLimit);
          self.close(*c);
        }
        self.end_quiesce_if_done();
      },
      static_cast<std::uint64_t>(limit.count()), 0);
  end_quiesce_if_done();
}

void Loop::Impl::end_quiesce_if_done() {
  if (!shared.quiescing || unparked != 0 || quiesce_done.empty()) return;
  uv_timer_stop(&quiesce_timer);
  for (const auto& done : std::exchange(quiesce_done, {})) done();
}

void Loop::Impl::close(Connection& c) {
  const ConnectionId id = c.peer.id();
  closed_total[static_cast<std::size_t>(c.peer.close_reason())]->add();
  c.peer.shut_down();
  handler->closed(id);
  --unparked;
  release(c);
  if (on_closed) on_closed(id);
}

void Loop::Impl::release(Connection& c) {
  stop_waiting(c);
  pending.erase(c.peer.id());
  if (c.again)
    for (std::vector<Connection*>* list : {&again, &turn_list})
      for (Connection*& entry : *list)
        if (entry == &c) entry = nullptr;
  connections.erase(&c);
  count.store(connections.size(), std::memory_order_relaxed);
  open_connections.add(-1);
  close_handles(c);
}

void Loop::Impl::stop() {
  waiting.clear();
  const std::vector<Connection*> all(connections.begin(), connections.end());
  for (Connection* c : all) {
    if (!c->parked) handler->closed(c->peer.id());
    release(*c);
  }
  for (uv_handle_t* h : {reinterpret_cast<uv_handle_t*>(&wake), reinterpret_cast<uv_handle_t*>(&turn),
                         reinterpret_cast<uv_handle_t*>(&wait_timer), reinterpret_cast<uv_handle_t*>(&quiesce_timer)})
    uv_close(h, nullptr);
}

Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Loop>> Loop::start(const LoopOptions& options, std::unique_ptr<LineHandler> handler,
                                          const Log& log, Metrics& metrics,
                                          const std::function<void(ConnectionId)>& on_closed) {
  auto impl = std::make_unique<Impl>(options, std::move(handler), log, metrics, on_closed);
  if (auto made = impl->init(); !made) return fail(made.error());
  // Signals are for the threads that ask for them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  impl->thread = std::thread([self = impl.get()] {
    pthread_setname_np(pthread_self(), fmt::format("sdns-loop{}", self->options.index).c_str());
    self->run();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return std::unique_ptr<Loop>(new Loop(std::move(impl)));
}

Loop::~Loop() { stop(); }

void Loop::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->post([](Orders& orders) { orders.stop = true; });
  impl_->thread.join();
}

void Loop::adopt(Stream stream, ConnectionId id, std::uint8_t* busy) {
  impl_->post([&](Orders& orders) { orders.adopted.push_back({std::move(stream), id, busy}); });
}
void Loop::nudge() {
  impl_->post([](Orders& orders) { orders.nudge = true; });
}
void Loop::retry_deferred() {
  impl_->post([](Orders& orders) { orders.retry = true; });
}
void Loop::resume(ConnectionId id) {
  impl_->post([id](Orders& orders) { orders.resumed.push_back(id); });
}
void Loop::quiesce(std::chrono::milliseconds limit, std::function<void()> done) {
  impl_->post([&](Orders& orders) {
    orders.quiesce_limit = limit;
    orders.quiesce_done.push_back(std::move(done));
  });
}
bool Loop::came_round() {
  if (!impl_->obeyed.load(std::memory_order_relaxed)) return false;
  impl_->obeyed.store(false, std::memory_order_relaxed);
  impl_->post([](Orders&) {});
  return true;
}
std::size_t Loop::connections() const { return impl_->count.load(std::memory_order_relaxed); }

}  // namespace sdns::net
