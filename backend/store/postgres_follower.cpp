// SPDX-License-Identifier: MIT
// Follows a PostgreSQL database: told of commits by NOTIFY, with a slow look behind, over connections that may be lost.
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <utility>

#include "backend/base/owned.h"
#include "backend/store/followers.h"
#include "backend/store/journal_reader.h"
#include "backend/store/postgres.h"
#include "backend/store/postgres_target.h"
#include "backend/store/rows.h"

namespace sdns::store {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kBusyLimit{1'000};
constexpr milliseconds kStatementLimit{60'000};  // a million RRsets in one revision
constexpr milliseconds kLook{1'000};
constexpr milliseconds kLookAtStandby{100};

Result<Fd> make_eventfd() {
  Fd fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!fd) return fail(Errc::kIo, "making an eventfd failed", "raise the limit of open files");
  return fd;
}

void signal(const Fd& fd) {
  const std::uint64_t one = 1;
  if (::write(fd.get(), &one, sizeof(one)) < 0) return;  // full: it is signalled already
}

class PostgresFollower final : public Follower {
 public:
  PostgresFollower(std::string url, std::string label, KeyFilePtr key_file, Fd wake, Fd interrupt)
      : url_(std::move(url)),
        label_(std::move(label)),
        key_file_(std::move(key_file)),
        wake_(std::move(wake)),
        interrupt_(std::move(interrupt)) {}

  Result<zone::LoadedState> load(const std::function<void(zone::ZoneContent&&)>& each) override;
  Result<zone::Batch> changes_since(Revision at, const Chain& chain) override;
  Result<std::vector<health::TargetPool>> target_pools() override;
  void wait(milliseconds limit) override;
  void meet() {
    (void)in_one_read([] { return Result<void>(); });
  }
  void wake() override { signal(wake_); }
  void interrupt() override {
    signal(interrupt_);
    signal(wake_);
  }
  std::string identity() const override { return identity_; }
  void expect(const std::string& identity) override {
    if (identity_.empty()) identity_ = identity;
  }
  std::uint64_t rows_read() const override { return rows_before_ + (db_ ? db_->rows_read() : 0); }

 private:
  Result<void> open();
  void close();
  Result<void> in_one_read(const std::function<Result<void>()>& work);
  bool looked_different();

  const std::string url_;
  const std::string label_;
  const KeyFilePtr key_file_;
  const Fd wake_;
  const Fd interrupt_;  // never drained: whatever follows is over too
  std::unique_ptr<PostgresConnection> db_;
  bool told_ = false;  // by NOTIFY
  std::uint64_t rows_before_ = 0;
  std::string identity_;
  Position known_;  // what the caller was told last
  Clock::time_point next_look_{};
};

// Listening begins before the first read, so that no commit falls in between.
Result<void> PostgresFollower::open() {
  if (db_ && db_->socket() >= 0) return {};
  close();
  auto db = open_postgres(url_, {.busy_limit = kBusyLimit,
                                 .statement_limit = kStatementLimit,
                                 .interrupt = interrupt_.get(),
                                 .reconnect = false});
  if (!db) return fail(db.error());
  const auto there = (*db)->has_tables();
  if (!there) return fail(there.error());
  if (!*there)
    return fail(Errc::kUnavailable, fmt::format("{}: has no tables of an authority database", label_),
                "create them with `sdnsctl database init`");
  const auto told = (*db)->listen();
  if (!told) return fail(told.error());
  told_ = *told;
  db_ = std::move(*db);
  db_->set_key_file(key_file_);
  return {};
}

void PostgresFollower::close() {
  if (!db_) return;
  rows_before_ += db_->rows_read();
  db_.reset();
}

Result<void> PostgresFollower::in_one_read(const std::function<Result<void>()>& work) {
  if (auto opened = open(); !opened) return opened;
  // What is told from here on may be missing in the read; what was told before is in it.
  Result<void> done;
  if (const auto told = db_->take_notifications(); !told) done = fail(told.error());
  if (done) done = store::in_one_read(*db_, identity_, work);
  if (!done && done.error().code != Errc::kDiverged) close();  // a failed connection is not worth keeping
  next_look_ = Clock::now() + (told_ ? kLook : kLookAtStandby);
  return done;
}

Result<zone::LoadedState> PostgresFollower::load(const std::function<void(zone::ZoneContent&&)>& each) {
  zone::LoadedState loaded;
  const auto read = [&]() -> Result<void> {
    auto state = read_state(*db_, each);
    if (!state) return fail(state.error());
    loaded = std::move(*state);
    known_ = {loaded.revision, loaded.chain};
    return {};
  };
  if (auto done = in_one_read(read); !done) return fail(done.error());
  return loaded;
}

Result<std::vector<health::TargetPool>> PostgresFollower::target_pools() {
  std::vector<health::TargetPool> found;
  const auto read = [&]() -> Result<void> {
    auto pools = read_target_pools(*db_);
    if (!pools) return fail(pools.error());
    found = pools_of(std::move(*pools));
    return {};
  };
  if (auto done = in_one_read(read); !done) return fail(done.error());
  return found;
}

Result<zone::Batch> PostgresFollower::changes_since(Revision at, const Chain& chain) {
  zone::Batch found;
  const auto read = [&]() -> Result<void> {
    auto batch = read_range(*db_, at, chain);
    if (!batch) return fail(batch.error());
    found = std::move(*batch);
    known_ = {found.to, found.chain};
    return {};
  };
  const bool had = db_ != nullptr;
  auto done = in_one_read(read);
  // A connection that was ended while it was idle is no news: a server that stands takes another at once.
  if (!done && had && done.error().code == Errc::kUnavailable) done = in_one_read(read);
  if (!done) return fail(done.error());
  return found;
}

// The slow look, for whatever was not told: NOTIFY that got lost, history that went back.
bool PostgresFollower::looked_different() {
  next_look_ = Clock::now() + (told_ ? kLook : kLookAtStandby);
  const auto now = read_position(*db_);
  return !now || now->revision != known_.revision || now->chain != known_.chain;
}

void PostgresFollower::wait(milliseconds limit) {
  const auto end = Clock::now() + limit;
  for (;;) {
    if (db_) {
      const auto told = db_->take_notifications();
      if (!told || *told) return;
    }
    const auto now = Clock::now();
    if (now >= end) return;
    const auto until = db_ ? std::min(end, next_look_) : end;
    const auto pause = std::max(std::chrono::ceil<milliseconds>(until - now), milliseconds(0));
    std::array<pollfd, 2> polled{{{wake_.get(), POLLIN, 0}, {db_ ? db_->socket() : -1, POLLIN, 0}}};
    (void)::poll(polled.data(), polled.size(), static_cast<int>(std::min<std::int64_t>(pause.count(), 60'000)));
    std::uint64_t count = 0;
    if (polled[0].revents != 0 && ::read(wake_.get(), &count, sizeof(count)) >= 0) return;
    if (polled[1].revents == 0 && db_ && Clock::now() >= next_look_ && looked_different()) return;
  }
}

}  // namespace

Result<std::unique_ptr<Follower>> follow_postgres(std::string_view url, KeyFilePtr key_file) {
  const auto target = parse_postgres_url(url);
  if (!target) return fail(target.error());
  auto wake = make_eventfd();
  if (!wake) return fail(wake.error());
  auto interrupt = make_eventfd();
  if (!interrupt) return fail(interrupt.error());
  auto follower = std::make_unique<PostgresFollower>(std::string(url), target->label, std::move(key_file),
                                                     std::move(*wake), std::move(*interrupt));
  follower->meet();
  return follower;
}

}  // namespace sdns::store
