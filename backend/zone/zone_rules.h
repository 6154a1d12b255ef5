// SPDX-License-Identifier: MIT
// The rules about one owner name, for whole zones and for edits alike.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "backend/dns/record.h"
#include "backend/zone/zone_check.h"

namespace sdns::zone {

/// Which rule was broken; a whole zone lists each a limited number of times.
enum class Rule {
  kOutside,
  kSoaCount,
  kSoaPlace,
  kNoNs,
  kCnameAlone,
  kCnameCount,
  kDnameCount,
  kDnameWithNs,
  kBelowDname,
  kTtl,
  kDuplicate,
  kTooLarge,
  kDsWithoutNs,
  kDsAtApex,
  kWildcard,
  kMadeByServer,
  kHostName,
  kTargetName,
  kOccluded,
  kTargetAlias,
  kTargetMissing,
  kGlueMissing,
  kSoaTimes,
  kOddOctets,
  kNeedsDname,
  kNeedsAlias,
  kCount,
};

/// Takes a finding; `at` is the record that it is about.
using Report = std::function<void(Rule, Severity, const dns::Record& at, std::string what)>;

enum class Depth { kAuthoritative, kBelowCut, kBelowDname };

/// All records at one owner name, in order of type. Requires `records` not to be empty.
struct OwnerRecords {
  const dns::Name& apex;
  const dns::Name& owner;
  std::span<const dns::Record* const> records;
  Depth depth = Depth::kAuthoritative;
  bool presigned = false;
};

/// The rules that need no other owner name.
void check_owner(const OwnerRecords& at, const Report& report);

[[nodiscard]] bool has_type(std::span<const dns::Record* const> records, dns::RrType type);

/// Letters, digits and hyphens in each label, none at an edge (RFC 1123 section 2.1); a first label `*` is not looked
/// at.
[[nodiscard]] bool is_host_name(const dns::Name& name);

/// PowerDNS 4.7 answers SERVFAIL to questions for names with other octets than letters, digits, - _ * . / @ \\ : and
/// blank.
[[nodiscard]] bool can_be_asked(const dns::Name& name);

/// RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY, CDS, CDNSKEY: in a zone that is signed live PowerDNS makes them from keys
/// and metadata.
[[nodiscard]] bool made_by_server(dns::RrType type);

}  // namespace sdns::zone
