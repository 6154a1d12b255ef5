// SPDX-License-Identifier: MIT
// A DS record in both forms that registrars take: digest, and the key that it is made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dns/name.h"
#include "registrars/fault.h"

namespace sdns::registrars {

/// The key part of a DNSKEY, protocol 3.
struct DsKey {
  std::uint16_t flags = 257;
  std::string public_key{};  ///< base64 without blanks
  friend bool operator==(const DsKey&, const DsKey&) = default;
};

/// Value. Registrars that hold only keys give records without digest: those equal by DsRecord::same().
struct DsRecord {
  std::uint16_t key_tag = 0;
  std::uint8_t algorithm = 0;
  std::uint8_t digest_type = 0;  ///< 0: only the key is known
  std::string digest{};          ///< upper-case hexadecimal
  std::optional<DsKey> key{};

  /// "2371 13 2 C988…", and a DNSKEY's key instead of the digest where only that is known.
  [[nodiscard]] std::string text() const;
};

/// The DS that `key` makes for `owner` (RFC 4034 section 5.1.4), its key kept. `digest_type` 2 or 4. Errors
/// (kInvalidDs): not base64, unknown digest type.
Answer<DsRecord> ds_of_key(const dns::Name& owner, const DsKey& key, std::uint8_t algorithm,
                           std::uint8_t digest_type = 2);

/// "TAG ALGORITHM DIGEST-TYPE DIGEST" or, as a DNSKEY, "FLAGS 3 ALGORITHM KEY". Blanks inside digest or key are taken
/// out. Errors (kInvalidDs).
Answer<DsRecord> parse_ds(const dns::Name& owner, std::string_view text);

/// What a DS must be before it is sent anywhere: an algorithm and digest type that are still offered (not 1, 3, 5, 6,
/// 7, 12; not SHA-1 or GOST), a digest of the right length, and, with a key, the tag and digest that this key has for
/// `owner`. Error: kInvalidDs.
Answer<void> check_ds(const dns::Name& owner, const DsRecord& record);

/// Whether both mean the same key, by digest where both have it, else by the key itself.
[[nodiscard]] bool same(const dns::Name& owner, const DsRecord& a, const DsRecord& b);
/// As sets.
[[nodiscard]] bool same_set(const dns::Name& owner, const std::vector<DsRecord>& a, const std::vector<DsRecord>& b);

}  // namespace sdns::registrars
