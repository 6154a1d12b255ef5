// SPDX-License-Identifier: MIT
#include "backend/zone/zone_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <type_traits>
#include <utility>

#include "backend/zone/zone_edit.h"

namespace sdns::zone {
namespace {

// What a zone must have to be answered from. Everything else is for check_zone and check_edit: PowerDNS can serve it.
Result<void> check_servable(const Zone& zone) {
  const Owner* apex = zone.find("").owner;
  RrsetView soa;
  const bool has_soa = apex && apex->find(dns::kSOA, soa);
  if (has_soa && soa.count != 1)
    return fail(Errc::kInvalidZone, fmt::format("{} has {} SOA records; a zone has one (RFC 1035 section 5.2)",
                                                zone.apex().text(), soa.count));
  if (!has_soa && zone.head().kind != Kind::kSecondary && !zone.owners().empty())
    return fail(Errc::kInvalidZone,
                fmt::format("{} has records but no SOA (RFC 1035 section 5.2)", zone.apex().text()));
  return {};
}

std::shared_ptr<const std::vector<TsigKey>> sorted_keys(std::vector<TsigKey> keys) {
  std::sort(keys.begin(), keys.end(), [](const TsigKey& a, const TsigKey& b) { return a.name < b.name; });
  return std::make_shared<const std::vector<TsigKey>>(std::move(keys));
}

std::shared_ptr<const health::Overrides> sorted_overrides(health::Overrides overrides) {
  const auto before = [](const health::Override& a, const health::Override& b) { return a.target < b.target; };
  if (!std::is_sorted(overrides.begin(), overrides.end(), before))
    std::sort(overrides.begin(), overrides.end(), before);
  return std::make_shared<const health::Overrides>(std::move(overrides));
}

Result<health::TargetPools> stored_pools(std::vector<health::TargetPool> pools) {
  auto made = health::TargetPools::make(std::move(pools));
  if (made) return made;
  Error error = std::move(made.error());
  error.code = Errc::kInvalidZone;
  return fail(std::move(error));
}

std::vector<std::string> differing_pools(const ZoneSet& before, const ZoneSet& after) {
  if (before.target_pools() == after.target_pools()) return {};  // shared
  return health::TargetPools::differing(*before.target_pools(), *after.target_pools());
}

// One batch on its way into a set.
class Application {
 public:
  Application(const ZoneSet& before, Revision revision) : before_(before), revision_(revision) {}

  Result<void> take(const Change& change) {
    return std::visit([this](const auto& c) { return this->on(c); }, change);
  }

  Result<Applied> finish(const Chain& chain) {
    std::vector<ZoneRef> put;
    for (auto& [id, editor] : editors_) {
      ZoneRef zone = editor.finish(revision_);
      if (auto ok = check_servable(*zone); !ok) return fail(ok.error());
      put.push_back(std::move(zone));
    }
    for (auto& [id, zone] : created_) put.push_back(zone);
    if (auto ok = check_apexes(put); !ok) return fail(ok.error());
    auto pools = changed_pools();
    if (!pools) return fail(pools.error());
    applied_.set = ZoneSetBuilder::edit(
        before_, put, deleted_, revision_, chain,
        {.tsig_keys = std::move(tsig_keys_), .stored_pools = std::move(*pools), .overrides = changed_overrides()});
    applied_.target_pools = differing_pools(before_, *applied_.set);
    return std::move(applied_);
  }

 private:
  Result<void> on(const ZoneCreated& c) {
    ZoneContent content = c.zone;
    const ZoneId id = content.head.id;
    const dns::Name apex = content.head.apex;
    if (before_.find(id))
      return fail(Errc::kInvalidZone, fmt::format("zone id {} of {} is in use already", id, apex.text()));
    auto zone = ZoneEditor::build(std::move(content), revision_);
    if (!zone) return fail(zone.error());
    if (auto ok = check_servable(**zone); !ok) return fail(ok.error());
    created_[id] = std::move(*zone);
    applied_.zones.push_back({ZoneTouch::What::kCreated, id, apex});
    return {};
  }
  Result<void> on(const ZoneDeleted& c) {
    const Zone* zone = before_.find(c.zone);
    if (!zone) return unknown(c.zone);
    deleted_.push_back(c.zone);
    applied_.zones.push_back({ZoneTouch::What::kDeleted, c.zone, zone->apex()});
    return {};
  }
  Result<void> on(const HeadChanged& c) {
    ZoneEditor* editor = editor_for(c.head.id);
    if (!editor) return unknown(c.head.id);
    editor->set_head(c.head);
    return {};
  }
  Result<void> on(const RrsetChanged& c) {
    ZoneEditor* editor = editor_for(c.zone);
    if (!editor) return unknown(c.zone);
    applied_.rrsets.push_back({c.zone, c.rrset.owner, c.rrset.type});
    return editor->set_rrset(c.rrset);
  }
  Result<void> on(const MetadataChanged& c) {
    ZoneEditor* editor = editor_for(c.zone);
    if (!editor) return unknown(c.zone);
    editor->set_metadata(c.metadata);
    applied_.zones.push_back({ZoneTouch::What::kSettings, c.zone, before_.find(c.zone)->apex()});
    return {};
  }
  Result<void> on(const KeysChanged& c) {
    ZoneEditor* editor = editor_for(c.zone);
    if (!editor) return unknown(c.zone);
    editor->set_keys(c.keys);
    applied_.zones.push_back({ZoneTouch::What::kSettings, c.zone, before_.find(c.zone)->apex()});
    return {};
  }

  Result<void> on(const TsigKeysChanged& c) {
    tsig_keys_ = c.keys;
    return {};
  }
  Result<void> on(const TargetPoolChanged& c) {
    pools_[c.name] = c.pool;
    return {};
  }

  // The stored pools with the changes; nothing when there are none.
  Result<std::optional<health::TargetPools>> changed_pools() {
    if (pools_.empty()) return std::nullopt;
    std::vector<health::TargetPool> all;
    for (const health::TargetPool& pool : before_.stored_target_pools().all())
      if (!pools_.contains(pool.name)) all.push_back(pool);
    for (auto& [name, pool] : pools_)
      if (pool) all.push_back(std::move(*pool));
    return stored_pools(std::move(all));
  }

  Result<void> on(const OverrideChanged& c) {
    overrides_[c.target] = c.override;
    return {};
  }
  // All overrides with the changes; nothing when there are none.
  std::optional<health::Overrides> changed_overrides() {
    if (overrides_.empty()) return std::nullopt;
    health::Overrides all;
    all.reserve(before_.overrides()->size() + overrides_.size());
    auto change = overrides_.begin();
    const auto changes_before = [&](const std::string* target) {
      for (; change != overrides_.end() && (target == nullptr || change->first < *target); ++change)
        if (change->second) all.push_back(std::move(*change->second));
    };
    for (const health::Override& override : *before_.overrides()) {
      changes_before(&override.target);
      if (change == overrides_.end() || change->first != override.target) all.push_back(override);
    }
    changes_before(nullptr);
    return all;
  }

  static Result<void> unknown(ZoneId id) {
    return fail(Errc::kInvalidZone, fmt::format("the batch changes zone id {}, which is not served", id));
  }

  ZoneEditor* editor_for(ZoneId id) {
    if (const auto at = editors_.find(id); at != editors_.end()) return &at->second;
    const Zone* zone = before_.find(id);
    if (!zone) return nullptr;
    return &editors_.emplace(id, ZoneEditor(*zone)).first->second;
  }

  // Two zones with one apex would hide each other.
  Result<void> check_apexes(const std::vector<ZoneRef>& put) const {
    for (const ZoneRef& zone : put) {
      const Zone* other = before_.find_apex(zone->apex_key());
      const bool gone = other && std::find(deleted_.begin(), deleted_.end(), other->id()) != deleted_.end();
      if (other && !gone && other->id() != zone->id())
        return fail(Errc::kInvalidZone, fmt::format("{} would be served as zone id {} and {}", zone->apex().text(),
                                                    other->id(), zone->id()));
    }
    return {};
  }

  const ZoneSet& before_;
  Revision revision_;
  std::map<ZoneId, ZoneEditor> editors_;
  std::map<ZoneId, ZoneRef> created_;
  std::vector<ZoneId> deleted_;
  std::optional<std::vector<TsigKey>> tsig_keys_;
  std::map<std::string, std::optional<health::TargetPool>> pools_;
  std::map<std::string, std::optional<health::Override>> overrides_;
  Applied applied_;
};

}  // namespace

int ByIdTraits::compare(const ZoneItem& item, const Probe& probe) {
  const ZoneId id = item.zone->id();
  return id < probe ? -1 : id > probe ? 1 : 0;
}

int ByApexTraits::compare(const ZoneItem& item, const Probe& probe) { return item.zone->apex_key().compare(probe); }

const Zone* ZoneSet::find(ZoneId id) const {
  const ZoneItem* item = by_id_.find(id);
  return item ? item->zone.get() : nullptr;
}

const Zone* ZoneSet::find_apex(std::string_view apex_key) const {
  const ZoneItem* item = by_apex_.find(apex_key);
  return item ? item->zone.get() : nullptr;
}

const Zone* ZoneSet::closest(std::string_view key) const {
  for (;; key = dns::parent_key(key)) {
    if (const Zone* zone = find_apex(key)) return zone;
    if (key.empty()) return nullptr;
  }
}

const TsigKey* ZoneSet::find_tsig_key(const dns::Name& name) const {
  const auto at = std::lower_bound(tsig_keys_->begin(), tsig_keys_->end(), name,
                                   [](const TsigKey& key, const dns::Name& wanted) { return key.name < wanted; });
  return at != tsig_keys_->end() && at->name == name ? &*at : nullptr;
}

Result<Applied> apply(const ZoneSet& before, const Batch& batch) {
  if (batch.from != before.revision())
    return fail(Errc::kInvalidArgument, fmt::format("the batch starts at revision {}, the zones served are at {}",
                                                    batch.from, before.revision()));
  Application application(before, batch.to);
  for (const Change& change : batch.changes)
    if (auto ok = application.take(change); !ok) return fail(ok.error());
  return application.finish(batch.chain);
}

Applied configure(const ZoneSet& before, health::TargetPools pools) {
  Applied applied;
  applied.set =
      ZoneSetBuilder::edit(before, {}, {}, before.revision(), before.chain(), {.configured_pools = std::move(pools)});
  applied.target_pools = differing_pools(before, *applied.set);
  return applied;
}

void ZoneSet::merge_pools() {
  health::MergedPools merged = health::TargetPools::merge(*configured_pools_, *stored_pools_);
  target_pools_ = std::make_shared<const health::TargetPools>(std::move(merged.pools));
  hidden_pools_ = std::move(merged.hidden);
}

Result<void> ZoneSetBuilder::add_target_pools(std::vector<health::TargetPool> pools) {
  auto made = stored_pools(std::move(pools));
  if (!made) return fail(std::move(made.error()));
  stored_pools_ = std::move(*made);
  return {};
}

Result<void> ZoneSetBuilder::add(ZoneContent&& content) {
  auto zone = ZoneEditor::build(std::move(content), 0);
  if (!zone) return fail(zone.error());
  return add(std::move(*zone));
}

Result<void> ZoneSetBuilder::add(ZoneRef zone) {
  if (auto ok = check_servable(*zone); !ok) return fail(ok.error());
  zones_.push_back(std::move(zone));
  return {};
}

ZoneSetPtr ZoneSetBuilder::finish(Revision revision, const Chain& chain, std::vector<TsigKey> tsig_keys) {
  auto set = std::make_shared<ZoneSet>();
  std::vector<ZoneItem> items;
  items.reserve(zones_.size());
  for (ZoneRef& zone : zones_) items.push_back({std::move(zone)});
  zones_.clear();
  std::sort(items.begin(), items.end(),
            [](const ZoneItem& a, const ZoneItem& b) { return a.zone->id() < b.zone->id(); });
  set->by_id_ = PTree<ByIdTraits>::build(items);
  std::sort(items.begin(), items.end(),
            [](const ZoneItem& a, const ZoneItem& b) { return a.zone->apex_key() < b.zone->apex_key(); });
  set->by_apex_ = PTree<ByApexTraits>::build(std::move(items));
  set->tsig_keys_ = sorted_keys(std::move(tsig_keys));
  set->configured_pools_ = std::make_shared<const health::TargetPools>(std::move(configured_pools_));
  set->stored_pools_ = std::make_shared<const health::TargetPools>(std::move(stored_pools_));
  set->merge_pools();
  set->overrides_ = sorted_overrides(std::move(overrides_));
  set->revision_ = revision;
  set->chain_ = chain;
  return set;
}

ZoneSetPtr ZoneSetBuilder::edit(const ZoneSet& before, const std::vector<ZoneRef>& put,
                                const std::vector<ZoneId>& erased, Revision revision, const Chain& chain,
                                Besides besides) {
  auto set = std::make_shared<ZoneSet>(before);
  for (const ZoneId id : erased) {
    const Zone* zone = before.find(id);
    if (!zone) continue;
    set->by_apex_.erase(zone->apex_key());
    set->by_id_.erase(id);
  }
  for (const ZoneRef& zone : put) {
    set->by_id_.insert({zone});
    set->by_apex_.insert({zone});
  }
  if (besides.tsig_keys) set->tsig_keys_ = sorted_keys(std::move(*besides.tsig_keys));
  if (besides.configured_pools)
    set->configured_pools_ = std::make_shared<const health::TargetPools>(std::move(*besides.configured_pools));
  if (besides.stored_pools)
    set->stored_pools_ = std::make_shared<const health::TargetPools>(std::move(*besides.stored_pools));
  if (besides.configured_pools || besides.stored_pools) set->merge_pools();
  if (besides.overrides) set->overrides_ = sorted_overrides(std::move(*besides.overrides));
  set->revision_ = revision;
  set->chain_ = chain;
  return set;
}

}  // namespace sdns::zone
