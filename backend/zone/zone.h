// SPDX-License-Identifier: MIT
// One zone as it is served: an immutable, structure-sharing tree of owner names in canonical order.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "backend/dns/serial.h"
#include "backend/zone/owner.h"
#include "backend/zone/ptree.h"
#include "backend/zone/source.h"

namespace sdns::zone {

/// What an owner name is to its zone. Kept per name in the tree, also summed up over subtrees.
enum OwnerFlag : std::uint8_t {
  kInNsec = 1,    ///< takes part in the NSEC chain: authoritative, or a zone cut
  kInOptOut = 2,  ///< takes part in an NSEC3 opt-out chain: authoritative, or a zone cut with DS
  kCut = 4,       ///< a zone cut: NS below the apex
  kBelowCut = 8,  ///< glue or occluded: not authoritative
  kAuthoritative = 16,
  kHasLua = 32,       ///< has LUA records
  kLuaWildcard = 64,  ///< has them and is a wildcard
};
using OwnerFlags = std::uint8_t;

/// Whether an RRset of `type` at a name with these flags is authoritative data: `auth` of PowerDNS.
[[nodiscard]] constexpr bool authoritative(OwnerFlags flags, dns::RrType type) {
  return (flags & kBelowCut) == 0 && ((flags & kCut) == 0 || type == dns::kDS);
}

struct OwnerItem {
  std::uint64_t prefix = 0;  ///< first octets of the key, big-endian: most comparisons end here
  Ref<Owner> owner;
  OwnerFlags flags = 0;
};
struct OwnerTraits {
  using Item = OwnerItem;
  using Key = std::string_view;
  static std::uint64_t prefix_of(std::string_view key);
  struct Probe {
    std::uint64_t prefix;
    std::string_view key;
  };
  static Probe probe(std::string_view key) { return {prefix_of(key), key}; }
  static Probe probe(const OwnerItem& item) { return {item.prefix, item.owner->key()}; }
  static int compare(const OwnerItem& item, const Probe& probe);
  static std::uint8_t flags(const OwnerItem& item) { return item.flags; }
};
using OwnerTree = PTree<OwnerTraits>;

using Nsec3Hash = std::array<std::uint8_t, 20>;
/// A refcounted relative key, for the hash index.
class KeyBlob {
 public:
  static Ref<KeyBlob> make(std::string_view key);
  [[nodiscard]] std::string_view view() const { return {reinterpret_cast<const char*>(this + 1), size_}; }
  void retain() const { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() const;

 private:
  KeyBlob() = default;
  mutable std::atomic<std::uint32_t> references_{1};
  std::uint32_t size_ = 0;
};
struct HashItem {
  Nsec3Hash hash{};
  Ref<KeyBlob> key;
};
struct HashTraits {
  using Item = HashItem;
  using Key = Nsec3Hash;
  using Probe = Nsec3Hash;
  static Probe probe(const Nsec3Hash& hash) { return hash; }
  static Probe probe(const HashItem& item) { return item.hash; }
  static int compare(const HashItem& item, const Probe& probe);
  static std::uint8_t flags(const HashItem&) { return 0; }
};
using HashTree = PTree<HashTraits>;

/// How the zone denies existence, from its NSEC3PARAM and NSEC3NARROW metadata.
struct Denial {
  enum class Mode : std::uint8_t { kNsec, kNsec3, kNsec3Narrow };
  Mode mode = Mode::kNsec;
  bool opt_out = false;
  std::uint16_t iterations = 0;
  std::string salt;  ///< raw octets
  friend bool operator==(const Denial&, const Denial&) = default;
};

/// Metadata and keys, with their answers already rendered (JSON, what stands after `"result":`).
struct ZoneSettings {
  std::vector<Metadata> metadata;
  std::vector<Key> keys;
  Denial denial;
  std::string metadata_json;  ///< `{"SOA-EDIT":["INCEPTION-EPOCH"]}`, or `false` when there is none
  std::string keys_json;      ///< array of keys, or `false` when there is none
};

/// Immutable; every accessor is safe from any thread and allocates nothing unless it says so.
class Zone {
 public:
  struct Found {
    const Owner* owner = nullptr;  ///< null for an empty non-terminal and for a name that does not exist
    OwnerFlags flags = 0;          ///< of an empty non-terminal: kAuthoritative or kBelowCut
    bool exists = false;
  };
  /// The node at exactly this relative key. An empty non-terminal exists without an owner: RFC 8020 lets a resolver
  /// take NXDOMAIN here as a denial of every name below. O(log n).
  [[nodiscard]] Found find(std::string_view relative_key) const;

  struct Neighbours {
    std::string_view before;  ///< relative keys; the apex's is ""
    std::string_view after;
  };
  /// RFC 4034: the greatest name of the NSEC chain that is <= `relative_key`, and the next one, wrapping to the apex.
  [[nodiscard]] Neighbours nsec_neighbours(std::string_view relative_key) const;

  struct HashNeighbours {
    Nsec3Hash before{};
    Nsec3Hash after{};
    std::string_view owner;  ///< relative key of the name whose hash `before` is
  };
  /// RFC 5155: likewise over the hashes, wrapping both ways. Nothing when the zone has no hash index (NSEC or narrow).
  [[nodiscard]] std::optional<HashNeighbours> hash_neighbours(const Nsec3Hash& hash) const;

  /// The relative key of the deepest zone cut at or above this key, if there is one. O(labels log n).
  [[nodiscard]] std::optional<std::string_view> cut_above(std::string_view relative_key) const;
  /// The relative key of the wildcard owner that could answer for a name that does not exist (RFC 4592 section 3.3.1:
  /// below its closest encloser), written to `scratch`; false when there is none.
  [[nodiscard]] bool wildcard_for(std::string_view relative_key, std::string& scratch) const;

  /// Whether any owner name has LUA records, or any wildcard has. O(1).
  [[nodiscard]] bool has_lua() const { return owners_.any(kHasLua); }
  [[nodiscard]] bool has_lua_wildcard() const { return owners_.any(kLuaWildcard); }

  [[nodiscard]] ZoneId id() const { return head_->id; }
  [[nodiscard]] const ZoneHead& head() const { return *head_; }
  [[nodiscard]] const dns::Name& apex() const { return head_->apex; }
  [[nodiscard]] std::string_view apex_key() const { return apex_key_; }
  [[nodiscard]] std::string_view id_text() const { return id_text_; }  ///< decimal
  /// Of the SOA; none when the zone has none (a secondary before its first transfer).
  [[nodiscard]] std::optional<dns::Serial> serial() const { return serial_; }
  [[nodiscard]] const ZoneSettings& settings() const { return *settings_; }
  [[nodiscard]] const OwnerTree& owners() const { return owners_; }
  [[nodiscard]] const HashTree& hashes() const { return hashes_; }
  [[nodiscard]] Revision revision() const { return revision_; }  ///< that last changed the zone

  void retain() const { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() const;

 private:
  friend class ZoneEditor;
  Zone() = default;
  mutable std::atomic<std::uint32_t> references_{1};
  std::shared_ptr<const ZoneHead> head_;
  std::string apex_key_;
  std::string id_text_;
  std::optional<dns::Serial> serial_;
  std::shared_ptr<const ZoneSettings> settings_;
  OwnerTree owners_;
  HashTree hashes_;
  Revision revision_ = 0;
};
using ZoneRef = Ref<Zone>;

}  // namespace sdns::zone
