// SPDX-License-Identifier: MIT
#include "backend/store/revision.h"

#include <sodium/crypto_hash_sha256.h>

#include <string>

namespace sdns::store {
namespace {

// SHA-256 of the chain before and the digest, as PostgreSQL computes it itself.
std::string linked(std::string_view before, std::string_view digest) {
  std::string both(before);
  both += digest;
  std::string chain(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(chain.data()),
                     reinterpret_cast<const unsigned char*>(both.data()), both.size());
  return chain;
}

}  // namespace

Result<GivenRevision> write_revision(Connection& db, const RevisionDraft& draft) {
  GivenRevision given;
  {
    auto rows = db.query("SELECT revision, chain FROM journal ORDER BY revision DESC LIMIT 1");
    if (!rows) return fail(rows.error());
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    given.revision = *there ? (*rows)->integer(0) + 1 : 0;
    given.chain = linked(*there ? (*rows)->text(1) : std::string_view(), draft.digest);
  }
  for (const RevisionDraft::Change& change : draft.changes) {
    const auto done = db.execute("INSERT INTO change (revision, zone, kind, owner, type) VALUES ($1, $2, $3, $4, $5)",
                                 {given.revision, change.zone, change.kind, Bytes{change.owner}, change.type});
    if (!done) return fail(done.error());
  }
  for (const std::int64_t zone : draft.zones)
    if (const auto done = db.execute("UPDATE zone SET revision = $2 WHERE id = $1", {zone, given.revision}); !done)
      return fail(done.error());
  for (const std::string& pool : draft.pools)
    if (const auto done = db.execute("UPDATE target_pool SET revision = $2 WHERE name = $1", {pool, given.revision});
        !done)
      return fail(done.error());
  for (const std::string& target : draft.overrides)
    if (const auto done =
            db.execute("UPDATE health_override SET revision = $2 WHERE target = $1", {target, given.revision});
        !done)
      return fail(done.error());
  const auto noted = db.execute(
      "INSERT INTO journal (revision, epoch, committed_at, who, digest, chain) "
      "SELECT max(revision) + 1, max(epoch), $1, $2, $3, $4 FROM journal",
      {draft.committed_at, draft.who, Bytes{draft.digest}, Bytes{given.chain}});
  if (!noted) return fail(noted.error());
  return given;
}

}  // namespace sdns::store
