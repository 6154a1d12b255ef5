// SPDX-License-Identifier: MIT
#include "backend/store/rrset_edit.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace sdns::store {

StorableRrset storable_rrset(std::vector<const StoredRecord*> records) {
  std::sort(records.begin(), records.end(), [](const StoredRecord* a, const StoredRecord* b) {
    return std::tie(a->record.content, a->disabled) < std::tie(b->record.content, b->disabled);
  });
  records.erase(
      std::unique(records.begin(), records.end(),
                  [](const StoredRecord* a, const StoredRecord* b) { return a->record.content == b->record.content; }),
      records.end());
  StorableRrset wanted;
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t least_served = least;
  for (const StoredRecord* stored : records) {
    least = std::min(least, stored->record.ttl.seconds);
    if (stored->disabled) continue;
    wanted.served = true;
    least_served = std::min(least_served, stored->record.ttl.seconds);
  }
  wanted.ttl = wanted.served ? least_served : least;
  wanted.records = std::move(records);
  return wanted;
}

RrsetDifference compare(const std::vector<StoredItem>& stored, const StorableRrset& wanted) {
  const auto same = [&](const StoredItem& item, const StoredRecord* record) {
    return item.ttl == wanted.ttl && item.disabled == record->disabled && item.content == record->record.content;
  };
  if (std::equal(stored.begin(), stored.end(), wanted.records.begin(), wanted.records.end(), same))
    return RrsetDifference::kNone;

  auto next = wanted.records.begin();
  const auto next_served = [&]() -> const StoredRecord* {
    while (next != wanted.records.end() && (*next)->disabled) ++next;
    return next == wanted.records.end() ? nullptr : *next++;
  };
  for (const StoredItem& item : stored) {
    if (item.disabled) continue;
    const StoredRecord* record = next_served();
    if (record == nullptr || !same(item, record)) return RrsetDifference::kServed;
  }
  return next_served() == nullptr ? RrsetDifference::kUnserved : RrsetDifference::kServed;
}

}  // namespace sdns::store
