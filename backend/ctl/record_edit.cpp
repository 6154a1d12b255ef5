// SPDX-License-Identifier: MIT
#include "backend/ctl/record_edit.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/ctl/zone_facts.h"
#include "backend/dns/serial.h"

namespace sdns::ctl {
namespace {

constexpr std::uint32_t kDefaultTtl = 3600;

Result<zone::OwnerContext> context_of(store::Transaction& edit, const store::ZoneRow& zone, const dns::Name& owner,
                                      const std::vector<store::StoredRecord>& at_owner, dns::RrType type) {
  zone::OwnerContext context;
  context.apex = zone.head.apex;
  for (const auto& [record, disabled] : at_owner) {
    if (!disabled && record.type != type) context.others.push_back(record);
  }
  auto below = edit.has_names_below(zone.head.id, owner);
  if (!below) return fail(std::move(below.error()));
  context.has_names_below = *below;
  for (dns::Name name = owner; name != zone.head.apex;) {
    name = name.parent();
    auto records = edit.records_at(zone.head.id, name);
    if (!records) return fail(std::move(records.error()));
    for (const auto& [record, disabled] : *records) {
      if (disabled) continue;
      if (record.type == dns::kDNAME) context.below_dname = true;
      if (record.type == dns::kNS && name != zone.head.apex) context.below_cut = true;
    }
  }
  return context;
}

/// A zone of its own below this one takes the questions for the name.
Result<void> warn_if_hidden(Session& session, store::Transaction& edit, const store::ZoneRow& zone,
                            const WantedRrset& wanted) {
  if (wanted.records.empty()) return {};
  auto closest = edit.enclosing_zone(wanted.owner);
  if (!closest) return fail(std::move(closest.error()));
  if (!*closest || (*closest)->head.id == zone.head.id) return {};
  const bool delegation = wanted.owner == (*closest)->head.apex && (wanted.type == dns::kNS || wanted.type == dns::kDS);
  const bool glue = wanted.type == dns::kA || wanted.type == dns::kAAAA;
  if (!delegation && !glue) {
    session.warning(fmt::format("{} lies in the zone {}, which this database has too: that zone answers for it",
                                wanted.owner.text(), (*closest)->head.apex.text()));
  }
  return {};
}

Result<void> check(Session& session, const zone::OwnerContext& context, const dns::Rrset& rrset) {
  const auto findings = zone::check_edit(context, rrset);
  const zone::Finding* first = nullptr;
  std::size_t errors = 0;
  for (const auto& finding : findings) {
    if (finding.severity == zone::Severity::kWarning) {
      session.warning(finding.where + ": " + finding.what);
    } else if (++errors == 1) {
      first = &finding;
    } else {
      session.notice(finding.where + ": " + finding.what);
    }
  }
  if (first == nullptr) return {};
  return fail(Errc::kInvalidZone, first->where + ": " + first->what, "nothing was changed");
}

void warn_of_serial(Session& session, const store::ZoneRow& zone, const WantedRrset& wanted) {
  if (wanted.type != dns::kSOA || wanted.records.empty() || !zone.serial) return;
  const auto serial = soa_serial(wanted.records.front().content);
  if (serial && dns::Serial{*serial} < dns::Serial{*zone.serial}) {
    session.warning(
        fmt::format("the serial goes back from {} to {}: secondaries will not follow", *zone.serial, *serial));
  }
}

}  // namespace

Result<std::vector<store::StoredRecord>> rrset_at(store::Transaction& transaction, zone::ZoneId zone,
                                                  const dns::Name& owner, dns::RrType type) {
  auto records = transaction.records_at(zone, owner);
  if (!records) return fail(std::move(records.error()));
  std::erase_if(*records, [&](const store::StoredRecord& stored) { return stored.record.type != type; });
  return records;
}

Result<bool> put_rrset(Session& session, store::Transaction& edit, const store::ZoneRow& zone,
                       const WantedRrset& wanted) {
  auto signing = signing_of(edit, zone.head.id);
  if (!signing) return fail(std::move(signing.error()));
  if (signing->live() && made_by_signing(wanted.type)) {
    return fail(
        Errc::kInvalidZone,
        fmt::format("{}/{}: {} is signed live, so PowerDNS makes its {} records from the keys; nothing was changed",
                    wanted.owner.text(), wanted.type.text(), zone.head.apex.text(), wanted.type.text()),
        "`sdnsctl zone keys`, `nsec` and `nsec3` are the way to what they say");
  }
  auto at_owner = edit.records_at(zone.head.id, wanted.owner);
  if (!at_owner) return fail(std::move(at_owner.error()));
  auto context = context_of(edit, zone, wanted.owner, *at_owner, wanted.type);
  if (!context) return fail(std::move(context.error()));
  context->presigned = signing->presigned();

  std::vector<store::StoredRecord> before;
  for (auto& stored : *at_owner) {
    if (stored.record.type == wanted.type) before.push_back(std::move(stored));
  }
  const dns::Ttl ttl{wanted.ttl ? *wanted.ttl : before.empty() ? kDefaultTtl : before.front().record.ttl.seconds};
  std::vector<store::StoredRecord> after;
  dns::Rrset enabled{wanted.owner, wanted.type, ttl, {}};
  for (const auto& [content, disabled] : wanted.records) {
    const auto same_content = [&text = content](const store::StoredRecord& stored) {
      return stored.record.content == text;
    };
    if (std::any_of(after.begin(), after.end(), same_content)) continue;
    if (!disabled) enabled.contents.push_back(content);
    after.push_back({{wanted.owner, wanted.type, ttl, content}, disabled});
  }
  if (after.size() == before.size() && std::is_permutation(after.begin(), after.end(), before.begin())) return false;

  if (auto good = check(session, *context, enabled); !good) return fail(std::move(good.error()));
  if (auto done = warn_if_hidden(session, edit, zone, wanted); !done) return fail(std::move(done.error()));
  warn_of_serial(session, zone, wanted);
  if (signing->presigned() && !made_by_signing(wanted.type)) {
    session.warning(fmt::format("{} is presigned: the signature of {}/{} must be replaced too", zone.head.apex.text(),
                                wanted.owner.text(), wanted.type.text()));
  }
  if (auto done = edit.replace_rrset(zone.head.id, wanted.owner, wanted.type, after); !done)
    return fail(std::move(done.error()));
  return true;
}

}  // namespace sdns::ctl
