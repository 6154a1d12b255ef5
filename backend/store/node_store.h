// SPDX-License-Identifier: MIT
// A node's own connection to the registry of nodes: its heartbeats, what its probes say, and what the others' say.
// Nothing here takes a revision.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/random.h"
#include "backend/health/override.h"
#include "backend/store/nodes.h"
#include "backend/store/sql.h"
#include "backend/zone/digest.h"

namespace sdns::store {

/// In order of their names. In the caller's transaction, or none.
Result<std::vector<NodeRow>> read_nodes(Connection& db);
/// The node and what it says of targets. A node that lives comes back with its next heartbeat. In the caller's write
/// transaction. Errors: kNotFound.
Result<void> delete_node(Connection& db, const std::string& name);
/// The database's own clock, to the millisecond; nothing when it has none but this host's (SQLite).
Result<std::optional<WallTime>> database_clock(Connection& db);

/// Names a health check among nodes: BLAKE2b-256 of its identity.
using CheckDigest = zone::Digest;
[[nodiscard]] CheckDigest check_digest(std::string_view identity);

/// What one node says of one check.
struct SharedVerdict {
  CheckDigest check{};
  health::Verdict verdict = health::Verdict::kUnknown;  ///< unknown: it has no such check any more
  WallTime changed{};
  friend bool operator==(const SharedVerdict&, const SharedVerdict&) = default;
};

struct Heartbeat {
  std::string name;  ///< of this node
  std::string version;
  zone::Revision applied = 0;
  WallTime started{};
  std::chrono::milliseconds max_stale{};
};

/// What a heartbeat came to.
struct Beaten {
  bool is_new = false;  ///< there was no such node
  /// The row was not as this object left it: this is its first heartbeat, or another process has the same name, or the
  /// database is an older one. Own verdicts are to be read and written anew.
  bool disturbed = false;
  bool other_process = false;  ///< it was, and the row says that another process of this name is alive
  WallTime serve_until{};
  std::optional<std::chrono::milliseconds> clock_ahead;  ///< this host's clock before the database's own
};

/// A node's connection for all of this. Used by one thread. After an error it is closed and opened anew.
class NodeStore {
 public:
  /// Errors: as open_authority() without creation; kUnavailable also while the schema is an older one. Waits up to
  /// `busy_limit` for other writers. A server is waited for no longer once the descriptor `interrupt` is readable.
  static Result<std::unique_ptr<NodeStore>> open(std::string_view url, const WallClock& clock, Random& random,
                                                 std::chrono::milliseconds busy_limit, int interrupt = -1);
  NodeStore(std::unique_ptr<Connection> db, const WallClock& clock, Random& random);

  Result<std::string> database_id();
  /// By the clock that NodeRow::last_seen is by.
  Result<WallTime> now();
  Result<std::vector<NodeRow>> nodes() { return read_nodes(*db_); }

  /// One write transaction: the node's row, and these verdicts. O(changes).
  Result<Beaten> beat(const Heartbeat& heartbeat, std::span<const SharedVerdict> changes);
  /// Of this node, those that are unknown included.
  Result<std::vector<SharedVerdict>> verdicts_of(const std::string& node);
  /// Of `node`, those after the number `after`, at most `most` in order of their numbers; the number of the last one,
  /// `after` when there is none.
  Result<std::uint64_t> verdicts_after(const std::string& node, std::uint64_t after, std::size_t most,
                                       const std::function<void(const SharedVerdict&)>& each);
  /// Of one check, by all nodes.
  Result<void> verdicts_on(const CheckDigest& check,
                           const std::function<void(const std::string& node, const SharedVerdict&)>& each);
  /// Deletes those of `node` that became unknown before `before`; others notice by verdicts_floor. How many.
  Result<std::int64_t> drop_unknown(const std::string& node, WallTime before);

  /// Rows that statements have returned so far: tests count with it.
  [[nodiscard]] std::uint64_t rows_read() const { return db_->rows_read(); }

 private:
  Result<Beaten> beat_in_transaction(const Heartbeat& heartbeat, std::span<const SharedVerdict> changes);
  Result<void> put_verdicts(const std::string& node, std::span<const SharedVerdict> changes, std::uint64_t& number);

  std::unique_ptr<Connection> db_;
  const WallClock& clock_;
  Random& random_;
  std::optional<NodeRow> written_;  // by the last beat()
};

}  // namespace sdns::store
