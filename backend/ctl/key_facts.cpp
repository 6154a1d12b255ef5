// SPDX-License-Identifier: MIT
#include "backend/ctl/key_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sdns::ctl {
namespace {

constexpr std::uint16_t kSecureEntryPoint = 1;  // RFC 4034 section 2.1.1

bool is_entry(const zone::Key& key) { return (key.flags & kSecureEntryPoint) != 0; }

}  // namespace

Result<std::vector<KeyInfo>> key_infos(const dns::Name& apex, const std::vector<zone::Key>& keys) {
  const bool has_zsk =
      std::any_of(keys.begin(), keys.end(), [](const zone::Key& key) { return key.active && !is_entry(key); });
  const bool has_ksk =
      std::any_of(keys.begin(), keys.end(), [](const zone::Key& key) { return key.active && is_entry(key); });
  std::vector<KeyInfo> infos;
  for (const auto& key : keys) {
    auto facts = dns::describe_key(apex, key.flags, key.content);
    if (!facts) {
      return fail(
          Errc::kCorrupt,
          fmt::format("key {} of {} cannot be read: it is no private key that OpenSSL takes", key.id, apex.text()),
          "PowerDNS cannot sign with it either; import it again");
    }
    const std::string_view role = is_entry(key) ? (has_zsk ? "KSK" : "CSK") : (has_ksk || !key.active ? "ZSK" : "CSK");
    infos.push_back({key.id, std::move(*facts), role, key.active, key.published});
  }
  return infos;
}

std::vector<const zone::Key*> entry_keys(const std::vector<zone::Key>& keys) {
  std::vector<const zone::Key*> entries;
  for (const auto& key : keys) {
    if (key.active && key.published && is_entry(key)) entries.push_back(&key);
  }
  if (!entries.empty()) return entries;
  for (const auto& key : keys) {
    if (key.active && key.published) entries.push_back(&key);
  }
  return entries;
}

Result<std::vector<DsRecord>> ds_records(const dns::Name& apex, const std::vector<zone::Key>& keys,
                                         const std::vector<int>& digests) {
  std::vector<DsRecord> records;
  for (const auto* key : entry_keys(keys)) {
    auto facts = dns::describe_key(apex, key->flags, key->content);
    if (!facts) return fail(Errc::kCorrupt, fmt::format("key {} of {} cannot be read", key->id, apex.text()));
    for (const int digest : digests) {
      auto content = dns::ds_content(apex, key->flags, key->content, digest);
      if (!content) return fail(std::move(content.error()));
      records.push_back({facts->tag, std::move(*content)});
    }
  }
  return records;
}

std::string key_text(const KeyInfo& key) {
  return fmt::format("{} {} {}", key.role, key.facts.tag, dns::algorithm_text(key.facts.algorithm));
}

nlohmann::json to_json(const KeyInfo& key) {
  return {{"id", key.id},
          {"tag", key.facts.tag},
          {"flags", key.facts.flags},
          {"role", key.role},
          {"algorithm", dns::algorithm_text(key.facts.algorithm)},
          {"algorithm_number", static_cast<int>(key.facts.algorithm)},
          {"bits", key.facts.bits},
          {"active", key.active},
          {"published", key.published},
          {"dnskey", key.facts.dnskey_content}};
}

}  // namespace sdns::ctl
