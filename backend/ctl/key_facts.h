// SPDX-License-Identifier: MIT
// DNSSEC keys of a zone as they may be shown: never the private part (P9).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "backend/dns/dnssec_key.h"
#include "backend/store/authority.h"

namespace sdns::ctl {

struct KeyInfo {
  std::uint32_t id = 0;
  dns::KeyFacts facts;
  std::string_view role;  ///< `KSK`, `ZSK`, or `CSK` for one that signs everything
  bool active = false;
  bool published = false;
};

/// Errors: kCorrupt, which names the key that cannot be read.
Result<std::vector<KeyInfo>> key_infos(const dns::Name& apex, const std::vector<zone::Key>& keys);

/// The keys that a DS at the parent should name: active and published with the SEP flag; without any such, all active
/// ones.
std::vector<const zone::Key*> entry_keys(const std::vector<zone::Key>& keys);

struct DsRecord {
  std::uint16_t tag = 0;
  std::string content;
};
/// One for each entry key and digest type.
Result<std::vector<DsRecord>> ds_records(const dns::Name& apex, const std::vector<zone::Key>& keys,
                                         const std::vector<int>& digests);

/// `KSK 12345 ECDSAP256SHA256`.
std::string key_text(const KeyInfo& key);
nlohmann::json to_json(const KeyInfo& key);

}  // namespace sdns::ctl
