// SPDX-License-Identifier: MIT
// The registry of name servers: who follows the database, which revision each has, and until when it may go on without
// contact (P5).
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/clock.h"
#include "backend/zone/source.h"

namespace sdns::store {

/// What a name server said of itself last. Times are to the millisecond.
struct NodeRow {
  std::string name;
  zone::Revision applied = 0;  ///< published and purged there
  WallTime last_seen{};        ///< by the database's own clock where it has one, else by the node's
  WallTime serve_until{};  ///< when it counts as out of service, if nothing is heard of it: last contact + max_stale
  WallTime clock{};        ///< the node's, at `last_seen`
  WallTime started{};      ///< of its process
  std::uint64_t beat = 0;  ///< grows with each heartbeat
  std::uint64_t incarnation = 0;     ///< another one: what is known of its verdicts is to be read again
  std::string version;               ///< of its program
  std::uint64_t verdicts = 0;        ///< number of its last verdict
  std::uint64_t verdicts_floor = 0;  ///< greatest number of a verdict that was deleted
  friend bool operator==(const NodeRow&, const NodeRow&) = default;
};

enum class NodeState : std::uint8_t {
  kLive,     ///< heard of lately
  kSilent,   ///< not heard of, and may serve what it had
  kExpired,  ///< `serve_until` has passed
};
[[nodiscard]] std::string_view node_state_name(NodeState state);  ///< "live", "silent", "expired"

/// Twelve heartbeats.
inline constexpr std::chrono::milliseconds kSilentAfter{60'000};
/// `now` is by the clock that `last_seen` is by. A node that is silent for less than `silent_after` is live.
[[nodiscard]] NodeState node_state(const NodeRow& node, WallTime now,
                                   std::chrono::milliseconds silent_after = kSilentAfter);

enum class SilentNodes : std::uint8_t {
  kWaitFor,   ///< whatever touches a chain of trust that exists: key removal, re-allocation, another DS
  kLeaveOut,  ///< a first DS
};
/// Names of the nodes that have not got `revision` and still hold up what needs it everywhere (P5): all but expired
/// ones, and silent ones if they are left out. None: it may proceed.
[[nodiscard]] std::vector<std::string> nodes_before(std::span<const NodeRow> nodes, zone::Revision revision,
                                                    WallTime now, SilentNodes silent,
                                                    std::chrono::milliseconds silent_after = kSilentAfter);

}  // namespace sdns::store
