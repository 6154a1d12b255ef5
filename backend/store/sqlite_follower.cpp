// SPDX-License-Identifier: MIT
// Follows a SQLite file: what another program commits, and another file in its place.
#include "backend/store/followers.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "backend/base/owned.h"
#include "backend/store/journal_reader.h"
#include "backend/store/rows.h"
#include "backend/store/sqlite.h"

namespace sdns::store {
namespace {

constexpr std::chrono::milliseconds kBusyLimit{1'000};
constexpr std::chrono::milliseconds kPoll{10};
constexpr int kPollsPerLook = 100;

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
    (void)in_one_read([] { return Result<void>(); });
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
  Result<void> in_one_read(const std::function<Result<void>()>& work);
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

// Whatever a read needs: the file that is there now, open.
Result<void> SqliteFollower::in_one_read(const std::function<Result<void>()>& work) {
  if (auto there = check_file(); !there) return there;
  if (auto opened = open(); !opened) return opened;
  const auto version = db_->data_version();  // before the read: a commit in between wakes once too often
  Result<void> done = version ? Result<void>() : fail(version.error());
  if (done) {
    seen_version_ = *version;
    done = store::in_one_read(*db_, identity_, work);
  }
  if (!done && done.error().code != Errc::kDiverged) close();  // a failed connection is not worth keeping
  return done;
}

Result<zone::LoadedState> SqliteFollower::load(const std::function<void(zone::ZoneContent&&)>& each) {
  zone::LoadedState loaded;
  auto done = in_one_read([&]() -> Result<void> {
    auto state = read_state(*db_, each);
    if (!state) return fail(state.error());
    loaded = std::move(*state);
    known_ = {loaded.revision, loaded.chain};
    loaded_file_ = db_->file();
    return {};
  });
  if (!done) return fail(done.error());
  return loaded;
}

Result<std::vector<health::TargetPool>> SqliteFollower::target_pools() {
  std::vector<health::TargetPool> read;
  auto done = in_one_read([&]() -> Result<void> {
    auto pools = read_target_pools(*db_);
    if (!pools) return fail(pools.error());
    read = pools_of(std::move(*pools));
    return {};
  });
  if (!done) return fail(done.error());
  return read;
}

Result<zone::Batch> SqliteFollower::changes_since(Revision at, const Chain& chain) {
  zone::Batch read;
  auto done = in_one_read([&]() -> Result<void> {
    if (loaded_file_ && *loaded_file_ != db_->file())
      return fail(history_is_another(path_, at, "the file was replaced by another"));
    auto batch = read_range(*db_, at, chain);
    if (!batch) return fail(batch.error());
    read = std::move(*batch);
    known_ = {read.to, read.chain};
    loaded_file_ = db_->file();  // also of a state that was kept over a restart
    return {};
  });
  if (!done) return fail(done.error());
  return read;
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

Result<std::unique_ptr<Follower>> follow_sqlite(std::string_view url, KeyFilePtr key_file) {
  auto path = sqlite_path(url);
  if (!path) return fail(path.error());
  Fd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake) return fail(Errc::kIo, "making an eventfd failed", "raise the limit of open files");
  auto follower = std::make_unique<SqliteFollower>(std::move(*path), std::move(key_file), std::move(wake));
  follower->meet();
  return follower;
}

}  // namespace sdns::store
