// SPDX-License-Identifier: MIT
// Questions that several commands ask about a zone in the database.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "backend/store/authority.h"
#include "backend/zone/zone_check.h"

namespace sdns::ctl {

/// Errors: kNotFound, whose hint names the zone that contains the name.
Result<store::ZoneRow> find_zone(store::Transaction& transaction, const dns::Name& apex);

/// How a zone gets its signatures.
struct Signing {
  std::vector<zone::Key> keys;
  std::vector<zone::Metadata> metadata;

  /// PowerDNS signs it: a key is active, and the zone does not bring its own signatures.
  [[nodiscard]] bool live() const;
  [[nodiscard]] bool presigned() const;
  [[nodiscard]] bool has_active_key() const;
  /// `unsigned`, `signed live`, `presigned`.
  [[nodiscard]] std::string_view text() const;
  /// `NSEC`, `NSEC3 (1 0 0 -)`, with `narrow`.
  [[nodiscard]] std::string denial_text() const;
};
Result<Signing> signing_of(store::Transaction& transaction, zone::ZoneId id);

/// The first value of a kind; none when it is not set.
std::optional<std::string> metadata_value(const std::vector<zone::Metadata>& metadata, std::string_view kind);

/// RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY: in a zone that is signed live PowerDNS makes them itself.
bool made_by_signing(dns::RrType type);

/// The third field of SOA RDATA.
std::optional<std::uint32_t> soa_serial(std::string_view content);
std::string with_soa_serial(std::string_view content, std::uint32_t serial);

nlohmann::json to_json(const store::StoredRecord& record);
nlohmann::json to_json(const std::vector<zone::Finding>& findings);
bool has_errors(const std::vector<zone::Finding>& findings);
/// "error: where: what" and "warning: where: what", one a line.
void print_findings(std::ostream& out, const std::vector<zone::Finding>& findings);

/// "1 record", "2 records".
std::string count_text(std::size_t count, std::string_view noun);

}  // namespace sdns::ctl
