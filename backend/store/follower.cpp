// SPDX-License-Identifier: MIT
// Reads what the journal says was touched, and nothing else.
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "backend/base/owned.h"
#include "backend/store/authority.h"
#include "backend/store/rows.h"
#include "backend/store/schema.h"
#include "backend/store/sqlite.h"
#include "backend/zone/digest.h"

namespace sdns::store {
namespace {

constexpr std::chrono::milliseconds kBusyLimit{1'000};
constexpr std::chrono::milliseconds kPoll{10};
constexpr int kPollsPerLook = 100;

struct RowKey {
  ZoneId zone;
  ChangeKind kind;
  std::string owner;
  std::uint16_t type;
  friend auto operator<=>(const RowKey&, const RowKey&) = default;
};

/// What one zone's change rows come to.
struct ZoneRange {
  bool created = false;
  bool deleted = false;
};

Error history_is_another(const std::string& label, Revision at, std::string_view why) {
  return {Errc::kDiverged,
          fmt::format("{}: its history is not the one that was followed up to revision {}: {}", label, at, why),
          "everything is loaded again"};
}

class SqliteFollower final : public Follower {
 public:
  SqliteFollower(std::string path, KeyFilePtr key_file, Fd wake)
      : path_(std::move(path)), key_file_(std::move(key_file)), wake_(std::move(wake)) {}

  Result<zone::LoadedState> load(const std::function<void(zone::ZoneContent&&)>& each) override;
  Result<zone::Batch> changes_since(Revision at, const Chain& chain) override;
  Result<std::vector<health::TargetPool>> target_pools() override;
  void wait(std::chrono::milliseconds limit) override;
  /// Learns the identity, when the database is there.
  void meet() {
    (void)in_one_read<bool>([] { return true; });
  }
  void wake() override {
    const std::uint64_t one = 1;
    if (::write(wake_.get(), &one, sizeof(one)) < 0) return;  // full: it is awake already
  }
  std::string identity() const override { return identity_; }
  void expect(const std::string& identity) override {
    if (identity_.empty()) identity_ = identity;
  }
  std::uint64_t rows_read() const override { return rows_before_ + (db_ ? db_->rows_read() : 0); }

 private:
  Result<void> open();
  void close();
  Result<void> check_file();
  template <class T>
  Result<T> in_one_read(const std::function<Result<T>()>& work);
  Result<zone::Batch> read_range(Revision at, const Chain& chain);
  Result<void> check_history(Revision at, const Chain& chain, const Position& now);
  Result<std::set<RowKey>> read_touched(Revision at, Revision to);
  Result<zone::Change> read_change(const RowKey& row);
  bool something_new();
  bool looked_different();

  const std::string path_;
  const KeyFilePtr key_file_;
  const Fd wake_;
  std::unique_ptr<SqliteConnection> db_;
  std::uint64_t rows_before_ = 0;
  std::string identity_;
  std::int64_t seen_version_ = 0;
  std::optional<FileIdentity> seen_file_;
  std::optional<FileIdentity> loaded_file_;
  Position known_;  // what the caller was told last
};

Result<void> SqliteFollower::open() {
  if (db_) return {};
  auto db = open_sqlite(path_, SqliteOpen::kFollow, kBusyLimit);
  if (!db) {
    Error error = db.error();
    if (error.code == Errc::kNotFound) error.code = Errc::kUnavailable;
    return fail(std::move(error));
  }
  db_ = std::move(*db);
  db_->set_key_file(key_file_);
  return {};
}

void SqliteFollower::close() {
  if (!db_) return;
  rows_before_ += db_->rows_read();
  db_.reset();
}

// That the file at the path is the one that is open. A connection goes on reading a file that lost its name.
Result<void> SqliteFollower::check_file() {
  seen_file_ = file_identity(path_);
  if (db_ && seen_file_ != db_->file()) close();
  if (!seen_file_)
    return fail(Errc::kUnavailable, fmt::format("{}: the database file is gone", path_),
                "what was loaded stays in service; put the file back, or restore a backup");
  return {};
}

template <class T>
Result<T> SqliteFollower::in_one_read(const std::function<Result<T>()>& work) {
  if (auto there = check_file(); !there) return fail(there.error());
  if (auto opened = open(); !opened) return fail(opened.error());
  const auto version = db_->data_version();  // before the read: a commit in between wakes once too often
  auto done = [&]() -> Result<T> {
    if (!version) return fail(version.error());
    seen_version_ = *version;
    if (auto begun = db_->begin(Access::kRead); !begun) return fail(begun.error());
    const auto identity = read_identity(*db_);
    if (!identity) return fail(identity.error());
    if (!identity_.empty() && identity->database_id != identity_)
      return fail(Errc::kForeign,
                  fmt::format("{}: is another database now: its id is {}, that of the one in service {}", path_,
                              identity->database_id, identity_),
                  "what was loaded stays in service; put the right file back, or restart to serve this one");
    if (auto fits = require_current_schema(*db_, identity->schema_version, migrations().back().version); !fits)
      return fail(fits.error());
    auto result = work();
    if (result && identity_.empty()) identity_ = identity->database_id;
    return result;
  }();
  db_->rollback();
  if (!done && done.error().code != Errc::kDiverged) close();  // a failed connection is not worth keeping
  return done;
}

Result<zone::LoadedState> SqliteFollower::load(const std::function<void(zone::ZoneContent&&)>& each) {
  return in_one_read<zone::LoadedState>([&]() -> Result<zone::LoadedState> {
    const auto now = read_position(*db_);
    if (!now) return fail(now.error());
    if (auto read = read_all(*db_, each); !read) return fail(read.error());
    auto tsig_keys = read_tsig_keys(*db_);
    if (!tsig_keys) return fail(tsig_keys.error());
    auto pools = read_target_pools(*db_);
    if (!pools) return fail(pools.error());
    auto overrides = read_overrides(*db_);
    if (!overrides) return fail(overrides.error());
    known_ = *now;
    loaded_file_ = db_->file();
    return zone::LoadedState{now->revision, now->chain, std::move(*tsig_keys), pools_of(std::move(*pools)),
                             overrides_of(std::move(*overrides))};
  });
}

Result<std::vector<health::TargetPool>> SqliteFollower::target_pools() {
  return in_one_read<std::vector<health::TargetPool>>([&]() -> Result<std::vector<health::TargetPool>> {
    auto pools = read_target_pools(*db_);
    if (!pools) return fail(pools.error());
    return pools_of(std::move(*pools));
  });
}

Result<zone::Batch> SqliteFollower::changes_since(Revision at, const Chain& chain) {
  return in_one_read<zone::Batch>([&]() -> Result<zone::Batch> {
    if (loaded_file_ && *loaded_file_ != db_->file())
      return fail(history_is_another(path_, at, "the file was replaced by another"));
    auto batch = read_range(at, chain);
    if (!batch) return batch;
    known_ = {batch->to, batch->chain};
    loaded_file_ = db_->file();  // also of a state that was kept over a restart
    return batch;
  });
}

Result<void> SqliteFollower::check_history(Revision at, const Chain& chain, const Position& now) {
  if (at > now.revision)
    return fail(history_is_another(path_, at, fmt::format("it ends at revision {}", now.revision)));
  auto rows = db_->query("SELECT chain FROM journal WHERE revision = $1", {static_cast<std::int64_t>(at)});
  if (!rows) return fail(rows.error());
  const auto there = (*rows)->next();
  if (!there) return fail(there.error());
  if (!*there) return fail(history_is_another(path_, at, "it was pruned past that"));
  const auto stored = stored_chain(*db_, (*rows)->text(0));
  if (!stored) return fail(stored.error());
  if (*stored != chain)
    return fail(history_is_another(
        path_, at, fmt::format("the chain there is {}, it was {}", zone::to_hex(*stored), zone::to_hex(chain))));
  return {};
}

Result<std::set<RowKey>> SqliteFollower::read_touched(Revision at, Revision to) {
  std::set<RowKey> touched;
  auto rows = db_->query("SELECT zone, kind, owner, type FROM change WHERE revision > $1 AND revision <= $2",
                         {static_cast<std::int64_t>(at), static_cast<std::int64_t>(to)});
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return touched;
    const std::int64_t kind = (*rows)->integer(1);
    if (kind < static_cast<int>(ChangeKind::kCreated) || kind > static_cast<int>(ChangeKind::kOverride))
      return fail(damaged(*db_, fmt::format("the journal has a change of kind {}", kind)));
    touched.insert({static_cast<ZoneId>((*rows)->integer(0)), static_cast<ChangeKind>(kind),
                    std::string((*rows)->text(2)), static_cast<std::uint16_t>((*rows)->integer(3))});
  }
}

Result<zone::Change> SqliteFollower::read_change(const RowKey& row) {
  switch (row.kind) {
    case ChangeKind::kCreated: {
      auto content = read_content(*db_, row.zone);
      if (!content) return fail(content.error());
      return zone::ZoneCreated{std::move(*content)};
    }
    case ChangeKind::kDeleted:
      return zone::ZoneDeleted{row.zone};
    case ChangeKind::kHead: {
      auto zone = read_zone(*db_, row.zone);
      if (!zone) return fail(zone.error());
      if (!*zone)
        return fail(damaged(*db_, fmt::format("the journal speaks of zone {}, which is not there", row.zone)));
      return zone::HeadChanged{std::move((*zone)->head)};
    }
    case ChangeKind::kMetadata: {
      auto metadata = read_metadata(*db_, row.zone);
      if (!metadata) return fail(metadata.error());
      return zone::MetadataChanged{row.zone, std::move(*metadata)};
    }
    case ChangeKind::kKeys: {
      auto keys = read_keys(*db_, row.zone);
      if (!keys) return fail(keys.error());
      return zone::KeysChanged{row.zone, std::move(*keys)};
    }
    case ChangeKind::kTsigKeys: {
      auto keys = read_tsig_keys(*db_);
      if (!keys) return fail(keys.error());
      return zone::TsigKeysChanged{std::move(*keys)};
    }
    case ChangeKind::kTargetPool: {
      auto pool = read_target_pool(*db_, row.owner);
      if (!pool) return fail(pool.error());
      return zone::TargetPoolChanged{row.owner, *pool ? std::optional(std::move((*pool)->pool)) : std::nullopt};
    }
    case ChangeKind::kOverride: {
      auto override = read_override(*db_, row.owner);
      if (!override) return fail(override.error());
      return zone::OverrideChanged{row.owner, std::move(*override)};
    }
    case ChangeKind::kRrset:
      break;
  }
  const auto owner = stored_name(*db_, row.owner);
  if (!owner) return fail(owner.error());
  auto rrset = read_rrset(*db_, row.zone, *owner, row.owner, dns::RrType{row.type});
  if (!rrset) return fail(rrset.error());
  return zone::RrsetChanged{row.zone, std::move(*rrset)};
}

Result<zone::Batch> SqliteFollower::read_range(Revision at, const Chain& chain) {
  const auto now = read_position(*db_);
  if (!now) return fail(now.error());
  if (auto same = check_history(at, chain, *now); !same) return fail(same.error());
  zone::Batch batch{at, now->revision, now->chain, {}};
  if (at == now->revision) return batch;

  const auto touched = read_touched(at, now->revision);
  if (!touched) return fail(touched.error());
  std::map<ZoneId, ZoneRange> zones;
  for (const RowKey& row : *touched) {
    zones[row.zone].created |= row.kind == ChangeKind::kCreated;
    zones[row.zone].deleted |= row.kind == ChangeKind::kDeleted;
  }
  // Deleted zones first: their apexes may have gone to new zones.
  for (const auto& [id, range] : zones)
    if (range.deleted && !range.created) batch.changes.emplace_back(zone::ZoneDeleted{id});
  for (const RowKey& row : *touched) {
    const ZoneRange& range = zones[row.zone];
    if (range.deleted || (range.created && row.kind != ChangeKind::kCreated)) continue;
    auto change = read_change(row);
    if (!change) return fail(change.error());
    batch.changes.push_back(std::move(*change));
  }
  return batch;
}

// The slow look, for whatever the quick one misses: another file at the path, a journal that moved. True when it
// differs from what the caller was told last, and once for each file.
bool SqliteFollower::looked_different() {
  const auto file = file_identity(path_);
  if (file != seen_file_) return true;
  if (!db_ || file != db_->file()) return false;
  const auto now = read_position(*db_);
  return !now || now->revision != known_.revision || now->chain != known_.chain;
}

bool SqliteFollower::something_new() {
  if (!db_) return false;
  const auto version = db_->data_version();
  return !version || *version != seen_version_;
}

void SqliteFollower::wait(std::chrono::milliseconds limit) {
  for (int polls = 1; limit.count() > 0; ++polls) {
    pollfd woken{wake_.get(), POLLIN, 0};
    const auto pause = std::min(limit, kPoll);
    if (::poll(&woken, 1, static_cast<int>(pause.count())) > 0) {
      std::uint64_t count = 0;
      if (::read(wake_.get(), &count, sizeof(count)) >= 0) return;
    }
    limit -= pause;
    if (something_new()) return;
    if (polls % kPollsPerLook == 0 && looked_different()) return;
  }
}

}  // namespace

Result<std::unique_ptr<Follower>> open_follower(std::string_view url, KeyFilePtr key_file) {
  auto path = sqlite_path(url);
  if (!path) return fail(path.error());
  Fd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake) return fail(Errc::kIo, "making an eventfd failed", "raise the limit of open files");
  auto follower = std::make_unique<SqliteFollower>(std::move(*path), std::move(key_file), std::move(wake));
  follower->meet();
  return follower;
}

}  // namespace sdns::store
