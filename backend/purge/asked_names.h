// SPDX-License-Identifier: MIT
// Which names PowerDNS asked for that have no data of their own: names that a wildcard, a zone cut or a DNAME answers,
// and names that do not exist. PowerDNS caches them under the name asked, so a purge of the wildcard or the cut needs
// them.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/base/clock.h"
#include "backend/zone/source.h"

namespace sdns::zone {
class Zone;
class ZoneSet;
}  // namespace sdns::zone

namespace sdns::purge {

/// One answering thread's names on their way to the publisher: a ring of octets with one producer and one consumer,
/// neither of which ever waits. A name that does not fit is dropped and said so.
class AskedRing {
 public:
  static constexpr std::size_t kDefaultOctets = std::size_t{1} << 20;

  /// `octets` is rounded up to a power of two.
  explicit AskedRing(std::size_t octets = kDefaultOctets) {
    std::size_t size = 1024;
    while (size < octets) size *= 2;
    mask_ = size - 1;
    bytes_ = std::make_unique<char[]>(size);
  }
  AskedRing(const AskedRing&) = delete;
  AskedRing& operator=(const AskedRing&) = delete;

  /// To be called for each `lookup` in a zone whose name does not exist there (Zone::Found::exists is false) or is
  /// below a zone cut (kBelowCut), whether rows were found or not, after the answer's snapshot was taken.
  /// `relative_key` is the name's key without the apex's. By the producing thread only; under 100 ns, allocates
  /// nothing.
  void push(zone::ZoneId zone, std::string_view relative_key) noexcept {
    const Header header{zone, static_cast<std::uint32_t>(relative_key.size())};
    const std::size_t need = sizeof(header) + relative_key.size();
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head + need - seen_tail_ > mask_ + 1) {
      seen_tail_ = tail_.load(std::memory_order_acquire);
      if (head + need - seen_tail_ > mask_ + 1) {
        incomplete_.store(true, std::memory_order_release);
        return;
      }
    }
    write(head, &header, sizeof(header));
    write(head + sizeof(header), relative_key.data(), relative_key.size());
    head_.store(head + need, std::memory_order_release);
  }

  /// By the consuming thread only: takes one name into `relative_key`; false when there is none.
  bool pop(zone::ZoneId& zone, std::string& relative_key) {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return false;
    Header header{};
    read(tail, &header, sizeof(header));
    zone = header.zone;
    relative_key.resize(header.size);
    read(tail + sizeof(header), relative_key.data(), header.size);
    tail_.store(tail + sizeof(header) + header.size, std::memory_order_release);
    return true;
  }

  /// By the consuming thread only: whether names were dropped since the last call.
  bool take_incomplete() {
    return incomplete_.load(std::memory_order_relaxed) && incomplete_.exchange(false, std::memory_order_acq_rel);
  }

 private:
  struct Header {
    zone::ZoneId zone;
    std::uint32_t size;
  };

  void write(std::uint64_t position, const void* data, std::size_t size) noexcept {
    if (size == 0) return;
    const std::size_t at = position & mask_;
    const std::size_t first = std::min(size, mask_ + 1 - at);
    std::memcpy(bytes_.get() + at, data, first);
    std::memcpy(bytes_.get(), static_cast<const char*>(data) + first, size - first);
  }
  void read(std::uint64_t position, void* data, std::size_t size) const noexcept {
    if (size == 0) return;
    const std::size_t at = position & mask_;
    const std::size_t first = std::min(size, mask_ + 1 - at);
    std::memcpy(data, bytes_.get() + at, first);
    std::memcpy(static_cast<char*>(data) + first, bytes_.get(), size - first);
  }

  std::size_t mask_ = 0;
  std::unique_ptr<char[]> bytes_;
  alignas(64) std::atomic<std::uint64_t> head_{0};  // octets ever written
  std::uint64_t seen_tail_ = 0;                     // the producer's last look at tail_
  alignas(64) std::atomic<std::uint64_t> tail_{0};  // octets ever read
  alignas(64) std::atomic<bool> incomplete_{false};
};

struct AskedLimits {
  std::size_t names_per_group = 4096;  ///< distinct names below one wildcard or cut in one generation
  std::size_t names_per_generation = 250'000;
  std::size_t groups_per_generation = 100'000;
};

/// What the rings brought, filed by the name that answers for them: the zone cut above, else the closest encloser (RFC
/// 4592 section 3.3.1), under which the wildcard would be. Two generations, so that a name is kept for at least `life`
/// after it was asked and at most for twice that. Owned by the publisher's thread, which alone may call it, except for
/// ring().
class AskedNames {
 public:
  /// `life`: how long an answer may sit in PowerDNS's caches after it was asked for: packet cache + query cache TTL.
  AskedNames(std::size_t threads, std::chrono::seconds life, SteadyTime now, AskedLimits limits = {},
             std::size_t ring_octets = AskedRing::kDefaultOctets);

  /// For answering thread `index`, which alone may push. Lives as long as this.
  [[nodiscard]] AskedRing& ring(std::size_t index) { return *rings_[index]; }

  struct Asked {
    zone::ZoneId zone;
    std::string relative_key;
  };

  /// Empties the rings and rotates the generations when it is time. Names are filed by both sets: which of them
  /// answered cannot be told (they are equal when nothing was published since the last call). What came is appended to
  /// `fresh` unless it is null. To be called at least every few 10 ms: the rings are bounded. O(labels log n) a name.
  void drain(const zone::ZoneSet& before, const zone::ZoneSet& after, SteadyTime now,
             std::vector<Asked>* fresh = nullptr);

  /// Files one name, as drain() does.
  void add(const zone::ZoneSet& before, const zone::ZoneSet& after, zone::ZoneId zone, std::string_view relative_key);

  void set_life(std::chrono::seconds life) { life_ = life; }

  /// What is known of a part of a zone. `complete` false: more were asked than were kept, purge the subtree instead.
  struct Answer {
    std::set<std::string> relative_keys;
    bool complete = true;
  };
  /// Names asked at or below this name, whatever answered for them.
  [[nodiscard]] Answer at_or_below(zone::ZoneId zone, std::string_view relative_key) const;
  /// Names asked anywhere in the zone but below the cuts for which `is_cut` is true: what its denials were made for.
  [[nodiscard]] Answer denied(zone::ZoneId zone, const std::function<bool(std::string_view)>& is_cut) const;
  /// Names asked whose closest encloser or cut is this name.
  [[nodiscard]] Answer answered_from(zone::ZoneId zone, std::string_view relative_key) const;

  struct Size {
    std::size_t names = 0;
    std::size_t groups = 0;
    bool complete = true;
  };
  [[nodiscard]] Size size() const;

 private:
  struct Group {
    std::set<std::string> suffixes;  // the names' keys without the group's, which is their prefix
    bool overflow = false;
  };
  using GroupKey = std::pair<zone::ZoneId, std::string>;
  struct Generation {
    std::map<GroupKey, Group, std::less<>> groups;
    std::size_t names = 0;
    bool incomplete = false;  // names were dropped and nobody knows whose
  };

  void file(zone::ZoneId zone, std::string_view group, std::string_view relative_key);
  void rotate(SteadyTime now);
  void bury_some();
  void take(const Group& group, std::string_view group_key, std::string_view prefix, Answer& answer) const;

  std::vector<std::unique_ptr<AskedRing>> rings_;
  std::chrono::seconds life_;
  AskedLimits limits_;
  SteadyTime rotated_;
  Generation young_;
  Generation old_;
  Generation dying_;  // freed a little at each drain(): the publisher must not pause
};

/// The relative key of the name that answers for `relative_key`: the deepest zone cut above it, else its closest
/// encloser.
[[nodiscard]] std::string_view answering_name(const zone::Zone& zone, std::string_view relative_key);

}  // namespace sdns::purge
