// SPDX-License-Identifier: MIT
#include "backend/daemon/node_link.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <utility>

namespace sdns::daemon {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr milliseconds kBackoffFirst{250};
constexpr milliseconds kRevisionEvery{1'000};  // heartbeats because of a revision
constexpr std::chrono::minutes kTidyEvery{10};
constexpr std::chrono::hours kUnknownKept{1};
constexpr std::size_t kMostWritten = 1'024;  // verdicts in one transaction
constexpr std::size_t kMostAskedFor = 64;    // checks one by one; more than these: all that others say
constexpr int kBeatsOfAnother = 3;           // a hot restart has one or two
constexpr const char* kNodes = "Nodes of this database, this one included, by when they were heard of last";

std::int64_t seconds_of(WallTime time) { return duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }

}  // namespace

NodeLink::NodeLink(NodeLinkOptions options, const Parts& parts)
    : options_(std::move(options)),
      parts_(parts),
      started_(parts.wall_clock.wall_now()),
      interrupt_(
          ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),  // without one the end waits a few seconds for a hung server
      live_(parts.metrics.gauge("sdns_nodes", kNodes, {{"state", "live"}})),
      silent_nodes_(parts.metrics.gauge("sdns_nodes", kNodes, {{"state", "silent"}})),
      expired_(parts.metrics.gauge("sdns_nodes", kNodes, {{"state", "expired"}})),
      behind_(parts.metrics.gauge("sdns_nodes_behind", "Other nodes that have a lower revision than this one")),
      beats_(parts.metrics.counter("sdns_node_heartbeats_total", "Heartbeats that this node wrote to the database")),
      failures_(parts.metrics.counter("sdns_node_failures_total", "Looks at the registry of nodes that failed")),
      last_beat_s_(parts.metrics.gauge("sdns_node_last_heartbeat_seconds",
                                       "When this node wrote its last heartbeat, seconds since 1970; 0: not yet")),
      clock_ahead_ms_(parts.metrics.gauge("sdns_node_clock_ahead_milliseconds",
                                          "This host's clock before the database's own, where it has one")),
      written_(parts.metrics.counter("sdns_node_verdicts_written_total", "Verdicts that were written for other nodes")),
      read_(parts.metrics.counter("sdns_node_verdicts_read_total", "Verdicts of other nodes that were read")) {}

NodeLink::~NodeLink() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (interrupt_) (void)::eventfd_write(interrupt_.get(), 1);
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void NodeLink::start() {
  // Signals are for the main thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), "sdns-nodes");
}

void NodeLink::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    news_ = false;
    lock.unlock();
    const milliseconds pause = turn();
    lock.lock();
    woken_.wait_for(lock, pause, [this] { return stopping_ || news_; });
  }
}

void NodeLink::wake() {
  {
    std::lock_guard lock(mutex_);
    news_ = true;
  }
  woken_.notify_all();
}

std::optional<WallTime> NodeLink::serve_until() const {
  const std::int64_t until = serve_until_ms_;
  return until == 0 ? std::nullopt : std::optional(WallTime(milliseconds(until)));
}

milliseconds NodeLink::turn() {
  const SteadyTime now = parts_.clock.now();
  SharedHealth::Wanted wanted;
  if (parts_.shared) wanted = parts_.shared->take_wanted();
  if (wanted.checks.size() > kMostAskedFor || (!wanted.checks.empty() && others_.empty())) all_wanted_ = true;
  const bool there = open(now);
  Result<void> done;
  if (there && (now >= next_look_ || all_wanted_ || !wanted.checks.empty())) done = look(now, wanted.checks);
  else if (!wanted.checks.empty()) all_wanted_ = true;
  if (!done && !wanted.checks.empty()) all_wanted_ = true;
  if (parts_.shared) parts_.shared->looked(wanted.generation);
  note_changes();
  const auto applied = parts_.applied();
  const bool is_due = now >= next_beat_ || (has_something_to_write() && now >= next_write_) ||
                      (applied != told_ && now >= next_revision_);
  if (there && done && applied && !silent_ && is_due) done = beat(*applied);
  if (!done) lose(done.error());
  say_outlived();
  if (!store_) return std::max(duration_cast<milliseconds>(next_open_ - now), milliseconds(1));
  SteadyTime next = std::min(next_look_, next_beat_);
  if (has_something_to_write()) next = std::min(next, next_write_);
  if (!applied || silent_) next = next_look_;
  return std::clamp(duration_cast<milliseconds>(next - now), milliseconds(1), kRevisionEvery);
}

// The database of what is served, and no other one that took its place.
bool NodeLink::open(SteadyTime now) {
  if (store_) return true;
  if (now < next_open_) return false;
  auto opened = store::NodeStore::open(options_.url, parts_.wall_clock, random_, options_.busy_limit,
                                       interrupt_ ? interrupt_.get() : -1);
  if (!opened) {
    lose(opened.error());
    return false;
  }
  const auto id = (*opened)->database_id();
  const std::string served = parts_.database_id();
  if (!id || (!served.empty() && *id != served)) {
    lose(id ? Error{Errc::kForeign,
                    fmt::format("the database is another one now: its id is {}, that of the one in service {}", *id,
                                served),
                    "this node is not entered there; put the right database back, or restart to serve this one"}
            : id.error());
    return false;
  }
  store_ = std::move(*opened);
  next_look_ = next_beat_ = now;
  needs_resync_ = true;
  return true;
}

void NodeLink::lose(const Error& error) {
  failures_.add();
  store_.reset();
  backoff_ = std::clamp(2 * backoff_, kBackoffFirst, options_.backoff_most);
  next_open_ =
      parts_.clock.now() + backoff_ + milliseconds(random_.next() % static_cast<std::uint64_t>(kBackoffFirst.count()));
  if (trouble_ == error.code) return;
  trouble_ = error.code;
  parts_.log.warn("node.unheard", {{"node", options_.name}, {"error", error.what}, {"hint", error.hint}});
}

// Nobody reads what a node that is alone says.
bool NodeLink::writes_verdicts() const { return parts_.shared != nullptr && !others_.empty(); }

bool NodeLink::has_something_to_write() const { return writes_verdicts() && (needs_resync_ || !unsent_.empty()); }

// What changed, over what changed before and is not written yet.
void NodeLink::note_changes() {
  if (!parts_.shared) return;
  for (store::SharedVerdict& change : parts_.shared->take_changed()) unsent_[change.check] = change;
}

// What the database has of ours, against what we have.
Result<void> NodeLink::resynchronise() {
  if (!parts_.shared) {
    needs_resync_ = false;
    return {};
  }
  const auto stored = store_->verdicts_of(options_.name);
  if (!stored) return fail(stored.error());
  std::map<store::CheckDigest, health::Verdict> there;
  for (const store::SharedVerdict& one : *stored) there.emplace(one.check, one.verdict);
  unsent_.clear();
  (void)parts_.shared->take_changed();
  for (const store::SharedVerdict& ours : parts_.shared->all()) {
    const auto found = there.find(ours.check);
    if (found == there.end() || found->second != ours.verdict) unsent_.emplace(ours.check, ours);
    if (found != there.end()) there.erase(found);
  }
  for (const auto& [check, verdict] : there)
    if (verdict != health::Verdict::kUnknown)
      unsent_[check] = {check, health::Verdict::kUnknown, parts_.wall_clock.wall_now()};
  needs_resync_ = false;
  return {};
}

Result<void> NodeLink::beat(zone::Revision applied) {
  const SteadyTime now = parts_.clock.now();
  std::vector<store::SharedVerdict> changes;
  if (writes_verdicts() && !needs_resync_)
    for (auto at = unsent_.begin(); at != unsent_.end() && changes.size() < kMostWritten; ++at)
      changes.push_back(at->second);
  const auto beaten = store_->beat({.name = options_.name,
                                    .version = options_.version,
                                    .applied = applied,
                                    .started = started_,
                                    .max_stale = options_.max_stale},
                                   changes);
  if (!beaten) return fail(beaten.error());
  for (const store::SharedVerdict& change : changes) unsent_.erase(change.check);
  written_.add(static_cast<std::int64_t>(changes.size()));
  beats_.add();
  backoff_ = milliseconds(0);
  const milliseconds jitter(random_.next() % static_cast<std::uint64_t>(options_.beat_every.count() / 5 + 1));
  next_beat_ = now + options_.beat_every * 9 / 10 + jitter;
  next_write_ = now + options_.look_every;
  next_revision_ = now + kRevisionEvery;
  told_ = applied;
  needs_resync_ = needs_resync_ || beaten->disturbed;
  if (needs_resync_ && writes_verdicts())
    if (auto done = resynchronise(); !done) return done;
  say_beaten(*beaten);
  if (writes_verdicts() && now >= next_tidy_) {
    next_tidy_ = now + kTidyEvery;
    if (const auto dropped = store_->drop_unknown(options_.name, parts_.wall_clock.wall_now() - kUnknownKept); !dropped)
      return fail(dropped.error());
  }
  return {};
}

void NodeLink::say_outlived() {
  const auto until = serve_until();
  if (!until || parts_.wall_clock.wall_now() < *until || std::exchange(outlived_told_, true)) return;
  parts_.log.error("node.outlived",
                   {{"node", options_.name},
                    {"serve_until", seconds_of(*until)},
                    {"hint",
                     "this node has not reached its database for node.max_stale: nobody waits for it "
                     "any more, and what it answers may be wrong; bring the database back, or stop it"}});
}

void NodeLink::say_beaten(const store::Beaten& beaten) {
  const WallTime now = parts_.wall_clock.wall_now();
  last_beat_s_.set(seconds_of(now));
  serve_until_ms_ = duration_cast<milliseconds>(beaten.serve_until.time_since_epoch()).count();
  if (!std::exchange(beaten_, true) || trouble_)
    parts_.log.info("node.registered",
                    {{"node", options_.name}, {"new", beaten.is_new}, {"serve_until", seconds_of(beaten.serve_until)}});
  trouble_.reset();
  outlived_told_ = false;
  others_of_our_name_ = beaten.other_process ? others_of_our_name_ + 1 : 0;
  if (others_of_our_name_ == kBeatsOfAnother)
    parts_.log.error("node.name_taken",
                     {{"node", options_.name},
                      {"hint",
                       "another sovereign-dnsd writes under this name: neither of them can be told from the other, "
                       "and nobody knows what both serve; give each its own node.name"}});
  if (!beaten.clock_ahead) return;
  clock_ahead_ms_.set(beaten.clock_ahead->count());
  if (std::chrono::abs(*beaten.clock_ahead) < kNodeClocksAgree) clock_told_ = false;
  if (std::chrono::abs(*beaten.clock_ahead) < kNodeClocksDiffer || std::exchange(clock_told_, true)) return;
  parts_.log.warn("node.clock_differs",
                  {{"node", options_.name},
                   {"ahead_ms", beaten.clock_ahead->count()},
                   {"than", "the database"},
                   {"hint", "ends of overrides, signatures and serve_until are by these clocks: set them"}});
}

}  // namespace sdns::daemon
