// SPDX-License-Identifier: MIT
#include "lua/ask.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <span>

#include "lua/candidates.h"

namespace sdns::lua {
namespace {

bool url_too_long(const Call& call) {
  call.scratch().error = fmt::format("a URL has more than {} octets", Options::kMostOctets);
  return false;
}

std::string said_text(health::Verdict verdict, bool forced, std::string_view identity) {
  return fmt::format("{}{} ({})", health::verdict_name(verdict), forced ? ", forced" : "",
                     health::shown_check(identity));
}

// When a target was up last, by when its checks were: enough of them were until then. Reorders `checks`.
SteadyTime up_until(health::CheckRule rule, std::span<SteadyTime> checks) {
  if (checks.empty()) return {};
  const auto least = checks.begin() + static_cast<std::ptrdiff_t>(health::checks_needed(rule, checks.size()) - 1);
  std::nth_element(checks.begin(), least, checks.end(), std::greater<>());
  return *least;
}

}  // namespace

bool Asking::run(health::CheckKind kind, std::string_view url, std::uint16_t port) {
  if (url.size() > Options::kMostOctets) return url_too_long(call_);
  const bool program = kind == health::CheckKind::kExec;
  add(kind, url, port, program && port != 0, program ? options_.of_programs() : options_.check);
  return run();
}

bool Asking::run() {
  const std::size_t told = options_.remarks.size();
  if (!options_.settle(questions_.size(), call_.scratch().error)) return false;
  for (std::size_t i = told; i < options_.remarks.size(); ++i) note(call_, options_.remarks[i]);
  for (const FurtherCheck& check : options_.further) {
    if (check.url.size() > Options::kMostOctets) return url_too_long(call_);
    add(check.kind, check.url, check.port, check.own_port, check.check);
  }
  note_idle_probes();
  return ask_all();
}

void Asking::add(health::CheckKind kind, std::string_view url, std::uint16_t port, bool own_port,
                 const health::CheckOptions& check) {
  questions_.push_back({kind, port, own_port, health::identity_parts(kind, url, check)});
}

dns::IpAddress Asking::probed(const Candidate& candidate) const {
  if (const auto found = options_.probes.find(candidate.address); found != options_.probes.end()) return found->second;
  if (options_.probe) return *options_.probe;
  if (candidate.member && candidate.member->probe) return *candidate.member->probe;
  return candidate.address;
}

void Asking::note_idle_probes() const {
  if (!call_.evaluation.trace) return;
  const auto& candidates = call_.scratch().candidates;
  for (const auto& [answered, probe] : options_.probes)
    if (std::none_of(candidates.begin(), candidates.end(), [&](const Candidate& c) { return c.address == answered; }))
      note(call_, fmt::format("probe names {}, which is not in the list", answered.text()));
  const bool external = std::any_of(questions_.begin(), questions_.end(), [](const Question& question) {
    return question.kind == health::CheckKind::kUrlOnly;
  });
  if (external && (options_.probe || !options_.probes.empty()))
    note(call_, "probe has no effect on URLs that are got from where their host is");
}

// Into Scratch::identity. False: the budget is used up, or after Call::fail().
bool Asking::write_identity(const Candidate& candidate, const Question& question) {
  Scratch& scratch = call_.scratch();
  std::string& identity = scratch.identity;
  if (question.kind == health::CheckKind::kUrlOnly) {
    const std::string_view url = scratch.texts[candidate.url];
    if (url.size() > Options::kMostOctets) return url_too_long(call_);
    const auto own = health::identity_parts(question.kind, url, options_.check);
    identity = own.prefix + own.suffix;
    return call_.spend(cost::kCheck + identity.size() / 2);
  }
  const dns::IpAddress address = probed(candidate);
  identity = question.parts.prefix;
  health::append_endpoint(address, candidate.port != 0 && !question.own_port ? candidate.port : question.port,
                          identity);
  identity += question.parts.suffix;
  if (address != candidate.address) health::append_answered(candidate.address, identity);
  return true;
}

bool Asking::ask(Candidate& candidate, bool first, const Question& question, Said& said) {
  const health::HealthTable* table = call_.evaluation.sources->health;
  if (!call_.spend(cost::kCheck) || !write_identity(candidate, question)) return false;
  const std::string& identity = call_.scratch().identity;
  if (!call_.rests_on_check(identity)) return false;
  const health::State* state = table ? &table->state(table->find(identity)) : nullptr;
  if (!state) return true;
  said = {state->verdict, state->forced, state->last_up};
  if (options_.planned_ttl) plan_ttl(state->ttl_step);
  if (first) candidate.self_weight = state->weight;
  return true;
}

// Of the check in Scratch::identity.
void Asking::plan_ttl(std::uint8_t step) const {
  call_.evidence().on_ttl_step(step);
  if (step != 0 && call_.evaluation.trace)
    note(call_, fmt::format("{} may change soon: TTL {} at most", health::shown_check(call_.scratch().identity), step));
}

bool Asking::ask_all() {
  Scratch& scratch = call_.scratch();
  std::array<health::Verdict, health::kMaxPoolChecks + 1> verdicts{};
  std::array<SteadyTime, health::kMaxPoolChecks + 1> last_up{};
  const bool several = questions_.size() > 1;
  for (std::size_t i = 0; i < scratch.candidates.size(); ++i) {
    Candidate& candidate = scratch.candidates[i];
    for (std::size_t at = 0; at < questions_.size(); ++at) {
      Said said;
      if (!ask(candidate, at == 0, questions_[at], said)) return false;
      verdicts[at] = said.verdict;
      last_up[at] = said.verdict == health::Verdict::kUp ? SteadyTime::max() : said.last_up;
      if (call_.evaluation.trace) said_.push_back(said_text(said.verdict, said.forced, scratch.identity));
    }
    const auto asked = std::span(verdicts).first(questions_.size());
    candidate.verdict = health::combine_checks(options_.rule, asked);
    candidate.last_up = up_until(options_.rule, std::span(last_up).first(questions_.size()));
    const bool up = candidate.verdict == health::Verdict::kUp;
    if (!up) candidate.self_weight = 0;
    for (const std::string& text : said_)
      if (traces(call_)) trace(call_, "health", i, up, text);
    said_.clear();
    if (several && traces(call_))
      trace(call_, "rule", i, up,
            fmt::format("{}: {} of {} checks up, {} down; the rule is {}", health::verdict_name(candidate.verdict),
                        std::ranges::count(asked, health::Verdict::kUp), asked.size(),
                        std::ranges::count(asked, health::Verdict::kDown),
                        health::rule_text(options_.rule, asked.size())));
  }
  return true;
}

}  // namespace sdns::lua
