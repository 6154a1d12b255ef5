// SPDX-License-Identifier: MIT
// What the nodes say of the checks that this one has, and what that comes to. No clock, database or thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/health/combine.h"
#include "backend/health/health_table.h"

namespace sdns::health {

[[nodiscard]] std::string_view vantage_rule_name(VantageRule rule);  ///< "local", "majority", "any-down"
/// Errors: kInvalidArgument.
Result<VantageRule> parse_vantage_rule(std::string_view text);

/// Used by one thread.
class Vantage {
 public:
  /// Views of nodes that were not heard of for longer than `most_age` do not count.
  Vantage(VantageRule rule, std::chrono::milliseconds most_age) : rule_(rule), most_age_(most_age) {}

  /// What we say of a check; one that is new is ours from now on.
  void own(const std::string& identity, const State& state);
  /// Nobody asks it any more.
  void forget(const std::string& identity);

  /// That the node lives, at this moment.
  void heard(const std::string& node, SteadyTime at);
  /// What a node, which was heard, says of a check; unknown: nothing. Of checks that are not ours nothing is kept.
  void view(const std::string& node, const std::string& identity, Verdict verdict, WallTime changed);
  /// What a node said is to be told again.
  void clear(const std::string& node);
  /// There is no such node any more.
  void drop(const std::string& node);

  struct Change {
    std::string identity;
    State state;                         ///< what counts now
    Verdict before = Verdict::kUnknown;  ///< what counted
    bool disagreed = false;              ///< views said both, before
    VantageVerdict now;
  };
  /// What differs since the last call: another state, or views that began or ceased to disagree. O(what was touched);
  /// O(checks × nodes) when a node became too old or was heard again.
  std::vector<Change> settle(SteadyTime now);

  /// All other nodes there are were not heard of for too long: our own view is all there is.
  [[nodiscard]] bool cut_off() const { return cut_off_; }
  [[nodiscard]] std::size_t disagreements() const { return disagreements_; }
  [[nodiscard]] VantageRule rule() const { return rule_; }

  struct NodeView {
    std::string node;
    Verdict verdict = Verdict::kUnknown;
    WallTime changed{};
    bool fresh = false;
  };
  struct Report {
    Verdict own = Verdict::kUnknown;
    VantageVerdict now;
    std::vector<NodeView> views;  ///< in order of the nodes' names
  };
  /// Nothing for a check that is not ours. As of the last settle().
  [[nodiscard]] std::optional<Report> report(const std::string& identity) const;
  struct NodeReport {
    std::string node;
    SteadyTime heard{};
    bool fresh = false;
  };
  [[nodiscard]] std::vector<NodeReport> nodes() const;

 private:
  using NodeNumber = std::uint32_t;
  struct Node {
    NodeNumber number = 0;
    SteadyTime heard{};
    bool fresh = false;
  };
  struct Said {
    NodeNumber node = 0;
    Verdict verdict = Verdict::kUnknown;
    WallTime changed{};
  };
  struct Check {
    State own;
    State state;  // what counts, as it was told last
    VantageVerdict now;
    std::vector<Said> views;
  };

  static Said* view_of(Check& check, NodeNumber node);
  void clear(NodeNumber node);
  void look_at_nodes(SteadyTime now);
  void combine(const std::string& identity, Check& check, SteadyTime now, std::vector<Change>& changes);

  const VantageRule rule_;
  const std::chrono::milliseconds most_age_;
  std::unordered_map<std::string, Check> checks_;
  std::map<std::string, Node> nodes_;     // others
  std::unordered_set<NodeNumber> fresh_;  // of them
  NodeNumber last_number_ = 0;
  std::unordered_set<std::string> touched_;  // identities
  std::size_t disagreements_ = 0;
  bool cut_off_ = false;
};

}  // namespace sdns::health
