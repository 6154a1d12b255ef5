// SPDX-License-Identifier: MIT
#include "backend/answer/open_transaction.h"

#include <algorithm>

#include "backend/zone/zone_edit.h"

namespace sdns::answer {
namespace {

zone::ZoneRef share(const zone::Zone& zone) {
  zone.retain();
  return zone::ZoneRef::adopt(&zone);
}

void put_kind(std::vector<zone::Metadata>& all, const zone::Metadata& one) {
  std::erase_if(all, [&](const zone::Metadata& other) { return other.kind == one.kind; });
  all.push_back(one);
}

}  // namespace

void sort_unique(std::vector<std::string>& contents) {
  std::sort(contents.begin(), contents.end());
  contents.erase(std::unique(contents.begin(), contents.end()), contents.end());
}

std::vector<dns::RrType> types_at(const zone::Zone& zone, std::string_view key) {
  std::vector<dns::RrType> types;
  const zone::Owner* owner = zone.find(key.substr(zone.apex_key().size())).owner;
  for (std::size_t i = 0; owner && i < owner->rrset_count(); ++i) types.push_back(owner->rrset(i).type);
  return types;
}

OpenTransaction::OpenTransaction(zone::ZoneSetPtr base, const zone::Zone& zone, ZoneEdit::Mode mode)
    : base_(std::move(base)), before_(&zone), mode_(mode), settings_of_(share(zone)) {}

void OpenTransaction::touch(Touched& touched, bool fresh) {
  if (fresh || touched.shown) unseen_.push_back(&touched);
  touched.shown = false;
}

void OpenTransaction::put(dns::Rrset rrset) {
  sort_unique(rrset.contents);
  const Key key{rrset.owner.key(), rrset.type.value};
  const auto [at, fresh] = rrsets_.try_emplace(key);
  at->second.rrset = std::move(rrset);
  touch(at->second, fresh);
}

void OpenTransaction::remove_all(const dns::Name& owner) {
  const std::string key = owner.key();
  std::vector<dns::RrType> types;
  if (mode_ == ZoneEdit::Mode::kInPlace) types = types_at(*before_, key);
  for (auto at = rrsets_.lower_bound({key, 0}); at != rrsets_.end() && at->first.first == key; ++at)
    types.push_back(at->second.rrset.type);
  for (const dns::RrType type : types) put({owner, type, {}, {}});
}

void OpenTransaction::add(dns::Record&& record) {
  const Key key{record.owner.key(), record.type.value};
  const auto [at, fresh] = rrsets_.try_emplace(key);
  dns::Rrset& rrset = at->second.rrset;
  if (fresh) {
    rrset = {std::move(record.owner), record.type, record.ttl, {}};
    if (mode_ == ZoneEdit::Mode::kInPlace) {
      const std::string_view relative = std::string_view(key.first).substr(before_->apex_key().size());
      const zone::Owner* owner = before_->find(relative).owner;
      zone::RrsetView present;
      if (owner && owner->find(record.type, present)) {
        rrset.contents = zone::contents_of(present);
        rrset.ttl = std::min(rrset.ttl, present.ttl);
      }
    }
  }
  // An RRset has one TTL (RFC 2181 section 5.2): the least.
  rrset.ttl = rrset.contents.empty() ? record.ttl : std::min(rrset.ttl, record.ttl);
  rrset.contents.push_back(std::move(record.content));
  touch(at->second, fresh);
}

void OpenTransaction::set_metadata(zone::Metadata metadata) {
  put_kind(metadata_, metadata);
  settings_shown_ = false;
}

bool OpenTransaction::has_key(std::uint32_t id) const {
  const auto is_it = [id](const zone::Key& key) { return key.id == id; };
  const std::vector<zone::Key>& others = settings_of_->settings().keys;
  return std::any_of(keys_.begin(), keys_.end(), is_it) || std::any_of(others.begin(), others.end(), is_it);
}

std::vector<zone::Key> OpenTransaction::keys_over(std::vector<zone::Key> keys) const {
  using What = protocol::ChangeDomainKey::What;
  keys.insert(keys.end(), keys_.begin(), keys_.end());
  for (const ChangeKey& change : key_changes_) {
    const auto is_it = [&](const zone::Key& key) { return key.id == change.key; };
    if (change.what == What::kRemove) {
      std::erase_if(keys, is_it);
      continue;
    }
    const auto key = std::find_if(keys.begin(), keys.end(), is_it);
    if (key != keys.end()) apply_change(change.what, *key);
  }
  return keys;
}

Result<zone::ZoneSetPtr> OpenTransaction::view(const zone::ZoneSet& now) {
  const bool first = !shown_;
  const zone::Zone* current = now.find(before_->id());
  if (current && &current->settings() != &settings_of_->settings()) {
    settings_of_ = share(*current);
    settings_shown_ = false;
  }
  if (!first && unseen_.empty() && settings_shown_) return shown_;
  if (first && mode_ == ZoneEdit::Mode::kReplace) {
    auto bare = zone::ZoneEditor::build({before_->head(), {}, before_->settings().metadata, before_->settings().keys},
                                        base_->revision());
    if (!bare) return fail(bare.error());
    zone_ = std::move(*bare);
  }
  zone::ZoneEditor editor(zone_ ? *zone_ : *before_);
  for (Touched* touched : unseen_) {
    sort_unique(touched->rrset.contents);
    if (auto done = editor.set_rrset(touched->rrset); !done) return fail(done.error());
    touched->shown = true;
  }
  unseen_.clear();
  if (!settings_shown_) {
    const zone::ZoneSettings& settings = settings_of_->settings();
    std::vector<zone::Metadata> all = settings.metadata;
    for (const zone::Metadata& one : metadata_) put_kind(all, one);
    std::erase_if(all, [](const zone::Metadata& one) { return one.values.empty(); });
    editor.set_metadata(std::move(all));
    editor.set_keys(keys_over(settings.keys));
    settings_shown_ = true;
  }
  zone_ = editor.finish(base_->revision());
  shown_ = zone::ZoneSetBuilder::edit(*base_, {zone_}, {}, base_->revision(), base_->chain());
  return shown_;
}

ZoneEdit OpenTransaction::take() && {
  ZoneEdit edit{before_->id(),          mode_, base_->revision(), {}, std::move(metadata_), std::move(keys_),
                std::move(key_changes_)};
  edit.rrsets.reserve(rrsets_.size());
  for (auto at = rrsets_.begin(); at != rrsets_.end(); at = rrsets_.erase(at)) {
    sort_unique(at->second.rrset.contents);
    if (mode_ == ZoneEdit::Mode::kReplace && at->second.rrset.contents.empty()) continue;
    edit.rrsets.push_back(std::move(at->second.rrset));
  }
  return edit;
}

}  // namespace sdns::answer
