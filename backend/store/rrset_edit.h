// SPDX-License-Identifier: MIT
// An RRset as it is stored against one as it is wanted: pure comparisons.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/store/authority.h"

namespace sdns::store {

/// An RRset ready to be stored. Borrows the records.
struct StorableRrset {
  /// In order of their contents, each content once: one that is enabled wins over the same disabled.
  std::vector<const StoredRecord*> records;
  /// Of all (RFC 2181 section 5.2: an RRset has one TTL): the least of those that are served, else the least.
  std::uint32_t ttl = 0;
  bool served = false;  ///< at least one is enabled
};

/// One stored row.
struct StoredItem {
  std::uint32_t ttl = 0;
  bool disabled = false;
  std::string content;
};

enum class RrsetDifference {
  kNone,
  kUnserved,  ///< only in what is disabled
  kServed,
};

StorableRrset storable_rrset(std::vector<const StoredRecord*> records);

/// `stored` is in order of contents, as rows are kept.
RrsetDifference compare(const std::vector<StoredItem>& stored, const StorableRrset& wanted);

}  // namespace sdns::store
