// SPDX-License-Identifier: MIT
#include "backend/daemon/held_connections.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "backend/daemon/channel.h"

namespace sdns::daemon {

Result<std::unique_ptr<HeldConnections>> HeldConnections::create(std::size_t most) {
  std::unique_ptr<HeldConnections> made(new HeldConnections);
  made->memory_octets_ = most * kBusyStride;
  made->memory_fd_ = Fd(::memfd_create("sovereign-busy", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!made->memory_fd_ || ::ftruncate(made->memory_fd_.get(), static_cast<off_t>(made->memory_octets_)) != 0 ||
      ::fcntl(made->memory_fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return fail(Errc::kIo, fmt::format("cannot create {} octets of shared memory: {}", made->memory_octets_,
                                       std::strerror(errno)));
  void* memory = ::mmap(nullptr, made->memory_octets_, PROT_READ | PROT_WRITE, MAP_SHARED, made->memory_fd_.get(), 0);
  if (memory == MAP_FAILED)
    return fail(Errc::kIo,
                fmt::format("cannot map {} octets of shared memory: {}", made->memory_octets_, std::strerror(errno)));
  made->memory_ = static_cast<std::uint8_t*>(memory);
  made->free_slots_.reserve(most);
  for (std::size_t slot = most; slot-- > 0;) made->free_slots_.push_back(static_cast<std::uint32_t>(slot));
  return made;
}

HeldConnections::~HeldConnections() {
  if (memory_) ::munmap(memory_, memory_octets_);
}

HeldConnection* HeldConnections::add(net::Stream stream) {
  if (free_slots_.empty()) return nullptr;
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  std::atomic_ref(memory_[slot * kBusyStride]).store(0, std::memory_order_relaxed);
  HeldConnection& held = held_[++last_id_];
  held.id = last_id_;
  held.slot = slot;
  held.stream = std::move(stream);
  return &held;
}

HeldConnection* HeldConnections::find(net::ConnectionId id) {
  const auto it = held_.find(id);
  return it == held_.end() ? nullptr : &it->second;
}

void HeldConnections::end(net::ConnectionId id) {
  const auto it = held_.find(id);
  if (it == held_.end()) return;
  it->second.stream.shut_down();
  free_slots_.push_back(it->second.slot);
  held_.erase(it);
}

bool HeldConnections::busy(std::uint32_t slot) const {
  return std::atomic_ref(memory_[slot * kBusyStride]).load(std::memory_order_relaxed) != 0;
}

HeldConnections::Returned HeldConnections::take_back_from_dead(std::uint64_t worker) {
  Returned out;
  std::vector<net::ConnectionId> lost;
  for (auto& [id, held] : held_) {
    if (held.given_to != worker) continue;
    held.given_to = 0;
    (busy(held.slot) ? lost : out.idle).push_back(id);
  }
  for (const net::ConnectionId id : lost) end(id);
  out.ended = lost.size();
  return out;
}

std::vector<net::ConnectionId> HeldConnections::take_back(std::uint64_t worker) {
  std::vector<net::ConnectionId> out;
  for (auto& [id, held] : held_) {
    if (held.given_to != worker) continue;
    held.given_to = 0;
    out.push_back(id);
  }
  return out;
}

}  // namespace sdns::daemon
