// SPDX-License-Identifier: MIT
// One digest over everything that is served, equal for equal state whatever holds it: the authority database, a
// snapshot file or the engine (P4). Header only: whoever uses it links libsodium.
#pragma once

#include <sodium/crypto_generichash_blake2b.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/zone/source.h"

namespace sdns::zone {

/// BLAKE2b-256.
using Digest = std::array<std::uint8_t, 32>;

/// BLAKE2b-256 over a sequence of fields: each has its length before it, so that no two sequences collide by joining.
class Hasher {
 public:
  Hasher() { crypto_generichash_blake2b_init(&state_, nullptr, 0, std::tuple_size_v<Digest>); }
  void add(std::string_view field) {
    add(static_cast<std::uint64_t>(field.size()));
    raw(field.data(), field.size());
  }
  void add(const Digest& digest) { raw(digest.data(), digest.size()); }
  void add(std::uint64_t number) {
    std::array<std::uint8_t, 8> octets;
    for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
    raw(octets.data(), octets.size());
  }
  [[nodiscard]] Digest finish() {
    Digest digest;
    crypto_generichash_blake2b_final(&state_, digest.data(), digest.size());
    return digest;
  }

 private:
  void raw(const void* data, std::size_t size) {
    crypto_generichash_blake2b_update(&state_, static_cast<const unsigned char*>(data), size);
  }
  crypto_generichash_blake2b_state state_;
};

inline void add_head(Hasher& hasher, const ZoneHead& head) {
  hasher.add(std::uint64_t{head.id});
  hasher.add(head.apex.wire());
  hasher.add(static_cast<std::uint64_t>(head.kind));
  hasher.add(head.account);
  hasher.add(std::uint64_t{head.primaries.size()});
  for (const std::string& primary : head.primaries) hasher.add(primary);
  hasher.add(std::uint64_t{head.notified_serial});
  hasher.add(std::uint64_t{head.last_check});
}

/// The order of `rrset.contents` does not matter.
inline void add_rrset(Hasher& hasher, const dns::Rrset& rrset) {
  hasher.add(rrset.owner.wire());
  hasher.add(std::uint64_t{rrset.type.value});
  hasher.add(std::uint64_t{rrset.ttl.seconds});
  hasher.add(std::uint64_t{rrset.contents.size()});
  std::vector<std::string_view> sorted(rrset.contents.begin(), rrset.contents.end());
  std::sort(sorted.begin(), sorted.end());
  for (const std::string_view content : sorted) hasher.add(content);
}

/// In any order; a kind without values counts as absent.
inline void add_metadata(Hasher& hasher, const std::vector<Metadata>& metadata) {
  std::vector<const Metadata*> sorted;
  for (const Metadata& one : metadata)
    if (!one.values.empty()) sorted.push_back(&one);
  std::sort(sorted.begin(), sorted.end(), [](const Metadata* a, const Metadata* b) { return a->kind < b->kind; });
  hasher.add(std::uint64_t{sorted.size()});
  for (const Metadata* one : sorted) {
    hasher.add(one->kind);
    hasher.add(std::uint64_t{one->values.size()});
    for (const std::string& value : one->values) hasher.add(value);
  }
}

/// In any order. Private keys enter by their own hash, so that nothing which is hashed here can be mistaken for one.
inline void add_keys(Hasher& hasher, const std::vector<Key>& keys) {
  std::vector<const Key*> sorted;
  for (const Key& key : keys) sorted.push_back(&key);
  std::sort(sorted.begin(), sorted.end(), [](const Key* a, const Key* b) { return a->id < b->id; });
  hasher.add(std::uint64_t{sorted.size()});
  for (const Key* key : sorted) {
    hasher.add(std::uint64_t{key->id});
    hasher.add(std::uint64_t{key->flags});
    hasher.add(std::uint64_t{key->active ? 1U : 0U});
    hasher.add(std::uint64_t{key->published ? 1U : 0U});
    Hasher content;
    content.add(key->content);
    hasher.add(content.finish());
  }
}

/// In any order. Secrets enter by their own hash, as private keys do.
inline void add_tsig_keys(Hasher& hasher, const std::vector<TsigKey>& keys) {
  std::vector<const TsigKey*> sorted;
  for (const TsigKey& key : keys) sorted.push_back(&key);
  std::sort(sorted.begin(), sorted.end(), [](const TsigKey* a, const TsigKey* b) { return a->name < b->name; });
  hasher.add(std::uint64_t{sorted.size()});
  for (const TsigKey* key : sorted) {
    hasher.add(key->name.wire());
    hasher.add(key->algorithm);
    Hasher secret;
    secret.add(key->secret);
    hasher.add(secret.finish());
  }
}

/// The order of the members matters.
/// A pool without further checks and members that are probed elsewhere has the digest that it had before there were
/// any: numbers that no such pool has tell the others.
inline void add_target_pool(Hasher& hasher, const health::TargetPool& pool) {
  constexpr std::uint64_t kHasChecks = std::uint64_t{1} << 32;
  constexpr std::uint64_t kHasProbe = 2;
  hasher.add(pool.name);
  hasher.add(std::uint64_t{pool.options.size()});
  for (const auto& [option, value] : pool.options) {
    hasher.add(option);
    hasher.add(value);
  }
  hasher.add(std::uint64_t{pool.members.size()} + (pool.checks.empty() ? 0 : kHasChecks));
  if (!pool.checks.empty()) hasher.add(std::uint64_t{pool.checks.size()});
  for (const health::PoolOptions& check : pool.checks) {
    hasher.add(std::uint64_t{check.size()});
    for (const auto& [option, value] : check) {
      hasher.add(option);
      hasher.add(value);
    }
  }
  for (const health::PoolMember& member : pool.members) {
    hasher.add(member.name);
    hasher.add(member.address.text());
    hasher.add(std::uint64_t{member.weight});
    hasher.add(std::uint64_t{member.group});
    hasher.add(member.region);
    hasher.add(member.latitude ? health::degrees_text(*member.latitude) : std::string());
    hasher.add(member.longitude ? health::degrees_text(*member.longitude) : std::string());
    hasher.add(std::uint64_t{member.enabled ? 1U : 0U} + (member.probe ? kHasProbe : 0));
    if (member.probe) hasher.add(member.probe->text());
  }
}

/// In any order.
inline void add_target_pools(Hasher& hasher, const std::vector<health::TargetPool>& pools) {
  std::vector<const health::TargetPool*> sorted;
  for (const health::TargetPool& pool : pools) sorted.push_back(&pool);
  std::sort(sorted.begin(), sorted.end(),
            [](const health::TargetPool* a, const health::TargetPool* b) { return a->name < b->name; });
  hasher.add(std::uint64_t{sorted.size()});
  for (const health::TargetPool* pool : sorted) add_target_pool(hasher, *pool);
}

inline void add_override(Hasher& hasher, const health::Override& override) {
  hasher.add(override.target);
  hasher.add(health::said_of(override));
  hasher.add(override.reason);
  hasher.add(override.who);
  hasher.add(static_cast<std::uint64_t>(override.since_seconds));
  hasher.add(static_cast<std::uint64_t>(override.until_seconds));
}

/// The digest of one zone. Feed it the RRsets in canonical order: by owner name, then by number of the type.
class ZoneDigest {
 public:
  explicit ZoneDigest(const ZoneHead& head) { add_head(hasher_, head); }
  void add(const dns::Rrset& rrset) {
    add_rrset(hasher_, rrset);
    ++rrsets_;
  }
  [[nodiscard]] Digest finish(const std::vector<Metadata>& metadata, const std::vector<Key>& keys) {
    hasher_.add(rrsets_);
    add_metadata(hasher_, metadata);
    add_keys(hasher_, keys);
    return hasher_.finish();
  }

 private:
  Hasher hasher_;
  std::uint64_t rrsets_ = 0;
};

/// The digest of a whole zone; its records in any order.
[[nodiscard]] inline Digest content_digest(ZoneContent content) {
  std::sort(content.records.begin(), content.records.end(), [](const dns::Record& a, const dns::Record& b) {
    const auto order = a.owner <=> b.owner;
    return order != 0 ? order < 0 : a.type < b.type;
  });
  ZoneDigest digest(content.head);
  dns::Rrset rrset;
  for (dns::Record& record : content.records) {
    if (!rrset.contents.empty() && (rrset.type != record.type || rrset.owner != record.owner)) {
      digest.add(rrset);
      rrset.contents.clear();
    }
    rrset.owner = std::move(record.owner);
    rrset.type = record.type;
    rrset.ttl = record.ttl;
    rrset.contents.push_back(std::move(record.content));
  }
  if (!rrset.contents.empty()) digest.add(rrset);
  return digest.finish(content.metadata, content.keys);
}

/// The digest of all zones, TSIG keys, target pools and overrides of the database. Feed it the zones in order of their
/// ids.
class StateDigest {
 public:
  void add(const Digest& zone) {
    hasher_.add(zone);
    ++zones_;
  }
  /// The overrides in order of their targets.
  [[nodiscard]] Digest finish(const std::vector<TsigKey>& tsig_keys,
                              const std::vector<health::TargetPool>& target_pools, const health::Overrides& overrides) {
    hasher_.add(zones_);
    add_tsig_keys(hasher_, tsig_keys);
    add_target_pools(hasher_, target_pools);
    hasher_.add(std::uint64_t{overrides.size()});
    for (const health::Override& override : overrides) add_override(hasher_, override);
    return hasher_.finish();
  }

 private:
  Hasher hasher_;
  std::uint64_t zones_ = 0;
};

/// Lower-case hexadecimal.
[[nodiscard]] inline std::string to_hex(const std::array<std::uint8_t, 32>& octets) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * octets.size());
  for (const std::uint8_t octet : octets) {
    hex += kDigits[octet >> 4];
    hex += kDigits[octet & 15];
  }
  return hex;
}

}  // namespace sdns::zone
