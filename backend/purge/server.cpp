// SPDX-License-Identifier: MIT
#include "backend/purge/server.h"

#include <algorithm>
#include <utility>

namespace sdns::purge {
namespace {

// Between slices of this many newer plans are looked at: their exact names must not wait for subtrees.
constexpr std::size_t kFlushSlice = 8;

// More waiting than this is a purge of everything, so that memory stays bounded.
void bound(Plan& plan, std::size_t names) {
  if (plan.names.size() + plan.subtrees.size() > names) plan.everything = true;
  if (!plan.everything) return;
  plan.names.clear();
  plan.subtrees.clear();
}

}  // namespace

std::string_view state_text(ServerState state) {
  switch (state) {
    case ServerState::kUnknown:
      return "unknown";
    case ServerState::kPresent:
      return "present";
    case ServerState::kAbsent:
      return "absent";
  }
  return "unknown";
}

ServerMetrics::ServerMetrics(Metrics& metrics, const std::string& name)
    : up(metrics.gauge("sdns_powerdns_up", "1 when this PowerDNS can be purged", {{"powerdns", name}})),
      announcing(metrics.gauge("sdns_powerdns_announcing", "1 when zones can be announced to this PowerDNS",
                               {{"powerdns", name}})),
      purged_revision(metrics.gauge("sdns_powerdns_purged_revision", "Revision up to which this PowerDNS is purged",
                                    {{"powerdns", name}})),
      waiting(metrics.gauge("sdns_powerdns_purges_waiting",
                            "First and second purges that this PowerDNS has still to get", {{"powerdns", name}})),
      names(metrics.counter("sdns_purge_names_total", "Names purged exactly", {{"powerdns", name}})),
      subtrees(metrics.counter("sdns_purge_subtrees_total", "Subtrees purged", {{"powerdns", name}})),
      announcements(metrics.counter("sdns_purge_announcements_total", "Zones announced", {{"powerdns", name}})),
      everything(metrics.counter("sdns_purge_everything_total", "Purges of everything", {{"powerdns", name}})),
      failures(
          metrics.counter("sdns_purge_failures_total", "Purges and announcements that failed", {{"powerdns", name}})),
      microseconds(metrics.counter("sdns_purge_microseconds_total", "Time spent in purges of exact names",
                                   {{"powerdns", name}})) {}

Server::Server(ServerConfig config, std::unique_ptr<Door> door, const PurgerOptions& options, const Log& log,
               ServerMetrics& metrics, std::function<void()> changed)
    : config_(std::move(config)),
      door_(std::move(door)),
      options_(options),
      log_(log),
      metrics_(metrics),
      changed_(std::move(changed)) {
  status_.name = config_.name;
}

void Server::start() {
  thread_ = std::thread([this] { run(); });
}

Server::~Server() {
  {
    std::lock_guard lock(mutex_);
    stop();
  }
  if (thread_.joinable()) thread_.join();
}

void Server::stop() {
  if (std::exchange(stopping_, true)) return;
  metrics_.up.set(0);
  wake_.notify_all();
}

void Server::inherit(Unfinished unfinished) {
  std::lock_guard lock(mutex_);
  unannounced_.merge(unfinished.unannounced);
  flushes_ = std::move(unfinished.flushes);
}

// Copies: the thread may be in a call with a name that stands in a queue.
Server::Unfinished Server::retire() {
  std::lock_guard lock(mutex_);
  stop();
  Unfinished left;
  left.unannounced = unannounced_;
  left.unannounced.insert(pending_old_zones_.begin(), pending_old_zones_.end());
  for (const Flush& item : flushes_)
    if (item.announce) left.flushes.push_back(item);
  for (const dns::Name& name : pending_.announced) left.flushes.push_back({name, true, taken_});
  for (const Flush& item : flushes_again_)
    if (item.announce) left.unannounced.insert(item.name);
  for (const Again& again : again_) left.unannounced.insert(again.plan.announced.begin(), again.plan.announced.end());
  return left;
}

void Server::submit(const Plan& plan, const Reach& reach, bool zones_are_old) {
  {
    std::lock_guard lock(mutex_);
    Plan rest = plan;
    if (zones_are_old) pending_old_zones_.merge(rest.announced);
    if (zones_are_old) rest.announced.clear();
    pending_.merge(std::move(rest));
    bound(pending_, options_.waiting_names);
    pending_reach_ = pending_reach_.or_further(reach);
    has_pending_ = true;
  }
  wake_.notify_all();
}

// What is in progress or waits is still done; it counts for `last`.
void Server::restart_history(zone::Revision last) {
  std::lock_guard lock(mutex_);
  const auto cut = [last](Reach& reach) { reach.revision = std::min(reach.revision, last); };
  for (Reach* reach : {&taken_, &pending_reach_, &status_.purged, &status_.tried}) cut(*reach);
  for (Flush& item : flushes_) cut(item.done_before);
}

ServerStatus Server::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

template <class Call>
Result<void> Server::unlocked(Call&& call) {
  mutex_.unlock();
  Result<void> result = call();
  mutex_.lock();
  return result;
}

bool Server::ended() const {
  std::lock_guard lock(mutex_);
  return ended_;
}

void Server::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) turn(lock);
  ended_ = true;
}

void Server::turn(std::unique_lock<std::mutex>& lock) {
  wake_.wait_until(lock, next_wake(), [this] { return stopping_ || has_pending_; });
  if (stopping_) return;
  const bool has_plan = std::exchange(has_pending_, false);
  unannounced_.merge(std::exchange(pending_old_zones_, {}));
  if (has_plan) execute(std::exchange(pending_, Plan{}), pending_reach_);
  // A pdns_server that has just started must not miss a change for the rest of the retry interval.
  const bool ask_now = has_plan && nobody_listened_;
  if (state_ != ServerState::kPresent && (ask_now || Steady::now() >= retry_at_)) try_return();
  if (stopping_) return;
  if (state_ == ServerState::kPresent) {
    purge_again();
    flush_some(flushes_.empty() ? flushes_again_ : flushes_);
    if (!stopping_) report();  // before what nobody waits for
    announce_again();
    if (!stopping_ && Steady::now() >= ping_at_) present_after(unlocked([this] { return door_->ping(); }));
  }
  if (stopping_) return;
  report();
}

Server::Steady::time_point Server::next_wake() const {
  if (state_ != ServerState::kPresent) return retry_at_;
  if (!flushes_.empty() || !flushes_again_.empty()) return Steady::time_point{};
  Steady::time_point next = ping_at_;
  if (!again_.empty()) next = std::min(next, again_.front().due);
  if (!unannounced_.empty()) next = std::min(next, api_retry_at_);
  return next;
}

void Server::execute(Plan plan, const Reach& reach) {
  const Reach done_before = taken_;
  taken_ = taken_.or_further(reach);
  if (state_ != ServerState::kPresent) {
    // The rest is part of the purge of everything to come. Nobody waits for an absent server, nor for what it missed.
    if (state_ == ServerState::kAbsent) unannounced_.merge(plan.announced);
    else
      for (const dns::Name& name : plan.announced) flushes_.push_back({name, true, done_before});
    return;
  }
  if (plan.empty()) return;
  if (!read_zones_anew(plan)) return;
  queue_flushes(plan, flushes_, done_before);
  first_purge(plan);
  if (state_ != ServerState::kPresent) return;
  again_.push_back({Steady::now() + options_.again_after, std::move(plan)});
}

// Exact names and everything: what takes no time.
void Server::first_purge(const Plan& plan) {
  if (plan.everything) {
    if (present_after(unlocked([this] { return door_->purge_everything(); }))) metrics_.everything.add();
    return;
  }
  if (plan.names.empty()) return;
  const auto start = Steady::now();
  if (!present_after(unlocked([&] { return door_->purge(plan.names); }))) return;
  metrics_.names.add(static_cast<std::int64_t>(plan.names.size()));
  metrics_.microseconds.add(std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - start).count());
}

// False: the server went away meanwhile, or this one is to stop.
bool Server::read_zones_anew(Plan& plan) {
  if (plan.announced.size() + unannounced_.size() <= options_.waiting_announcements) return true;
  unannounced_.insert(plan.announced.begin(), plan.announced.end());
  const auto done = unlocked([this] { return door_->rediscover(); });
  if (!done && done.error().code == Errc::kUnsupported) return !stopping_;
  if (!present_after(done)) return false;
  plan.everything = true;
  plan.announced.clear();
  unannounced_.clear();
  bound(plan, options_.waiting_names);
  return true;
}

void Server::queue_flushes(const Plan& plan, std::deque<Flush>& queue, const Reach& done_before) {
  for (const dns::Name& name : plan.announced) queue.push_back({name, true, done_before});
  if (plan.everything) return;
  for (const dns::Name& name : plan.subtrees)
    if (!plan.announced.contains(name)) queue.push_back({name, false, done_before});
}

void Server::flush_some(std::deque<Flush>& queue) {
  for (std::size_t i = 0; i < kFlushSlice && !queue.empty(); ++i) {
    if (stopping_ || !flush(queue.front())) return;
    queue.pop_front();
  }
}

bool Server::announce(const Flush& item) {
  if (!api_works_ && Steady::now() < api_retry_at_) return false;
  const auto ok = unlocked([&] { return door_->announce(item.name); });
  if (stopping_) return false;
  if (!ok) {
    api_failed(ok.error(), item.name);
    return false;
  }
  api_works();
  unannounced_.erase(item.name);
  (item.announce ? metrics_.announcements : metrics_.subtrees).add();
  return true;
}

// False: the server is absent, or this one is to stop. Without the API the control socket purges the subtree, and the
// zone stays unannounced.
bool Server::flush(const Flush& item) {
  if (announce(item)) return true;
  if (stopping_) return false;
  if (item.announce) unannounced_.insert(item.name);
  if (!present_after(unlocked([&] { return door_->purge_subtree(item.name); }))) return false;
  metrics_.subtrees.add();
  return true;
}

void Server::purge_again() {
  Plan plan;
  while (!again_.empty() && again_.front().due <= Steady::now()) {
    plan.merge(std::move(again_.front().plan));
    again_.pop_front();
  }
  if (plan.empty()) return;
  bound(plan, options_.waiting_names);
  queue_flushes(plan, flushes_again_, taken_);
  first_purge(plan);
}

// What no revision waits for.
void Server::announce_again() {
  if (stopping_ || state_ != ServerState::kPresent || unannounced_.empty() || !flushes_.empty()) return;
  for (std::size_t i = 0; i < kFlushSlice && !unannounced_.empty(); ++i) {
    const Flush item{*unannounced_.begin(), true, taken_};
    if (!announce(item)) return;
  }
}

// An absent server may have lived on with warm caches: it gets a purge of everything before anything else.
void Server::try_return() {
  Plan plan = Plan::all();
  if (!present_after(unlocked([this] { return door_->purge_everything(); }))) return;
  const bool was_absent = state_ == ServerState::kAbsent;
  state_ = ServerState::kPresent;
  last_error_.clear();
  metrics_.everything.add();
  metrics_.up.set(1);
  ping_at_ = Steady::now() + options_.ping_every;
  if (was_absent) log_.info("powerdns.back", {{"powerdns", config_.name}, {"unannounced", unannounced_.size()}});
  again_.push_back({Steady::now() + options_.again_after, plan});
  Plan nothing;
  read_zones_anew(nothing);  // else they are announced one by one
}

// What happened to one that is to stop is nobody's business: another one begins anew.
bool Server::present_after(const Result<void>& result) {
  if (stopping_) return false;
  if (!result) {
    metrics_.failures.add();
    absent(result.error());
    return false;
  }
  ping_at_ = Steady::now() + options_.ping_every;
  return true;
}

void Server::absent(const Error& error) {
  if (state_ != ServerState::kAbsent)
    log_.warn("powerdns.absent", {{"powerdns", config_.name}, {"error", to_text(error)}});
  state_ = ServerState::kAbsent;
  nobody_listened_ = error.code == Errc::kUnavailable;
  last_error_ = to_text(error);
  metrics_.up.set(0);
  retry_at_ = Steady::now() + options_.retry_after;
  for (const auto* queue : {&flushes_, &flushes_again_})
    for (const Flush& item : *queue)
      if (item.announce) unannounced_.insert(item.name);
  for (Again& again : again_) unannounced_.merge(again.plan.announced);
  flushes_.clear();
  flushes_again_.clear();
  again_.clear();
}

void Server::api_failed(const Error& error, const dns::Name& name) {
  metrics_.failures.add();
  metrics_.announcing.set(0);
  // What is not configured comes with a reload, which makes a new Server.
  const bool unsupported = error.code == Errc::kUnsupported;
  api_retry_at_ = Steady::now() + (unsupported ? std::chrono::hours(1) : options_.retry_after);
  if (api_works_)
    log_.warn("powerdns.api_failed", {{"powerdns", config_.name}, {"name", name.text()}, {"error", to_text(error)}});
  api_works_ = false;
  last_error_ = to_text(error);
}

void Server::api_works() {
  if (!api_works_) {
    log_.info("powerdns.api_back", {{"powerdns", config_.name}, {"unannounced", unannounced_.size()}});
    last_error_.clear();
  }
  api_works_ = true;
  metrics_.announcing.set(1);
}

void Server::report() {
  ServerStatus now;
  now.name = config_.name;
  now.state = state_;
  now.announcing = api_works_;
  now.hangs = state_ == ServerState::kAbsent && !nobody_listened_;
  now.unannounced = unannounced_.size();
  now.last_error = last_error_;
  now.purged = status_.purged;
  now.tried = taken_;
  if (state_ == ServerState::kPresent)
    now.purged = now.purged.or_further(flushes_.empty() ? taken_ : flushes_.front().done_before);
  const bool changed = now.purged != status_.purged || now.tried != status_.tried || now.state != status_.state;
  status_ = now;
  metrics_.purged_revision.set(static_cast<std::int64_t>(now.purged.revision));
  metrics_.waiting.set(static_cast<std::int64_t>(again_.size() + flushes_.size() + flushes_again_.size()));
  if (!changed) return;
  mutex_.unlock();
  changed_();
  mutex_.lock();
}

}  // namespace sdns::purge
