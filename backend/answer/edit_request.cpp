// SPDX-License-Identifier: MIT
#include "backend/answer/edit_request.h"

#include <fmt/format.h>

#include <limits>
#include <optional>

#include "backend/dns/ldns_codec.h"
#include "backend/zone/zone_check.h"

namespace sdns::answer {
namespace {

using protocol::Accepted;
using protocol::Declined;

constexpr std::size_t kMostRrsets = 10'000'000;  ///< of one transaction, which is kept in memory
constexpr std::int64_t kMaxId = std::numeric_limits<std::int32_t>::max();

// PowerDNS up to 4.9.14 and 5.0.4 sends TYPE0 with the new records when it saw an empty non-terminal; those, and rows
// of empty non-terminals, say nothing.
bool is_no_type(std::string_view qtype) { return qtype.empty() || qtype == "TYPE0"; }

std::string type_text(const dns::Rrset& rrset) { return fmt::format("{}/{}", rrset.owner.text(), rrset.type.text()); }

struct Planner {
  std::shared_ptr<OpenTransaction>& transaction;
  const zone::ZoneSetPtr& zones;

  Result<EditPlan> operator()(const protocol::StartTransaction& request) const {
    if (transaction) {
      transaction = nullptr;
      return fail(Errc::kProtocol,
                  fmt::format("startTransaction for {}: this connection had one open already; it was aborted",
                              request.name.substr(0, 300)));
    }
    const auto zone = zone_named(request.name);
    if (!zone) return fail(zone.error());
    if (request.id >= 0 && request.id != std::int64_t{(*zone)->id()})
      return fail(Errc::kConflict, fmt::format("startTransaction for {}: its id is {}, not {}", (*zone)->apex().text(),
                                               (*zone)->id(), request.id));
    transaction = std::make_shared<OpenTransaction>(
        zones, **zone, request.id >= 0 ? ZoneEdit::Mode::kReplace : ZoneEdit::Mode::kInPlace);
    return Accepted{};
  }

  // A transaction that this process does not know was another worker's, or never began.
  Result<EditPlan> operator()(const protocol::CommitTransaction&) const {
    const auto ended = std::exchange(transaction, nullptr);
    if (!ended || ended->empty()) return Accepted{};
    if (ended->refused()) return fail(*ended->refused());
    return EditWork{{}, Report::kTrueOrBroken, ended};
  }
  Result<EditPlan> operator()(const protocol::AbortTransaction&) const {
    transaction.reset();
    return Accepted{};
  }
  Result<EditPlan> operator()(const protocol::FeedEnts&) const { return Accepted{}; }

  Result<EditPlan> operator()(const protocol::ReplaceRrset& request) const {
    if (is_no_type(request.qtype)) return Accepted{};
    auto rrset = rrset_of(request);
    if (!rrset) return fail(rrset.error());
    const auto zone = zone_for(*rrset, request.id);
    if (!zone) return fail(zone.error());
    const bool whole_name = rrset->type == dns::kANY;
    if (transaction) {
      if (whole_name) transaction->remove_all(rrset->owner);
      else transaction->put(std::move(*rrset));
      return Accepted{};
    }
    ZoneEdit edit{(*zone)->id(), ZoneEdit::Mode::kInPlace, zones->revision(), {}, {}};
    if (whole_name)
      for (const dns::RrType type : types_at(**zone, rrset->owner.key()))
        edit.rrsets.push_back({rrset->owner, type, {}, {}});
    else edit.rrsets.push_back(std::move(*rrset));
    if (edit.rrsets.empty()) return Accepted{};
    return EditWork{std::move(edit)};
  }

  // PowerDNS does not look at the answer to feedRecord: what is refused here must be refused by the commit too.
  Result<EditPlan> operator()(const protocol::FeedRecord& request) const {
    if (is_no_type(request.record.qtype)) return Accepted{};
    auto fed = feed(request);
    if (!fed && transaction) transaction->refuse(fed.error());
    return fed;
  }

  Result<EditPlan> feed(const protocol::FeedRecord& request) const {
    if (transaction && transaction->size() >= kMostRrsets)
      return fail(Errc::kNoSpace, fmt::format("a transaction may touch {} RRsets at most", kMostRrsets));
    auto record = record_of(request.record);
    if (!record) return fail(record.error());
    if (!transaction)
      return fail(Errc::kProtocol, fmt::format("feedRecord {}/{}: no transaction is open on this connection",
                                               record->owner.text(), record->type.text()));
    if (auto inside = require_inside(transaction->zone(), record->owner); !inside) return fail(inside.error());
    transaction->add(std::move(*record));
    return Accepted{};
  }

  Result<EditPlan> operator()(const protocol::SetDomainMetadata& request) const {
    zone::Metadata metadata{std::string(request.kind), {}};
    for (const std::string_view value : request.values) metadata.values.emplace_back(value);
    for (const zone::Finding& finding : zone::check_metadata(metadata))
      if (finding.severity == zone::Severity::kError) return fail(Errc::kInvalidArgument, finding.what);
    const auto zone = zone_named(request.name);
    if (!zone) return fail(zone.error());
    if (transaction && transaction->zone().id() == (*zone)->id()) {
      transaction->set_metadata(std::move(metadata));
      return Accepted{};
    }
    return EditWork{ZoneEdit{(*zone)->id(), ZoneEdit::Mode::kInPlace, zones->revision(), {}, {std::move(metadata)}}};
  }

  Result<EditPlan> operator()(const protocol::AddDomainKey& request) const {
    const auto zone = zone_named(request.name);
    if (!zone) return fail(zone.error());
    if (request.flags < 0 || request.flags > 0xFFFF)
      return fail(Errc::kInvalidArgument, fmt::format("addDomainKey for {}: the flags {} are no 16-bit number",
                                                      (*zone)->apex().text(), request.flags));
    zone::Key key{0, static_cast<std::uint16_t>(request.flags), request.active, request.published,
                  std::string(request.content)};
    if (transaction && transaction->zone().id() == (*zone)->id())
      return EditWork{ReserveKey{(*zone)->id(), std::move(key)}, Report::kReservedKey};
    return EditWork{AddKey{(*zone)->id(), std::move(key)}, Report::kKeyId};
  }

  Result<EditPlan> operator()(const protocol::ChangeDomainKey& request) const {
    const auto zone = zone_named(request.name);
    if (!zone) return fail(zone.error());
    if (request.id < 1 || request.id > kMaxId)
      return fail(Errc::kNotFound, fmt::format("{} has no key with the id {}", (*zone)->apex().text(), request.id));
    const ChangeKey change{(*zone)->id(), static_cast<std::uint32_t>(request.id), request.what};
    if (!transaction || transaction->zone().id() != change.zone) return EditWork{change};
    if (!transaction->has_key(change.key))
      return fail(Errc::kNotFound, fmt::format("{} has no key with the id {}", (*zone)->apex().text(), change.key));
    transaction->change_key(change);
    return Accepted{};
  }

  Result<EditPlan> operator()(const protocol::SetTsigKey& request) const {
    auto name = dns::Name::parse(request.name);
    if (!name) return fail(name.error());
    std::string algorithm(request.algorithm);
    if (algorithm.ends_with('.')) algorithm.pop_back();
    return EditWork{PutTsigKey{{std::move(*name), std::move(algorithm), std::string(request.content)}}};
  }
  Result<EditPlan> operator()(const protocol::DeleteTsigKey& request) const {
    auto name = dns::Name::parse(request.name);
    if (!name) return fail(name.error());
    return EditWork{RemoveTsigKey{std::move(*name)}};
  }

  Result<EditPlan> operator()(const protocol::SetNotified& request) const {
    const auto zone = zone_with(request.id);
    if (!zone) return fail(zone.error());
    return EditWork{NoteNotified{*zone, request.serial}};
  }
  Result<EditPlan> operator()(const protocol::SetChecked& request) const {
    const auto zone = zone_with(request.id);
    if (!zone) return fail(zone.error());
    return EditWork{NoteChecked{*zone, request.fresh}};
  }

  Result<EditPlan> operator()(const protocol::SuperMasterBackend& request) const {
    AutoprimaryQuestion question{std::string(request.address), {}};
    for (const protocol::EditRecord& record : request.name_servers) {
      auto name = dns::Name::parse(record.content);
      if (name) question.name_servers.push_back(std::move(*name));
    }
    return question;
  }

  Result<EditPlan> operator()(const protocol::CreateSlaveDomain& request) const {
    auto apex = dns::Name::parse(request.name);
    if (!apex) return fail(apex.error());
    return EditWork{CreateSecondary{std::move(*apex), std::string(request.address), std::string(request.account)}};
  }

  template <class Read>
  requires(!protocol::kIsEdit<Read>) Result<EditPlan>
  operator()(const Read&) const { return Declined{}; }

 private:
  Result<const zone::Zone*> zone_named(std::string_view text) const {
    const auto name = dns::Name::parse(text);
    if (!name) return fail(name.error());
    if (const zone::Zone* zone = zones->find_apex(name->key())) return zone;
    return fail(Errc::kNotFound, fmt::format("there is no zone {}", name->text()),
                "zones are made with `sdnsctl zone import` or `zone create-secondary`");
  }

  // The zone that an RRset is put into: the transaction's, else the one with this id.
  Result<const zone::Zone*> zone_for(const dns::Rrset& rrset, std::int64_t id) const {
    if (transaction && id != -1 && id != std::int64_t{transaction->zone().id()})
      return fail(Errc::kConflict, fmt::format("replaceRRSet {}: the transaction is of zone id {}, not {}",
                                               type_text(rrset), transaction->zone().id(), id));
    const zone::Zone* zone = transaction ? &transaction->zone()
                             : id == -1  ? zones->closest(rrset.owner.key())
                                         : zone_by_id(id);
    if (!zone) return fail(Errc::kNotFound, fmt::format("replaceRRSet {}: there is no such zone", type_text(rrset)));
    if (auto inside = require_inside(*zone, rrset.owner); !inside) return fail(inside.error());
    return zone;
  }

  const zone::Zone* zone_by_id(std::int64_t id) const {
    return id >= 1 && id <= kMaxId ? zones->find(static_cast<zone::ZoneId>(id)) : nullptr;
  }

  Result<zone::ZoneId> zone_with(std::int64_t id) const {
    if (const zone::Zone* zone = zone_by_id(id)) return zone->id();
    return fail(Errc::kNotFound, fmt::format("there is no zone with the id {}", id));
  }

  static Result<void> require_inside(const zone::Zone& zone, const dns::Name& owner) {
    if (owner.at_or_below(zone.apex())) return {};
    return fail(Errc::kInvalidZone, fmt::format("{} is outside of the zone {}", owner.text(), zone.apex().text()));
  }

  // PowerDNS writes names in contents without their final dots: they are absolute.
  static Result<dns::Record> record_of(const protocol::EditRecord& edit) {
    auto owner = dns::Name::parse(edit.qname);
    if (!owner) return fail(owner.error());
    const auto type = dns::RrType::parse(edit.qtype);
    if (!type) return fail(type.error());
    if (edit.ttl > dns::Ttl::kMax)
      return fail(Errc::kInvalidRecord, fmt::format("{}/{}: the TTL {} is over {} (RFC 2181 section 8)", owner->text(),
                                                    type->text(), edit.ttl, dns::Ttl::kMax));
    auto content = dns::canonical_content(*type, edit.content, dns::Name());
    if (!content) {
      Error error = content.error();
      error.what = fmt::format("{}/{}: {}", owner->text(), type->text(), error.what);
      return fail(std::move(error));
    }
    return dns::Record{std::move(*owner), *type, dns::Ttl{edit.ttl}, std::move(*content)};
  }

  // ANY without records is every RRset of the name, as in PowerDNS's own backends.
  static Result<dns::Rrset> rrset_of(const protocol::ReplaceRrset& request) {
    auto owner = dns::Name::parse(request.qname);
    if (!owner) return fail(owner.error());
    const auto type = dns::RrType::parse(request.qtype);
    if (!type) return fail(type.error());
    dns::Rrset rrset{std::move(*owner), *type, dns::Ttl{dns::Ttl::kMax}, {}};
    for (const protocol::EditRecord& edit : request.records) {
      auto record = record_of({request.qname, request.qtype, edit.content, edit.ttl});
      if (!record) return fail(record.error());
      rrset.ttl = std::min(rrset.ttl, record->ttl);
      rrset.contents.push_back(std::move(record->content));
    }
    sort_unique(rrset.contents);
    return rrset;
  }
};

}  // namespace

Result<EditPlan> plan_edit(const protocol::Request& request, std::shared_ptr<OpenTransaction>& transaction,
                           const zone::ZoneSetPtr& zones) {
  return std::visit(Planner{transaction, zones}, request);
}

}  // namespace sdns::answer
