// SPDX-License-Identifier: MIT
#include "backend/zone/zone_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "backend/dns/ldns_codec.h"

namespace sdns::zone {
namespace {

using dns::Name;
using dns::Record;
using dns::RrType;
using Records = std::span<const Record* const>;

constexpr RrType kKEY{25};
// A response has at most 65535 octets; what is left is for the header and the question.
constexpr std::size_t kMaxRrset = 65000;

bool allowed_beside_cname(RrType type) {
  return type == dns::kCNAME || type == dns::kRRSIG || type == dns::kNSEC || type == kKEY;
}

bool allowed_at_cut(RrType type) {
  return type == dns::kNS || type == dns::kDS || type == dns::kRRSIG || type == dns::kNSEC || type == dns::kA ||
         type == dns::kAAAA;
}

void check_soa(const OwnerRecords& at, const Record& soa, const Report& report) {
  if (at.owner != at.apex) {
    report(
        Rule::kSoaPlace, Severity::kError, soa,
        fmt::format("{} has a SOA record, but the apex is {} (RFC 1035 section 5.2)", at.owner.text(), at.apex.text()));
    return;
  }
  // primary mailbox serial refresh retry expire minimum
  unsigned long long times[5] = {};
  std::size_t from = soa.content.size();
  for (int i = 4; i >= 0 && from > 0; --i) {
    const std::size_t blank = soa.content.rfind(' ', from - 1);
    if (blank == std::string::npos) return;
    times[i] = std::strtoull(soa.content.c_str() + blank + 1, nullptr, 10);
    from = blank;
  }
  if (times[3] <= times[1] || times[2] > times[1])
    report(Rule::kSoaTimes, Severity::kWarning, soa,
           fmt::format("the SOA of {} has refresh {}, retry {} and expire {}: retry should be below refresh and expire "
                       "above it (RFC 1912 section 2.2)",
                       at.owner.text(), times[1], times[2], times[3]));
}

// One RRset: equal TTLs, no duplicates, a size that fits a response.
void check_rrset(const OwnerRecords& at, Records rrset, const Report& report) {
  const Record& first = *rrset.front();
  if (rrset.size() == 1) return;
  const auto other = std::find_if(rrset.begin(), rrset.end(), [&](const Record* r) { return r->ttl != first.ttl; });
  if (other != rrset.end())
    report(Rule::kTtl, Severity::kWarning, **other,
           fmt::format("{} {} has records with the TTLs {} and {}: an RRset has one (RFC 2181 section 5.2)",
                       at.owner.text(), first.type.text(), first.ttl.seconds, (*other)->ttl.seconds));
  struct Comparable {
    std::string wire;
    const Record* record;
  };
  std::vector<Comparable> contents;
  contents.reserve(rrset.size());
  std::size_t size = 0;
  for (const Record* record : rrset) {
    auto wire = dns::canonical_rdata_wire(record->type, record->content);
    contents.push_back({wire ? std::move(*wire) : record->content, record});
    size += contents.back().wire.size() + 12;
  }
  std::sort(contents.begin(), contents.end(), [](const Comparable& a, const Comparable& b) { return a.wire < b.wire; });
  for (std::size_t i = 1; i < contents.size(); ++i)
    if (contents[i].wire == contents[i - 1].wire)
      report(Rule::kDuplicate, Severity::kWarning, *contents[i].record,
             fmt::format("{} {} \"{}\" is there twice; an RRset has it once (RFC 2181 section 5)", at.owner.text(),
                         first.type.text(), contents[i].record->content.substr(0, 200)));
  if (size > kMaxRrset)
    report(
        Rule::kTooLarge, Severity::kError, first,
        fmt::format("{} {} has {} records of {} octets in all: a response has at most 65535 (RFC 1035 section 4.2.2)",
                    at.owner.text(), first.type.text(), rrset.size(), size));
}

void check_alias(const OwnerRecords& at, const Report& report) {
  const auto cname =
      std::find_if(at.records.begin(), at.records.end(), [](const Record* r) { return r->type == dns::kCNAME; });
  if (cname != at.records.end()) {
    const auto other = std::find_if(at.records.begin(), at.records.end(),
                                    [](const Record* r) { return !allowed_beside_cname(r->type); });
    if (other != at.records.end())
      report(Rule::kCnameAlone, Severity::kError, **cname,
             fmt::format("{} has a CNAME and other records ({}) (RFC 1034 section 3.6.2)", at.owner.text(),
                         (*other)->type.text()));
  }
}

void check_singletons(const OwnerRecords& at, Records rrset, const Report& report) {
  if (rrset.size() < 2) return;
  const Record& second = *rrset[1];
  if (second.type == dns::kCNAME)
    report(
        Rule::kCnameCount, Severity::kError, second,
        fmt::format("{} has {} CNAME records; one is possible (RFC 2181 section 10.1)", at.owner.text(), rrset.size()));
  if (second.type == dns::kDNAME)
    report(
        Rule::kDnameCount, Severity::kError, second,
        fmt::format("{} has {} DNAME records; one is possible (RFC 6672 section 2.4)", at.owner.text(), rrset.size()));
  if (second.type == dns::kSOA && at.owner == at.apex)
    report(Rule::kSoaCount, Severity::kError, second,
           fmt::format("{} has {} SOA records; a zone has one (RFC 1035 section 5.2)", at.owner.text(), rrset.size()));
}

void check_delegation(const OwnerRecords& at, const Report& report) {
  const bool apex = at.owner == at.apex;
  const bool ns = has_type(at.records, dns::kNS);
  for (const Record* record : at.records) {
    if (record->type == dns::kDS && apex) {
      report(Rule::kDsAtApex, Severity::kWarning, *record,
             fmt::format("{} has a DS at the apex; it belongs to the parent zone (RFC 4035 section 2.4)",
                         at.owner.text()));
      break;
    }
    if (record->type == dns::kDS && !ns) {
      report(Rule::kDsWithoutNs, Severity::kWarning, *record,
             fmt::format("{} has a DS but no NS; a DS is for a delegation (RFC 4035 section 2.4)", at.owner.text()));
      break;
    }
  }
  if (!apex && ns && has_type(at.records, dns::kDNAME))
    report(Rule::kDnameWithNs, Severity::kWarning, *at.records.front(),
           fmt::format("{} has a DNAME and NS records, and is not an apex (RFC 6672 section 2.3)", at.owner.text()));
  if (at.owner.is_wildcard())
    for (const RrType type : {dns::kNS, dns::kDS, dns::kDNAME, dns::kSOA})
      for (const Record* record : at.records)
        if (record->type == type) {
          report(Rule::kWildcard, Severity::kWarning, *record,
                 fmt::format("{} is a wildcard with {} (RFC 4592 section 4)", at.owner.text(), type.text()));
          break;
        }
}

void check_occlusion(const OwnerRecords& at, const Report& report) {
  const bool cut = at.owner != at.apex && has_type(at.records, dns::kNS);
  const Record* hidden = nullptr;
  for (const Record* record : at.records) {
    if (at.depth == Depth::kBelowDname) {
      report(Rule::kBelowDname, Severity::kWarning, *record,
             fmt::format("{} is below a DNAME, which hides it (RFC 6672 section 2.4)", at.owner.text()));
      return;
    }
    const bool glue = record->type == dns::kA || record->type == dns::kAAAA;
    if (at.depth == Depth::kBelowCut ? !glue : cut && !allowed_at_cut(record->type)) hidden = record;
  }
  if (hidden == nullptr || hidden->type == dns::kDNAME) return;
  report(Rule::kOccluded, Severity::kWarning, *hidden,
         fmt::format("{} {} is at or below a delegation, which hides it (RFC 1034 section 4.2.1)", at.owner.text(),
                     hidden->type.text()));
}

void check_names(const OwnerRecords& at, Records rrset, const Report& report) {
  const RrType type = rrset.front()->type;
  if ((type == dns::kA || type == dns::kAAAA || type == dns::kMX) && !is_host_name(at.owner))
    report(
        Rule::kHostName, Severity::kWarning, *rrset.front(),
        fmt::format("{} has {} records but is not a host name (RFC 1123 section 2.1)", at.owner.text(), type.text()));
  if (type != dns::kNS && type != dns::kMX && type != dns::kSRV) return;
  for (const Record* record : rrset)
    for (const Name& target : dns::followed_targets(type, record->content))
      if (!is_host_name(target) || target.is_wildcard())
        report(Rule::kTargetName, Severity::kWarning, *record,
               fmt::format("{} {} points at {}, which is not a host name (RFC 1123 section 2.1)", at.owner.text(),
                           type.text(), target.text()));
}

// What PowerDNS does with these types only where pdns.conf says so.
void check_setting(const OwnerRecords& at, const Record& first, const Report& report) {
  const auto warn = [&](Rule rule, std::string_view otherwise, std::string_view setting) {
    report(rule, Severity::kWarning, first,
           fmt::format("{} {}: PowerDNS {} only with {} in pdns.conf", at.owner.text(), first.type.text(), otherwise,
                       setting));
  };
  if (first.type == dns::kDNAME) warn(Rule::kNeedsDname, "redirects the names below it", "dname-processing=yes");
  if (first.type == dns::kALIAS) warn(Rule::kNeedsAlias, "follows it", "expand-alias=yes and a resolver");
}

}  // namespace

bool has_type(Records records, RrType type) {
  return std::any_of(records.begin(), records.end(), [&](const Record* record) { return record->type == type; });
}

bool is_host_name(const Name& name) {
  const std::string& wire = name.wire();
  std::size_t i = name.is_wildcard() ? 2 : 0;
  bool last_is_number = false;
  while (wire[i] != 0) {
    const std::size_t length = static_cast<std::uint8_t>(wire[i]);
    if (wire[i + 1] == '-' || wire[i + length] == '-') return false;
    last_is_number = true;
    for (std::size_t k = i + 1; k <= i + length; ++k) {
      const char c = wire[k];
      const bool digit = c >= '0' && c <= '9';
      if (!digit) last_is_number = false;
      if (!digit && !(c >= 'a' && c <= 'z') && c != '-') return false;
    }
    i += length + 1;
  }
  return !last_is_number;  // 192.0.2.1. is an address that was written where a name is wanted
}

bool can_be_asked(const Name& name) {
  const std::string& wire = name.wire();
  for (std::size_t i = 0; wire[i] != 0;) {
    const std::size_t length = static_cast<std::uint8_t>(wire[i]);
    for (const char c : std::string_view(wire).substr(i + 1, length)) {
      const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!alphanumeric && (c == 0 || std::string_view("-_*./@\\: ").find(c) == std::string_view::npos)) return false;
    }
    i += length + 1;
  }
  return true;
}

bool made_by_server(RrType type) {
  return type == dns::kRRSIG || type == dns::kNSEC || type == dns::kNSEC3 || type == dns::kNSEC3PARAM ||
         type == dns::kDNSKEY || type == dns::kCDS || type == dns::kCDNSKEY;
}

void check_owner(const OwnerRecords& at, const Report& report) {
  if (!can_be_asked(at.owner))
    report(Rule::kOddOctets, Severity::kWarning, *at.records.front(),
           fmt::format("{}: PowerDNS answers SERVFAIL to questions for names with octets other than letters, digits, "
                       "- _ * . / @ \\ : and blank",
                       at.owner.text()));
  for (std::size_t from = 0; from < at.records.size();) {
    const RrType type = at.records[from]->type;
    std::size_t to = from;
    while (to < at.records.size() && at.records[to]->type == type) ++to;
    const Records rrset = at.records.subspan(from, to - from);
    from = to;
    if (type == dns::kSOA) check_soa(at, *rrset.front(), report);
    if (made_by_server(type)) {
      if (at.presigned) continue;
      report(
          Rule::kMadeByServer, Severity::kWarning, *rrset.front(),
          fmt::format("{} {}: PowerDNS makes these itself in a zone that it signs; they are of use only with PRESIGNED",
                      at.owner.text(), type.text()));
      continue;
    }
    check_singletons(at, rrset, report);
    check_rrset(at, rrset, report);
    if (at.depth == Depth::kAuthoritative) check_setting(at, *rrset.front(), report);
    if (at.depth == Depth::kAuthoritative) check_names(at, rrset, report);
  }
  check_alias(at, report);
  if (at.depth == Depth::kAuthoritative) check_delegation(at, report);
  check_occlusion(at, report);
}

}  // namespace sdns::zone
