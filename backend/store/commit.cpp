// SPDX-License-Identifier: MIT
// The end of an edit: serials move, the journal row is written, the revision is taken.
#include <algorithm>
#include <chrono>
#include <utility>

#include "backend/store/serial_policy.h"
#include "backend/store/signing.h"
#include "backend/store/transaction.h"

namespace sdns::store {

Result<void> SqlTransaction::move_serials() {
  for (auto& [id, zone] : edited_) {
    const bool edited_itself = zone.serial != zone.serial_before;
    if (zone.created || zone.deleted || zone.rrsets.empty() || !zone.serial || edited_itself) continue;
    if (zone.policy == SerialPolicy::kKeep || zone.head.kind == zone::Kind::kSecondary) continue;
    const auto metadata = read_metadata(db_, id);
    if (!metadata) return fail(metadata.error());
    const std::string soa_edit = metadata_value(*metadata, "SOA-EDIT").value_or("");
    const std::uint32_t serial = next_serial(zone.policy, soa_edit, *zone.serial, clock_.wall_now());
    if (serial == *zone.serial) continue;
    const dns::Name& apex = zone.head.apex;
    auto soa = read_rrset(db_, id, apex, apex.key(), dns::kSOA);
    if (!soa) return fail(soa.error());
    for (const std::string& content : soa->contents) {
      const auto done =
          run("UPDATE record SET content = $4 WHERE zone = $1 AND owner = $2 AND type = $3 AND content = $5",
              {id, Bytes{apex.key()}, dns::kSOA.value, with_soa_serial(content, serial), content});
      if (!done) return fail(done.error());
    }
    zone.rrsets.emplace_back(apex.key(), dns::kSOA.value);
    if (auto noted = note_serial(zone, serial); !noted) return noted;
  }
  return {};
}

Result<void> SqlTransaction::journal_tsig_keys(RevisionDraft& draft, zone::Hasher& hasher) {
  hasher.add(std::uint64_t{0});
  hasher.add(static_cast<std::uint64_t>(ChangeKind::kTsigKeys));
  draft.changes.push_back({0, static_cast<std::int64_t>(ChangeKind::kTsigKeys), {}, 0});
  const auto keys = read_tsig_keys(db_);
  if (!keys) return fail(keys.error());
  zone::add_tsig_keys(hasher, *keys);
  return {};
}

// Change rows in the order of their keys, and what each adds to the digest: the kind, and the new content.
Result<void> SqlTransaction::journal_zone(Edited& zone, RevisionDraft& draft, zone::Hasher& hasher) {
  const ZoneId id = zone.head.id;
  const auto row = [&](ChangeKind kind, std::string_view key = {}, dns::RrType type = {}) {
    hasher.add(std::uint64_t{id});
    hasher.add(static_cast<std::uint64_t>(kind));
    draft.changes.push_back({id, static_cast<std::int64_t>(kind), std::string(key), type.value});
  };
  if (zone.deleted) {
    row(ChangeKind::kDeleted);
    return {};
  }
  draft.zones.push_back(id);
  if (zone.created) {
    row(ChangeKind::kCreated);
    const auto digest = read_zone_digest(db_, zone.head);
    if (!digest) return fail(digest.error());
    hasher.add(*digest);
    return {};
  }
  if (zone.head_touched) {
    row(ChangeKind::kHead);
    zone::add_head(hasher, zone.head);
  }
  if (zone.metadata_touched) {
    row(ChangeKind::kMetadata);
    const auto metadata = read_metadata(db_, id);
    if (!metadata) return fail(metadata.error());
    zone::add_metadata(hasher, *metadata);
  }
  if (zone.keys_touched) {
    row(ChangeKind::kKeys);
    const auto keys = read_keys(db_, id);
    if (!keys) return fail(keys.error());
    zone::add_keys(hasher, *keys);
  }
  std::sort(zone.rrsets.begin(), zone.rrsets.end());
  zone.rrsets.erase(std::unique(zone.rrsets.begin(), zone.rrsets.end()), zone.rrsets.end());
  for (const auto& [key, type] : zone.rrsets) {
    row(ChangeKind::kRrset, key, dns::RrType{type});
    const auto rrset = read_rrset(db_, id, dns::Name::from_key(key), key, dns::RrType{type});
    if (!rrset) return fail(rrset.error());
    zone::add_rrset(hasher, *rrset);
  }
  return {};
}

// Everything that a revision says is put together first: nothing is read between its giving and the end.
Result<Position> SqlTransaction::journal(std::string_view who) {
  RevisionDraft draft;
  zone::Hasher hasher;
  if (tsig_keys_touched_) {
    if (auto done = journal_tsig_keys(draft, hasher); !done) return fail(done.error());
  }
  if (auto done = journal_target_pools(draft, hasher); !done) return fail(done.error());
  if (auto done = journal_overrides(draft, hasher); !done) return fail(done.error());
  for (auto& [id, zone] : edited_) {
    if (!zone.served_change()) continue;
    if (auto done = journal_zone(zone, draft, hasher); !done) return fail(done.error());
  }
  const zone::Digest digest = hasher.finish();
  draft.who = who;
  draft.digest = octets(digest);
  draft.committed_at =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall_now().time_since_epoch()).count();
  const auto given = db_.commit_revision(draft);
  if (!given) return fail(given.error());
  const auto chain = stored_chain(db_, given->chain);
  if (!chain) return fail(chain.error());
  return Position{static_cast<Revision>(given->revision), *chain};
}

Result<Position> SqlTransaction::commit(std::string_view who) {
  if (auto ready = require_edit(); !ready) {
    if (failed_ && !ended_) {
      db_.rollback();
      ended_ = true;
    }
    return fail(ready.error());
  }
  auto finished = [&]() -> Result<Position> {
    if (auto moved = move_serials(); !moved) return fail(moved.error());
    if (auto settled = settle_target_pools(); !settled) return fail(settled.error());
    if (auto settled = settle_overrides(); !settled) return fail(settled.error());
    const bool served =
        tsig_keys_touched_ || !pools_before_.empty() || !overrides_before_.empty() ||
        std::any_of(edited_.begin(), edited_.end(), [](const auto& entry) { return entry.second.served_change(); });
    if (served) return journal(who);
    auto position = read_position(db_);
    if (!position) return position;
    if (auto done = db_.commit(); !done) return fail(done.error());
    return position;
  }();
  if (!finished) db_.rollback();
  ended_ = true;
  return finished;
}

}  // namespace sdns::store
