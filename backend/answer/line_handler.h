// SPDX-License-Identifier: MIT
// What a loop thread of the unix door does with a line: parse, answer from the newest snapshot, write.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "backend/answer/answer.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/base/snapshot_cell.h"
#include "backend/net/line_handler.h"
#include "backend/protocol/request_parse.h"
#include "backend/purge/asked_names.h"

namespace sdns::answer {

using ZoneSetCell = SnapshotCell<zone::ZoneSet>;

/// Lets one event through per second and counts the others. Used by one thread.
class EventLimit {
 public:
  explicit EventLimit(const Clock& clock) : clock_(&clock) {}
  /// True when the event may be logged; `suppressed` is how many were not since the last one that was.
  bool allow(std::uint64_t& suppressed);

 private:
  const Clock* clock_;
  SteadyTime last_{};
  bool any_ = false;
  std::uint64_t suppressed_ = 0;
};

/// One per loop thread. Until the first snapshot is published only `initialize` and the two lists that the communicator
/// asks for are answered: it would end pdns_server over a closed connection.
class LineHandler final : public net::LineHandler {
 public:
  /// `zones` may hold null at first. `retire` receives snapshots that this thread lets go of. `asked` is this thread's
  /// ring, or null. All outlive the handler.
  LineHandler(const ZoneSetCell& zones, ZoneSetCell::Reader::Retire retire, void* retire_context,
              purge::AskedRing* asked, const Clock& clock, const Log& log, Metrics& metrics);

  net::Outcome handle(net::ConnectionId connection, std::string_view line, std::string& reply) override;
  void refresh() override;

 private:
  static constexpr std::size_t kMethods = std::variant_size_v<protocol::Request>;
  enum Result : std::size_t { kData, kNothing, kFailed, kWaiting, kResults };

  void count(std::size_t method, Result result) { requests_[method][result]->add(); }
  bool ready();
  net::Outcome malformed(net::ConnectionId connection, std::size_t size, const Error& error, std::string& reply);
  void log_broken(net::ConnectionId connection, const Error& why);
  static Result result_of(const protocol::Reply& reply);

  const ZoneSetCell* cell_;
  ZoneSetCell::Reader zones_;
  bool ready_ = false;
  purge::AskedRing* asked_;
  const Log* log_;
  protocol::RequestParser parser_;
  Scratch scratch_;
  EventLimit malformed_limit_;
  EventLimit broken_limit_;
  std::array<std::array<Metric*, kResults>, kMethods> requests_{};
  Metric* malformed_ = nullptr;
};

}  // namespace sdns::answer
