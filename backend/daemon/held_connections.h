// SPDX-License-Identifier: MIT
// The holder's duplicates of the accepted connections, and the shared memory with their busy bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "backend/base/error.h"
#include "backend/base/owned.h"
#include "backend/net/line_handler.h"
#include "backend/net/stream.h"

namespace sdns::daemon {

struct HeldConnection {
  net::ConnectionId id = 0;
  std::uint32_t slot = 0;
  net::Stream stream;
  std::uint64_t given_to = 0;  ///< serial of the worker that has it; 0: none
};

class HeldConnections {
 public:
  static Result<std::unique_ptr<HeldConnections>> create(std::size_t most);
  ~HeldConnections();
  HeldConnections(const HeldConnections&) = delete;
  HeldConnections& operator=(const HeldConnections&) = delete;

  /// Null when full; the stream is closed then.
  HeldConnection* add(net::Stream stream);
  HeldConnection* find(net::ConnectionId id);
  /// Shuts the connection down and closes it; pipes end when no worker has them either. Unknown ids are ignored.
  void end(net::ConnectionId id);

  struct Returned {
    std::vector<net::ConnectionId> idle;  ///< in order of acceptance; nobody has them now
    std::size_t ended = 0;                ///< were in the middle of a request, and are closed
  };
  /// Takes back what a dead worker had: its busy connections are ended, since what it had read of them is lost.
  Returned take_back_from_dead(std::uint64_t worker);
  /// Takes back what a worker has let go of.
  std::vector<net::ConnectionId> take_back(std::uint64_t worker);

  [[nodiscard]] std::size_t size() const { return held_.size(); }
  [[nodiscard]] bool full() const { return free_slots_.empty(); }
  [[nodiscard]] int memory_fd() const { return memory_fd_.get(); }

 private:
  HeldConnections() = default;
  [[nodiscard]] bool busy(std::uint32_t slot) const;

  std::map<net::ConnectionId, HeldConnection> held_;
  std::vector<std::uint32_t> free_slots_;
  net::ConnectionId last_id_ = 0;
  Fd memory_fd_;
  std::uint8_t* memory_ = nullptr;
  std::size_t memory_octets_ = 0;
};

}  // namespace sdns::daemon
