// SPDX-License-Identifier: MIT
// Reads what the journal says was touched, and nothing else: a statement for each kind of change that there is.
#include "backend/store/journal_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "backend/store/rows.h"
#include "backend/store/schema.h"
#include "backend/zone/digest.h"

namespace sdns::store {
namespace {

struct RowKey {
  ZoneId zone;
  ChangeKind kind;
  std::string owner;
  std::uint16_t type;
  friend auto operator<=>(const RowKey&, const RowKey&) = default;
};

Result<void> check_history(Connection& db, Revision at, const Chain& chain, const Position& now) {
  if (at > now.revision)
    return fail(history_is_another(db.label(), at, fmt::format("it ends at revision {}", now.revision)));
  auto rows = db.query("SELECT chain FROM journal WHERE revision = $1", {static_cast<std::int64_t>(at)});
  if (!rows) return fail(rows.error());
  const auto there = (*rows)->next();
  if (!there) return fail(there.error());
  if (!*there) return fail(history_is_another(db.label(), at, "it was pruned past that"));
  const auto stored = stored_chain(db, (*rows)->text(0));
  if (!stored) return fail(stored.error());
  if (*stored != chain)
    return fail(history_is_another(
        db.label(), at, fmt::format("the chain there is {}, it was {}", zone::to_hex(*stored), zone::to_hex(chain))));
  return {};
}

Result<std::set<RowKey>> read_touched(Connection& db, Revision at, Revision to) {
  std::set<RowKey> touched;
  auto rows = db.stream("SELECT zone, kind, owner, type FROM change WHERE revision > $1 AND revision <= $2",
                        {static_cast<std::int64_t>(at), static_cast<std::int64_t>(to)});
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return touched;
    const std::int64_t kind = (*rows)->integer(1);
    if (kind < static_cast<int>(ChangeKind::kCreated) || kind > static_cast<int>(ChangeKind::kOverride))
      return fail(damaged(db, fmt::format("the journal has a change of kind {}", kind)));
    touched.insert({static_cast<ZoneId>((*rows)->integer(0)), static_cast<ChangeKind>(kind),
                    std::string((*rows)->text(2)), static_cast<std::uint16_t>((*rows)->integer(3))});
  }
}

/// The changes of one range: change rows in, changes out, in the order of kinds.
class Range {
 public:
  Range(Connection& db, Revision from, Revision to) : db_(db), from_(from), to_(to) {}

  Result<std::vector<zone::Change>> read(const std::set<RowKey>& touched) {
    for (const RowKey& row : touched) {
      if (row.kind == ChangeKind::kCreated) created_.insert(row.zone);
      if (row.kind == ChangeKind::kDeleted) deleted_.insert(row.zone);
    }
    for (const RowKey& row : touched)
      if (!created_.contains(row.zone) && !deleted_.contains(row.zone)) rows_[row.kind].push_back(&row);
    // Deleted zones first: their apexes may have gone to new zones.
    for (const ZoneId id : deleted_)
      if (!created_.contains(id)) changes_.emplace_back(zone::ZoneDeleted{id});
    for (const auto step : {&Range::besides, &Range::zones, &Range::heads, &Range::settings, &Range::rrsets})
      if (auto done = (this->*step)(); !done) return fail(done.error());
    return std::move(changes_);
  }

 private:
  const std::vector<const RowKey*>& of(ChangeKind kind) { return rows_[kind]; }

  // What is of no zone: few, and each touched once.
  Result<void> besides() {
    if (!of(ChangeKind::kTsigKeys).empty()) {
      auto keys = read_tsig_keys(db_);
      if (!keys) return fail(keys.error());
      changes_.emplace_back(zone::TsigKeysChanged{std::move(*keys)});
    }
    for (const RowKey* row : of(ChangeKind::kTargetPool)) {
      auto pool = read_target_pool(db_, row->owner);
      if (!pool) return fail(pool.error());
      changes_.emplace_back(
          zone::TargetPoolChanged{row->owner, *pool ? std::optional(std::move((*pool)->pool)) : std::nullopt});
    }
    for (const RowKey* row : of(ChangeKind::kOverride)) {
      auto override = read_override(db_, row->owner);
      if (!override) return fail(override.error());
      changes_.emplace_back(zone::OverrideChanged{row->owner, std::move(*override)});
    }
    return {};
  }

  Result<void> zones() {
    const auto there = static_cast<std::size_t>(
        std::count_if(created_.begin(), created_.end(), [&](ZoneId id) { return !deleted_.contains(id); }));
    if (there == 0) return {};
    std::size_t read = 0;
    auto done = read_created(db_, from_, to_, [&](zone::ZoneContent&& content) -> Result<void> {
      ++read;
      changes_.emplace_back(zone::ZoneCreated{std::move(content)});
      return {};
    });
    if (done && read != there)
      return fail(damaged(db_, fmt::format("the journal speaks of {} new zones, of which {} are there", there, read)));
    return done;
  }

  Result<void> heads() {
    const auto& wanted = of(ChangeKind::kHead);
    if (wanted.empty()) return {};
    auto heads = read_touched_heads(db_, from_, to_);
    if (!heads) return fail(heads.error());
    auto next = wanted.begin();
    for (zone::ZoneHead& head : *heads) {
      if (created_.contains(head.id)) continue;
      if (next == wanted.end() || (*next)->zone != head.id) break;
      ++next;
      changes_.emplace_back(zone::HeadChanged{std::move(head)});
    }
    if (next != wanted.end())
      return fail(damaged(db_, fmt::format("the journal speaks of zone {}, which is not there", (*next)->zone)));
    return {};
  }

  Result<void> settings() {
    if (const auto& wanted = of(ChangeKind::kMetadata); !wanted.empty()) {
      auto metadata = read_touched_metadata(db_, from_, to_);
      if (!metadata) return fail(metadata.error());
      for (const RowKey* row : wanted)
        changes_.emplace_back(zone::MetadataChanged{row->zone, std::move((*metadata)[row->zone])});
    }
    if (const auto& wanted = of(ChangeKind::kKeys); !wanted.empty()) {
      auto keys = read_touched_keys(db_, from_, to_);
      if (!keys) return fail(keys.error());
      for (const RowKey* row : wanted)
        changes_.emplace_back(zone::KeysChanged{row->zone, std::move((*keys)[row->zone])});
    }
    return {};
  }

  Result<void> rrsets() {
    const auto& wanted = of(ChangeKind::kRrset);
    if (wanted.empty()) return {};
    auto next = wanted.begin();
    std::optional<Error> failed;
    const auto gone = [&](const RowKey& row) {
      auto owner = stored_name(db_, row.owner);
      if (!owner) {
        failed = owner.error();
        return;
      }
      changes_.emplace_back(zone::RrsetChanged{row.zone, {std::move(*owner), dns::RrType{row.type}, {}, {}}});
    };
    auto read = read_touched_rrsets(db_, from_, to_, [&](ZoneId zone, const std::string& key, dns::Rrset&& rrset) {
      const RowKey at{zone, ChangeKind::kRrset, key, rrset.type.value};
      while (next != wanted.end() && **next < at) gone(**next++);
      if (next == wanted.end() || **next != at) return;  // of a zone that is told as a whole
      ++next;
      changes_.emplace_back(zone::RrsetChanged{zone, std::move(rrset)});
    });
    if (!read) return read;
    while (next != wanted.end()) gone(**next++);
    if (failed) return fail(std::move(*failed));
    return {};
  }

  Connection& db_;
  const Revision from_;
  const Revision to_;
  std::set<ZoneId> created_;
  std::set<ZoneId> deleted_;
  std::map<ChangeKind, std::vector<const RowKey*>> rows_;
  std::vector<zone::Change> changes_;
};

}  // namespace

Error history_is_another(const std::string& label, Revision at, std::string_view why) {
  return {Errc::kDiverged,
          fmt::format("{}: its history is not the one that was followed up to revision {}: {}", label, at, why),
          "everything is loaded again"};
}

Result<void> in_one_read(Connection& db, std::string& identity, const std::function<Result<void>()>& work) {
  if (auto begun = db.begin(Access::kRead); !begun) return begun;
  const auto done = [&]() -> Result<void> {
    const auto now = read_identity(db);
    if (!now) return fail(now.error());
    if (!identity.empty() && now->database_id != identity)
      return fail(Errc::kForeign,
                  fmt::format("{}: is another database now: its id is {}, that of the one in service {}", db.label(),
                              now->database_id, identity),
                  "what was loaded stays in service; put the right one back, or restart to serve this one");
    if (auto fits = require_current_schema(db, now->schema_version, migrations().back().version); !fits) return fits;
    auto result = work();
    if (result && identity.empty()) identity = now->database_id;
    return result;
  }();
  db.rollback();
  return done;
}

Result<zone::LoadedState> read_state(Connection& db, const std::function<void(zone::ZoneContent&&)>& each) {
  const auto now = read_position(db);
  if (!now) return fail(now.error());
  const auto take = [&](zone::ZoneContent&& content) -> Result<void> {
    each(std::move(content));
    return {};
  };
  if (auto read = read_all(db, take); !read) return fail(read.error());
  auto tsig_keys = read_tsig_keys(db);
  if (!tsig_keys) return fail(tsig_keys.error());
  auto pools = read_target_pools(db);
  if (!pools) return fail(pools.error());
  auto overrides = read_overrides(db);
  if (!overrides) return fail(overrides.error());
  return zone::LoadedState{now->revision, now->chain, std::move(*tsig_keys), pools_of(std::move(*pools)),
                           overrides_of(std::move(*overrides))};
}

Result<zone::Batch> read_range(Connection& db, Revision at, const Chain& chain) {
  const auto now = read_position(db);
  if (!now) return fail(now.error());
  if (auto same = check_history(db, at, chain, *now); !same) return fail(same.error());
  zone::Batch batch{at, now->revision, now->chain, {}};
  if (at == now->revision) return batch;
  const auto touched = read_touched(db, at, now->revision);
  if (!touched) return fail(touched.error());
  auto changes = Range(db, at, now->revision).read(*touched);
  if (!changes) return fail(changes.error());
  batch.changes = std::move(*changes);
  return batch;
}

}  // namespace sdns::store
