// SPDX-License-Identifier: MIT
#include "backend/daemon/publisher.h"

#include <algorithm>
#include <utility>

namespace sdns::daemon {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kLook{10};  // how long the source may wait; what was asked and told is collected in between
constexpr milliseconds kBackoffFirst{100};
constexpr milliseconds kBackoffMost{2000};
constexpr seconds kFirstAge{10};  // a state of this age is worth a line; again at every tripling, then hourly
constexpr seconds kAgeStep{3600};

DatabaseState state_for(Errc code) {
  switch (code) {
    case Errc::kCorrupt:
      return DatabaseState::kCorrupt;
    case Errc::kForeign:
      return DatabaseState::kReplaced;
    case Errc::kDiverged:
      return DatabaseState::kDiverged;
    default:
      return DatabaseState::kUnavailable;
  }
}

}  // namespace

zone::Applied difference(const zone::ZoneSet* before, zone::ZoneSetPtr after) {
  using What = zone::ZoneTouch::What;
  zone::Applied applied;
  if (before != nullptr)
    before->by_id().for_each([&](const zone::ZoneItem& item) {
      const zone::Zone* now = after->find(item.zone->id());
      if (now == nullptr || now->apex() != item.zone->apex())
        applied.zones.push_back({What::kDeleted, item.zone->id(), item.zone->apex()});
    });
  after->by_id().for_each([&](const zone::ZoneItem& item) {
    const zone::Zone* then = before != nullptr ? before->find(item.zone->id()) : nullptr;
    if (then == nullptr || then->apex() != item.zone->apex())
      applied.zones.push_back({What::kCreated, item.zone->id(), item.zone->apex()});
  });
  static const health::TargetPools kNone;
  applied.target_pools =
      health::TargetPools::differing(before != nullptr ? *before->target_pools() : kNone, *after->target_pools());
  applied.set = std::move(after);
  return applied;
}

Publisher::Publisher(OpenSource open, SnapshotCell<zone::ZoneSet>& zones, ServingState& state, PublicationSink& sink,
                     const Clock& clock, const Log& log, Metrics& metrics)
    : open_(std::move(open)),
      zones_(zones),
      state_(state),
      sink_(sink),
      clock_(clock),
      log_(log),
      confirmed_(clock.now()),
      published_revision_(metrics.gauge("sdns_revision", "Revision of the database that is served.")),
      zone_count_(metrics.gauge("sdns_zones", "Zones that are served.")),
      pool_count_(metrics.gauge("sdns_target_pools", "Target pools that records may name.")),
      ready_(metrics.gauge("sdns_ready", "1 when zones are loaded and served.")),
      database_up_(metrics.gauge("sdns_database_up", "1 when the last look at the database succeeded.")),
      database_errors_(metrics.counter("sdns_database_errors_total", "Looks at the database that failed.")),
      rows_read_(metrics.counter("sdns_database_rows_read_total", "Rows that loading and following have read.")),
      publications_(metrics.counter("sdns_publications_total", "States that were published.")),
      loads_(metrics.counter("sdns_loads_total", "States that were read as a whole and published.")),
      rejections_(metrics.counter("sdns_rejected_revisions_total", "Revisions that failed their checks.")),
      publish_us_(
          metrics.counter("sdns_publish_microseconds_total", "Time spent on applying and publishing changes.")) {}

void Publisher::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void Publisher::set_target_pools(health::TargetPools pools) {
  {
    std::lock_guard lock(mutex_);
    next_pools_ = std::move(pools);
  }
  wake_.notify_all();
}

void Publisher::run() {
  while (!stopping_) {
    const milliseconds pause = turn();
    sink_.tick();
    if (pause > milliseconds(0)) {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::min(pause, kLook), [this] { return stopping_.load(); });
    }
  }
}

milliseconds Publisher::turn() {
  say_age();
  take_target_pools();
  const SteadyTime now = clock_.now();
  if (now < next_look_) return std::max(duration_cast<milliseconds>(next_look_ - now), milliseconds(1));
  if (!source_ && !open()) return backoff_;
  if (needs_load_) {
    load();
  } else {
    source_->wait(kLook);
    if (!stopping_) follow();
  }
  if (source_) rows_read_.set(static_cast<std::int64_t>(source_->rows_read()));
  return std::max(duration_cast<milliseconds>(next_look_ - clock_.now()), milliseconds(0));
}

bool Publisher::open() {
  auto opened = open_();
  if (!opened) {
    database_failed(opened.error());
    return false;
  }
  source_ = std::move(*opened);
  return true;
}

void Publisher::load() {
  const SteadyTime begin = clock_.now();
  zone::ZoneSetBuilder builder;
  builder.configure(configured_pools_);
  std::optional<Error> refused;
  auto loaded = source_->load([&](zone::ZoneContent&& content) {
    if (refused || stopping_) return;
    if (auto added = builder.add(std::move(content)); !added) refused = std::move(added.error());
  });
  if (stopping_) return;
  if (!loaded) return database_failed(loaded.error());
  database_id_ = source_->identity();
  state_.set_database_id(database_id_);
  database_is_up();
  if (!refused)
    if (auto added = builder.add_target_pools(std::move(loaded->target_pools)); !added)
      refused = std::move(added.error());
  const auto took = duration_cast<milliseconds>(clock_.now() - begin);
  // A load that is refused costs as much as one that succeeds: not more than a quarter of the time goes into trying.
  if (refused) return reject(loaded->revision, *refused, std::max(kBackoffMost, 3 * took));
  builder.add_overrides(std::move(loaded->overrides));
  const std::size_t zones = builder.size();
  const zone::Applied applied =
      difference(current_.get(), builder.finish(loaded->revision, loaded->chain, std::move(loaded->tsig_keys)));
  loads_.add();
  log_.event(current_ ? LogLevel::kWarn : LogLevel::kInfo, current_ ? "zones.reloaded" : "zones.loaded",
             {{"revision", loaded->revision},
              {"zones", zones},
              {"changed_zones", applied.zones.size()},
              {"ms", took.count()}});
  publish(applied, How::kLoad);
}

void Publisher::follow() {
  auto batch = source_->changes_since(current_->revision(), current_->chain());
  if (!batch) {
    const Error& error = batch.error();
    if (error.code != Errc::kDiverged) return database_failed(error);
    needs_load_ = true;
    if (std::exchange(diverged_, true)) return;
    database_ = DatabaseState::kDiverged;
    state_.set_database(database_, to_text(error));
    return log_.error("database.diverged",
                      {{"revision", current_->revision()}, {"error", error.what}, {"hint", error.hint}});
  }
  database_is_up();
  if (batch->to == batch->from) {
    if (rejected_) state_.clear_rejected();
    rejected_.reset();
    return confirm();
  }
  if (rejected_) {  // nothing can be applied to what is published, so only a newer state as a whole can help
    needs_load_ = batch->to != *rejected_;
    if (!needs_load_) next_look_ = clock_.now() + kBackoffMost;
    return;
  }
  const SteadyTime begin = clock_.now();
  auto applied = zone::apply(*current_, *batch);
  if (!applied) return reject(batch->to, applied.error(), kBackoffMost);
  publish(*applied, How::kChanges);
  const auto took = duration_cast<microseconds>(clock_.now() - begin);
  publish_us_.add(took.count());
  log_.debug("zones.published", {{"revision", batch->to},
                                 {"revisions", batch->to - batch->from},
                                 {"changes", batch->changes.size()},
                                 {"us", took.count()}});
}

zone::ZoneSetPtr Publisher::put_in_force(const zone::Applied& applied) {
  zone::ZoneSetPtr before = std::exchange(current_, applied.set);
  zones_.publish(current_);
  publications_.add();
  pool_count_.set(static_cast<std::int64_t>(current_->target_pools()->all().size()));
  say_hidden_pools();
  return before;
}

void Publisher::publish(const zone::Applied& applied, How how) {
  zone::ZoneSetPtr before = put_in_force(applied);
  needs_load_ = false;
  diverged_ = false;
  if (std::exchange(rejected_, std::nullopt)) state_.clear_rejected();
  state_.published(current_->revision(), current_->chain(), current_->size());
  confirm();
  published_revision_.set(static_cast<std::int64_t>(current_->revision()));
  zone_count_.set(static_cast<std::int64_t>(current_->size()));
  ready_.set(1);
  if (how == How::kLoad) sink_.loaded(std::move(before), applied);
  else sink_.published(std::move(before), applied);
}

// Whatever the state of the database is.
void Publisher::take_target_pools() {
  std::optional<health::TargetPools> pools;
  {
    std::lock_guard lock(mutex_);
    pools.swap(next_pools_);
  }
  if (!pools) return;
  configured_pools_ = std::move(*pools);
  if (!current_) return;
  const zone::Applied applied = zone::configure(*current_, configured_pools_);
  if (applied.target_pools.empty()) return;
  sink_.published(put_in_force(applied), applied);
}

void Publisher::say_hidden_pools() {
  const std::vector<std::string>& hidden = current_->hidden_target_pools();
  for (const std::string& pool : hidden)
    if (std::find(told_hidden_.begin(), told_hidden_.end(), pool) == told_hidden_.end())
      log_.warn("target_pool.hidden", {{"pool", pool},
                                       {"hint",
                                        "configuration and database define it: that of the configuration is used; "
                                        "remove one of them, or the next start is refused"}});
  told_hidden_ = hidden;
}

void Publisher::reject(zone::Revision revision, const Error& error, milliseconds pause) {
  next_look_ = clock_.now() + pause;
  // With a position in the history the source is asked first whether there is anything newer.
  needs_load_ = !current_ || diverged_;
  if (rejected_ == revision) return;
  rejected_ = revision;
  rejections_.add();
  state_.rejected(revision, to_text(error));
  log_.error("zones.rejected", {{"revision", revision},
                                {"serving", current_ ? current_->revision() : 0},
                                {"error", error.what},
                                {"hint", error.hint}});
}

void Publisher::database_failed(const Error& error) {
  database_errors_.add();
  database_up_.set(0);
  backoff_ = backoff_ == milliseconds(0) ? kBackoffFirst : std::min(2 * backoff_, kBackoffMost);
  const SteadyTime now = clock_.now();
  next_look_ = now + backoff_;
  const DatabaseState state = state_for(error.code);
  state_.set_database(state, to_text(error));
  if (database_ == DatabaseState::kUp || database_ == DatabaseState::kOpening) down_since_ = now;
  if (state == database_ && error.code == database_errc_) return;  // the same trouble is told once
  database_ = state;
  database_errc_ = error.code;
  log_.event(state == DatabaseState::kUnavailable ? LogLevel::kWarn : LogLevel::kError, "database.unusable",
             {{"state", to_text(state)},
              {"serving", current_ ? current_->revision() : 0},
              {"zones", current_ ? current_->size() : 0},
              {"error", error.what},
              {"hint", error.hint}});
}

void Publisher::database_is_up() {
  backoff_ = milliseconds(0);
  next_look_ = {};
  database_up_.set(1);
  const DatabaseState former = std::exchange(database_, DatabaseState::kUp);
  if (former == DatabaseState::kUp) return;
  state_.set_database(DatabaseState::kUp, {});
  if (former == DatabaseState::kDiverged) return;  // "zones.reloaded" follows
  const bool first = former == DatabaseState::kOpening;
  log_.info(first ? "database.opened" : "database.recovered",
            {{"database_id", database_id_},
             {"down_ms", first ? 0 : duration_cast<milliseconds>(clock_.now() - down_since_).count()}});
}

void Publisher::confirm() {
  state_.confirmed();
  confirmed_ = clock_.now();
  told_age_ = seconds(0);
}

void Publisher::say_age() {
  if (!current_) return;
  const auto age = duration_cast<seconds>(clock_.now() - confirmed_);
  const seconds next = told_age_ == seconds(0) ? kFirstAge : told_age_ + std::min(2 * told_age_, kAgeStep);
  if (age < next) return;
  told_age_ = age;
  log_.warn("state.old",
            {{"revision", current_->revision()}, {"age_s", age.count()}, {"database", to_text(database_)}});
}

}  // namespace sdns::daemon
