// SPDX-License-Identifier: MIT
#include "backend/health/schedule.h"

#include <algorithm>
#include <functional>

namespace sdns::health {
namespace {

constexpr int kJitter = 20;  // a part of the interval, to either side

}  // namespace

void Schedule::push(std::uint32_t check, SteadyTime due) {
  heap_.push_back({due, check, ++checks_[check].generation});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
}

void Schedule::add(std::uint32_t check, std::chrono::milliseconds interval, SteadyTime now) {
  if (check >= checks_.size()) checks_.resize(check + std::size_t{1});
  Check& added = checks_[check];
  if (added.interval.count() == 0) ++count_;
  added.interval = interval;
  // Its place in the interval is by chance; the second time is half an interval to one and a half after the first.
  const auto nanoseconds = static_cast<std::uint64_t>(added.interval.count());
  added.slot = now - added.interval / 2 + std::chrono::nanoseconds(random_.next() % nanoseconds);
  push(check, now);
}

void Schedule::remove(std::uint32_t check) {
  if (check >= checks_.size() || checks_[check].interval.count() == 0) return;
  checks_[check].interval = std::chrono::nanoseconds(0);
  ++checks_[check].generation;
  --count_;
  drop_stale();
}

void Schedule::drop_stale() {
  while (!heap_.empty() && heap_.front().generation != checks_[heap_.front().check].generation) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
    heap_.pop_back();
  }
  // Those that are not in front are let go of together, when they are the larger part.
  if (heap_.size() <= 2 * count_ + 64) return;
  std::erase_if(heap_, [this](const Entry& entry) { return entry.generation != checks_[entry.check].generation; });
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>{});
}

std::optional<Schedule::Due> Schedule::take(SteadyTime now) {
  drop_stale();
  if (heap_.empty() || heap_.front().due > now) return std::nullopt;
  const Due due{heap_.front().check, heap_.front().due};
  std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
  heap_.pop_back();
  Check& check = checks_[due.check];
  check.slot += check.interval;
  // Time that was lost (a machine that slept) is not made up for.
  if (check.slot + check.interval / 2 < now) check.slot += check.interval * ((now - check.slot) / check.interval + 1);
  const auto range = static_cast<std::uint64_t>(std::max<std::int64_t>(2 * check.interval.count() / kJitter, 1));
  push(due.check, check.slot - check.interval / kJitter + std::chrono::nanoseconds(random_.next() % range));
  return due;
}

std::optional<SteadyTime> Schedule::next() {
  drop_stale();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

}  // namespace sdns::health
