// SPDX-License-Identifier: MIT
// A transaction of the authority database over any SQL connection: reads in transaction.cpp, edits in edit.cpp,
// peer_edit.cpp, pool_edit.cpp and override_edit.cpp, serials and journal in commit.cpp, what PDM keeps in
// ledger.h. Statements touch rows in the
// order of their keys.
//
// Where there are several writers, a zone that an edit looks at is locked from then on: what was read of it is true
// until the end. Everything else is what others have committed by the time of each statement.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backend/store/authority.h"
#include "backend/store/rows.h"
#include "backend/store/rrset_edit.h"
#include "backend/store/sql.h"
#include "backend/zone/digest.h"

namespace sdns::store {

class SqlTransaction final : public Transaction {
 public:
  /// The connection has just begun a transaction.
  SqlTransaction(Connection& db, const WallClock& clock, Access access)
      : db_(db), clock_(clock), access_(access), ledger_(db, failed_, locks()) {}
  ~SqlTransaction() override;
  SqlTransaction(const SqlTransaction&) = delete;
  SqlTransaction& operator=(const SqlTransaction&) = delete;

  WallTime now() const override;
  Result<Position> position() override;
  Result<std::vector<ZoneRow>> zones() override;
  Result<std::optional<ZoneRow>> zone(const dns::Name& apex) override;
  Result<std::optional<ZoneRow>> zone(ZoneId id) override;
  Result<std::optional<ZoneRow>> enclosing_zone(const dns::Name& name) override;
  Result<void> records(ZoneId id, const std::function<void(StoredRecord&&)>& each) override;
  Result<std::vector<StoredRecord>> records_at(ZoneId id, const dns::Name& owner) override;
  Result<bool> has_names_below(ZoneId id, const dns::Name& owner) override;
  Result<std::vector<zone::Metadata>> metadata(ZoneId id) override;
  Result<std::vector<zone::Key>> keys(ZoneId id) override;
  Result<std::vector<zone::TsigKey>> tsig_keys() override;
  Result<std::vector<Autoprimary>> autoprimaries() override;
  Result<std::vector<PoolRow>> target_pools() override;
  Result<std::optional<PoolRow>> target_pool(std::string_view name) override;
  Result<std::vector<OverrideRow>> overrides() override;
  Result<std::vector<NodeRow>> nodes() override;
  Result<void> records_of_type(dns::RrType type, const std::function<void(ZoneId, StoredRecord&&)>& each) override;
  Result<bool> rrset_changed_since(Revision since, ZoneId id, const dns::Name& owner, dns::RrType type) override;
  Result<bool> records_changed_since(Revision since, ZoneId id) override;

  Result<ZoneId> create_zone(const zone::ZoneHead& head_without_id, SerialPolicy policy) override;
  Result<void> delete_zone(ZoneId id) override;
  Result<void> set_head(const zone::ZoneHead& head) override;
  Result<void> set_serial_policy(ZoneId id, SerialPolicy policy) override;
  Result<void> replace_rrset(ZoneId id, const dns::Name& owner, dns::RrType type,
                             const std::vector<StoredRecord>& records) override;
  Result<void> replace_zone(ZoneId id, std::vector<StoredRecord> records) override;
  Result<void> set_metadata(ZoneId id, const std::string& kind, const std::vector<std::string>& values) override;
  Result<std::uint32_t> add_key(ZoneId id, const zone::Key& key) override;
  Result<std::uint32_t> reserve_key_id() override;
  Result<void> set_key_state(ZoneId id, std::uint32_t key, bool active, bool published) override;
  Result<void> remove_key(ZoneId id, std::uint32_t key) override;
  Result<void> put_tsig_key(const zone::TsigKey& key) override;
  Result<void> remove_tsig_key(const dns::Name& name) override;
  Result<void> put_autoprimary(const Autoprimary& autoprimary) override;
  Result<void> remove_autoprimary(const std::string& address, const dns::Name& nameserver) override;
  Result<void> put_target_pool(const health::TargetPool& pool) override;
  Result<void> remove_target_pool(const std::string& name) override;
  Result<void> put_override(const health::Override& override) override;
  Result<void> remove_override(const std::string& target) override;
  Result<void> forget_node(const std::string& name) override;
  Ledger& ledger() override { return ledger_; }
  Result<void> attempt(const std::function<Result<void>()>& part) override;
  Result<Position> commit(std::string_view who) override;

 private:
  // A zone that this transaction edits, and what of it was touched.
  struct Edited {
    zone::ZoneHead head;  // as it is now
    SerialPolicy policy = SerialPolicy::kCounter;
    std::optional<std::uint32_t> serial_before;  // of the SOA, when the transaction came to the zone
    std::optional<std::uint32_t> serial;         // as it is now
    bool created = false;
    bool deleted = false;
    bool head_touched = false;
    bool metadata_touched = false;
    bool keys_touched = false;
    std::vector<std::pair<std::string, std::uint16_t>> rrsets;  // key of the owner, type; may repeat

    [[nodiscard]] bool served_change() const {
      return created != deleted || (!deleted && (head_touched || metadata_touched || keys_touched || !rrsets.empty()));
    }
  };

  Result<void> require_edit();
  Result<bool> knows_since(Revision since);
  Result<bool> changed_or_unknown(Result<RowsPtr> changes, Revision since);
  [[nodiscard]] bool locks() const { return access_ == Access::kWrite && db_.writers() == Writers::kSeveral; }
  Result<void> hold_zone(ZoneId id);
  Result<void> hold(Lock lock);
  Result<Edited*> edited(ZoneId id);
  Result<std::optional<ZoneRow>> one_zone(Result<RowsPtr> rows);
  Result<std::int64_t> run(std::string_view sql, Params params);
  Result<std::int64_t> next_number(std::string_view counter);
  Result<std::string> storable_secret(std::string_view plain, std::string_view context);
  Result<void> check_record(const Edited& zone, const StoredRecord& stored) const;
  void keep_serial(const Edited& zone, StoredRecord& soa) const;
  Result<void> write_rrset(Edited& zone, std::string_view key, dns::RrType type, const StorableRrset& wanted,
                           RrsetDifference difference, std::size_t stored_count);
  Result<void> note_serial(Edited& zone, std::optional<std::uint32_t> serial);
  Result<void> move_serials();
  Result<Position> journal(std::string_view who);
  Result<void> journal_tsig_keys(RevisionDraft& draft, zone::Hasher& hasher);
  Result<bool> clear_target_pool(const std::string& name);
  Result<void> settle_target_pools();
  Result<void> journal_target_pools(RevisionDraft& draft, zone::Hasher& hasher);
  Result<std::optional<health::Override>> note_override(const std::string& target);
  Result<void> settle_overrides();
  Result<void> journal_overrides(RevisionDraft& draft, zone::Hasher& hasher);
  Result<void> journal_zone(Edited& zone, RevisionDraft& draft, zone::Hasher& hasher);

  Connection& db_;
  const WallClock& clock_;
  Access access_;
  bool ended_ = false;
  mutable std::optional<WallTime> now_;  // of a clock that others share
  std::optional<Error> failed_;          // of a statement: what was written before it may be half of something
  std::set<ZoneId> held_;
  std::map<ZoneId, Edited> edited_;
  bool tsig_keys_touched_ = false;
  // Of what was touched; nothing: was not there.
  std::map<std::string, std::optional<health::TargetPool>> pools_before_;
  std::map<std::string, std::optional<health::Override>> overrides_before_;
  Ledger ledger_;
};

}  // namespace sdns::store
