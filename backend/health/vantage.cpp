// SPDX-License-Identifier: MIT
#include "backend/health/vantage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sdns::health {
namespace {

constexpr std::array<std::pair<VantageRule, std::string_view>, 3> kRules{
    {{VantageRule::kLocal, "local"}, {VantageRule::kMajority, "majority"}, {VantageRule::kAnyDown, "any-down"}}};

}  // namespace

std::string_view vantage_rule_name(VantageRule rule) {
  for (const auto& [value, name] : kRules)
    if (value == rule) return name;
  return {};
}

Result<VantageRule> parse_vantage_rule(std::string_view text) {
  for (const auto& [rule, name] : kRules)
    if (name == text) return rule;
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a rule for views of several nodes", text),
              "write local, majority or any-down");
}

void Vantage::own(const std::string& identity, const State& state) {
  checks_[identity].own = state;
  touched_.insert(identity);
}

void Vantage::forget(const std::string& identity) {
  const auto found = checks_.find(identity);
  if (found == checks_.end()) return;
  if (found->second.now.disagree) --disagreements_;
  checks_.erase(found);
  touched_.erase(identity);
}

void Vantage::heard(const std::string& node, SteadyTime at) {
  Node& known = nodes_[node];
  if (known.number == 0) known = {.number = ++last_number_, .heard = at};
  known.heard = std::max(known.heard, at);
}

Vantage::Said* Vantage::view_of(Check& check, NodeNumber node) {
  const auto found = std::ranges::find(check.views, node, &Said::node);
  return found == check.views.end() ? nullptr : &*found;
}

void Vantage::view(const std::string& node, const std::string& identity, Verdict verdict, WallTime changed) {
  const auto found = checks_.find(identity);
  const auto from = nodes_.find(node);
  if (found == checks_.end() || from == nodes_.end()) return;
  const NodeNumber number = from->second.number;
  Check& check = found->second;
  if (verdict == Verdict::kUnknown) std::erase_if(check.views, [&](const Said& said) { return said.node == number; });
  else if (Said* said = view_of(check, number)) *said = {number, verdict, changed};
  else check.views.push_back({number, verdict, changed});
  touched_.insert(identity);
}

void Vantage::clear(NodeNumber node) {
  for (auto& [identity, check] : checks_)
    if (std::erase_if(check.views, [&](const Said& said) { return said.node == node; }) != 0) touched_.insert(identity);
}

void Vantage::clear(const std::string& node) {
  if (const auto found = nodes_.find(node); found != nodes_.end()) clear(found->second.number);
}

void Vantage::drop(const std::string& node) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  clear(found->second.number);
  fresh_.erase(found->second.number);
  nodes_.erase(found);
}

void Vantage::look_at_nodes(SteadyTime now) {
  for (auto& [name, node] : nodes_) {
    const bool fresh = now - node.heard <= most_age_;
    if (std::exchange(node.fresh, fresh) == fresh) continue;
    if (fresh) fresh_.insert(node.number);
    else fresh_.erase(node.number);
    for (auto& [identity, check] : checks_)
      if (view_of(check, node.number) != nullptr) touched_.insert(identity);
  }
  cut_off_ = !nodes_.empty() && fresh_.empty();
}

void Vantage::combine(const std::string& identity, Check& check, SteadyTime at, std::vector<Change>& changes) {
  std::vector<View> others;
  others.reserve(check.views.size());
  for (const Said& said : check.views)
    others.push_back({said.verdict, fresh_.contains(said.node) ? std::chrono::milliseconds(0)
                                                               : most_age_ + std::chrono::milliseconds(1)});
  const VantageVerdict now = combine_views(rule_, check.own.verdict, others, most_age_);
  State state = check.own;
  state.verdict = now.verdict;
  // Down by the word of others: it was up until they said so.
  if (now.verdict == Verdict::kDown && check.own.verdict == Verdict::kUp)
    state.last_up =
        check.state.verdict == Verdict::kDown ? check.state.last_up : std::chrono::floor<std::chrono::milliseconds>(at);
  const bool disagreed = check.now.disagree;
  if (now.disagree && !disagreed) ++disagreements_;
  if (!now.disagree && disagreed) --disagreements_;
  if (state != check.state || now.disagree != disagreed)
    changes.push_back({identity, state, check.state.verdict, disagreed, now});
  check.state = state;
  check.now = now;
}

std::vector<Vantage::Change> Vantage::settle(SteadyTime now) {
  look_at_nodes(now);
  std::vector<Change> changes;
  for (const std::string& identity : touched_)
    if (const auto found = checks_.find(identity); found != checks_.end())
      combine(identity, found->second, now, changes);
  touched_.clear();
  return changes;
}

std::optional<Vantage::Report> Vantage::report(const std::string& identity) const {
  const auto found = checks_.find(identity);
  if (found == checks_.end()) return std::nullopt;
  Report report{found->second.own.verdict, found->second.now, {}};
  for (const auto& [name, node] : nodes_) {
    const auto said = std::ranges::find(found->second.views, node.number, &Said::node);
    if (said != found->second.views.end()) report.views.push_back({name, said->verdict, said->changed, node.fresh});
  }
  return report;
}

std::vector<Vantage::NodeReport> Vantage::nodes() const {
  std::vector<NodeReport> nodes;
  for (const auto& [name, node] : nodes_) nodes.push_back({name, node.heard, node.fresh});
  return nodes;
}

}  // namespace sdns::health
