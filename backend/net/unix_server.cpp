// SPDX-License-Identifier: MIT
#include "backend/net/unix_server.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "backend/net/loop.h"

namespace sdns::net {

struct UnixServer::Impl {
  OnClosed on_closed;
  std::vector<std::unique_ptr<Loop>> loops;
  std::atomic<unsigned> next{0};
  std::once_flag stopped;
};

UnixServer::UnixServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<UnixServer>> UnixServer::start(const UnixServerOptions& options,
                                                      const HandlerFactory& make_handler, const Log& log,
                                                      Metrics& metrics, OnClosed on_closed) {
  auto impl = std::make_unique<Impl>();
  impl->on_closed = std::move(on_closed);
  const unsigned threads =
      options.threads != 0 ? options.threads : std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  for (unsigned index = 0; index < threads; ++index) {
    auto loop = Loop::start(
        {.index = index, .max_request_octets = options.max_request_octets, .not_ready_limit = options.not_ready_limit},
        make_handler(index), log, metrics, impl->on_closed);
    if (!loop) return fail(loop.error());
    impl->loops.push_back(std::move(*loop));
  }
  return std::unique_ptr<UnixServer>(new UnixServer(std::move(impl)));
}

UnixServer::~UnixServer() { stop(); }

void UnixServer::adopt(Stream stream, ConnectionId id, std::uint8_t* busy) {
  const unsigned turn = impl_->next.fetch_add(1, std::memory_order_relaxed);
  impl_->loops[turn % impl_->loops.size()]->adopt(std::move(stream), id, busy);
}

void UnixServer::nudge() {
  for (const auto& loop : impl_->loops) loop->nudge();
}

void UnixServer::retry_deferred() {
  for (const auto& loop : impl_->loops) loop->retry_deferred();
}

void UnixServer::resume(ConnectionId id) {
  for (const auto& loop : impl_->loops) loop->resume(id);
}

void UnixServer::quiesce(std::chrono::milliseconds limit, std::function<void()> done) {
  auto left = std::make_shared<std::atomic<std::size_t>>(impl_->loops.size());
  for (const auto& loop : impl_->loops)
    loop->quiesce(limit, [left, done] {
      if (left->fetch_sub(1) == 1 && done) done();
    });
}

void UnixServer::stop() {
  std::call_once(impl_->stopped, [this] {
    for (const auto& loop : impl_->loops) loop->stop();
  });
}

bool UnixServer::came_round() {
  bool all = true;
  for (const auto& loop : impl_->loops) all = loop->came_round() && all;
  return all;
}

std::size_t UnixServer::connections() const {
  std::size_t sum = 0;
  for (const auto& loop : impl_->loops) sum += loop->connections();
  return sum;
}

}  // namespace sdns::net
