// SPDX-License-Identifier: MIT
// A follower whose reading is done on another thread than the one that asks for it.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "backend/store/followers.h"

namespace sdns::store {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kSilence{3'000};
constexpr milliseconds kWait{900};  // a look each second at least: it shows that the server still answers
constexpr milliseconds kFirstPause{50};
constexpr milliseconds kMostPause{5'000};

class BackgroundFollower final : public Follower {
 public:
  BackgroundFollower(std::unique_ptr<Follower> followed, std::uint64_t seed)
      : followed_(std::move(followed)), chance_(static_cast<std::uint32_t>(seed)), identity_(followed_->identity()) {}
  ~BackgroundFollower() override {
    stop();
    if (thread_.joinable()) thread_.join();
  }
  BackgroundFollower(const BackgroundFollower&) = delete;
  BackgroundFollower& operator=(const BackgroundFollower&) = delete;

  void start() {
    thread_ = std::thread([this] { run(); });
  }

  Result<zone::LoadedState> load(const std::function<void(zone::ZoneContent&&)>& each) override {
    const std::lock_guard using_it(use_after_waking());
    auto loaded = followed_->load(each);
    const std::lock_guard lock(mutex_);
    note_read();
    if (loaded) {
      met_ = true;
      failed_.reset();
    }
    position_.reset();
    read_.reset();
    return loaded;
  }

  Result<zone::Batch> changes_since(Revision at, const Chain& chain) override {
    std::unique_lock lock(mutex_);
    if (!position_ || position_->revision != at || position_->chain != chain) {
      position_ = {at, chain};
      read_.reset();
      looking_since_ = Clock::now();
      asked_.notify_all();
    }
    // That nothing is new is only known once the database was met; before, a caller with a state that was kept over a
    // restart may wait.
    if (!met_ && !std::exchange(waited_, true))
      told_.wait_for(lock, kSilence, [this] { return met_ || failed_ || stopping_; });
    if (read_) {
      auto batch = std::move(*read_);
      read_.reset();
      if (batch) position_ = {batch->to, batch->chain};
      looking_since_ = Clock::now();
      asked_.notify_all();
      return batch;
    }
    if (failed_) return fail(*failed_);
    const auto silent = std::chrono::duration_cast<milliseconds>(Clock::now() - looking_since_);
    if (!met_ || (looking_ && silent > kSilence))
      return fail(Errc::kTimeout, fmt::format("the database has not answered for {} ms", silent.count()),
                  "what was loaded stays in service; see the network and the server's log");
    return zone::Batch{at, at, chain, {}};
  }

  Result<std::vector<health::TargetPool>> target_pools() override {
    const std::lock_guard using_it(use_after_waking());
    auto pools = followed_->target_pools();
    const std::lock_guard lock(mutex_);
    note_read();
    return pools;
  }

  void wait(milliseconds limit) override {
    std::unique_lock lock(mutex_);
    told_.wait_for(lock, limit, [this] { return read_ || woken_; });
    woken_ = false;
  }
  void wake() override {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    told_.notify_all();
  }
  void interrupt() override { stop(); }
  std::string identity() const override {
    const std::lock_guard lock(mutex_);
    return identity_;
  }
  void expect(const std::string& identity) override {
    const std::lock_guard using_it(use_after_waking());
    followed_->expect(identity);
    const std::lock_guard lock(mutex_);
    note_read();
  }
  std::uint64_t rows_read() const override { return rows_read_.load(std::memory_order_relaxed); }

 private:
  void run();
  void look(std::unique_lock<std::mutex>& lock);
  void pause(std::unique_lock<std::mutex>& lock);

  // The thread is woken from its wait, and lets go of the follower.
  std::mutex& use_after_waking() {
    wanted_.fetch_add(1);
    followed_->wake();
    return use_;
  }
  void note_read() {
    wanted_.fetch_sub(1);
    identity_ = followed_->identity();
    rows_read_.store(followed_->rows_read(), std::memory_order_relaxed);
    asked_.notify_all();
  }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    followed_->interrupt();
    asked_.notify_all();
    told_.notify_all();
  }

  const std::unique_ptr<Follower> followed_;
  std::mutex use_;                 // of followed_, but for wake() and interrupt()
  std::atomic<int> wanted_ = 0;    // who waits for use_
  mutable std::mutex mutex_;       // of what follows
  std::condition_variable asked_;  // for the thread
  std::condition_variable told_;   // for the caller
  std::optional<Position> position_;
  std::optional<Result<zone::Batch>> read_;
  std::optional<Error> failed_;
  bool met_ = false;     // a look or a load has succeeded
  bool waited_ = false;  // for the first look
  bool looking_ = false;
  Clock::time_point looking_since_{};
  milliseconds next_pause_ = kFirstPause;
  bool woken_ = false;
  bool stopping_ = false;
  std::minstd_rand chance_;
  std::string identity_;
  std::atomic<std::uint64_t> rows_read_ = 0;
  std::thread thread_;
};

void BackgroundFollower::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    // What was read is fetched before more is read: the next look is from there.
    asked_.wait(lock, [this] { return stopping_ || (position_ && !read_ && wanted_.load() == 0); });
    if (!stopping_) look(lock);
  }
}

// One look, and the wait for something to look at.
void BackgroundFollower::look(std::unique_lock<std::mutex>& lock) {
  const Position at = *position_;
  looking_ = true;
  looking_since_ = Clock::now();
  lock.unlock();
  std::optional<Result<zone::Batch>> batch;
  {
    const std::lock_guard using_it(use_);
    batch = followed_->changes_since(at.revision, at.chain);
    rows_read_.store(followed_->rows_read(), std::memory_order_relaxed);
  }
  lock.lock();
  looking_ = false;
  looking_since_ = Clock::now();
  const bool same = position_ && position_->revision == at.revision && position_->chain == at.chain;
  if (!*batch && batch->error().code != Errc::kDiverged) {
    failed_ = batch->error();
    told_.notify_all();
    return pause(lock);
  }
  failed_.reset();
  if (!std::exchange(met_, true)) told_.notify_all();
  next_pause_ = kFirstPause;
  if (!same) return;
  if (!*batch || (*batch)->to != at.revision) {
    read_ = std::move(batch);
    return told_.notify_all();
  }
  if (stopping_ || wanted_.load() > 0) return;
  looking_ = true;  // a standby is looked at meanwhile
  lock.unlock();
  {
    const std::lock_guard using_it(use_);
    followed_->wait(kWait);
  }
  lock.lock();
  looking_ = false;
}

void BackgroundFollower::pause(std::unique_lock<std::mutex>& lock) {
  const auto most = next_pause_.count();
  const milliseconds length(most / 2 + static_cast<std::int64_t>(chance_() % static_cast<std::uint64_t>(most)));
  next_pause_ = std::min(2 * next_pause_, kMostPause);
  asked_.wait_for(lock, length, [this] { return stopping_; });
}

}  // namespace

std::unique_ptr<Follower> in_background(std::unique_ptr<Follower> followed, std::uint64_t seed) {
  auto follower = std::make_unique<BackgroundFollower>(std::move(followed), seed);
  follower->start();
  return follower;
}

}  // namespace sdns::store
