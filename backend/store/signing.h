// SPDX-License-Identifier: MIT
// How a zone in the database gets its signatures.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/store/authority.h"
#include "backend/zone/metadata.h"

namespace sdns::store {

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
Result<Signing> signing_of(Transaction& transaction, ZoneId id);

using zone::metadata_value;

/// RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY: in a zone that is signed live PowerDNS makes them itself.
bool made_by_signing(dns::RrType type);

/// The NSEC3PARAM metadata that a zone with these records needs when it is presigned; none when it denies with NSEC.
/// Collects from one record at a time.
class PresignedDenial {
 public:
  void add(const dns::Record& record);
  [[nodiscard]] std::optional<std::string> parameters() const;

 private:
  std::optional<std::string> parameters_;
  bool opt_out_ = false;
};

}  // namespace sdns::store
