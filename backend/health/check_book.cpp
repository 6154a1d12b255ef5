// SPDX-License-Identifier: MIT
#include "backend/health/check_book.h"

#include <algorithm>
#include <utility>

#include "backend/health/ttl_plan.h"

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

milliseconds interval_of(const CheckQuestion& question, milliseconds usual) {
  const std::uint32_t own = question.options.interval_seconds;
  return own == 0 ? usual : milliseconds(std::chrono::seconds(own));
}

SteadyTime to_millisecond(SteadyTime time) { return std::chrono::floor<milliseconds>(time); }

// What a check is when it is added.
struct Beginning {
  VerdictState state;
  SteadyTime last_up{};
  std::optional<KeptCheck> kept;
};
Beginning beginning_of(const std::string& identity, const Thresholds& thresholds, KeptChecks& kept, SteadyTime now) {
  Beginning begin{initial_state(now, thresholds), {}, std::nullopt};
  milliseconds elapsed{0};
  begin.kept = kept.find(identity, now, elapsed);
  if (begin.kept) {
    begin.state = from_record(begin.kept->record, now, elapsed);
    // Not by `elapsed`: what was in one millisecond stays in one.
    if (begin.kept->up_ago) begin.last_up = kept.saved() - *begin.kept->up_ago;
  } else if (begin.state.verdict == Verdict::kUp) {
    begin.last_up = to_millisecond(now);
  }
  return begin;
}
}  // namespace

KeptChecks::KeptChecks(std::vector<KeptCheck> checks, SteadyTime now, milliseconds elapsed)
    : saved_(to_millisecond(now) - std::max(elapsed, milliseconds(0))) {
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

State first_state(const std::string& identity, KeptChecks& kept, milliseconds interval, Planning planning,
                  SteadyTime now) {
  State first;
  const auto question = CheckQuestion::parse(identity);
  if (!question) return first;
  const Thresholds thresholds = thresholds_of(question->options);
  const Beginning begin = beginning_of(identity, thresholds, kept, now);
  first.verdict = begin.state.verdict;
  first.last_up = begin.last_up;
  if (begin.kept) first.weight = begin.kept->weight;
  if (planning == Planning::kYes) {
    const ProbeTimes at_once{.until_next = milliseconds(0), .interval = interval_of(*question, interval)};
    first.ttl_step = ttl_step(next_change(begin.state, thresholds, at_once, now));
  }
  return first;
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
  check.interval = interval_of(*question, options_.interval);
  const Beginning begin = beginning_of(identity, check.thresholds, kept_, now);
  check.state = begin.state;
  check.last_up = begin.last_up;
  if (begin.kept) {
    check.weight = begin.kept->weight;
    check.probes = begin.kept->probes;
    check.failures = begin.kept->failures;
    check.transitions = begin.kept->transitions;
    check.resumed = begin.kept->resumed;
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
  set_step(number, std::nullopt, now);
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
  const std::uint32_t weight = std::exchange(check.weight, found.ok() ? found.weight : check.weight);
  if (next.changed)
    result.transition = Transition{shown_check(check.identity),
                                   before,
                                   next.state.verdict,
                                   next.why,
                                   found.failure,
                                   next.why == Why::kResumed ? check.resumed_by : found.text};
  note(check, next, now);
  const bool other_step = check.planned && plan_anew(due.check, now);
  if (next.changed || weight != check.weight || other_step) result.state = {check.identity, state_of(check)};
  return result;
}

// What has become of its verdict.
void CheckBook::note(Check& check, const Step& next, SteadyTime now) {
  const Verdict before = check.state.verdict;
  check.state = next.state;
  if (!check.state.resumed) check.resumed_by.clear();
  if (!next.changed) return;
  ++check.transitions;
  if (before == Verdict::kUp || next.state.verdict == Verdict::kUp) check.last_up = to_millisecond(now);
}

State CheckBook::state_of(const Check& check) {
  return {.verdict = check.state.verdict,
          .forced = false,
          .weight = check.weight,
          .ttl_step = check.ttl_step,
          .last_up = check.last_up};
}

// To the next result, at the least.
milliseconds CheckBook::until_next(const Check& check, SteadyTime now) const {
  if (check.ticket != 0) return milliseconds(0);
  return std::max(std::chrono::duration_cast<milliseconds>(check.last_begun + check.interval - now), milliseconds(0));
}

std::optional<CheckBook::Known> CheckBook::plan(const std::string& identity, Planning planning, SteadyTime now) {
  const auto found = by_identity_.find(identity);
  if (found == by_identity_.end()) return std::nullopt;
  Check& check = checks_[found->second];
  check.planned = planning == Planning::kYes;
  if (!plan_anew(found->second, now)) return std::nullopt;
  return Known{identity, state_of(check)};
}

// True: its step is another one.
bool CheckBook::plan_anew(std::uint32_t number, SteadyTime now) {
  const Check& check = checks_[number];
  // One that cannot be probed will not have a verdict soon.
  const bool mute = check.state.verdict == Verdict::kUnknown && check.probed &&
                    outcome_of(check.last_failure) == ProbeOutcome::kNoResult;
  if (!check.planned || mute) return set_step(number, std::nullopt, now);
  const auto left = next_change(check.state, check.thresholds, {until_next(check, now), check.interval}, now);
  return set_step(number, left ? std::optional(now + *left) : std::nullopt, now);
}

bool CheckBook::set_step(std::uint32_t number, std::optional<SteadyTime> change, SteadyTime now) {
  Check& check = checks_[number];
  if (const auto ends = end_of_step(check.ttl_step, check.may_change)) step_ends_.erase({*ends, number});
  const auto left = change ? std::optional(std::chrono::floor<milliseconds>(*change - now)) : std::nullopt;
  const std::uint8_t before = std::exchange(check.ttl_step, ttl_step(left));
  check.may_change = change.value_or(SteadyTime());
  if (const auto ends = end_of_step(check.ttl_step, check.may_change)) step_ends_.emplace(*ends, number);
  return check.ttl_step != before;
}

std::optional<CheckBook::Known> CheckBook::next_step(SteadyTime now) {
  if (step_ends_.empty() || step_ends_.begin()->first > now) return std::nullopt;
  const std::uint32_t number = step_ends_.begin()->second;
  set_step(number, checks_[number].may_change, now);
  return Known{checks_[number].identity, state_of(checks_[number])};
}

CheckBook::Result CheckBook::resume(const ResumeOrder& order, SteadyTime now) {
  Result result;
  const auto found = by_identity_.find(order.identity);
  if (found == by_identity_.end()) return result;
  Check& check = checks_[found->second];
  if (order.seconds <= check.resumed) return result;
  check.resumed = order.seconds;
  if (check.state.verdict != Verdict::kDown || check.state.run == 0) return result;
  const Step next = health::resume(check.state, now, check.thresholds);
  std::string by = "by " + order.who;
  if (!order.reason.empty()) by += ": " + order.reason;
  result.resumed = true;
  if (next.changed)
    result.transition =
        Transition{shown_check(check.identity), Verdict::kDown, Verdict::kUp, next.why, ProbeFailure::kNone, by};
  note(check, next, now);
  if (!next.changed) check.resumed_by = std::move(by);
  const bool other_step = check.planned && plan_anew(found->second, now);
  if (next.changed || other_step) result.state = {check.identity, state_of(check)};
  return result;
}

std::vector<KeptCheck> CheckBook::keep(SteadyTime now) const {
  std::vector<KeptCheck> kept;
  for (const auto& [identity, number] : by_identity_) {
    const Check& check = checks_[number];
    if (check.state.verdict == Verdict::kUnknown) continue;
    KeptCheck& one = kept.emplace_back();
    one = {identity, to_record(check.state, now), check.weight, check.probes, check.failures, check.transitions};
    if (check.last_up != SteadyTime{})
      one.up_ago = std::chrono::duration_cast<milliseconds>(to_millisecond(now) - check.last_up);
    one.resumed = check.resumed;
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
    report.until_next = until_next(check, now);
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
    report.ttl_step = check.ttl_step;
    report.last_up = check.last_up;
  }
  std::sort(reports.begin(), reports.end(),
            [](const CheckReport& a, const CheckReport& b) { return a.identity < b.identity; });
  return reports;
}

}  // namespace sdns::health
