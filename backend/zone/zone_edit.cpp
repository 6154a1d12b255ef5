// SPDX-License-Identifier: MIT
#include "backend/zone/zone_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "backend/base/json_text.h"
#include "backend/dns/dnssec_key.h"
#include "backend/dns/soa.h"
#include "backend/zone/metadata.h"

namespace sdns::zone {
namespace {

tl::unexpected<Error> outside(const dns::Name& owner, const dns::Name& apex) {
  return fail(Errc::kInvalidZone, fmt::format("{} is not at or below the zone's apex {}", owner.text(), apex.text()));
}

std::string render_metadata(const std::vector<Metadata>& metadata) {
  if (metadata.empty()) return "false";
  std::string json = "{";
  for (const Metadata& entry : metadata) {
    if (json.size() > 1) json += ',';
    append_json_string(json, entry.kind);
    json += ":[";
    for (std::size_t i = 0; i < entry.values.size(); ++i) {
      if (i > 0) json += ',';
      append_json_string(json, entry.values[i]);
    }
    json += ']';
  }
  return json + '}';
}

std::string render_keys(const std::vector<Key>& keys) {
  if (keys.empty()) return "false";
  std::string json = "[";
  for (const Key& key : keys) {
    if (json.size() > 1) json += ',';
    json += fmt::format(R"({{"id":{},"flags":{},"active":{},"published":{},"content":)", key.id, key.flags, key.active,
                        key.published);
    append_json_string(json, key.content);
    json += '}';
  }
  return json + ']';
}

std::shared_ptr<const ZoneSettings> make_settings(std::vector<Metadata> metadata, std::vector<Key> keys) {
  auto settings = std::make_shared<ZoneSettings>();
  std::sort(metadata.begin(), metadata.end(), [](const Metadata& a, const Metadata& b) { return a.kind < b.kind; });
  settings->denial = parse_denial(metadata);
  settings->metadata_json = render_metadata(metadata);
  settings->keys_json = render_keys(keys);
  settings->metadata = std::move(metadata);
  settings->keys = std::move(keys);
  return settings;
}

// The owner name of an NSEC3 record in a presigned zone: it exists for itself alone and is in no chain (RFC 5155
// section 7.1). Of a zone that it transfers PowerDNS keeps the signature there, and makes the NSEC3 record from the
// chain.
bool is_hash_owner(const Owner& owner) {
  for (std::size_t i = 0; i < owner.rrset_count(); ++i)
    if (const dns::RrType type = owner.rrset(i).type; type != dns::kRRSIG && type != dns::kNSEC3) return false;
  return !owner.key().empty();
}

OwnerFlags lua_flags(const Owner& owner) {
  if (!owner.has(dns::kLUA)) return 0;
  return dns::key_is_wildcard(owner.key()) ? kHasLua | kLuaWildcard : kHasLua;
}

OwnerFlags chain_flags(const Owner& owner, bool below_cut) {
  if (below_cut) return kBelowCut;
  if (is_hash_owner(owner)) return kAuthoritative;
  if (!owner.key().empty() && owner.has(dns::kNS))
    return static_cast<OwnerFlags>(kCut | kInNsec | (owner.has(dns::kDS) ? kInOptOut : 0));
  return kAuthoritative | kInNsec | kInOptOut;
}

OwnerFlags flags_for(const Owner& owner, bool below_cut) {
  return static_cast<OwnerFlags>(chain_flags(owner, below_cut) | lua_flags(owner));
}

OwnerItem item_of(Ref<Owner> owner, bool below_cut) {
  const OwnerFlags flags = flags_for(*owner, below_cut);
  const std::uint64_t prefix = OwnerTraits::prefix_of(owner->key());
  return {prefix, std::move(owner), flags};
}

// Owner names that come in canonical order, as items.
class OwnersInOrder {
 public:
  explicit OwnersInOrder(std::size_t expected) { items_.reserve(expected); }
  void add(Ref<Owner> owner) {
    const std::string_view key = owner->key();
    const bool below_cut = !cut_.empty() && key.starts_with(cut_);
    items_.push_back(item_of(std::move(owner), below_cut));
    if ((items_.back().flags & kCut) != 0) cut_ = key;
  }
  OwnerTree build() && { return OwnerTree::build(std::move(items_)); }

 private:
  std::vector<OwnerItem> items_;
  std::string_view cut_;  // the zone cut that the names which follow may lie below; in one of the items
};

}  // namespace

Denial parse_denial(const std::vector<Metadata>& metadata) {
  const std::optional<std::string> param = metadata_value(metadata, "NSEC3PARAM");
  if (!param) return {};
  unsigned algorithm = 0;
  unsigned flags = 0;
  unsigned iterations = 0;
  char salt[513] = {};
  if (std::sscanf(param->c_str(), "%u %u %u %512s", &algorithm, &flags, &iterations, salt) != 4 || algorithm != 1 ||
      iterations > 0xFFFF)
    return {};
  Denial denial;
  denial.mode = Denial::Mode::kNsec3;
  denial.opt_out = (flags & 1) != 0;
  denial.iterations = static_cast<std::uint16_t>(iterations);
  const std::string_view hex = salt;
  if (hex != "-") {
    if (hex.size() % 2 != 0) return {};
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      unsigned octet = 0;
      const auto [end, error] = std::from_chars(hex.data() + i, hex.data() + i + 2, octet, 16);
      if (error != std::errc{} || end != hex.data() + i + 2) return {};
      denial.salt += static_cast<char>(octet);
    }
  }
  if (metadata_value(metadata, "NSEC3NARROW") == "1") denial.mode = Denial::Mode::kNsec3Narrow;
  return denial;
}

ZoneEditor::ZoneEditor(const Zone& base)
    : head_(base.head_),
      apex_key_(base.apex_key_),
      serial_(base.serial_),
      settings_(base.settings_),
      owners_(base.owners_),
      hashes_(base.hashes_) {}

ZoneEditor::ZoneEditor(ZoneContent&& content)
    : head_(std::make_shared<ZoneHead>(std::move(content.head))),
      apex_key_(head_->apex.key()),
      settings_(make_settings(std::move(content.metadata), std::move(content.keys))) {}

Result<ZoneRef> ZoneEditor::build(ZoneContent&& content, Revision revision) {
  struct Keyed {
    std::string key;
    dns::Record* record;
  };
  std::vector<dns::Record> records = std::move(content.records);
  ZoneEditor editor(std::move(content));
  std::vector<Keyed> order;
  order.reserve(records.size());
  for (dns::Record& record : records) {
    if (!record.owner.at_or_below(editor.head_->apex)) return outside(record.owner, editor.head_->apex);
    order.push_back({record.owner.key().substr(editor.apex_key_.size()), &record});
  }
  std::sort(order.begin(), order.end(), [](const Keyed& a, const Keyed& b) {
    const int by_key = a.key.compare(b.key);
    return by_key != 0 ? by_key < 0 : a.record->type < b.record->type;
  });

  OwnersInOrder owners(0);
  for (std::size_t i = 0; i < order.size();) {
    const std::string& key = order[i].key;
    std::vector<dns::Rrset> rrsets;
    for (; i < order.size() && order[i].key == key; ++i) {
      dns::Record& record = *order[i].record;
      if (rrsets.empty() || rrsets.back().type != record.type)
        rrsets.push_back({record.owner, record.type, record.ttl, {}});
      rrsets.back().contents.push_back(std::move(record.content));
    }
    owners.add(Owner::build(key, std::move(rrsets)));
  }
  editor.owners_ = std::move(owners).build();
  editor.rebuild_hashes();
  editor.update_serial();
  return editor.finish(revision);
}

ZoneRef ZoneEditor::restore(ZoneContent&& settings, std::vector<Ref<Owner>> owners, Revision revision) {
  ZoneEditor editor(std::move(settings));
  OwnersInOrder ordered(owners.size());
  for (Ref<Owner>& owner : owners) ordered.add(std::move(owner));
  editor.owners_ = std::move(ordered).build();
  editor.rebuild_hashes();
  editor.update_serial();
  return editor.finish(revision);
}

bool ZoneEditor::below_cut(std::string_view key) const {
  while (!key.empty()) {
    key = dns::parent_key(key);
    if (key.empty()) return false;
    if (const OwnerItem* item = owners_.find(key); item && (item->flags & kCut) != 0) return true;
  }
  return false;
}

Result<void> ZoneEditor::set_rrset(const dns::Rrset& rrset) {
  if (!rrset.owner.at_or_below(head_->apex)) return outside(rrset.owner, head_->apex);
  const std::string key = rrset.owner.key().substr(apex_key_.size());
  const OwnerItem* found = owners_.find(key);
  if (!found && rrset.contents.empty()) return {};
  const OwnerFlags flags_before = found ? found->flags : 0;
  Ref<Owner> next = found ? Owner::with(*found->owner, rrset) : Owner::build(key, {rrset});
  OwnerFlags flags_after = 0;
  if (next) {
    OwnerItem item = item_of(std::move(next), below_cut(key));
    flags_after = item.flags;
    owners_.insert(std::move(item));
  } else {
    owners_.erase(key);
  }
  if (((flags_before ^ flags_after) & kCut) != 0) reflag_below(key, (flags_after & kCut) != 0);
  if (flags_before != flags_after) sync_hash_with_ancestors(key);
  if (key.empty() && rrset.type == dns::kSOA) update_serial();
  return {};
}

void ZoneEditor::reflag_below(std::string_view cut_key, bool is_cut) {
  // A cut that goes away may uncover cuts that lay below it; names are visited in canonical order, so that each of
  // those is seen before what lies below it.
  std::vector<Ref<Owner>> below;
  owners_.for_each_from(cut_key, [&](const OwnerItem& item) {
    if (!item.owner->key().starts_with(cut_key)) return false;
    if (item.owner->key() != cut_key) below.push_back(item.owner);
    return true;
  });
  std::string inner_cut;
  for (const Ref<Owner>& owner : below) {
    const bool hidden = is_cut || (!inner_cut.empty() && owner->key().starts_with(inner_cut));
    OwnerItem item = item_of(owner, hidden);
    if ((item.flags & kCut) != 0) inner_cut = owner->key();
    owners_.insert(std::move(item));
  }
  for (const Ref<Owner>& owner : below) sync_hash_with_ancestors(owner->key());
}

bool ZoneEditor::in_hash_chain(std::string_view key) const {
  const OwnerFlags mask = settings_->denial.opt_out ? kInOptOut : kInNsec;
  if (key.empty()) return true;
  if (const OwnerItem* item = owners_.find(key)) return (item->flags & mask) != 0;
  // An empty non-terminal takes part for what lies below it.
  const OwnerItem* below = owners_.first_gt(key, empty_non_terminal_mask());
  return below && below->owner->key().starts_with(key);
}

OwnerFlags ZoneEditor::empty_non_terminal_mask() const {
  // Opt-out may leave out what is there for insecure delegations alone (RFC 5155 section 7.1). PowerDNS takes it for
  // the closest encloser of names below it all the same, and cannot say over the remote protocol that it needs a match:
  // in the chain, there is one. What a presigned zone has in its chain its signer decided, and signers leave them out.
  const bool left_out = settings_->denial.opt_out && is_presigned(settings_->metadata);
  return left_out ? kInOptOut : kInNsec;
}

Nsec3Hash ZoneEditor::hash_of(std::string_view key) const {
  return dns::nsec3_hash(dns::Name::from_key(apex_key_ + std::string(key)), settings_->denial.salt,
                         settings_->denial.iterations);
}

void ZoneEditor::sync_hash_with_ancestors(std::string_view key) {
  if (settings_->denial.mode != Denial::Mode::kNsec3) return;
  for (;; key = dns::parent_key(key)) {
    const Nsec3Hash hash = hash_of(key);
    const bool is_there = hashes_.find(hash) != nullptr;
    if (const bool wanted = in_hash_chain(key); wanted && !is_there) hashes_.insert({hash, KeyBlob::make(key)});
    else if (!wanted && is_there) hashes_.erase(hash);
    if (key.empty()) return;
  }
}

void ZoneEditor::rebuild_hashes() {
  hashes_ = {};
  if (settings_->denial.mode != Denial::Mode::kNsec3) return;
  const OwnerFlags mask = settings_->denial.opt_out ? kInOptOut : kInNsec;
  const OwnerFlags ancestors_mask = empty_non_terminal_mask();
  std::vector<HashItem> items{{hash_of(""), KeyBlob::make("")}};
  std::string last;  // the name before, whose ancestors are there already
  owners_.for_each([&](const OwnerItem& item) {
    if ((item.flags & (mask | ancestors_mask)) == 0) return;
    const std::string_view key = item.owner->key();
    std::string_view above = key;
    while (!above.empty() && !last.starts_with(above)) {
      // A name that owns RRsets without being in the chain itself is no empty non-terminal.
      if (in_hash_chain(above)) items.push_back({hash_of(above), KeyBlob::make(above)});
      above = dns::parent_key(above);
    }
    last = key;
  });
  std::sort(items.begin(), items.end(), [](const HashItem& a, const HashItem& b) { return a.hash < b.hash; });
  hashes_ = HashTree::build(std::move(items));
}

void ZoneEditor::update_serial() {
  serial_ = std::nullopt;
  RrsetView soa;
  const OwnerItem* apex = owners_.find(std::string_view());
  if (!apex || !apex->owner->find(dns::kSOA, soa)) return;
  const std::vector<std::string> contents = contents_of(soa);
  if (const auto read = dns::read_soa(contents.front())) serial_ = dns::Serial{read->serial};
}

void ZoneEditor::set_head(ZoneHead head) { head_ = std::make_shared<ZoneHead>(std::move(head)); }

void ZoneEditor::set_metadata(std::vector<Metadata> metadata) {
  const Denial before = settings_->denial;
  const OwnerFlags mask_before = empty_non_terminal_mask();
  settings_ = make_settings(std::move(metadata), settings_->keys);
  if (settings_->denial != before || empty_non_terminal_mask() != mask_before) rebuild_hashes();
}

void ZoneEditor::set_keys(std::vector<Key> keys) { settings_ = make_settings(settings_->metadata, std::move(keys)); }

ZoneRef ZoneEditor::finish(Revision revision) {
  auto* zone = new Zone;
  zone->head_ = std::move(head_);
  zone->apex_key_ = std::move(apex_key_);
  zone->id_text_ = std::to_string(zone->head_->id);
  zone->serial_ = serial_;
  zone->settings_ = std::move(settings_);
  zone->owners_ = std::move(owners_);
  zone->hashes_ = std::move(hashes_);
  zone->revision_ = revision;
  return ZoneRef::adopt(zone);
}

}  // namespace sdns::zone
