// SPDX-License-Identifier: MIT
#include "backend/zone/zone.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace sdns::zone {

std::uint64_t OwnerTraits::prefix_of(std::string_view key) {
  unsigned char octets[8] = {};
  std::copy_n(key.begin(), std::min<std::size_t>(key.size(), 8), octets);
  std::uint64_t prefix = 0;
  for (const unsigned char octet : octets) prefix = prefix << 8 | octet;
  return prefix;
}

int OwnerTraits::compare(const OwnerItem& item, const Probe& probe) {
  if (item.prefix != probe.prefix) return item.prefix < probe.prefix ? -1 : 1;
  return item.owner->key().compare(probe.key);
}

int HashTraits::compare(const HashItem& item, const Probe& probe) {
  return std::memcmp(item.hash.data(), probe.data(), probe.size());
}

Ref<KeyBlob> KeyBlob::make(std::string_view key) {
  auto* blob = new (::operator new(sizeof(KeyBlob) + key.size())) KeyBlob;
  blob->size_ = static_cast<std::uint32_t>(key.size());
  std::copy(key.begin(), key.end(), reinterpret_cast<char*>(blob + 1));
  return Ref<KeyBlob>::adopt(blob);
}

void KeyBlob::release() const {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  this->~KeyBlob();
  ::operator delete(const_cast<KeyBlob*>(this));
}

void Zone::release() const {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

Zone::Found Zone::find(std::string_view relative_key) const {
  if (const OwnerItem* item = owners_.find(relative_key)) return {item->owner.get(), item->flags, true};
  // No RRsets here. The name exists if the next one in canonical order lies below it.
  const OwnerItem* next = owners_.first_gt(relative_key);
  if (!next || !next->owner->key().starts_with(relative_key)) return {};
  const OwnerItem* served = owners_.first_gt(relative_key, kInNsec);
  const bool authoritative = served && served->owner->key().starts_with(relative_key);
  return {nullptr, static_cast<OwnerFlags>(authoritative ? kAuthoritative : kBelowCut), true};
}

Zone::Neighbours Zone::nsec_neighbours(std::string_view relative_key) const {
  const OwnerItem* before = owners_.last_le(relative_key, kInNsec);
  const OwnerItem* after = owners_.first_gt(relative_key, kInNsec);
  return {before ? before->owner->key() : std::string_view(), after ? after->owner->key() : std::string_view()};
}

std::optional<Zone::HashNeighbours> Zone::hash_neighbours(const Nsec3Hash& hash) const {
  if (hashes_.empty()) return std::nullopt;
  const HashItem* before = hashes_.last_le(hash);
  if (!before) before = hashes_.last();
  const HashItem* after = hashes_.first_gt(hash);
  if (!after) after = hashes_.first();
  return HashNeighbours{before->hash, after->hash, before->key->view()};
}

std::optional<std::string_view> Zone::cut_above(std::string_view relative_key) const {
  for (std::string_view key = relative_key; !key.empty(); key = dns::parent_key(key))
    if (const OwnerItem* item = owners_.find(key); item && (item->flags & kCut) != 0) return key;
  return std::nullopt;
}

bool Zone::wildcard_for(std::string_view relative_key, std::string& scratch) const {
  std::string_view encloser = relative_key;
  while (!encloser.empty()) {
    encloser = dns::parent_key(encloser);
    if (encloser.empty() || find(encloser).exists) break;
  }
  scratch.assign(encloser);
  scratch.append("*\0", 2);
  return owners_.find(scratch) != nullptr;
}

}  // namespace sdns::zone
