// SPDX-License-Identifier: MIT
#include "backend/store/reseal.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "backend/store/rows.h"

namespace sdns::store {
namespace {

// A secret as it is stored, with what says where.
struct Stored {
  std::int64_t zone = 0;
  std::int64_t key = 0;
  std::string name;  // key of a TSIG key's
  std::string text;

  [[nodiscard]] bool is_tsig() const { return zone == 0; }
  [[nodiscard]] std::string context() const {
    return is_tsig() ? tsig_context(name) : key_context(static_cast<ZoneId>(zone), static_cast<std::uint32_t>(key));
  }
  [[nodiscard]] std::string what(const Connection& db) const {
    if (!is_tsig()) return fmt::format("{}: private key {} of the zone with the id {}", db.label(), key, zone);
    const auto parsed = stored_name(db, name);
    return fmt::format("{}: TSIG key {}", db.label(), parsed ? parsed->text() : "?");
  }
};

Result<std::vector<Stored>> read_slice(Connection& db, const SecretCursor& cursor, std::size_t limit) {
  const auto most = static_cast<std::int64_t>(limit);
  auto rows =
      cursor.keys_done
          ? db.query("SELECT name_key, secret FROM tsig_key WHERE name_key > $1 ORDER BY name_key LIMIT $2{lock}",
                     {Bytes{cursor.tsig_name}, most})
          : db.query(
                "SELECT zone, id, content FROM cryptokey WHERE (zone, id) > ($1, $2) ORDER BY zone, id LIMIT $3{lock}",
                {cursor.zone, cursor.key, most});
  if (!rows) return fail(rows.error());
  std::vector<Stored> slice;
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return slice;
    Stored& one = slice.emplace_back();
    if (cursor.keys_done) {
      one.name = (*rows)->text(0);
    } else {
      one.zone = (*rows)->integer(0);
      one.key = (*rows)->integer(1);
    }
    one.text = (*rows)->text(cursor.keys_done ? 1 : 2);
  }
}

// As it shall be stored; nothing: it is so already.
Result<std::optional<std::string>> wanted_text(const Connection& db, Sealing wanted, const Stored& stored) {
  const KeyFile& file = db.key_file();
  if (!is_sealed(stored.text) && wanted == Sealing::kPlain) return std::nullopt;
  const auto keys = file.keys();
  if (!keys) return fail(keys.error());
  if (is_sealed(stored.text) && wanted == Sealing::kSealed) {
    const auto id = sealed_by(stored.text);
    if (id && *id == (*keys)->first().id()) return std::nullopt;
  }
  const std::string context = stored.context();
  auto plain = plain_secret(file, stored.text, context, stored.what(db));
  if (!plain) return fail(std::move(plain.error()));
  if (wanted == Sealing::kPlain) return std::move(*plain);
  return seal_text((*keys)->first(), *plain, context);
}

Result<void> store_text(Connection& db, const Stored& stored, const std::string& text) {
  const auto done = stored.is_tsig()
                        ? db.execute("UPDATE tsig_key SET secret = $2 WHERE name_key = $1", {Bytes{stored.name}, text})
                        : db.execute("UPDATE cryptokey SET content = $3 WHERE zone = $1 AND id = $2",
                                     {stored.zone, stored.key, text});
  if (!done) return fail(done.error());
  return {};
}

Result<void> count_into(Result<RowsPtr> rows, SecretCounts& counts) {
  if (!rows) return fail(rows.error());
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return {};
    const auto number = static_cast<std::uint64_t>((*rows)->integer(1));
    if ((*rows)->text(0).empty()) counts.plain += number;
    else counts.sealed[std::string((*rows)->text(0))] += number;
  }
}

}  // namespace

Result<bool> sealing_required(Connection& db) {
  auto rows = db.query("SELECT 1 FROM meta WHERE name = 'sealing'");
  if (!rows) return fail(rows.error());
  return (*rows)->next();
}

Result<void> require_sealing(Connection& db, Sealing wanted) {
  const auto required = sealing_required(db);
  if (!required) return fail(required.error());
  if (*required == (wanted == Sealing::kSealed)) return {};
  // Who has been about to store a secret as it is has done so from here on, and is sealed with the others.
  if (auto held = db.hold(Lock::kSealing); !held) return held;
  const auto done =
      wanted == Sealing::kSealed
          ? db.execute("INSERT INTO meta (name, value) VALUES ('sealing', 'required') ON CONFLICT (name) DO NOTHING")
          : db.execute("DELETE FROM meta WHERE name = 'sealing'");
  if (!done) return fail(done.error());
  return {};
}

Result<bool> reseal_slice(Connection& db, Sealing wanted, SecretCursor& cursor, std::size_t limit) {
  if (auto set = require_sealing(db, wanted); !set) return fail(std::move(set.error()));
  const auto slice = read_slice(db, cursor, limit);
  if (!slice) return fail(slice.error());
  SecretCursor next = cursor;
  for (const Stored& stored : *slice) {
    const auto text = wanted_text(db, wanted, stored);
    if (!text) return fail(text.error());
    if (*text) {
      if (auto done = store_text(db, stored, **text); !done) return fail(std::move(done.error()));
      ++next.changed;
    }
    ++next.looked;
    if (next.keys_done) {
      next.tsig_name = stored.name;
    } else {
      next.zone = stored.zone;
      next.key = stored.key;
    }
  }
  const bool at_end = slice->size() < limit && next.keys_done;
  if (slice->size() < limit) next.keys_done = true;
  cursor = std::move(next);
  return !at_end;
}

Result<SecretCounts> count_secrets(Connection& db) {
  SecretCounts counts;
  auto done =
      count_into(db.query("SELECT CASE WHEN substr(content, 1, 7) = 'sealed:' THEN substr(content, 10, 16) ELSE '' "
                          "END, count(*) FROM cryptokey GROUP BY 1"),
                 counts);
  if (done)
    done = count_into(db.query("SELECT CASE WHEN substr(secret, 1, 7) = 'sealed:' THEN substr(secret, 10, 16) ELSE '' "
                               "END, count(*) FROM tsig_key GROUP BY 1"),
                      counts);
  if (!done) return fail(std::move(done.error()));
  const auto required = sealing_required(db);
  if (!required) return fail(required.error());
  counts.must_seal = *required;
  return counts;
}

}  // namespace sdns::store
