// SPDX-License-Identifier: MIT
// Which checks there are, what they and the operator say of targets, and the table that answers are made from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "backend/health/health_table.h"
#include "backend/health/override.h"

namespace sdns::health {

/// Identities of checks whose state changed, and the sequence of the table that has it.
struct Changed {
  std::vector<std::string> identities{};  ///< to another verdict, or to one that is forced or not any more
  std::vector<std::string> weights{};     ///< to another weight, also of those
  std::vector<std::string> steps{};       ///< to another State::ttl_step, also of those
  std::uint64_t sequence = 0;
};

/// Owned by one thread. Each call publishes at most one table, before it returns.
class Registry {
 public:
  explicit Registry(HealthCell& cell) : cell_(cell), table_(cell.load()) {}

  /// There are records that ask these. New ones are unknown until they are observed or overridden.
  Changed want(const std::vector<std::string>& identities, std::int64_t now_seconds);
  /// Nobody asks these any more.
  void forget(const std::vector<std::string>& identities);
  /// What checks say. Of identities that nobody wants nothing is kept.
  Changed observe(const std::vector<std::pair<std::string, State>>& states, std::int64_t now_seconds);
  /// What operators say; the pools that overrides may name.
  Changed set_overrides(Overrides overrides, const TargetPools& pools, std::int64_t now_seconds);
  /// What operators have said about rising, of these checks or of all that are wanted, each with the last order.
  [[nodiscard]] std::vector<ResumeOrder> resumes(const std::vector<std::string>& identities,
                                                 std::int64_t now_seconds) const;
  [[nodiscard]] std::vector<ResumeOrder> resumes(std::int64_t now_seconds) const;
  /// Overrides that have run out since the last call.
  Changed expire(std::int64_t now_seconds);

  [[nodiscard]] const HealthTable& table() const { return *table_; }

 private:
  [[nodiscard]] Changed unchanged() const { return {.sequence = table_->sequence()}; }
  Changed decide(const std::vector<CheckId>& ids, std::int64_t now_seconds);
  Changed decide_all(std::int64_t now_seconds);
  void add_resume(CheckId id, std::int64_t now_seconds, std::vector<ResumeOrder>& orders) const;
  [[nodiscard]] State decided(CheckId id, std::int64_t now_seconds) const;

  HealthCell& cell_;
  HealthTablePtr table_;
  std::unordered_map<CheckId, OverrideSubject> wanted_;
  std::unordered_map<CheckId, State> observed_;
  OverrideIndex overrides_;
  OverrideIndex resumes_;
  std::int64_t next_end_ = 0;  // when an override ends; 0: none will
};

}  // namespace sdns::health
