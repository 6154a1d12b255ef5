// SPDX-License-Identifier: MIT
#include "backend/daemon/snapshot_keeper.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace sdns::daemon {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLook{200};
constexpr milliseconds kAfterFailure{10'000};
constexpr int kShare = 20;          // of the time that writing may take
constexpr int kShareWhileAway = 5;  // of what comes after it, while there is no database
constexpr std::chrono::hours kRefresh{1};
constexpr std::size_t kOctetsPerSecond = std::size_t{64} << 20;

milliseconds age_of(const store::SnapshotFacts& facts, const WallClock& wall) {
  return std::max(duration_cast<milliseconds>(wall.wall_now() - facts.confirmed), milliseconds(0));
}

}  // namespace

std::optional<KeptState> restore_snapshot(const RestoreParts& parts, zone::ZoneSetBuilder& zones,
                                          const std::string& database_id) {
  const std::string& path = parts.config.file;
  const auto unusable = [&](const Error& error) {
    if (error.code != Errc::kNotFound)
      parts.log.error("snapshot.unusable", {{"error", error.what}, {"hint", error.hint}});
    return std::nullopt;
  };
  const auto facts = store::read_snapshot_facts(path);
  if (!facts) return unusable(facts.error());
  if (!database_id.empty() && facts->database_id != database_id)
    return unusable({Errc::kForeign,
                     fmt::format("{}: is of another database: its id is {}, that of the one in database.url {}", path,
                                 facts->database_id, database_id),
                     "it is not used, and written again"});
  const milliseconds age = age_of(*facts, parts.wall);
  if (parts.config.refuse_age.count() != 0 && age > parts.config.refuse_age)
    return unusable({Errc::kUnavailable,
                     fmt::format("{}: was last seen to be the database's state {} s ago, more than "
                                 "snapshot.refuse_age = {}",
                                 path, age.count() / 1000, parts.config.refuse_age.count()),
                     "it is not used; nothing is answered until the database is there"});
  auto read = store::read_snapshot(path, parts.key_file, parts.threads, zones);
  if (!read) return unusable(read.error());
  if (database_id.empty() && parts.config.warn_age.count() != 0 && age > parts.config.warn_age)
    parts.log.warn("snapshot.old", {{"revision", read->facts.revision},
                                    {"age_s", age.count() / 1000},
                                    {"hint", "the database is away, and this is what is answered until it is back"}});
  return KeptState{std::move(read->facts.database_id), std::move(read->state), age};
}

SnapshotKeeper::SnapshotKeeper(const Config::Snapshot& config, Parts parts)
    : path_(config.file),
      interval_(config.interval),
      parts_(std::move(parts)),
      revision_(parts_.metrics.gauge("sdns_snapshot_revision", "Revision that the snapshot file holds.")),
      octets_(parts_.metrics.gauge("sdns_snapshot_octets", "Size of the snapshot file.")),
      age_ms_(parts_.metrics.gauge(
          "sdns_snapshot_age_milliseconds",
          "Time since what the snapshot file holds was last seen, as the file says, to be what the database has.")),
      write_ms_(parts_.metrics.gauge("sdns_snapshot_write_milliseconds", "How long the last write of the file took.")),
      writes_(parts_.metrics.counter("sdns_snapshot_writes_total", "Snapshot files that were written.")),
      errors_(parts_.metrics.counter("sdns_snapshot_errors_total", "Writes of the snapshot file that failed.")),
      thread_([this] { run(); }) {}

SnapshotKeeper::~SnapshotKeeper() { stop(); }

void SnapshotKeeper::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SnapshotKeeper::finish(milliseconds limit) {
  stop();
  zone::ZoneSetPtr set = parts_.zones.load();
  const ServingState::View view = parts_.state.view();
  if (!set || !lacks(*set, view)) return;
  const SteadyTime end = steady_clock::now() + limit;
  write(std::move(set), view, [end](std::size_t) { return steady_clock::now() < end; });
}

void SnapshotKeeper::run() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);  // of this thread alone
  // Whether its content is sound is not known, so that it is written again; until then it is what there is.
  if (auto facts = store::read_snapshot_facts(path_)) note(*facts);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    look();
    lock.lock();
    wake_.wait_for(lock, kLook, [this] { return stopping_; });
  }
}

bool SnapshotKeeper::lacks(const zone::ZoneSet& set, const ServingState::View& view) const {
  if (!written_ || in_file_->revision != set.revision() || in_file_->chain != set.chain() ||
      in_file_->database_id != view.database_id)
    return true;
  return parts_.wall.wall_now() - view.age - in_file_->confirmed >= kRefresh;
}

void SnapshotKeeper::look() {
  if (in_file_) age_ms_.set(age_of(*in_file_, parts_.wall).count());
  zone::ZoneSetPtr set = parts_.zones.load();
  const ServingState::View view = parts_.state.view();
  // A publication in its middle is looked at the next time.
  if (!set || !view.ready || set->revision() != view.revision || set->chain() != view.chain) return;
  const bool away = view.database != DatabaseState::kUp;
  nanoseconds pause = away ? nanoseconds(kShareWhileAway * took_) : std::max<nanoseconds>(interval_, kShare * took_);
  if (!failed_.empty()) pause = std::max<nanoseconds>(pause, kAfterFailure);
  const bool due = ended_ == SteadyTime{} || steady_clock::now() - ended_ >= pause;
  if (!due || !lacks(*set, view)) return;
  write(set, view, [this](std::size_t octets) { return rest(octets); });
  parts_.reclaimer.retire(std::move(set));  // others may have let go of it meanwhile
}

// As long as the block took, and as long as keeps the disk free for others. False: the end.
bool SnapshotKeeper::rest(std::size_t octets) {
  const nanoseconds worked = steady_clock::now() - block_began_;
  const nanoseconds least(static_cast<std::int64_t>(octets * 1'000'000'000ULL / kOctetsPerSecond));
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, std::max(worked, least - worked), [this] { return stopping_; });
  block_began_ = steady_clock::now();
  return !stopping_;
}

void SnapshotKeeper::note(const store::SnapshotFacts& facts) {
  in_file_ = facts;
  revision_.set(static_cast<std::int64_t>(facts.revision));
  octets_.set(static_cast<std::int64_t>(facts.octets));
  age_ms_.set(age_of(facts, parts_.wall).count());
}

void SnapshotKeeper::write(zone::ZoneSetPtr set, const ServingState::View& view, const store::SnapshotPace& pace) {
  const WallTime now = parts_.wall.wall_now();
  store::SnapshotFacts facts;
  facts.database_id = view.database_id;
  facts.saved = now;
  facts.confirmed = now - view.age;
  const SteadyTime began = block_began_ = steady_clock::now();
  const auto done = store::write_snapshot(path_, *set, std::move(facts), *parts_.key_file, pace);
  ended_ = steady_clock::now();
  took_ = ended_ - began;
  if (!done) {
    if (done.error().code == Errc::kTimeout) return;  // the end of the program, or of its patience
    errors_.add();
    if (std::exchange(failed_, done.error().what) != done.error().what)
      parts_.log.warn("snapshot.not_written", {{"revision", set->revision()},
                                               {"in_file", in_file_ ? in_file_->revision : 0},
                                               {"error", done.error().what},
                                               {"hint", done.error().hint}});
    return;
  }
  const auto ms = duration_cast<milliseconds>(took_).count();
  write_ms_.set(ms);
  writes_.add();
  parts_.log.event(!written_ || !failed_.empty() ? LogLevel::kInfo : LogLevel::kDebug, "snapshot.written",
                   {{"revision", done->revision},
                    {"octets", done->octets},
                    {"ms", ms},
                    {"sealed", done->sealed_by ? store::seal_id_text(*done->sealed_by) : std::string("no")}});
  failed_.clear();
  written_ = true;
  note(*done);
}

}  // namespace sdns::daemon
