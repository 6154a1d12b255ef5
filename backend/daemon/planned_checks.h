// SPDX-License-Identifier: MIT
// Of which health checks answers read how soon their verdicts may change: for the others it is not worked out.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace sdns::daemon {

/// Owned by the publisher's thread.
class PlannedChecks {
 public:
  /// Adds it to `fresh` when it is new.
  void ask(const std::string& identity, std::vector<std::string>& fresh);
  /// It is checked no more.
  void forget(const std::string& identity) { checks_.erase(identity); }
  /// Those that nothing has asked for since the turn before the last one; they are forgotten.
  std::vector<std::string> turn();

  [[nodiscard]] std::size_t size() const { return checks_.size(); }

 private:
  std::uint64_t generation_ = 1;
  std::unordered_map<std::string, std::uint64_t> checks_;  // in which generation they were asked for last
};

}  // namespace sdns::daemon
