// SPDX-License-Identifier: MIT
#include "backend/daemon/shared_health.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/health/check_question.h"

namespace sdns::daemon {
namespace {

constexpr std::size_t kMostLines = 100;  // a second
constexpr const char* kTransitions = "Verdicts that changed by what several nodes say";

std::string in_words(const health::VantageVerdict& now) {
  std::string text = fmt::format("{} up, {} down", now.up, now.down);
  if (now.stale != 0) text += fmt::format(", {} too old", now.stale);
  return text;
}

health::Why why_of(health::VantageRule rule, bool cut_off) {
  if (cut_off) return health::Why::kCutOff;
  return rule == health::VantageRule::kAnyDown ? health::Why::kAnyDown : health::Why::kMajority;
}

}  // namespace

SharedHealth::SharedHealth(SharedHealthOptions options, Tell tell, const Clock& clock, const WallClock& wall_clock,
                           const Log& log, Metrics& metrics)
    : options_(options),
      tell_(std::move(tell)),
      clock_(clock),
      wall_clock_(wall_clock),
      log_(log),
      vantage_(options.rule, options.most_age),
      went_up_(metrics.counter("sdns_health_combined_transitions_total", kTransitions, {{"to", "up"}})),
      went_down_(metrics.counter("sdns_health_combined_transitions_total", kTransitions, {{"to", "down"}})),
      disagreements_(metrics.gauge("sdns_health_disagreements", "Checks that some nodes find up and others down, now")),
      cut_off_metric_(
          metrics.gauge("sdns_health_cut_off", "1 while no other node is heard of: our own view is all there is")) {}

SharedHealth::States SharedHealth::begin(const std::vector<std::string>& identities, const States& own_states) {
  bool first = false;
  std::uint64_t generation = 0;
  {
    std::lock_guard lock(mutex_);
    for (const std::string& identity : identities) own(identity, {});
    for (const auto& [identity, state] : own_states) own(identity, state);
    generation = generation_;
    first = !std::exchange(begun_, true);
  }
  on_news();
  std::unique_lock lock(mutex_);
  // What is answered first is what was answered before the restart: with what the others say.
  if (first && options_.rule != health::VantageRule::kLocal)
    looked_.wait_for(lock, options_.first_look, [&] { return looked_generation_ >= generation; });
  return settle(clock_.now());
}

void SharedHealth::own(const std::string& identity, const health::State& state) {
  const auto [found, is_new] = own_.try_emplace(identity);
  Own& known = found->second;
  if (is_new) {
    known.digest = store::check_digest(identity);
    identities_.emplace(known.digest, identity);
    wanted_.push_back(known.digest);
    ++generation_;
  }
  if (known.verdict != state.verdict) {
    known.verdict = state.verdict;
    known.changed = wall_clock_.wall_now();
    changed_[known.digest] = {known.digest, known.verdict, known.changed};
  }
  vantage_.own(identity, state);
}

void SharedHealth::forget(const std::vector<std::string>& identities) {
  {
    std::lock_guard lock(mutex_);
    const WallTime now = wall_clock_.wall_now();
    for (const std::string& identity : identities) {
      const auto found = own_.find(identity);
      if (found == own_.end()) continue;
      const store::CheckDigest digest = found->second.digest;
      if (found->second.verdict != health::Verdict::kUnknown)
        changed_[digest] = {digest, health::Verdict::kUnknown, now};
      vantage_.forget(identity);
      identities_.erase(digest);
      own_.erase(found);
    }
  }
  on_news();
}

SharedHealth::States SharedHealth::turn(const States& own_states) {
  States states;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [identity, state] : own_states)
      if (own_.contains(identity)) own(identity, state);
    states = settle(clock_.now());
  }
  if (!own_states.empty()) on_news();
  return states;
}

SharedHealth::States SharedHealth::settle(SteadyTime now) {
  States states;
  for (const health::Vantage::Change& change : vantage_.settle(now)) {
    say(change, now);
    states.emplace_back(change.identity, change.state);
  }
  disagreements_.set(static_cast<std::int64_t>(vantage_.disagreements()));
  if (vantage_.cut_off() != was_cut_off_) say_cut_off(vantage_.cut_off());
  return states;
}

bool SharedHealth::may_say(SteadyTime now) {
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    said_ = 0;
  }
  if (++said_ == kMostLines + 1)
    log_.warn("health.views_left_out", {{"hint",
                                         "nodes find so many checks otherwise that the rest of this second is not "
                                         "logged; sdnsctl health list shows what they say"}});
  return said_ <= kMostLines;
}

void SharedHealth::say(const health::Vantage::Change& change, SteadyTime now) {
  const std::string check = health::shown_check(change.identity);
  const auto known = own_.find(change.identity);
  const health::Verdict ours = known == own_.end() ? health::Verdict::kUnknown : known->second.verdict;
  if (change.now.disagree != change.disagreed && may_say(now))
    log_.event(change.now.disagree ? LogLevel::kWarn : LogLevel::kInfo,
               change.now.disagree ? "health.disagreement" : "health.agreement",
               {{"check", check},
                {"ours", health::verdict_name(ours)},
                {"counts", health::verdict_name(change.now.verdict)},
                {"views", in_words(change.now)}});
  if (options_.rule == health::VantageRule::kLocal || change.state.verdict == change.before) return;
  const health::Why why = why_of(options_.rule, change.now.cut_off);
  if (change.state.verdict == health::Verdict::kUp) went_up_.add();
  if (change.state.verdict == health::Verdict::kDown) went_down_.add();
  tell_({check, change.before, change.state.verdict, why, health::ProbeFailure::kNone, in_words(change.now)});
  if (!may_say(now)) return;
  log_.event(change.state.verdict == health::Verdict::kDown ? LogLevel::kWarn : LogLevel::kInfo, "health.combined",
             {{"check", check},
              {"from", health::verdict_name(change.before)},
              {"to", health::verdict_name(change.state.verdict)},
              {"why", health::why_name(why)},
              {"ours", health::verdict_name(ours)},
              {"views", in_words(change.now)}});
}

void SharedHealth::say_cut_off(bool cut_off) {
  was_cut_off_ = cut_off;
  cut_off_metric_.set(cut_off ? 1 : 0);
  const std::string_view rule = health::vantage_rule_name(options_.rule);
  if (cut_off)
    log_.warn("health.cut_off", {{"nodes", vantage_.nodes().size()},
                                 {"vantage", rule},
                                 {"hint",
                                  "no other node was heard of for health.vantage_age: verdicts are this node's own "
                                  "until one is; `sdnsctl node list` shows who is silent"}});
  else log_.info("health.rejoined", {{"nodes", vantage_.nodes().size()}, {"vantage", rule}});
}

SharedHealth::Wanted SharedHealth::take_wanted() {
  std::lock_guard lock(mutex_);
  return {std::exchange(wanted_, {}), generation_};
}

void SharedHealth::looked(std::uint64_t generation) {
  {
    std::lock_guard lock(mutex_);
    looked_generation_ = std::max(looked_generation_, generation);
  }
  looked_.notify_all();
}

std::vector<store::SharedVerdict> SharedHealth::take_changed() {
  std::lock_guard lock(mutex_);
  std::vector<store::SharedVerdict> changes;
  changes.reserve(changed_.size());
  for (const auto& [digest, change] : changed_) changes.push_back(change);
  changed_.clear();
  return changes;
}

std::vector<store::SharedVerdict> SharedHealth::all() {
  std::lock_guard lock(mutex_);
  std::vector<store::SharedVerdict> known;
  for (const auto& [identity, own] : own_)
    if (own.verdict != health::Verdict::kUnknown) known.push_back({own.digest, own.verdict, own.changed});
  return known;
}

void SharedHealth::heard(const std::string& node, SteadyTime at) {
  std::lock_guard lock(mutex_);
  vantage_.heard(node, at);
}

void SharedHealth::views(const std::string& node, const std::vector<store::SharedVerdict>& said) {
  std::lock_guard lock(mutex_);
  take_views(node, said);
}

void SharedHealth::clear_and_view(const std::string& node, const std::vector<store::SharedVerdict>& said) {
  std::lock_guard lock(mutex_);
  vantage_.clear(node);
  take_views(node, said);
}

void SharedHealth::take_views(const std::string& node, const std::vector<store::SharedVerdict>& said) {
  for (const store::SharedVerdict& one : said)
    if (const auto identity = identities_.find(one.check); identity != identities_.end())
      vantage_.view(node, identity->second, one.verdict, one.changed);
}

void SharedHealth::drop(const std::string& node) {
  std::lock_guard lock(mutex_);
  vantage_.drop(node);
}

std::optional<health::Vantage::Report> SharedHealth::report(const std::string& identity) const {
  std::lock_guard lock(mutex_);
  return vantage_.report(identity);
}

std::vector<health::Vantage::NodeReport> SharedHealth::nodes() const {
  std::lock_guard lock(mutex_);
  return vantage_.nodes();
}

bool SharedHealth::cut_off() const {
  std::lock_guard lock(mutex_);
  return vantage_.cut_off();
}

}  // namespace sdns::daemon
