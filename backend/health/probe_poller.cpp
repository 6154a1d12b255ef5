// SPDX-License-Identifier: MIT
#include "backend/health/probe_poller.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <uv.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "backend/base/owned.h"

namespace sdns::health {
namespace {

SteadyTime steady_now() { return std::chrono::steady_clock::now(); }

}  // namespace

struct ProbePoller::Handles {
  Fd epoll;
  uv_poll_t poll{};
  uv_timer_t timer{};
  int open = 2;

  static void closed(uv_handle_t* handle) {
    auto* self = static_cast<Handles*>(handle->data);
    if (--self->open == 0) delete self;
  }
};

Result<std::unique_ptr<ProbePoller>> ProbePoller::make(uv_loop_s& loop) {
  auto handles = std::make_unique<Handles>();
  handles->epoll = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!handles->epoll)
    return fail(Errc::kIo, fmt::format("cannot create the probes' epoll: {}", std::strerror(errno)),
                "raise the limit of open files (LimitNOFILE)");
  if (const int error = uv_poll_init(&loop, &handles->poll, handles->epoll.get()); error != 0)
    return fail(Errc::kIo, fmt::format("cannot watch the probes' epoll: {}", uv_strerror(error)),
                "raise the limit of open files (LimitNOFILE)");
  uv_timer_init(&loop, &handles->timer);
  handles->poll.data = handles->timer.data = handles.get();
  std::unique_ptr<ProbePoller> poller(new ProbePoller(handles.release()));
  // The handles' data is the poller while it lives, and the handles when they are being closed.
  Handles& h = *poller->handles_;
  h.poll.data = h.timer.data = poller.get();
  uv_poll_start(&h.poll, UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<ProbePoller*>(handle->data)->poll(); });
  return poller;
}

ProbePoller::~ProbePoller() {
  handles_->poll.data = handles_->timer.data = handles_;
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->poll), Handles::closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->timer), Handles::closed);
  handles_->epoll.reset();  // uv_close() has made libuv forget it
}

int ProbePoller::watch(int fd, std::uint32_t events, Watcher& watcher) {
  const auto at = static_cast<std::size_t>(fd);
  if (at >= slots_.size()) slots_.resize(at + 1);
  Slot& slot = slots_[at];
  const bool watched = slot.watcher != nullptr;
  if (watched && slot.events == events && slot.watcher == &watcher) return 0;
  if (!watched) ++slot.generation;
  epoll_event event{};
  event.events = events;
  event.data.u64 = std::uint64_t{slot.generation} << 32 | static_cast<std::uint32_t>(fd);
  if (::epoll_ctl(handles_->epoll.get(), watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0) return errno;
  slot.watcher = &watcher;
  slot.events = events;
  return 0;
}

void ProbePoller::unwatch(int fd) {
  const auto at = static_cast<std::size_t>(fd);
  if (fd < 0 || at >= slots_.size() || slots_[at].watcher == nullptr) return;
  slots_[at].watcher = nullptr;
  ::epoll_ctl(handles_->epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void ProbePoller::poll() {
  std::array<epoll_event, 128> events;
  const int count = ::epoll_wait(handles_->epoll.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const auto fd = static_cast<std::uint32_t>(event.data.u64);
    // An event before this one may have closed the descriptor, and another may have its number by now.
    const Slot slot = slots_[fd];
    if (slot.watcher == nullptr || slot.generation != event.data.u64 >> 32) continue;
    slot.watcher->ready(static_cast<int>(fd), event.events);
  }
}

void ProbePoller::expire() {
  uv_timer_at_ = SteadyTime::max();
  const SteadyTime now = steady_now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Timer& timer = *timers_.begin()->second;
    timer.disarm();
    timer.expired();
  }
  arm_uv_timer();
}

void ProbePoller::arm_uv_timer() {
  if (timers_.empty() || timers_.begin()->first >= uv_timer_at_) return;  // an early wake-up is cheaper than moving it
  uv_timer_at_ = timers_.begin()->first;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(uv_timer_at_ - steady_now());
  uv_update_time(handles_->timer.loop);  // the timer counts from the loop's idea of now
  uv_timer_start(
      &handles_->timer, [](uv_timer_t* handle) { static_cast<ProbePoller*>(handle->data)->expire(); },
      left.count() > 0 ? static_cast<std::uint64_t>(left.count()) : 0, 0);
}

void ProbePoller::Timer::arm(SteadyTime at) {
  disarm();
  at_ = at;
  armed_ = true;
  poller_.timers_.insert({at, this});
  poller_.arm_uv_timer();
}

void ProbePoller::Timer::disarm() {
  if (!armed_) return;
  armed_ = false;
  poller_.timers_.erase({at_, this});
}

}  // namespace sdns::health
