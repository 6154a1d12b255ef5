// SPDX-License-Identifier: MIT
// The authority database as programs that edit it see it: reads, and edits that are journaled (DESIGN section 4).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/random.h"
#include "backend/health/override.h"
#include "backend/health/target_pool.h"
#include "backend/store/key_file.h"
#include "backend/store/ledger.h"
#include "backend/store/nodes.h"
#include "backend/zone/source.h"

namespace sdns::store {

using zone::Chain;
using zone::Revision;
using zone::ZoneId;

/// How the SOA serial moves with each committed edit of the zone's data. The serial of a secondary zone is its
/// primary's, whatever the policy says. With SOA-EDIT INCEPTION-… it moves so far that what PowerDNS serves grows too.
enum class SerialPolicy : std::uint8_t {
  kCounter,  ///< +1 (RFC 1982 arithmetic)
  kDate,     ///< YYYYMMDD00 of the wall clock (UTC); +1 when the serial is not behind it, so any number of edits a day
  kKeep,     ///< left to whoever edits the SOA
};

/// A record as it is stored: disabled ones are kept but not served.
struct StoredRecord {
  dns::Record record;
  bool disabled = false;
  friend bool operator==(const StoredRecord&, const StoredRecord&) = default;
};

struct ZoneRow {
  zone::ZoneHead head;
  SerialPolicy serial_policy = SerialPolicy::kCounter;
  std::optional<std::uint32_t> serial;  ///< of the SOA record; none when the zone has no SOA
  Revision revision = 0;                ///< that last touched the zone
};

/// Whose NOTIFY makes a secondary zone: a primary with this address that the zone names as a name server.
struct Autoprimary {
  std::string address;  ///< as inet_ntop writes it
  dns::Name nameserver;
  std::string account;  ///< goes to the zones that it makes
  friend bool operator==(const Autoprimary&, const Autoprimary&) = default;
};

struct PoolRow {
  health::TargetPool pool;
  Revision revision = 0;  ///< that last touched it
};

struct OverrideRow {
  health::Override override;
  Revision revision = 0;  ///< that last touched it
};

struct Identity {
  std::string database_id;  ///< random, made with the database: says whether two programs mean the same one
  int schema_version = 0;
};

struct Position {
  Revision revision = 0;
  Chain chain{};
};

/// One transaction. Reads see its own writes and otherwise one consistent state. Nothing is kept without commit();
/// destruction rolls back. Used by one thread; ends before its Authority, which has one transaction at a time.
///
/// On PostgreSQL several edits run side by side. A zone that an edit has looked at or touched stays as it is for the
/// others until the end; of everything else it sees what they have committed by then. Edits of the same zones in
/// opposite orders may end with kBusy: nothing was changed, and the whole edit can be made again.
class Transaction {
 public:
  virtual ~Transaction() = default;

  /// When the transaction began to ask: by the database's clock where it has one that all share, else by the clock with
  /// which it was opened, at each call.
  [[nodiscard]] virtual WallTime now() const = 0;

  // Reads.
  virtual Result<Position> position() = 0;
  virtual Result<std::vector<ZoneRow>> zones() = 0;
  virtual Result<std::optional<ZoneRow>> zone(const dns::Name& apex) = 0;
  virtual Result<std::optional<ZoneRow>> zone(ZoneId id) = 0;
  /// The zone with the longest apex at or above `name`.
  virtual Result<std::optional<ZoneRow>> enclosing_zone(const dns::Name& name) = 0;
  /// Every record of the zone, in no particular order, without holding them all in memory.
  virtual Result<void> records(ZoneId id, const std::function<void(StoredRecord&&)>& each) = 0;
  /// Everything at exactly this owner name, disabled records included.
  virtual Result<std::vector<StoredRecord>> records_at(ZoneId id, const dns::Name& owner) = 0;
  /// True when some owner name strictly below `owner` has a record that is served.
  virtual Result<bool> has_names_below(ZoneId id, const dns::Name& owner) = 0;
  virtual Result<std::vector<zone::Metadata>> metadata(ZoneId id) = 0;
  virtual Result<std::vector<zone::Key>> keys(ZoneId id) = 0;
  /// In order of their names.
  virtual Result<std::vector<zone::TsigKey>> tsig_keys() = 0;
  /// In order of address and name server.
  virtual Result<std::vector<Autoprimary>> autoprimaries() = 0;
  /// In order of their names.
  virtual Result<std::vector<PoolRow>> target_pools() = 0;
  virtual Result<std::optional<PoolRow>> target_pool(std::string_view name) = 0;
  /// In order of their targets; also those that have ended.
  virtual Result<std::vector<OverrideRow>> overrides() = 0;
  /// The name servers that have ever said that they follow this database, in order of their names: which revision each
  /// has, and whom to wait for (nodes_before()).
  virtual Result<std::vector<NodeRow>> nodes() = 0;
  /// Every record of a type, in order of zone and owner. Looks at all records there are.
  virtual Result<void> records_of_type(dns::RrType type, const std::function<void(ZoneId, StoredRecord&&)>& each) = 0;
  /// Whether a revision after `since` touched the RRset, or created or deleted the zone; true also when the history no
  /// longer goes back to `since`, or not yet up to it. Edits of this transaction do not count. The SOA RRset is touched
  /// by whatever moves the serial. Costs a look at each change after `since`.
  virtual Result<bool> rrset_changed_since(Revision since, ZoneId id, const dns::Name& owner, dns::RrType type) = 0;
  /// The same of any RRset of the zone.
  virtual Result<bool> records_changed_since(Revision since, ZoneId id) = 0;

  // Edits; only in a transaction from Authority::edit(). The caller has checked the DNS rules (zone/zone_check).
  // Records are stored with one TTL per RRset, the least that is served, and each content once.

  /// Errors: kExists. The id is one that no zone ever had.
  virtual Result<ZoneId> create_zone(const zone::ZoneHead& head_without_id, SerialPolicy policy) = 0;
  virtual Result<void> delete_zone(ZoneId id) = 0;
  virtual Result<void> set_head(const zone::ZoneHead& head) = 0;
  virtual Result<void> set_serial_policy(ZoneId id, SerialPolicy policy) = 0;
  /// Replaces the RRset; empty `records` removes it. All have this owner and type. Touches nothing (and takes no
  /// revision) when the RRset is already so.
  virtual Result<void> replace_rrset(ZoneId id, const dns::Name& owner, dns::RrType type,
                                     const std::vector<StoredRecord>& records) = 0;
  /// Replaces all records of the zone, journaling only the RRsets that differ. Unless the policy is kKeep or the zone
  /// a secondary, a SOA whose serial is not ahead of the zone's (RFC 1982) is taken with the zone's, so that the same
  /// file twice changes nothing.
  virtual Result<void> replace_zone(ZoneId id, std::vector<StoredRecord> records) = 0;
  virtual Result<void> set_metadata(ZoneId id, const std::string& kind, const std::vector<std::string>& values) = 0;
  /// A key without an id (0) is given one, else its id is one that reserve_key_id() gave.
  virtual Result<std::uint32_t> add_key(ZoneId id, const zone::Key& key) = 0;
  /// An id that no other key has or will have, for a key that is added later, in another transaction.
  virtual Result<std::uint32_t> reserve_key_id() = 0;
  virtual Result<void> set_key_state(ZoneId id, std::uint32_t key, bool active, bool published) = 0;
  virtual Result<void> remove_key(ZoneId id, std::uint32_t key) = 0;
  /// Adds the key, or changes the one with that name. Stored as checked_tsig_key() gives it, whose errors it has.
  virtual Result<void> put_tsig_key(const zone::TsigKey& key) = 0;
  /// Errors: kNotFound.
  virtual Result<void> remove_tsig_key(const dns::Name& name) = 0;
  /// Adds it, or changes its account. Nodes do not follow it: it takes no revision. Errors: kInvalidArgument.
  virtual Result<void> put_autoprimary(const Autoprimary& autoprimary) = 0;
  /// Errors: kNotFound.
  virtual Result<void> remove_autoprimary(const std::string& address, const dns::Name& nameserver) = 0;

  /// Adds the pool, or changes the one with that name. Touches nothing when it is so already. Errors: what
  /// health::check_pool() says.
  virtual Result<void> put_target_pool(const health::TargetPool& pool) = 0;
  /// Errors: kNotFound.
  virtual Result<void> remove_target_pool(const std::string& name) = 0;

  /// Adds the override, or changes the one of that target. Touches nothing when it is so already. Errors: what
  /// health::check_override() says.
  virtual Result<void> put_override(const health::Override& override) = 0;
  /// Errors: kNotFound.
  virtual Result<void> remove_override(const std::string& target) = 0;

  /// Of the registry; takes no revision. A node that lives comes back with its next heartbeat. Errors: kNotFound.
  virtual Result<void> forget_node(const std::string& name) = 0;

  /// What PDM keeps besides zones. Nodes do not follow it: it takes no revision. Valid as long as the transaction.
  virtual Ledger& ledger() = 0;

  /// Runs `part`. When it fails, everything that it did in this transaction is undone, and the transaction goes on as
  /// if it had not been called. Returns what `part` returned; another error means that the transaction is lost.
  virtual Result<void> attempt(const std::function<Result<void>()>& part) = 0;

  /// Moves the serials of zones whose data changed (unless the edit itself changed the serial), takes the revision as
  /// the last statement, commits with fsync. The position after it; unchanged when nothing that is served was touched.
  /// After an error nothing was changed. `who` goes to the journal row ("sdnsctl", a token's name).
  virtual Result<Position> commit(std::string_view who) = 0;
};

enum class Sealing { kSealed, kPlain };

/// How far a walk over all secrets is.
struct SecretCursor {
  bool keys_done = false;    ///< then come the TSIG keys
  std::int64_t zone = 0;     ///< of the last key
  std::int64_t key = 0;      ///< its id
  std::string tsig_name{};   ///< of the last TSIG key, as dns::Name::key
  std::uint64_t looked = 0;  ///< at so many secrets
  std::uint64_t changed = 0;
};

struct SecretCounts {
  std::uint64_t plain = 0;
  std::map<std::string, std::uint64_t> sealed;  ///< by the id of the key that sealed them
  bool must_seal = false;                       ///< programs without a key file may not store secrets
};

/// An open authority database. Used by one thread; several may be open on one database.
class Authority {
 public:
  virtual ~Authority() = default;
  virtual Result<Identity> identity() = 0;
  virtual Result<std::unique_ptr<Transaction>> read() = 0;
  /// Errors: kBusy after the busy timeout, kReadOnly, kNoSpace, …
  virtual Result<std::unique_ptr<Transaction>> edit() = 0;
  /// The clock by which programs on several machines agree what has expired: the server's, where there is one, else the
  /// clock with which the database was opened.
  virtual Result<WallTime> shared_now() = 0;
  /// Deletes journal and change rows at or below `floor`.
  virtual Result<void> prune_journal(Revision floor) = 0;

  /// Seals (or unseals) the next secrets after `cursor`, at most `limit` of them, in one transaction, and moves the
  /// cursor; false: there are none after it. What is sealed with the first key already stays as it is. Nothing that is
  /// served changes: it takes no revision. Errors: those of plain_secret() and of edit().
  virtual Result<bool> reseal(Sealing wanted, SecretCursor& cursor, std::size_t limit) = 0;
  /// Has nothing of the plain secrets that were sealed, as far as that is in the database's hand.
  virtual Result<void> forget_former_rows() = 0;
  /// How the secrets are stored now. Looks at all of them.
  virtual Result<SecretCounts> count_secrets() = 0;
  /// Rows that statements of this connection have returned so far: tests count with it.
  [[nodiscard]] virtual std::uint64_t rows_read() const = 0;
};

enum class OpenMode { kExisting, kCreateIfMissing };

/// Opens, by its URL, and brings the schema up to date under a lock. `sqlite:/path/file.db`, or a PostgreSQL connection
/// URI, whose database must exist: what is created are the tables in it.
/// Errors: kNotFound, kForeign (no database of ours), kCorrupt, kTooNew, kReadOnly, kNoSpace, kUnsupported (URL scheme,
/// network file system, an old server), kUnavailable.
/// `key_file` seals and opens secrets; without one, those that are sealed cannot be read, and a database that has such
/// takes no others.
/// `busy_limit`: how long an edit waits for another program's; as long as the largest import, if nobody waits for it.
Result<std::unique_ptr<Authority>> open_authority(std::string_view url, OpenMode mode, const WallClock& clock,
                                                  Random& random,
                                                  std::chrono::milliseconds busy_limit = std::chrono::seconds(30),
                                                  KeyFilePtr key_file = std::make_shared<const KeyFile>());

/// The URL as it may be shown (P9): of a PostgreSQL URI hosts and database alone, since any other part may be a secret.
std::string shown_url(std::string_view url);

/// The digest (hexadecimal) over everything that is served, whatever the storage; see zone/digest.h.
Result<std::string> state_digest(Transaction& transaction);

/// Follows the journal for the engine: each load and each range is one short read transaction. It opens the database
/// when it first needs it and again after a failure, so that it can be made while the database is away.
///
/// On SQLite wait() polls PRAGMA data_version every 10 ms, and every second compares journal and file besides. A file
/// that was replaced is told once as kDiverged; load() then reads the new one. On PostgreSQL it waits for NOTIFY, and
/// compares the journal every second besides (every 100 ms at a standby, which cannot notify). A database with another
/// id than the one that was loaded first is refused with kForeign, a missing one with kUnavailable.
class Follower : public zone::Source {
 public:
  /// Of the first database that was read; "" when it could not be read yet. For the thread that uses the follower.
  [[nodiscard]] std::string identity() const override = 0;
  [[nodiscard]] std::uint64_t rows_read() const override = 0;
  /// As they are now, and nothing else: for the check at the start. In order of their names; they may break rules.
  virtual Result<std::vector<health::TargetPool>> target_pools() = 0;
  /// Ends whatever is under way, now and later, as far as it may take long: for the end of the program. Safe from any
  /// thread.
  virtual void interrupt() {}
};

/// Reads the identity when the database is there; when it is not, load() and changes_since() say why.
/// Errors: kUnsupported, kInvalidArgument (the URL).
Result<std::unique_ptr<Follower>> open_follower(std::string_view url,
                                                KeyFilePtr key_file = std::make_shared<const KeyFile>());
/// The same for a thread that must not wait for a server: see in_background() of followers.h. `seed` is for pauses.
Result<std::unique_ptr<Follower>> open_follower(std::string_view url, KeyFilePtr key_file, std::uint64_t seed);

}  // namespace sdns::store
