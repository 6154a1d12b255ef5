// SPDX-License-Identifier: MIT
// Edits of one RRset, with the checks that they can violate.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backend/ctl/session.h"

namespace sdns::ctl {

struct WantedRecord {
  std::string content;  ///< canonical
  bool disabled = false;
};

/// An RRset as it shall be; without records it goes away.
struct WantedRrset {
  dns::Name owner;
  dns::RrType type;
  std::vector<WantedRecord> records;
  std::optional<std::uint32_t> ttl;  ///< none: that of the RRset, else 3600
};

/// Checks and replaces; false when it is already so. Warnings go to the session. Errors: kInvalidZone names owner, type
/// and rule; nothing was changed then.
Result<bool> put_rrset(Session& session, store::Transaction& edit, const store::ZoneRow& zone,
                       const WantedRrset& wanted);

/// The RRset's records, in no particular order.
Result<std::vector<store::StoredRecord>> rrset_at(store::Transaction& transaction, zone::ZoneId zone,
                                                  const dns::Name& owner, dns::RrType type);

}  // namespace sdns::ctl
