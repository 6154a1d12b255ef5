// SPDX-License-Identifier: MIT
#include "backend/health/checker.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

namespace sdns::health {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Further ones begin when the loop has looked at its descriptors.
constexpr int kMostAtOnce = 64;
constexpr milliseconds kLate{50};
constexpr std::size_t kMostLines = 200;  // about verdicts, a second

struct Orders {
  std::vector<std::pair<std::string, bool>> checks;  // wanted, or not any more
  std::vector<std::pair<std::string, std::promise<std::vector<CheckReport>>>> reports;
  std::vector<std::promise<std::vector<KeptCheck>>> keeps;
  std::vector<std::pair<std::string, Planning>> plans;
  std::vector<ResumeOrder> resumes;
  bool stop = false;
};

}  // namespace

struct Checker::Impl {
  Impl(CheckerOptions& options, const Clock& c, const WallClock& w, const Log& l, Metrics& metrics)
      : clock(c),
        wall_clock(w),
        log(l),
        policy(std::move(options.policy)),
        host_addresses(std::move(options.host_addresses)),
        kept(std::move(options.kept)),
        interval(options.book.interval),
        book(options.book, options.seed, kept),
        history(w.wall_now()),
        checks(metrics.gauge("sdns_health_checks", "Health checks that are probed")),
        in_flight(metrics.gauge("sdns_health_probes_in_flight", "Probes that have begun and not ended")),
        succeeded(metrics.counter("sdns_health_probes_total", kProbes, {{"result", "success"}})),
        failed(metrics.counter("sdns_health_probes_total", kProbes, {{"result", "failure"}})),
        late(metrics.counter("sdns_health_probes_late_total", "Probes that began more than 50 ms after they were due")),
        not_probed(metrics.counter("sdns_health_probes_total", kProbes, {{"result", "not_probed"}})),
        went_up(metrics.counter("sdns_health_transitions_total", kTransitions, {{"to", "up"}})),
        went_down(metrics.counter("sdns_health_transitions_total", kTransitions, {{"to", "down"}})),
        frozen(metrics.gauge("sdns_health_frozen", "1 while no target falls because very many fail at once")),
        latency(metrics.histogram("sdns_health_probe_microseconds",
                                  "Time that probes took which succeeded or failed, of all checks", kLatencyBounds)) {}

  Result<void> open(const CheckerOptions& options);
  void close();
  TargetPolicy judge();
  void look_at_host();
  void order(const std::function<void(Orders&)>& edit);
  void look();
  void forget(const std::string& identity, SteadyTime now);
  void begin_probes();
  void resume(const ResumeOrder& order);
  [[nodiscard]] std::optional<SteadyTime> next();
  void ended(const CheckBook::Due& due, const ProbeResult& found);
  void say(const Transition& transition);
  void say(const GuardChange& change);
  void hand_over(std::pair<std::string, State> state);
  void arm();

  static constexpr const char* kProbes = "Probes that ended";
  static constexpr const char* kTransitions = "Verdicts that changed";

  const Clock& clock;
  const WallClock& wall_clock;
  const Log& log;
  uv_loop_t loop{};
  uv_async_t woken{};
  uv_timer_t timer{};
  uv_timer_t host_timer{};
  SystemRandom random;
  TargetPolicyOptions policy;
  const std::function<Result<std::vector<dns::IpAddress>>()> host_addresses;
  bool host_known = true;
  std::unique_ptr<Prober> prober;
  KeptChecks kept;
  const milliseconds interval;  // of checks that do not say theirs
  CheckBook book;
  std::unordered_map<std::uint64_t, ProbeId> probes;  // in flight, by ticket
  History history;
  SteadyTime second{};  // in which `said` verdicts were logged, or left out
  std::size_t said = 0;
  std::thread thread;

  std::mutex mutex;
  Orders orders;
  std::vector<std::pair<std::string, State>> states;
  std::atomic<std::uint64_t> told = 0;  // states, ever

  Metric& checks;
  Metric& in_flight;
  Metric& succeeded;
  Metric& failed;
  Metric& late;
  Metric& not_probed;
  Metric& went_up;
  Metric& went_down;
  Metric& frozen;
  Histogram& latency;
};

Result<void> Checker::Impl::open(const CheckerOptions& options) {
  if (const int error = uv_loop_init(&loop); error != 0)
    return fail(Errc::kUnavailable, fmt::format("health checks have no event loop: {}", uv_strerror(error)),
                "raise the limit of open files (LimitNOFILE=)");
  loop.data = woken.data = timer.data = host_timer.data = this;
  const auto look = [](uv_async_t* handle) { static_cast<Impl*>(handle->data)->look(); };
  if (const int error = uv_async_init(&loop, &woken, look); error != 0) {
    uv_loop_close(&loop);
    return fail(Errc::kUnavailable, fmt::format("health checks cannot be woken: {}", uv_strerror(error)));
  }
  uv_timer_init(&loop, &timer);
  uv_timer_init(&loop, &host_timer);
  auto made = Prober::make(loop, judge(), random, options.prober);
  if (!made) {
    close();
    return fail(std::move(made.error()));
  }
  prober = std::move(*made);
  const auto every = static_cast<std::uint64_t>(options.host_addresses_every.count());
  uv_timer_start(
      &host_timer, [](uv_timer_t* handle) { static_cast<Impl*>(handle->data)->look_at_host(); }, every, every);
  return {};
}

// What may be probed, the host's addresses being what they are now.
TargetPolicy Checker::Impl::judge() {
  auto found = host_addresses();
  if (found) policy.host = std::move(*found);
  else if (host_known) log.warn("health.host_unknown", {{"error", found.error().what}, {"hint", found.error().hint}});
  host_known = found.has_value();
  return TargetPolicy(policy);
}

void Checker::Impl::look_at_host() {
  const std::vector<dns::IpAddress> before = policy.host;
  const TargetPolicy now = judge();
  if (policy.host != before) prober->set_policy(now);
}

void Checker::Impl::close() {
  prober.reset();
  uv_close(reinterpret_cast<uv_handle_t*>(&woken), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&host_timer), nullptr);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
}

// The loop is woken before it can see what there is to do: once it has seen that it is to stop, it closes what wakes
// it.
void Checker::Impl::order(const std::function<void(Orders&)>& edit) {
  std::lock_guard lock(mutex);
  edit(orders);
  uv_async_send(&woken);
}

void Checker::Impl::forget(const std::string& identity, SteadyTime now) {
  const CheckBook::Removed removed = book.remove(identity, now);
  if (removed.guard.event != GuardEvent::kNone) say(removed.guard);
  if (const auto probe = probes.extract(removed.ticket)) prober->cancel(probe.mapped());
}

void Checker::Impl::look() {
  Orders taken;
  {
    std::lock_guard lock(mutex);
    std::swap(taken, orders);
  }
  if (taken.stop) return uv_stop(&loop);
  const SteadyTime now = clock.now();
  for (const auto& [identity, wanted] : taken.checks) {
    if (wanted) book.add(identity, now);
    else forget(identity, now);
  }
  checks.set(static_cast<std::int64_t>(book.size()));
  for (const auto& [identity, planning] : taken.plans)
    if (auto known = book.plan(identity, planning, now)) hand_over(std::move(*known));
  for (const ResumeOrder& order : taken.resumes) resume(order);
  for (auto& [part, reports] : taken.reports) reports.set_value(book.report(part, now));
  for (auto& keep : taken.keeps) keep.set_value(book.keep(now));
  begin_probes();
}

void Checker::Impl::resume(const ResumeOrder& order) {
  auto result = book.resume(order, clock.now());
  if (!result.resumed) return;
  log.info("health.resumed", {{"check", shown_check(order.identity)},
                              {"who", order.who},
                              {"reason", order.reason},
                              {"rises", result.transition ? "now" : "after its successes"}});
  if (result.transition) say(*result.transition);
  if (result.state) hand_over(std::move(*result.state));
}

// When there is something to do that no probe and no order brings.
std::optional<SteadyTime> Checker::Impl::next() {
  const auto probe = book.next();
  const auto step = book.step_ends();
  return probe && step ? std::min(*probe, *step) : probe ? probe : step;
}

void Checker::Impl::begin_probes() {
  while (auto known = book.next_step(clock.now())) hand_over(std::move(*known));
  for (int begun = 0; begun < kMostAtOnce; ++begun) {
    const SteadyTime now = clock.now();
    const auto due = book.take(now);
    if (!due) break;
    if (now - due->since > kLate) late.add();
    probes[due->ticket] = prober->start(book.spec(due->check),
                                        [this, due = *due](ProbeId, const ProbeResult& found) { ended(due, found); });
  }
  in_flight.set(static_cast<std::int64_t>(book.in_flight()));
  arm();
}

void Checker::Impl::arm() {
  const auto next = this->next();
  if (!next) {
    uv_timer_stop(&timer);
    return;
  }
  const auto left = duration_cast<milliseconds>(*next - clock.now() + milliseconds(1));
  uv_update_time(&loop);
  uv_timer_start(
      &timer, [](uv_timer_t* handle) { static_cast<Impl*>(handle->data)->begin_probes(); },
      static_cast<std::uint64_t>(std::max<std::int64_t>(left.count(), 0)), 0);
}

void Checker::Impl::ended(const CheckBook::Due& due, const ProbeResult& found) {
  const auto before = next();
  probes.erase(due.ticket);
  auto result = book.result(due, found, clock.now());
  switch (outcome_of(found.failure)) {
    case ProbeOutcome::kSuccess:
      succeeded.add();
      break;
    case ProbeOutcome::kFailure:
      failed.add();
      break;
    case ProbeOutcome::kNoResult:
      not_probed.add();
      break;
  }
  if (outcome_of(found.failure) != ProbeOutcome::kNoResult) latency.observe(found.total.count());
  if (result.guard.event != GuardEvent::kNone) say(result.guard);
  if (result.transition) say(*result.transition);
  if (result.state) hand_over(std::move(*result.state));
  in_flight.set(static_cast<std::int64_t>(book.in_flight()));
  if (next() != before) arm();
}

void Checker::Impl::hand_over(std::pair<std::string, State> state) {
  std::lock_guard lock(mutex);
  states.push_back(std::move(state));
  ++told;
}

void Checker::Impl::say(const Transition& transition) {
  history.add(transition, wall_clock.wall_now());
  (transition.to == Verdict::kUp ? went_up : went_down).add();
  if (const SteadyTime now = clock.now(); now - second >= std::chrono::seconds(1)) {
    second = now;
    said = 0;
  }
  if (++said > kMostLines) {
    if (said == kMostLines + 1)
      log.warn("health.verdicts_left_out",
               {{"hint",
                 "so many verdicts change that the rest of this second is not logged; sdnsctl health history "
                 "lists them"}});
    return;
  }
  log.event(transition.to == Verdict::kDown ? LogLevel::kWarn : LogLevel::kInfo, "health.verdict",
            {{"check", transition.check},
             {"from", verdict_name(transition.from)},
             {"to", verdict_name(transition.to)},
             {"why", why_name(transition.why)},
             {"reason", failure_name(transition.failure)},
             {"detail", transition.text}});
}

void Checker::Impl::say(const GuardChange& change) {
  frozen.set(change.event == GuardEvent::kFrozen ? 1 : 0);
  if (change.event == GuardEvent::kFrozen)
    log.error("health.frozen", {{"failing", change.failing},
                                {"targets", change.targets},
                                {"hint",
                                 "so many targets began to fail at once that this host's own network is suspected: "
                                 "none is taken as down until most succeed again, or two minutes are over"}});
  else
    log.warn("health.thawed", {{"because", change.event == GuardEvent::kRecovered ? "recovered" : "timed_out"},
                               {"failing", change.failing}});
}

Checker::Checker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Checker>> Checker::start(CheckerOptions options, const Clock& clock, const WallClock& wall_clock,
                                                const Log& log, Metrics& metrics) {
  auto impl = std::make_unique<Impl>(options, clock, wall_clock, log, metrics);
  if (auto opened = impl->open(options); !opened) return fail(std::move(opened.error()));
  std::unique_ptr<Checker> checker(new Checker(std::move(impl)));
  // Signals are for the main thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  checker->impl_->thread = std::thread([impl = checker->impl_.get()] {
    uv_run(&impl->loop, UV_RUN_DEFAULT);
    impl->close();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(checker->impl_->thread.native_handle(), "sdns-health");
  return checker;
}

Checker::~Checker() {
  impl_->order([](Orders& orders) { orders.stop = true; });
  impl_->thread.join();
}

void Checker::want(std::vector<std::string> identities) {
  impl_->order([&](Orders& orders) {
    for (std::string& identity : identities) orders.checks.emplace_back(std::move(identity), true);
  });
}

void Checker::forget(std::vector<std::string> identities) {
  impl_->order([&](Orders& orders) {
    for (std::string& identity : identities) orders.checks.emplace_back(std::move(identity), false);
  });
}

std::vector<std::pair<std::string, State>> Checker::take() {
  std::lock_guard lock(impl_->mutex);
  return std::exchange(impl_->states, {});
}

std::vector<CheckReport> Checker::report(std::string_view part) {
  std::future<std::vector<CheckReport>> reports;
  impl_->order([&](Orders& orders) {
    reports =
        orders.reports.emplace_back(std::string(part), std::promise<std::vector<CheckReport>>()).second.get_future();
  });
  return reports.get();
}

void Checker::plan(std::vector<std::string> identities, Planning planning) {
  impl_->order([&](Orders& orders) {
    for (std::string& identity : identities) orders.plans.emplace_back(std::move(identity), planning);
  });
}

void Checker::resume(std::vector<ResumeOrder> resumed) {
  impl_->order([&](Orders& orders) { std::move(resumed.begin(), resumed.end(), std::back_inserter(orders.resumes)); });
}

State Checker::begins_as(const std::string& identity, Planning planning) const {
  return first_state(identity, impl_->kept, impl_->interval, planning, impl_->clock.now());
}

std::uint64_t Checker::transitions() const { return impl_->told; }

const History& Checker::history() const { return impl_->history; }

void Checker::record(const Transition& transition) { impl_->history.add(transition, impl_->wall_clock.wall_now()); }

std::vector<KeptCheck> Checker::keep() {
  std::future<std::vector<KeptCheck>> kept;
  impl_->order([&](Orders& orders) { kept = orders.keeps.emplace_back().get_future(); });
  return kept.get();
}

}  // namespace sdns::health
