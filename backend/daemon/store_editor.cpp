// SPDX-License-Identifier: MIT
#include "backend/daemon/store_editor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "backend/dns/dnssec_key.h"
#include "backend/dns/serial.h"
#include "backend/store/checked_edit.h"
#include "backend/store/serial_policy.h"

namespace sdns::daemon {
namespace {

// A million records are published within a few seconds; nobody waits any more once PowerDNS has hung up.
constexpr std::chrono::milliseconds kPublishLimit{30'000};
constexpr std::chrono::milliseconds kPublishLook{100};
// How long another program's edit is waited for: less than the end of the program may take, and less than what
// PowerDNS's communicator takes for the end of its backend (2 s).
constexpr std::chrono::milliseconds kBusyLimit{5'000};
constexpr std::chrono::milliseconds kCommunicatorLimit{1'000};
constexpr int kAttempts = 3;
constexpr std::size_t kToldFindings = 3;

Result<store::ZoneRow> require_zone(store::Transaction& edit, zone::ZoneId id) {
  auto row = edit.zone(id);
  if (!row) return fail(std::move(row.error()));
  if (!*row)
    return fail(Errc::kConflict, fmt::format("the zone with the id {} was deleted meanwhile", id),
                "nothing was changed");
  return std::move(**row);
}

tl::unexpected<Error> changed_meanwhile(std::string what) {
  return fail(Errc::kConflict, fmt::format("{} was changed by somebody else since this edit began", what),
              "nothing was changed; make the edit again on what is there now");
}

// The same SOA but for the serial: two writers that only count up do not contradict each other.
bool differs_in_serial_only(const std::string& a, const std::string& b) {
  return store::soa_serial(a) && store::soa_serial(b) && store::with_soa_serial(a, 0) == store::with_soa_serial(b, 0);
}

// Settles an SOA that both sides changed. False: more than the serial differs.
Result<bool> follow_serial(store::Transaction& edit, const store::ZoneRow& zone, dns::Rrset& soa) {
  auto present = store::rrset_at(edit, zone.head.id, soa.owner, dns::kSOA);
  if (!present) return fail(std::move(present.error()));
  if (present->size() != 1 || soa.contents.size() != 1) return false;
  const std::string& theirs = present->front().record.content;
  if (!differs_in_serial_only(theirs, soa.contents.front())) return false;
  const dns::Serial wanted{*store::soa_serial(soa.contents.front())};
  const dns::Serial now{*store::soa_serial(theirs)};
  if (!(wanted > now)) soa.contents.front() = store::with_soa_serial(theirs, now.value + 1);
  return true;
}

Result<void> put(store::Transaction& edit, const store::ZoneRow& zone, const dns::Rrset& rrset,
                 store::Findings& findings) {
  store::WantedRrset wanted{rrset.owner, rrset.type, {}, rrset.ttl.seconds};
  for (const std::string& content : rrset.contents) wanted.records.push_back({content, false});
  const auto done = store::put_rrset(edit, zone, wanted, findings);
  if (!done) return fail(done.error());
  return {};
}

// What goes goes first, so that no rule stands between a name's former data and the new ones.
Result<void> put_all(store::Transaction& edit, const store::ZoneRow& zone, std::vector<dns::Rrset> rrsets,
                     zone::Revision base, store::Findings& findings) {
  for (dns::Rrset& rrset : rrsets) {
    const auto changed = edit.rrset_changed_since(base, zone.head.id, rrset.owner, rrset.type);
    if (!changed) return fail(changed.error());
    if (!*changed) continue;
    const auto settled = rrset.type == dns::kSOA ? follow_serial(edit, zone, rrset) : Result<bool>(false);
    if (!settled) return fail(settled.error());
    if (!*settled) return changed_meanwhile(fmt::format("{}/{}", rrset.owner.text(), rrset.type.text()));
  }
  for (auto rrset = rrsets.rbegin(); rrset != rrsets.rend(); ++rrset)
    if (rrset->contents.empty())
      if (auto done = put(edit, zone, *rrset, findings); !done) return done;
  for (const dns::Rrset& rrset : rrsets)
    if (!rrset.contents.empty())
      if (auto done = put(edit, zone, rrset, findings); !done) return done;
  return {};
}

Result<void> replace_all(store::Transaction& edit, const store::ZoneRow& zone, const answer::ZoneEdit& wanted,
                         store::Findings& findings) {
  const auto changed = edit.records_changed_since(wanted.base, zone.head.id);
  if (!changed) return fail(changed.error());
  if (*changed) return changed_meanwhile(zone.head.apex.text());
  std::vector<store::StoredRecord> records;
  for (const dns::Rrset& rrset : wanted.rrsets)
    for (const std::string& content : rrset.contents)
      records.push_back({{rrset.owner, rrset.type, rrset.ttl, content}, false});
  return store::replace_zone(edit, zone, std::move(records), findings);
}

Result<void> change_key(store::Transaction& edit, const store::ZoneRow& zone, const answer::ChangeKey& wanted) {
  if (wanted.what == protocol::ChangeDomainKey::What::kRemove) return store::remove_key(edit, zone, wanted.key);
  const auto keys = edit.keys(zone.head.id);
  if (!keys) return fail(keys.error());
  for (zone::Key key : *keys) {
    if (key.id != wanted.key) continue;
    answer::apply_change(wanted.what, key);
    const auto done = store::set_key_state(edit, zone, key.id, key.active, key.published);
    if (!done) return fail(done.error());
    return {};
  }
  return fail(Errc::kNotFound, fmt::format("{} has no key with the id {}", zone.head.apex.text(), wanted.key));
}

Result<std::uint32_t> without_number(const Result<void>& done) {
  if (!done) return fail(done.error());
  return 0;
}

template <class Change>
Result<std::uint32_t> change_head(store::Transaction& edit, zone::ZoneId id, Change&& change) {
  const auto zone = require_zone(edit, id);
  if (!zone) return fail(zone.error());
  zone::ZoneHead head = zone->head;
  change(head);
  return without_number(edit.set_head(head));
}

void tell(const Log& log, const store::Findings& findings) {
  std::size_t told = 0;
  for (const zone::Finding& finding : findings) {
    if (finding.severity == zone::Severity::kError) continue;
    if (++told > kToldFindings) break;
    log.warn("edit.doubtful", {{"where", finding.where}, {"reason", finding.what}});
  }
}

}  // namespace

Result<std::unique_ptr<store::Authority>> StoreEditor::open(std::chrono::milliseconds busy_limit) {
  auto authority = store::open_authority(url_, store::OpenMode::kExisting, clock_, random_, busy_limit, key_file_);
  if (!authority) return authority;
  const auto identity = (*authority)->identity();
  if (!identity) return fail(identity.error());
  const std::string served = state_.view().database_id;
  if (identity->database_id != served)
    return fail(Errc::kForeign,
                fmt::format("the database there now has the id {}, and what is served came from {}",
                            identity->database_id, served),
                "nothing was changed; restart the daemon if the other database is meant");
  return authority;
}

Result<std::uint32_t> StoreEditor::apply(store::Transaction& edit, const answer::ZoneEdit& wanted) {
  const auto zone = require_zone(edit, wanted.zone);
  if (!zone) return fail(zone.error());
  store::Findings findings;
  // First, as they decide what the zone's records may be.
  for (const zone::Metadata& metadata : wanted.metadata)
    if (const auto done = store::set_metadata(edit, *zone, metadata, findings); !done) return fail(done.error());
  for (const zone::Key& key : wanted.keys)
    if (const auto done = store::add_key(edit, *zone, key, findings); !done) return fail(done.error());
  for (const answer::ChangeKey& change : wanted.key_changes)
    if (const auto done = change_key(edit, *zone, change); !done) return fail(done.error());
  const auto done = wanted.mode == answer::ZoneEdit::Mode::kReplace
                        ? replace_all(edit, *zone, wanted, findings)
                        : put_all(edit, *zone, wanted.rrsets, wanted.base, findings);
  if (!done) return fail(done.error());
  tell(log_, findings);
  return 0;
}

Result<std::uint32_t> StoreEditor::apply(store::Transaction& edit, const answer::AddKey& wanted) {
  const auto zone = require_zone(edit, wanted.zone);
  if (!zone) return fail(zone.error());
  store::Findings findings;
  return store::add_key(edit, *zone, wanted.key, findings);
}

Result<std::uint32_t> StoreEditor::apply(store::Transaction& edit, const answer::ChangeKey& wanted) {
  const auto zone = require_zone(edit, wanted.zone);
  if (!zone) return fail(zone.error());
  return without_number(change_key(edit, *zone, wanted));
}

Result<std::uint32_t> StoreEditor::apply(store::Transaction& edit, const answer::ReserveKey& wanted) {
  const auto zone = require_zone(edit, wanted.zone);
  if (!zone) return fail(zone.error());
  const auto facts = dns::describe_key(zone->head.apex, wanted.key.flags, wanted.key.content);
  if (!facts) return fail(facts.error());
  return edit.reserve_key_id();
}

Result<std::uint32_t> StoreEditor::apply(store::Transaction& edit, const answer::PutTsigKey& wanted) {
  return without_number(edit.put_tsig_key(wanted.key));
}

Result<std::uint32_t> StoreEditor::apply(store::Transaction& edit, const answer::RemoveTsigKey& wanted) {
  return without_number(edit.remove_tsig_key(wanted.name));
}

Result<std::uint32_t> StoreEditor::apply(store::Transaction& edit, const answer::NoteNotified& wanted) {
  return change_head(edit, wanted.zone, [&](zone::ZoneHead& head) { head.notified_serial = wanted.serial; });
}

Result<std::uint32_t> StoreEditor::apply(store::Transaction& edit, const answer::NoteChecked& wanted) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(clock_.wall_now().time_since_epoch()).count();
  return change_head(edit, wanted.zone, [&](zone::ZoneHead& head) {
    head.last_check = wanted.fresh ? static_cast<std::uint32_t>(now) : 0;
  });
}

Result<std::uint32_t> StoreEditor::apply(store::Transaction& edit, const answer::CreateSecondary& wanted) {
  const auto made = store::create_secondary(edit, wanted.apex, {wanted.primary}, wanted.account);
  if (!made) return fail(made.error());
  return 0;
}

void StoreEditor::wait_published(zone::Revision revision, const std::atomic<bool>& abandoned) const {
  for (auto waited = std::chrono::milliseconds(0); waited < kPublishLimit; waited += kPublishLook)
    if (state_.wait_published(revision, kPublishLook) || stopping_.load(std::memory_order_relaxed) ||
        abandoned.load(std::memory_order_relaxed))
      return;
  log_.warn("edit.unpublished", {{"revision", revision},
                                 {"limit_ms", kPublishLimit.count()},
                                 {"hint", "it is durable, and answered as soon as this node has followed"}});
}

// Edits that lock the same zones in opposite orders: PostgreSQL ends one of them at once, and it can be made again. Who
// has waited for a lock as long as is allowed has waited enough.
Result<std::uint32_t> StoreEditor::edit(const answer::Edit& wanted, const std::atomic<bool>& abandoned) {
  const auto begin = std::chrono::steady_clock::now();
  for (int attempt = 1;; ++attempt) {
    auto done = edit_once(wanted, abandoned);
    const bool again = !done && done.error().code == Errc::kBusy && attempt < kAttempts && !abandoned.load();
    if (!again || std::chrono::steady_clock::now() - begin > kCommunicatorLimit * 2) return done;
  }
}

Result<std::uint32_t> StoreEditor::edit_once(const answer::Edit& wanted, const std::atomic<bool>& abandoned) {
  const bool of_communicator = std::holds_alternative<answer::CreateSecondary>(wanted);
  auto authority = open(of_communicator ? kCommunicatorLimit : kBusyLimit);
  if (!authority) return fail(authority.error());
  auto edit = (*authority)->edit();
  if (!edit) return fail(edit.error());
  const auto done = std::visit([&](const auto& one) { return apply(**edit, one); }, wanted);
  if (!done) return done;
  if (abandoned.load(std::memory_order_relaxed))
    return fail(Errc::kTimeout, "PowerDNS hung up before the edit was committed", "nothing was changed");
  const auto position = (*edit)->commit("powerdns");
  if (!position) return fail(position.error());
  wait_published(position->revision, abandoned);
  return done;
}

Result<std::optional<answer::Autoprimary>> StoreEditor::autoprimary(const answer::AutoprimaryQuestion& question) {
  auto authority = open(kCommunicatorLimit);
  if (!authority) return fail(authority.error());
  auto read = (*authority)->read();
  if (!read) return fail(read.error());
  const auto known = (*read)->autoprimaries();
  if (!known) return fail(known.error());
  for (const store::Autoprimary& one : *known) {
    const auto& named = question.name_servers;
    if (one.address == question.address && std::find(named.begin(), named.end(), one.nameserver) != named.end())
      return answer::Autoprimary{one.account, one.nameserver.text()};
  }
  return std::nullopt;
}

}  // namespace sdns::daemon
