// SPDX-License-Identifier: MIT
// What is known of targets' health: an immutable table for those who answer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/snapshot_cell.h"

namespace sdns::health {

/// Of a health check: what the answers are made from.
enum class Verdict : std::uint8_t {
  kUnknown,  ///< no result yet
  kUp,
  kDown,
};
[[nodiscard]] std::string_view verdict_name(Verdict verdict);  ///< "unknown", "up", "down"

struct State {
  Verdict verdict = Verdict::kUnknown;
  bool forced = false;       ///< an operator said so
  std::uint32_t weight = 1;  ///< what an up target says of itself (pickselfweighted); 1 when it says nothing
  std::uint8_t ttl_step =
      0;  ///< seconds (ttl_plan.h): the verdict may change soon; 0: it may not, or no answer reads it
  /// To the millisecond: when a down check was up last, and since when an up one is; the epoch when it never was, or an
  /// operator decides.
  SteadyTime last_up{};
  friend bool operator==(const State&, const State&) = default;
};

/// Identifies a check in one table, and in those that follow until it is removed; then the number is another check's.
using CheckId = std::uint32_t;
inline constexpr CheckId kNoCheck = 0;

/// Immutable; safe from any thread. A check's identity is its question in one line of text (see check_question.h): two
/// records that ask the same share a check.
class HealthTable {
 public:
  HealthTable();
  ~HealthTable();

  /// kNoCheck when nothing with this identity is checked. O(1), allocates nothing.
  [[nodiscard]] CheckId find(std::string_view identity) const;
  /// Of a check that find() knew; a State of its own kind for others: unknown. O(1).
  [[nodiscard]] const State& state(CheckId id) const;
  [[nodiscard]] std::string_view identity(CheckId id) const;
  [[nodiscard]] std::size_t size() const;
  /// Grows with each change of any state: 0 for the empty table.
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  /// All checks, in the order of their identities.
  [[nodiscard]] std::vector<CheckId> ids() const;

 private:
  friend class HealthTableBuilder;
  struct Index;
  struct Page;
  std::shared_ptr<const Index> index_;
  std::vector<std::shared_ptr<const Page>> pages_;
  std::uint64_t sequence_ = 0;
};

using HealthTablePtr = std::shared_ptr<const HealthTable>;
using HealthCell = SnapshotCell<HealthTable>;

/// One change to a table.
struct StateChange {
  CheckId id = kNoCheck;
  State state;
};

/// The table after some changes, sharing what they do not touch. Used by the one writer.
class HealthTableBuilder {
 public:
  /// `before` with these identities added, as unknown; those that are there already are left as they are. O(size of the
  /// table) when one is new.
  static HealthTablePtr add(const HealthTable& before, const std::vector<std::string>& identities);
  /// `before` without these checks. O(size of the table).
  static HealthTablePtr remove(const HealthTable& before, const std::vector<CheckId>& ids);
  /// `before` with these states. O(changes × page).
  static HealthTablePtr set(const HealthTable& before, const std::vector<StateChange>& changes);
};

}  // namespace sdns::health
