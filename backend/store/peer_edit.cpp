// SPDX-License-Identifier: MIT
// TSIG keys and autoprimaries in a transaction, and who changed what since.
#include <fmt/format.h>

#include <utility>

#include "backend/store/peers.h"
#include "backend/store/transaction.h"

namespace sdns::store {

Result<std::vector<zone::TsigKey>> SqlTransaction::tsig_keys() { return read_tsig_keys(db_); }

Result<void> SqlTransaction::put_tsig_key(const zone::TsigKey& key) {
  if (auto ready = require_edit(); !ready) return ready;
  const auto checked = checked_tsig_key(key);
  if (!checked) return fail(checked.error());
  if (auto held = hold(Lock::kTsigKeys); !held) return held;
  const auto present = read_tsig_keys(db_);
  if (!present) return fail(present.error());
  for (const zone::TsigKey& one : *present)
    if (one == *checked) return {};
  const std::string key_of_name = checked->name.key();
  const auto secret = storable_secret(checked->secret, tsig_context(key_of_name));
  if (!secret) return fail(secret.error());
  const auto done =
      run("INSERT INTO tsig_key (name_key, name, algorithm, secret) VALUES ($1, $2, $3, $4) ON CONFLICT (name_key) DO "
          "UPDATE SET algorithm = excluded.algorithm, secret = excluded.secret",
          {Bytes{key_of_name}, checked->name.text(), checked->algorithm, *secret});
  if (!done) return fail(done.error());
  tsig_keys_touched_ = true;
  return {};
}

Result<void> SqlTransaction::remove_tsig_key(const dns::Name& name) {
  if (auto ready = require_edit(); !ready) return ready;
  if (auto held = hold(Lock::kTsigKeys); !held) return held;
  const auto done = run("DELETE FROM tsig_key WHERE name_key = $1", {Bytes{name.key()}});
  if (!done) return fail(done.error());
  if (*done == 0) return fail(Errc::kNotFound, fmt::format("there is no TSIG key {}", name.text()));
  tsig_keys_touched_ = true;
  return {};
}

Result<std::vector<Autoprimary>> SqlTransaction::autoprimaries() {
  std::vector<Autoprimary> list;
  auto rows = db_.query("SELECT address, nameserver, account FROM autoprimary ORDER BY address, nameserver");
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return list;
    auto nameserver = dns::Name::parse((*rows)->text(1));
    if (!nameserver) return fail(damaged(db_, "the name server of an autoprimary is no name"));
    list.push_back({std::string((*rows)->text(0)), std::move(*nameserver), std::string((*rows)->text(2))});
  }
}

Result<void> SqlTransaction::put_autoprimary(const Autoprimary& autoprimary) {
  if (auto ready = require_edit(); !ready) return ready;
  const auto address = canonical_address(autoprimary.address);
  if (!address) return fail(address.error());
  const auto done = run(
      "INSERT INTO autoprimary (address, nameserver, account) VALUES ($1, $2, $3) ON CONFLICT (address, nameserver) DO "
      "UPDATE SET account = excluded.account",
      {*address, autoprimary.nameserver.text(), autoprimary.account});
  if (!done) return fail(done.error());
  return {};
}

Result<void> SqlTransaction::remove_autoprimary(const std::string& address, const dns::Name& nameserver) {
  if (auto ready = require_edit(); !ready) return ready;
  const auto canonical = canonical_address(address);
  if (!canonical) return fail(canonical.error());
  const auto done =
      run("DELETE FROM autoprimary WHERE address = $1 AND nameserver = $2", {*canonical, nameserver.text()});
  if (!done) return fail(done.error());
  if (*done == 0)
    return fail(Errc::kNotFound, fmt::format("there is no autoprimary {} {}", *canonical, nameserver.text()));
  return {};
}

// Whether what came after `since` is still known: pruned history counts as changed. Asked last, as it may be pruned
// while the changes are looked at.
Result<bool> SqlTransaction::knows_since(Revision since) {
  auto history = db_.query("SELECT 1 FROM journal WHERE revision = $1", {static_cast<std::int64_t>(since)});
  if (!history) return fail(history.error());
  return (*history)->next();
}

Result<bool> SqlTransaction::changed_or_unknown(Result<RowsPtr> changes, Revision since) {
  if (!changes) return fail(changes.error());
  const auto changed = (*changes)->next();
  if (!changed || *changed) return changed;
  const auto known = knows_since(since);
  return known ? Result<bool>(!*known) : known;
}

Result<bool> SqlTransaction::rrset_changed_since(Revision since, ZoneId id, const dns::Name& owner, dns::RrType type) {
  auto rows = db_.query(
      "SELECT 1 FROM change WHERE revision > $1 AND zone = $2 AND (kind = $3 OR kind = $4 OR (kind = $5 AND owner = $6 "
      "AND type = $7)) LIMIT 1",
      {static_cast<std::int64_t>(since), id, static_cast<std::int64_t>(ChangeKind::kCreated),
       static_cast<std::int64_t>(ChangeKind::kDeleted), static_cast<std::int64_t>(ChangeKind::kRrset),
       Bytes{owner.key()}, type.value});
  return changed_or_unknown(std::move(rows), since);
}

Result<bool> SqlTransaction::records_changed_since(Revision since, ZoneId id) {
  auto rows =
      db_.query("SELECT 1 FROM change WHERE revision > $1 AND zone = $2 AND kind IN ($3, $4, $5) LIMIT 1",
                {static_cast<std::int64_t>(since), id, static_cast<std::int64_t>(ChangeKind::kCreated),
                 static_cast<std::int64_t>(ChangeKind::kDeleted), static_cast<std::int64_t>(ChangeKind::kRrset)});
  return changed_or_unknown(std::move(rows), since);
}

}  // namespace sdns::store
