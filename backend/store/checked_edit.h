// SPDX-License-Identifier: MIT
// Edits with the checks that they can violate: what every program that edits on somebody's word goes through. Each
// function checks first and then edits, so that after an error (kInvalidZone, kInvalidRecord, kConflict, …) the
// transaction is as it was. Errors name the object, the value and the rule.
//
// `findings` takes what there is to say, warnings and errors; where a finding is an error, the Result is one too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/store/authority.h"
#include "backend/zone/zone_check.h"

namespace sdns::store {

using Findings = std::vector<zone::Finding>;

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

/// Checks and replaces; false when it is already so.
Result<bool> put_rrset(Transaction& edit, const ZoneRow& zone, const WantedRrset& wanted, Findings& findings);

/// The RRset's records, in no particular order.
Result<std::vector<StoredRecord>> rrset_at(Transaction& transaction, ZoneId zone, const dns::Name& owner,
                                           dns::RrType type);

/// Replaces all records, in any order, after a check of the whole zone; what signing makes is left out of a zone that
/// is signed live. The serial: see Transaction::replace_zone.
Result<void> replace_zone(Transaction& edit, const ZoneRow& zone, std::vector<StoredRecord> records,
                          Findings& findings);

/// No values: the kind goes away. False when it is already so. A TSIG key that is named and missing is a warning.
Result<bool> set_metadata(Transaction& edit, const ZoneRow& zone, const zone::Metadata& wanted, Findings& findings);

/// Takes a private key as ISC text; its id as for Transaction::add_key(). A key that the zone has already gets this
/// state. The first key of a zone without SOA-EDIT sets it (see first_soa_edit).
Result<std::uint32_t> add_key(Transaction& edit, const ZoneRow& zone, const zone::Key& key, Findings& findings);
/// Errors: kNotFound.
Result<bool> set_key_state(Transaction& edit, const ZoneRow& zone, std::uint32_t key, bool active, bool published);
/// Errors: kNotFound.
Result<void> remove_key(Transaction& edit, const ZoneRow& zone, std::uint32_t key);

/// The SOA-EDIT metadata that a signed zone needs, so that secondaries notice new signatures when no data changed:
/// INCEPTION-EPOCH, or INCEPTION-INCREMENT when the serial is a date (YYYYMMDDnn) that EPOCH could never pass.
std::string first_soa_edit(std::optional<std::uint32_t> serial, WallTime now);

/// A secondary zone without records, to be transferred. Errors: kExists; kInvalidArgument (a primary).
Result<ZoneId> create_secondary(Transaction& edit, const dns::Name& apex, const std::vector<std::string>& primaries,
                                const std::string& account);
/// Makes the zone one of this kind; `primaries` are those of a secondary. False when it is already so.
/// Errors: kInvalidArgument (a primary, or none for a secondary), kInvalidZone (no SOA, for another kind).
Result<bool> set_kind(Transaction& edit, const ZoneRow& zone, zone::Kind kind,
                      const std::vector<std::string>& primaries);

}  // namespace sdns::store
