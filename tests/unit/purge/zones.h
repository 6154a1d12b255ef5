// SPDX-License-Identifier: MIT
// Zones and changes of them from text, for the tests of the purge plan.
#pragma once

#include <gtest/gtest.h>

#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "backend/dns/master_file.h"
#include "backend/purge/planner.h"
#include "backend/zone/zone_set.h"

namespace sdns::purge {

inline dns::Name name(std::string_view text) { return dns::Name::parse(text).value(); }

inline std::vector<dns::Record> records(const std::string& apex, const std::string& text) {
  std::vector<dns::Record> out;
  const auto parsed = dns::parse_master_text(text, "test", name(apex));
  if (!parsed) ADD_FAILURE() << parsed.error().what;
  if (parsed)
    for (const auto& placed : parsed->records) out.push_back(placed.record);
  return out;
}

inline zone::ZoneContent content(zone::ZoneId id, const std::string& apex, const std::string& text) {
  zone::ZoneContent zone;
  zone.head.id = id;
  zone.head.apex = name(apex);
  zone.records = records(apex, "$TTL 300\n@ SOA ns.test. host.test. 1 3600 600 86400 300\n" + text);
  return zone;
}

inline zone::ZoneSetPtr set_of(std::vector<zone::ZoneContent> zones) {
  zone::ZoneSetBuilder builder;
  for (auto& zone : zones) EXPECT_TRUE(builder.add(std::move(zone)).has_value());
  return builder.finish(1, zone::Chain{});
}

/// The RRset of `owner` and `type` with these contents; none removes it.
inline zone::Change rrset(zone::ZoneId zone, const std::string& owner, dns::RrType type,
                          std::vector<std::string> contents) {
  return zone::RrsetChanged{zone, {name(owner), type, dns::Ttl{300}, std::move(contents)}};
}

inline zone::Applied apply_all(const zone::ZoneSet& before, std::vector<zone::Change> changes) {
  auto applied = zone::apply(before, {before.revision(), before.revision() + 1, zone::Chain{}, std::move(changes)});
  if (!applied) ADD_FAILURE() << applied.error().what;
  return std::move(applied).value();
}

/// Names, subtrees with `$`, announced apexes with `!`; "everything".
inline std::set<std::string> words_of(const Plan& plan) {
  std::set<std::string> words;
  if (plan.everything) words.insert("everything");
  for (const auto& n : plan.names) words.insert(n.text());
  for (const auto& n : plan.subtrees) words.insert(n.text() + "$");
  for (const auto& n : plan.announced) words.insert(n.text() + "!");
  return words;
}

inline std::set<std::string> words(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

/// A publisher in small: zones, what was asked, and the plan of each change.
class Publisher {
 public:
  explicit Publisher(std::vector<zone::ZoneContent> zones, AskedLimits asked_limits = {}, PlanLimits limits = {})
      : set_(set_of(std::move(zones))),
        asked_(1, std::chrono::seconds(120), SteadyTime{}, asked_limits),
        planner_(asked_, limits) {
    planner_.load(*set_);
  }

  /// PowerDNS asks for names, as an answering thread hands them over.
  void ask(zone::ZoneId zone, const std::vector<std::string>& names) {
    for (const std::string& text : names) {
      const std::string key = name(text).key().substr(set_->find(zone)->apex_key().size());
      const auto found = set_->find(zone)->find(key);
      if (!found.exists || (found.flags & zone::kBelowCut) != 0) asked_.ring(0).push(zone, key);
    }
  }

  Plan change(std::vector<zone::Change> changes) {
    const zone::ZoneSetPtr before = set_;
    const zone::Applied applied = apply_all(*before, std::move(changes));
    set_ = applied.set;
    return planner_.plan(*before, applied, now_);
  }

  Plan tick() { return planner_.tick(*set_, now_); }
  void advance(std::chrono::milliseconds by) { now_ += by; }
  [[nodiscard]] const zone::ZoneSet& set() const { return *set_; }
  [[nodiscard]] const ReverseIndex& index() const { return planner_.index(); }

 private:
  zone::ZoneSetPtr set_;
  AskedNames asked_;
  Planner planner_;
  SteadyTime now_{};
};

}  // namespace sdns::purge
