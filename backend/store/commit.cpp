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

Result<void> SqlTransaction::journal_row(Revision revision, ZoneId zone, ChangeKind kind, std::string_view key,
                                         dns::RrType type) {
  const auto done =
      run("INSERT INTO change (revision, zone, kind, owner, type) VALUES ($1, $2, $3, $4, $5)",
          {static_cast<std::int64_t>(revision), zone, static_cast<std::int64_t>(kind), Bytes{key}, type.value});
  if (!done) return fail(done.error());
  return {};
}

Result<void> SqlTransaction::journal_tsig_keys(Revision revision, zone::Hasher& hasher) {
  hasher.add(std::uint64_t{0});
  hasher.add(static_cast<std::uint64_t>(ChangeKind::kTsigKeys));
  if (auto done = journal_row(revision, 0, ChangeKind::kTsigKeys, {}, {}); !done) return done;
  const auto keys = read_tsig_keys(db_);
  if (!keys) return fail(keys.error());
  zone::add_tsig_keys(hasher, *keys);
  return {};
}

// Change rows in the order of their keys, and what each adds to the digest: the kind, and the new content.
Result<void> SqlTransaction::journal_zone(Edited& zone, Revision revision, zone::Hasher& hasher) {
  const ZoneId id = zone.head.id;
  const auto row = [&](ChangeKind kind, std::string_view key = {}, dns::RrType type = {}) {
    hasher.add(std::uint64_t{id});
    hasher.add(static_cast<std::uint64_t>(kind));
    return journal_row(revision, id, kind, key, type);
  };
  if (zone.deleted) return row(ChangeKind::kDeleted);
  const auto touched = run("UPDATE zone SET revision = $2 WHERE id = $1", {id, static_cast<std::int64_t>(revision)});
  if (!touched) return fail(touched.error());
  if (zone.created) {
    if (auto done = row(ChangeKind::kCreated); !done) return done;
    const auto digest = read_zone_digest(db_, zone.head);
    if (!digest) return fail(digest.error());
    hasher.add(*digest);
    return {};
  }
  if (zone.head_touched) {
    if (auto done = row(ChangeKind::kHead); !done) return done;
    zone::add_head(hasher, zone.head);
  }
  if (zone.metadata_touched) {
    if (auto done = row(ChangeKind::kMetadata); !done) return done;
    const auto metadata = read_metadata(db_, id);
    if (!metadata) return fail(metadata.error());
    zone::add_metadata(hasher, *metadata);
  }
  if (zone.keys_touched) {
    if (auto done = row(ChangeKind::kKeys); !done) return done;
    const auto keys = read_keys(db_, id);
    if (!keys) return fail(keys.error());
    zone::add_keys(hasher, *keys);
  }
  std::sort(zone.rrsets.begin(), zone.rrsets.end());
  zone.rrsets.erase(std::unique(zone.rrsets.begin(), zone.rrsets.end()), zone.rrsets.end());
  for (const auto& [key, type] : zone.rrsets) {
    if (auto done = row(ChangeKind::kRrset, key, dns::RrType{type}); !done) return done;
    const auto rrset = read_rrset(db_, id, dns::Name::from_key(key), key, dns::RrType{type});
    if (!rrset) return fail(rrset.error());
    zone::add_rrset(hasher, *rrset);
  }
  return {};
}

Result<Position> SqlTransaction::journal(std::string_view who, const Position& before) {
  Position after{before.revision + 1, {}};
  zone::Hasher hasher;
  if (tsig_keys_touched_) {
    if (auto done = journal_tsig_keys(after.revision, hasher); !done) return fail(done.error());
  }
  if (auto done = journal_target_pools(after.revision, hasher); !done) return fail(done.error());
  if (auto done = journal_overrides(after.revision, hasher); !done) return fail(done.error());
  for (auto& [id, zone] : edited_) {
    if (!zone.served_change()) continue;
    if (auto done = journal_zone(zone, after.revision, hasher); !done) return fail(done.error());
  }
  const zone::Digest digest = hasher.finish();
  zone::Hasher link;
  link.add(before.chain);
  link.add(digest);
  after.chain = link.finish();
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall_now().time_since_epoch());
  // The last statement before COMMIT. On SQLite the writers' lock is held since BEGIN IMMEDIATE, so that the number
  // could be used for the change rows already.
  const auto done =
      run("INSERT INTO journal (revision, epoch, committed_at, who, digest, chain) "
          "SELECT max(revision) + 1, max(epoch), $1, $2, $3, $4 FROM journal",
          {static_cast<std::int64_t>(now.count()), who, Bytes{octets(digest)}, Bytes{octets(after.chain)}});
  if (!done) return fail(done.error());
  return after;
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
    auto position = read_position(db_);
    if (!position) return position;
    if (auto settled = settle_target_pools(); !settled) return fail(settled.error());
    if (auto settled = settle_overrides(); !settled) return fail(settled.error());
    const bool served =
        tsig_keys_touched_ || !pools_before_.empty() || !overrides_before_.empty() ||
        std::any_of(edited_.begin(), edited_.end(), [](const auto& entry) { return entry.second.served_change(); });
    if (served) position = journal(who, *position);
    if (!position) return position;
    if (auto done = db_.commit(); !done) return fail(done.error());
    return position;
  }();
  if (!finished) db_.rollback();
  ended_ = true;
  return finished;
}

}  // namespace sdns::store
