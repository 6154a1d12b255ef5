// SPDX-License-Identifier: MIT
#include "backend/health/check_book.h"

#include <algorithm>
#include <utility>

namespace sdns::health {

using std::chrono::milliseconds;

namespace {
constexpr std::chrono::hours kOldest{1};
constexpr std::chrono::seconds kQuick{1};

// Who shares a lane: those who probe one target, and all of a /64 of IPv6, which one host may have.
std::string crowd_of(const CheckQuestion& question) {
  if (question.kind == CheckKind::kUrlOnly || question.address.is_v4()) return question.target();
  return question.address.masked(64).text();
}
}  // namespace

KeptChecks::KeptChecks(std::vector<KeptCheck> checks, SteadyTime now, milliseconds elapsed)
    : saved_(now - std::max(elapsed, milliseconds(0))) {
  for (KeptCheck& check : checks) {
    std::string identity = check.identity;
    checks_.emplace(std::move(identity), std::move(check));
  }
}

std::optional<KeptCheck> KeptChecks::find(const std::string& identity, SteadyTime now, milliseconds& elapsed) {
  std::lock_guard lock(*mutex_);
  elapsed = std::chrono::duration_cast<milliseconds>(now - saved_);
  if (elapsed > kOldest) checks_.clear();
  const auto found = checks_.find(identity);
  return found == checks_.end() ? std::nullopt : std::optional(found->second);
}

void KeptChecks::drop(const std::string& identity) {
  std::lock_guard lock(*mutex_);
  checks_.erase(identity);
}

ProbeOutcome outcome_of(ProbeFailure failure) {
  switch (failure) {
    case ProbeFailure::kNone:
      return ProbeOutcome::kSuccess;
    case ProbeFailure::kForbidden:
    case ProbeFailure::kDisabled:
    case ProbeFailure::kInvalid:
    case ProbeFailure::kLocal:
      return ProbeOutcome::kNoResult;
    default:
      return ProbeOutcome::kFailure;
  }
}

std::size_t latency_bucket(std::chrono::microseconds took) {
  return static_cast<std::size_t>(std::ranges::lower_bound(kLatencyBounds, took.count()) - kLatencyBounds.begin());
}

State first_state(const std::string& identity) {
  const auto question = CheckQuestion::parse(identity);
  if (!question) return {};
  const VerdictState state = initial_state(SteadyTime(), thresholds_of(question->options));
  return {.verdict = state.verdict, .forced = false, .weight = 1};
}

void CheckBook::add(const std::string& identity, SteadyTime now) {
  if (by_identity_.contains(identity)) return;
  const auto question = CheckQuestion::parse(identity);
  if (!question) return;
  std::uint32_t number = 0;
  if (unused_.empty()) {
    number = static_cast<std::uint32_t>(checks_.size());
    checks_.emplace_back();
  } else {
    number = unused_.back();
    unused_.pop_back();
  }
  by_identity_.emplace(identity, number);
  Check& check = checks_[number];
  check = Check{};
  check.identity = identity;
  ProbeSpec spec = probe_of(*question, options_.user_agent, options_.programs);
  if (const auto program = programs_.find(question->options.program);
      question->kind == CheckKind::kExec && program != programs_.end())
    check.program = &program->second;
  else spec.timeout = std::min(spec.timeout, options_.longest_probe);
  check.spec = std::make_shared<const ProbeSpec>(std::move(spec));
  check.crowd = crowds_.try_emplace(crowd_of(*question), Crowd{.lane = {.most = share(4)}}).first;
  ++check.crowd->second.checks;
  check.thresholds = thresholds_of(question->options);
  check.state = initial_state(now, check.thresholds);
  check.interval = question->options.interval_seconds == 0
                       ? options_.interval
                       : milliseconds(std::chrono::seconds(question->options.interval_seconds));
  milliseconds elapsed{0};
  if (const auto kept = kept_.find(identity, now, elapsed)) {
    check.state = from_record(kept->record, now, elapsed);
    check.weight = kept->weight;
    check.probes = kept->probes;
    check.failures = kept->failures;
    check.transitions = kept->transitions;
  }
  check.hold = targets_.add(question->target(), check.state.verdict == Verdict::kUp);
  check.quick = check.state.verdict == Verdict::kUp;
  schedule_.add(number, check.interval, now);
}

CheckBook::Removed CheckBook::remove(const std::string& identity, SteadyTime now) {
  const auto found = by_identity_.find(identity);
  if (found == by_identity_.end()) return {};
  const std::uint32_t number = found->second;
  by_identity_.erase(found);
  Check& check = checks_[number];
  const GuardChange change = targets_.remove(check.hold, now);
  if (check.probed) kept_.drop(identity);
  schedule_.remove(number);
  const std::uint64_t ticket = check.ticket;
  if (ticket != 0) --in_flight_;
  leave_queue(check);
  leave_lane(check);
  if (--check.crowd->second.checks == 0) crowds_.erase(check.crowd);
  check = Check{};
  unused_.push_back(number);
  return {change, ticket};
}

void CheckBook::leave_queue(Check& check) {
  if (check.queue != nullptr) std::exchange(check.queue, nullptr)->erase(check.queued);
}

// Its place is that of the first who waits for one.
void CheckBook::leave_lane(Check& check) {
  Lane* const lane = std::exchange(check.lane, nullptr);
  if (lane == nullptr) return;
  if (lane->waiting.empty()) {
    --lane->taken;
    return;
  }
  Check& first = checks_[lane->waiting.front()];
  first.lane = lane;
  first.queue = &next_;
  next_.splice(next_.end(), lane->waiting, first.queued);
}

std::optional<CheckBook::Due> CheckBook::take(SteadyTime now) {
  while (in_flight_ < options_.most_in_flight) {
    std::uint32_t number = 0;
    if (!next_.empty()) {
      number = next_.front();
      leave_queue(checks_[number]);
    } else {
      const auto due = schedule_.take(now);
      if (!due) return std::nullopt;
      number = due->check;
      Check& check = checks_[number];
      if (check.ticket != 0) continue;  // the one before takes longer than the interval
      if (check.queue != nullptr) continue;
      check.due = due->since;
      Lane& lane = check.program != nullptr ? *check.program : check.quick ? check.crowd->second.lane : slow_;
      if (lane.taken >= lane.most) {
        check.queue = &lane.waiting;
        check.queued = lane.waiting.insert(lane.waiting.end(), number);
        continue;
      }
      ++lane.taken;
      check.lane = &lane;
    }
    Check& check = checks_[number];
    check.ticket = ++tickets_;
    check.last_begun = now;
    ++in_flight_;
    return Due{number, check.ticket, check.due};
  }
  return std::nullopt;
}

std::optional<SteadyTime> CheckBook::next() {
  if (in_flight_ >= options_.most_in_flight) return std::nullopt;
  if (!next_.empty()) return checks_[next_.front()].due;
  return schedule_.next();
}

CheckBook::Result CheckBook::result(const Due& due, const ProbeResult& found, SteadyTime now) {
  Result result;
  Check& check = checks_[due.check];
  if (check.ticket != due.ticket) return result;  // nobody asks any more
  check.ticket = 0;
  --in_flight_;
  leave_lane(check);
  check.probed = true;
  check.quick = found.total < kQuick;
  ++check.probes;
  if (!found.ok()) ++check.failures;
  check.last_failure = found.failure;
  check.last_total = found.total;
  check.last_text = found.text;
  if (!found.ok()) {
    check.last_error = found.failure;
    check.last_error_text = found.text;
    check.last_error_at = now;
  }

  const ProbeOutcome outcome = outcome_of(found.failure);
  if (outcome != ProbeOutcome::kNoResult) {
    check.all_totals += found.total;
    ++check.latencies[latency_bucket(found.total)];
  }
  result.guard = outcome == ProbeOutcome::kSuccess   ? targets_.succeeded(check.hold, now)
                 : outcome == ProbeOutcome::kFailure ? targets_.failed(check.hold, now)
                                                     : targets_.advance(now);
  const Verdict before = check.state.verdict;
  const Step next = step(check.state, outcome, now, check.thresholds, targets_.falling(now));
  check.state = next.state;
  const std::uint32_t weight = found.ok() ? found.weight : check.weight;
  if (next.changed) {
    ++check.transitions;
    result.transition =
        Transition{shown_check(check.identity), before, next.state.verdict, next.why, found.failure, found.text};
  }
  if (next.changed || weight != check.weight)
    result.state = {check.identity, State{.verdict = next.state.verdict, .forced = false, .weight = weight}};
  check.weight = weight;
  return result;
}

std::vector<KeptCheck> CheckBook::keep(SteadyTime now) const {
  std::vector<KeptCheck> kept;
  for (const auto& [identity, number] : by_identity_) {
    const Check& check = checks_[number];
    if (check.state.verdict == Verdict::kUnknown) continue;
    kept.push_back(
        {identity, to_record(check.state, now), check.weight, check.probes, check.failures, check.transitions});
  }
  return kept;
}

std::vector<CheckReport> CheckBook::report(std::string_view part, SteadyTime now) const {
  std::vector<CheckReport> reports;
  for (const auto& [identity, number] : by_identity_) {
    if (!part.empty() && shown_check(identity).find(part) == std::string::npos) continue;
    const Check& check = checks_[number];
    CheckReport& report = reports.emplace_back();
    report.identity = identity;
    report.state = check.state;
    report.weight = check.weight;
    report.thresholds = check.thresholds;
    report.interval = check.interval;
    if (check.ticket == 0)
      report.until_next =
          std::max(std::chrono::duration_cast<milliseconds>(check.last_begun + check.interval - now), milliseconds(0));
    report.probes = check.probes;
    report.failures = check.failures;
    report.transitions = check.transitions;
    report.last_failure = check.last_failure;
    report.last_text = check.last_text;
    report.last_total = check.last_total;
    report.all_totals = check.all_totals;
    report.latencies = check.latencies;
    report.probed = check.probed;
    report.last_error = check.last_error;
    report.last_error_text = check.last_error_text;
    report.last_error_at = check.last_error_at;
  }
  std::sort(reports.begin(), reports.end(),
            [](const CheckReport& a, const CheckReport& b) { return a.identity < b.identity; });
  return reports;
}

}  // namespace sdns::health
