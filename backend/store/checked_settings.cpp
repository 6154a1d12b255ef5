// SPDX-License-Identifier: MIT
// Metadata, keys and kinds of zones.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "backend/dns/dnssec_key.h"
#include "backend/store/checked_edit.h"
#include "backend/store/peers.h"
#include "backend/store/signing.h"

namespace sdns::store {
namespace {

constexpr std::string_view kSoaEdit = "SOA-EDIT";
constexpr std::uint16_t kZoneKey = 256;  // RFC 4034 section 2.1.1
constexpr std::uint16_t kEntryPoint = 1;

void warn(Findings& findings, std::string where, std::string what) {
  findings.push_back({zone::Severity::kWarning, std::move(where), std::move(what)});
}

const std::vector<std::string>& values_of(const Signing& signing, const std::string& kind) {
  static const std::vector<std::string> kNone;
  for (const zone::Metadata& one : signing.metadata)
    if (one.kind == kind) return one.values;
  return kNone;
}

// Keys that are named and missing: PowerDNS would refuse every transfer.
Result<void> warn_of_missing_keys(Transaction& edit, const std::string& where, const zone::Metadata& wanted,
                                  Findings& findings) {
  if (wanted.kind != "TSIG-ALLOW-AXFR" && wanted.kind != "AXFR-MASTER-TSIG") return {};
  const auto keys = edit.tsig_keys();
  if (!keys) return fail(keys.error());
  for (const std::string& value : wanted.values) {
    const auto name = dns::Name::parse(value);
    const auto is_it = [&](const zone::TsigKey& key) { return name && key.name == *name; };
    if (std::none_of(keys->begin(), keys->end(), is_it))
      warn(findings, where, fmt::format("there is no TSIG key {}; `sdnsctl tsig add` makes one", value));
  }
  return {};
}

bool is_date(std::uint32_t serial) {
  const unsigned year = serial / 1'000'000;
  const unsigned month = serial / 10'000 % 100;
  const unsigned day = serial / 100 % 100;
  return year >= 1990 && year <= 2099 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

Result<std::vector<std::string>> canonical_primaries(const std::vector<std::string>& primaries) {
  std::vector<std::string> list;
  for (const std::string& primary : primaries) {
    auto canonical = canonical_primary(primary);
    if (!canonical) return fail(std::move(canonical.error()));
    if (std::find(list.begin(), list.end(), *canonical) == list.end()) list.push_back(std::move(*canonical));
  }
  return list;
}

tl::unexpected<Error> no_primaries(const dns::Name& apex) {
  return fail(Errc::kInvalidArgument, fmt::format("{}: a secondary zone needs a primary to transfer from", apex.text()),
              "give the address of at least one");
}

}  // namespace

Result<bool> set_metadata(Transaction& edit, const ZoneRow& zone, const zone::Metadata& wanted, Findings& findings) {
  const std::string where = fmt::format("{}/{}", zone.head.apex.text(), wanted.kind);
  auto signing = signing_of(edit, zone.head.id);
  if (!signing) return fail(std::move(signing.error()));
  if (!wanted.values.empty()) {
    std::optional<Error> refused;
    for (zone::Finding& finding : zone::check_metadata(wanted)) {
      if (finding.severity == zone::Severity::kError && !refused)
        refused = Error{Errc::kInvalidZone, fmt::format("{}: {}", where, finding.what), "nothing was changed"};
      finding.where = where;
      findings.push_back(std::move(finding));
    }
    if (refused) return fail(std::move(*refused));
    if (auto done = warn_of_missing_keys(edit, where, wanted, findings); !done) return fail(std::move(done.error()));
  }
  if (wanted.kind == "PRESIGNED" && wanted.values == std::vector<std::string>{"1"} && signing->has_active_key())
    return fail(
        Errc::kConflict,
        fmt::format("{}: the zone is signed live, and cannot bring its own signatures too; nothing was changed", where),
        "`sdnsctl zone unsecure` removes the keys, `sdnsctl zone import --presigned` brings a signed file");
  if (values_of(*signing, wanted.kind) == wanted.values) return false;
  if (auto done = edit.set_metadata(zone.head.id, wanted.kind, wanted.values); !done)
    return fail(std::move(done.error()));
  return true;
}

std::string first_soa_edit(std::optional<std::uint32_t> serial, WallTime now) {
  const auto epoch = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  return serial && is_date(*serial) && std::int64_t{*serial} > epoch ? "INCEPTION-INCREMENT" : "INCEPTION-EPOCH";
}

Result<std::uint32_t> add_key(Transaction& edit, const ZoneRow& zone, const zone::Key& key, Findings& findings) {
  const std::string name = zone.head.apex.text();
  auto signing = signing_of(edit, zone.head.id);
  if (!signing) return fail(std::move(signing.error()));
  if (signing->presigned())
    return fail(Errc::kConflict,
                fmt::format("{} brings its own signatures (metadata PRESIGNED); nothing was changed", name),
                fmt::format("`sdnsctl zone unsecure {}` takes them out", name));
  if ((key.flags & ~kEntryPoint) != kZoneKey)
    return fail(Errc::kInvalidRecord, fmt::format("{}: a key cannot have the flags {}", name, key.flags),
                "256 is a ZSK, 257 a KSK or a key that signs everything (RFC 4034 section 2.1.1)");
  const auto facts = dns::describe_key(zone.head.apex, key.flags, key.content);
  if (!facts) {
    Error error = facts.error();
    error.what = fmt::format("{}: {}", name, error.what);
    return fail(std::move(error));
  }
  std::optional<dns::Algorithm> other;
  for (const zone::Key& present : signing->keys) {
    const auto known = dns::describe_key(zone.head.apex, present.flags, present.content);
    if (!known) continue;  // `zone check` tells of it
    if (known->dnskey_content == facts->dnskey_content) {
      if (auto done = edit.set_key_state(zone.head.id, present.id, key.active, key.published); !done)
        return fail(std::move(done.error()));
      return present.id;
    }
    if (present.active && known->algorithm != facts->algorithm) other = known->algorithm;
  }
  if (other)
    warn(findings, name + "/DNSKEY",
         fmt::format("{} is signed with {} too: each algorithm at the parent's DS must sign all of the zone (RFC 4035 "
                     "section 2.2)",
                     name, dns::algorithm_text(*other)));
  auto id = edit.add_key(zone.head.id, key);
  if (!id) return id;
  if (signing->keys.empty() && values_of(*signing, std::string(kSoaEdit)).empty()) {
    const auto row = edit.zone(zone.head.id);
    if (!row) return fail(row.error());
    const auto serial = *row ? (*row)->serial : zone.serial;
    auto done = edit.set_metadata(zone.head.id, std::string(kSoaEdit), {first_soa_edit(serial, edit.now())});
    if (!done) return fail(std::move(done.error()));
  }
  return id;
}

Result<bool> set_key_state(Transaction& edit, const ZoneRow& zone, std::uint32_t key, bool active, bool published) {
  auto signing = signing_of(edit, zone.head.id);
  if (!signing) return fail(std::move(signing.error()));
  for (const zone::Key& one : signing->keys) {
    if (one.id != key) continue;
    if (one.active == active && one.published == published) return false;
    if (active && signing->presigned())
      return fail(Errc::kConflict,
                  fmt::format("{} brings its own signatures (metadata PRESIGNED): its key {} cannot become active; "
                              "nothing was changed",
                              zone.head.apex.text(), key));
    if (auto done = edit.set_key_state(zone.head.id, key, active, published); !done)
      return fail(std::move(done.error()));
    return true;
  }
  return fail(Errc::kNotFound, fmt::format("the zone {} has no key with the id {}", zone.head.apex.text(), key));
}

Result<void> remove_key(Transaction& edit, const ZoneRow& zone, std::uint32_t key) {
  return edit.remove_key(zone.head.id, key);
}

Result<ZoneId> create_secondary(Transaction& edit, const dns::Name& apex, const std::vector<std::string>& primaries,
                                const std::string& account) {
  if (primaries.empty()) return no_primaries(apex);
  auto checked = canonical_primaries(primaries);
  if (!checked) return fail(std::move(checked.error()));
  zone::ZoneHead head;
  head.apex = apex;
  head.kind = zone::Kind::kSecondary;
  head.account = account;
  head.primaries = std::move(*checked);
  return edit.create_zone(head, SerialPolicy::kCounter);
}

Result<bool> set_kind(Transaction& edit, const ZoneRow& zone, zone::Kind kind,
                      const std::vector<std::string>& primaries) {
  auto checked = canonical_primaries(primaries);
  if (!checked) return fail(std::move(checked.error()));
  if (kind == zone::Kind::kSecondary && checked->empty()) return no_primaries(zone.head.apex);
  if (kind != zone::Kind::kSecondary && !checked->empty())
    return fail(Errc::kInvalidArgument, fmt::format("{}: only a secondary zone has primaries", zone.head.apex.text()));
  if (kind != zone::Kind::kSecondary && !zone.serial)
    return fail(Errc::kInvalidZone,
                fmt::format("{}/SOA: the zone has none, so only a transfer can fill it (RFC 1035 section 5.2); nothing "
                            "was changed",
                            zone.head.apex.text()),
                "wait for its first transfer, or import a master file");
  zone::ZoneHead head = zone.head;
  head.kind = kind;
  head.primaries = std::move(*checked);
  if (head == zone.head) return false;
  if (auto done = edit.set_head(head); !done) return fail(std::move(done.error()));
  return true;
}

}  // namespace sdns::store
