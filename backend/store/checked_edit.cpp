// SPDX-License-Identifier: MIT
// Records; metadata, keys and kinds are in checked_settings.cpp.
#include "backend/store/checked_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "backend/dns/serial.h"
#include "backend/store/serial_policy.h"
#include "backend/store/signing.h"

namespace sdns::store {
namespace {

constexpr std::uint32_t kDefaultTtl = 3600;

std::string place_of(const WantedRrset& wanted) {
  return fmt::format("{}/{}", wanted.owner.text(), wanted.type.text());
}

void warn(Findings& findings, std::string where, std::string what) {
  findings.push_back({zone::Severity::kWarning, std::move(where), std::move(what)});
}

Result<zone::OwnerContext> context_of(Transaction& edit, const ZoneRow& zone, const dns::Name& owner,
                                      const std::vector<StoredRecord>& at_owner, dns::RrType type) {
  zone::OwnerContext context;
  context.apex = zone.head.apex;
  for (const auto& [record, disabled] : at_owner)
    if (!disabled && record.type != type) context.others.push_back(record);
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

// A zone of its own below this one takes the questions for the name.
Result<void> warn_if_hidden(Transaction& edit, const ZoneRow& zone, const WantedRrset& wanted, Findings& findings) {
  if (wanted.records.empty()) return {};
  auto closest = edit.enclosing_zone(wanted.owner);
  if (!closest) return fail(std::move(closest.error()));
  if (!*closest || (*closest)->head.id == zone.head.id) return {};
  const bool delegation = wanted.owner == (*closest)->head.apex && (wanted.type == dns::kNS || wanted.type == dns::kDS);
  const bool glue = wanted.type == dns::kA || wanted.type == dns::kAAAA;
  if (!delegation && !glue)
    warn(findings, place_of(wanted),
         fmt::format("{} lies in the zone {}, which this database has too: that zone answers for it",
                     wanted.owner.text(), (*closest)->head.apex.text()));
  return {};
}

// The first error of the findings from `first` on.
Result<void> refuse_errors(const Findings& findings, std::size_t first) {
  for (std::size_t i = first; i < findings.size(); ++i)
    if (findings[i].severity == zone::Severity::kError)
      return fail(Errc::kInvalidZone, findings[i].where + ": " + findings[i].what, "nothing was changed");
  return {};
}

void warn_of_serial(const ZoneRow& zone, const WantedRrset& wanted, Findings& findings) {
  if (wanted.type != dns::kSOA || wanted.records.empty() || !zone.serial) return;
  const auto serial = soa_serial(wanted.records.front().content);
  if (serial && dns::Serial{*serial} < dns::Serial{*zone.serial})
    warn(findings, place_of(wanted),
         fmt::format("the serial goes back from {} to {}: secondaries will not follow", *zone.serial, *serial));
}

// Takes out what PowerDNS makes itself, with one warning for each type.
void drop_made_by_signing(const ZoneRow& zone, std::vector<StoredRecord>& records, Findings& findings) {
  std::map<dns::RrType, std::size_t> dropped;
  std::erase_if(records, [&](const StoredRecord& stored) {
    if (!made_by_signing(stored.record.type)) return false;
    ++dropped[stored.record.type];
    return true;
  });
  for (const auto& [type, count] : dropped)
    warn(findings, fmt::format("{}/{}", zone.head.apex.text(), type.text()),
         fmt::format("{} left out: the zone is signed live, so PowerDNS makes its {} records from the keys", count,
                     type.text()));
}

}  // namespace

Result<std::vector<StoredRecord>> rrset_at(Transaction& transaction, ZoneId zone, const dns::Name& owner,
                                           dns::RrType type) {
  auto records = transaction.records_at(zone, owner);
  if (!records) return fail(std::move(records.error()));
  std::erase_if(*records, [&](const StoredRecord& stored) { return stored.record.type != type; });
  return records;
}

Result<bool> put_rrset(Transaction& edit, const ZoneRow& zone, const WantedRrset& wanted, Findings& findings) {
  if (!wanted.owner.at_or_below(zone.head.apex))
    return fail(Errc::kInvalidZone,
                fmt::format("{}: is outside of the zone {}", place_of(wanted), zone.head.apex.text()),
                "nothing was changed");
  auto signing = signing_of(edit, zone.head.id);
  if (!signing) return fail(std::move(signing.error()));
  if (signing->live() && made_by_signing(wanted.type) && !wanted.records.empty())
    return fail(
        Errc::kInvalidZone,
        fmt::format("{}: {} is signed live, so PowerDNS makes its {} records from the keys; nothing was changed",
                    place_of(wanted), zone.head.apex.text(), wanted.type.text()),
        "`sdnsctl zone keys`, `nsec` and `nsec3` are the way to what they say");
  auto at_owner = edit.records_at(zone.head.id, wanted.owner);
  if (!at_owner) return fail(std::move(at_owner.error()));
  auto context = context_of(edit, zone, wanted.owner, *at_owner, wanted.type);
  if (!context) return fail(std::move(context.error()));
  context->presigned = signing->presigned();

  std::vector<StoredRecord> before;
  for (auto& stored : *at_owner)
    if (stored.record.type == wanted.type) before.push_back(std::move(stored));
  const dns::Ttl ttl{wanted.ttl ? *wanted.ttl : before.empty() ? kDefaultTtl : before.front().record.ttl.seconds};
  std::vector<StoredRecord> after;
  dns::Rrset enabled{wanted.owner, wanted.type, ttl, {}};
  for (const auto& [content, disabled] : wanted.records) {
    const auto same_content = [&text = content](const StoredRecord& stored) { return stored.record.content == text; };
    if (std::any_of(after.begin(), after.end(), same_content)) continue;
    if (!disabled) enabled.contents.push_back(content);
    after.push_back({{wanted.owner, wanted.type, ttl, content}, disabled});
  }
  if (after.size() == before.size() && std::is_permutation(after.begin(), after.end(), before.begin())) return false;

  const std::size_t first = findings.size();
  for (auto& finding : zone::check_edit(*context, enabled)) findings.push_back(std::move(finding));
  if (auto good = refuse_errors(findings, first); !good) return fail(std::move(good.error()));
  if (auto done = warn_if_hidden(edit, zone, wanted, findings); !done) return fail(std::move(done.error()));
  warn_of_serial(zone, wanted, findings);
  if (signing->presigned() && !made_by_signing(wanted.type))
    warn(findings, place_of(wanted),
         fmt::format("{} is presigned: the signature of {} must be replaced too", zone.head.apex.text(),
                     place_of(wanted)));
  if (auto done = edit.replace_rrset(zone.head.id, wanted.owner, wanted.type, after); !done)
    return fail(std::move(done.error()));
  return true;
}

Result<void> replace_zone(Transaction& edit, const ZoneRow& zone, std::vector<StoredRecord> records,
                          Findings& findings) {
  auto signing = signing_of(edit, zone.head.id);
  if (!signing) return fail(std::move(signing.error()));
  if (signing->live()) drop_made_by_signing(zone, records, findings);

  std::vector<dns::PlacedRecord> served;
  served.reserve(records.size());
  for (const StoredRecord& stored : records)
    if (!stored.disabled) served.push_back({stored.record, {}});
  const std::size_t first = findings.size();
  for (auto& finding : zone::check_zone(zone.head.apex, served, signing->presigned()))
    findings.push_back(std::move(finding));
  if (auto good = refuse_errors(findings, first); !good) return good;
  return edit.replace_zone(zone.head.id, std::move(records));
}

}  // namespace sdns::store
