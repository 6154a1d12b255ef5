// SPDX-License-Identifier: MIT
// The rules that span records. Whole zones are checked on import; an edit runs the checks that it can violate. What
// PowerDNS would accept and could serve is at most a warning.
#pragma once

#include <string>
#include <vector>

#include "backend/dns/master_file.h"
#include "backend/zone/source.h"

namespace sdns::zone {

enum class Severity { kWarning, kError };

/// One finding. `where` is "file:line" for what came from a file, else "owner/TYPE".
struct Finding {
  Severity severity = Severity::kError;
  std::string where;
  std::string what;  ///< names the object, the value and the rule
};

/// Everything about a whole zone: SOA (exactly one, at the apex), NS at the apex, owners in the zone, CNAME and DNAME
/// alone (RFC 1034 section 3.6.2, RFC 6672 section 2.3), TTLs equal within an RRset (RFC 2181 section 5.2), duplicates,
/// DS without NS, names below DNAME, glue missing, NS or MX to a CNAME, wildcard NS/DS, DNSSEC records that PowerDNS
/// makes itself in a zone that is signed live, owners that are not host names or that PowerDNS cannot be asked for,
/// types that need a setting of PowerDNS … Errors first. A presigned zone brings its DNSSEC records itself.
std::vector<Finding> check_zone(const dns::Name& apex, const std::vector<dns::PlacedRecord>& records,
                                bool presigned = false);

/// What stands around an edit of one owner name.
struct OwnerContext {
  dns::Name apex;
  std::vector<dns::Record> others;  ///< all other RRsets at the owner after the edit
  bool has_names_below = false;
  bool below_dname = false;
  bool below_cut = false;
  bool presigned = false;  ///< the zone
};

/// The same rules for one RRset that is put in place (or removed, when its contents are empty).
std::vector<Finding> check_edit(const OwnerContext& around, const dns::Rrset& rrset);

/// `NSEC3PARAM`, `PRESIGNED` and other metadata that the engine or PowerDNS reads must have values that they can use.
std::vector<Finding> check_metadata(const Metadata& metadata);

}  // namespace sdns::zone
