// SPDX-License-Identifier: MIT
// Publish and read immutable snapshots (P1): a reader whose snapshot is current pays one atomic load.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace sdns {

/// Holds the newest snapshot of a `T`. One writer publishes; each reading thread has a Reader of its own.
/// std::atomic<std::shared_ptr> of libstdc++ 12 unlocks with relaxed order, which TSan reports; this does not.
template <class T>
class SnapshotCell {
 public:
  explicit SnapshotCell(std::shared_ptr<const T> first) : current_(std::move(first)) {}

  /// Called by the one writer. The former snapshot is released outside of the lock, by the caller's thread unless a
  /// reader still has it.
  void publish(std::shared_ptr<const T> next) {
    std::lock_guard lock(mutex_);
    current_.swap(next);  // a parameter outlives the lock, so the old one dies unlocked
    generation_.fetch_add(1, std::memory_order_release);
  }

  /// The newest snapshot, for whoever reads seldom. Takes the lock for a pointer copy.
  [[nodiscard]] std::shared_ptr<const T> load() const {
    std::lock_guard lock(mutex_);
    return current_;
  }

  /// One per reading thread. `retire` receives the snapshot that a reader lets go of: freeing a million nodes is not
  /// an answering thread's work.
  class Reader {
   public:
    using Retire = void (*)(void* context, std::shared_ptr<const T> old);
    Reader(const SnapshotCell& cell, Retire retire, void* context) : cell_(&cell), retire_(retire), context_(context) {}
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() { release(); }

    /// The newest snapshot, pinned until this reader's next get() or release().
    const T& get() {
      if (!held_ || cell_->generation_.load(std::memory_order_acquire) != seen_) {
        std::shared_ptr<const T> old = std::move(held_);
        {
          std::lock_guard lock(cell_->mutex_);
          held_ = cell_->current_;
          seen_ =
              cell_->generation_.load(std::memory_order_relaxed);  // under the same lock as the pointer it describes
        }
        if (old) retire_(context_, std::move(old));
      }
      return *held_;
    }

    /// Lets go of the snapshot: called when a loop goes idle, so that an idle connection does not pin one.
    void release() {
      if (held_) retire_(context_, std::move(held_));
    }

    [[nodiscard]] bool holds() const { return held_ != nullptr; }
    /// True when what is held is still the newest.
    [[nodiscard]] bool current() const { return held_ && cell_->generation_.load(std::memory_order_acquire) == seen_; }

   private:
    const SnapshotCell* cell_;
    Retire retire_;
    void* context_;
    std::shared_ptr<const T> held_;
    std::uint64_t seen_ = 0;
  };

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace sdns
