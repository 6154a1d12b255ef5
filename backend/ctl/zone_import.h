// SPDX-License-Identifier: MIT
// What a master file would make of a zone: shared by import, diff and check.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "backend/ctl/session.h"
#include "backend/dns/master_file.h"
#include "backend/store/authority.h"
#include "backend/zone/zone_check.h"

namespace sdns::ctl {

/// A master file, or what is wrong with it.
struct ZoneFile {
  dns::Name apex;  ///< a guess when there are problems
  std::vector<dns::PlacedRecord> records;
  std::vector<zone::Finding> problems;  ///< it does not parse, or does not say which zone it is; then no records
};

/// `apex` is asked for; without it the file's SOA record names the zone. Errors: kNotFound, kIo.
Result<ZoneFile> load_zone_file(const std::filesystem::path& file, const std::optional<dns::Name>& apex);

/// Whether the zone in the database brings its own signatures; false when there is no such zone.
Result<bool> presigned_in_database(store::Transaction& transaction, const dns::Name& apex);

/// A file that was read, checked and brought into the form in which it is stored.
struct Prepared {
  dns::Name apex;
  std::vector<zone::Finding> findings;
  std::map<std::string, std::size_t> dropped;
  std::optional<std::string> denial;  ///< NSEC3PARAM metadata of a presigned zone
  std::vector<store::StoredRecord> records;
};

/// Leaves out what PowerDNS makes itself, unless the zone is presigned. No records when a finding is an error.
Prepared prepare(ZoneFile&& file, bool presigned);

/// One warning for all records that were left out.
void warn_of_dropped(Session& session, const Prepared& prepared);

/// Takes the records out that PowerDNS makes itself; how many of each type.
std::map<std::string, std::size_t> drop_signatures(std::vector<dns::PlacedRecord>& records);
/// "2 RRSIG, 1 NSEC".
std::string dropped_text(const std::map<std::string, std::size_t>& dropped);

/// As the database keeps them: without duplicates, one TTL per RRset (the lowest, RFC 2181 section 5.2), in
/// stored_before()'s order.
std::vector<store::StoredRecord> settle_records(std::vector<dns::PlacedRecord>&& records);

/// A total order in which equal records meet: fast, not canonical.
bool stored_before(const store::StoredRecord& a, const store::StoredRecord& b);

/// All records of a zone in stored_before()'s order.
Result<std::vector<store::StoredRecord>> stored_records(store::Transaction& transaction, zone::ZoneId id);

/// What the serial of an imported SOA comes to.
enum class SerialStep {
  kTaken,      ///< the file's is greater, or there is none to compare with
  kContinued,  ///< the file's is not greater: the zone's own goes on
  kBackwards,  ///< the file's is lower, and the policy leaves serials alone
};
/// Puts the zone's serial in the place of one that would go backwards, unless the policy is `keep`.
SerialStep settle_serial(std::vector<store::StoredRecord>& records, const store::ZoneRow& existing);

struct Difference {
  std::vector<store::StoredRecord> removed;  ///< canonical order
  std::vector<store::StoredRecord> added;
};
/// Both in stored_before()'s order.
Difference compare(const std::vector<store::StoredRecord>& before, const std::vector<store::StoredRecord>& after);

}  // namespace sdns::ctl
