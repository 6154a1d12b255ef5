// SPDX-License-Identifier: MIT
#include "backend/zone/zone_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "backend/dns/ldns_codec.h"
#include "backend/zone/zone_rules.h"

namespace sdns::zone {
namespace {

using dns::Name;
using dns::PlacedRecord;
using dns::Record;
using dns::RrType;

// So many findings of one rule say it; a million would only fill memory.
constexpr std::size_t kMaxPerRule = 50;

// A setting of PowerDNS is named once.
constexpr std::size_t most_of(Rule rule) {
  return rule == Rule::kNeedsDname || rule == Rule::kNeedsAlias ? 1 : kMaxPerRule;
}

std::string place_of(const Record& record) { return fmt::format("{}/{}", record.owner.text(), record.type.text()); }

// Findings with a limit per rule.
class Findings {
 public:
  void add(Rule rule, Severity severity, std::string where, std::string what) {
    std::size_t& count = counts_[static_cast<std::size_t>(rule)];
    if (++count <= most_of(rule)) {
      found_.push_back({severity, std::move(where), std::move(what)});
      last_[static_cast<std::size_t>(rule)] = found_.size() - 1;
    }
  }
  std::vector<Finding> finish() {
    for (std::size_t rule = 0; rule < counts_.size(); ++rule)
      if (const std::size_t most = most_of(static_cast<Rule>(rule)); counts_[rule] > most)
        found_[last_[rule]].what += fmt::format("; and {} more of this kind", counts_[rule] - most);
    std::stable_sort(found_.begin(), found_.end(), [](const Finding& a, const Finding& b) {
      return a.severity == Severity::kError && b.severity != Severity::kError;
    });
    return std::move(found_);
  }

 private:
  std::vector<Finding> found_;
  std::array<std::size_t, static_cast<std::size_t>(Rule::kCount)> counts_{};
  std::array<std::size_t, static_cast<std::size_t>(Rule::kCount)> last_{};
};

class ZoneChecker {
 public:
  ZoneChecker(const Name& apex, const std::vector<PlacedRecord>& records, bool presigned)
      : apex_(apex), records_(records), presigned_(presigned) {}

  std::vector<Finding> run() {
    index();
    check_apex();
    std::optional<std::string_view> cut;  // the last one passed, in canonical order: what it hides comes next
    std::optional<std::string_view> dname;
    for (const Group& group : groups_) {
      const std::string_view key = group.key;
      const bool below_cut = cut && key.starts_with(*cut);
      const bool below_dname = dname && key.starts_with(*dname);
      check_owner({apex_, group.records.front()->owner, group.records,
                   below_cut     ? Depth::kBelowCut
                   : below_dname ? Depth::kBelowDname
                                 : Depth::kAuthoritative,
                   presigned_},
                  report_);
      if (!below_cut && !below_dname) check_targets(group);
      if (!below_cut && !below_dname && key != apex_key_ && has_type(group.records, dns::kNS)) cut = key;
      if (!below_cut && !below_dname && has_type(group.records, dns::kDNAME)) dname = key;
    }
    return findings_.finish();
  }

 private:
  struct Group {
    std::string key;
    std::span<const Record* const> records;
  };

  void index();
  void check_apex();
  void check_targets(const Group& group);
  [[nodiscard]] const Group* find(std::string_view key) const;
  [[nodiscard]] bool exists(std::string_view key) const;
  [[nodiscard]] bool below_a_cut(std::string_view key) const;
  [[nodiscard]] const Group* match(std::string_view key) const;

  [[nodiscard]] std::string where(const Record& record) const {
    // Every record that is reported is the one inside of an element of records_.
    const auto distance = reinterpret_cast<const char*>(&record) - reinterpret_cast<const char*>(&records_[0].record);
    const PlacedRecord& placed = records_[static_cast<std::size_t>(distance) / sizeof(PlacedRecord)];
    return placed.place.file.empty() ? place_of(record) : fmt::format("{}:{}", placed.place.file, placed.place.line);
  }

  const Name& apex_;
  const std::vector<PlacedRecord>& records_;
  const bool presigned_;
  std::string apex_key_;
  std::vector<const Record*> sorted_;
  std::vector<Group> groups_;  // in canonical order
  Findings findings_;
  const Report report_ = [this](Rule rule, Severity severity, const Record& at, std::string what) {
    findings_.add(rule, severity, where(at), std::move(what));
  };
};

void ZoneChecker::index() {
  apex_key_ = apex_.key();
  struct Run {
    std::string key;
    std::size_t first;
    std::size_t count;
  };
  std::vector<Run> runs;  // of records that follow each other with one owner
  for (std::size_t i = 0; i < records_.size();) {
    std::size_t end = i + 1;
    while (end < records_.size() && records_[end].record.owner == records_[i].record.owner) ++end;
    if (records_[i].record.owner.at_or_below(apex_)) runs.push_back({records_[i].record.owner.key(), i, end - i});
    else
      for (std::size_t k = i; k < end; ++k)
        report_(Rule::kOutside, Severity::kError, records_[k].record,
                fmt::format("{} {} is outside of the zone {} (RFC 1034 section 4.2)", records_[k].record.owner.text(),
                            records_[k].record.type.text(), apex_.text()));
    i = end;
  }
  std::stable_sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.key < b.key; });
  sorted_.reserve(records_.size());
  for (const Run& run : runs)
    for (std::size_t k = 0; k < run.count; ++k) sorted_.push_back(&records_[run.first + k].record);
  std::size_t at = 0;
  for (std::size_t i = 0; i < runs.size();) {
    const std::size_t start = at;
    std::size_t end = i;
    for (; end < runs.size() && runs[end].key == runs[i].key; ++end) at += runs[end].count;
    std::stable_sort(sorted_.begin() + static_cast<std::ptrdiff_t>(start),
                     sorted_.begin() + static_cast<std::ptrdiff_t>(at),
                     [](const Record* a, const Record* b) { return a->type < b->type; });
    groups_.push_back({std::move(runs[i].key), {sorted_.data() + start, at - start}});
    i = end;
  }
}

void ZoneChecker::check_apex() {
  const Group* apex = find(apex_key_);
  if (apex == nullptr || !has_type(apex->records, dns::kSOA)) {
    const std::string where =
        records_.empty() || records_.front().place.file.empty() ? apex_.text() + "/SOA" : records_.front().place.file;
    findings_.add(Rule::kSoaCount, Severity::kError, where,
                  fmt::format("the zone {} has no SOA record at its apex (RFC 1035 section 5.2)", apex_.text()));
  }
  if (apex != nullptr && !has_type(apex->records, dns::kNS))
    findings_.add(Rule::kNoNs, Severity::kWarning, apex_.text() + "/NS",
                  fmt::format("the zone {} has no NS records at its apex (RFC 1035 section 5.2)", apex_.text()));
}

const ZoneChecker::Group* ZoneChecker::find(std::string_view key) const {
  const auto at = std::lower_bound(groups_.begin(), groups_.end(), key,
                                   [](const Group& group, std::string_view k) { return group.key < k; });
  return at != groups_.end() && at->key == key ? &*at : nullptr;
}

bool ZoneChecker::exists(std::string_view key) const {
  const auto at = std::lower_bound(groups_.begin(), groups_.end(), key,
                                   [](const Group& group, std::string_view k) { return group.key < k; });
  return at != groups_.end() && std::string_view(at->key).starts_with(key);
}

bool ZoneChecker::below_a_cut(std::string_view key) const {
  for (; key.size() > apex_key_.size(); key = dns::parent_key(key))
    if (const Group* group = find(key); group != nullptr && has_type(group->records, dns::kNS)) return true;
  return false;
}

// The owner that answers for `key`: itself or the wildcard at its closest encloser (RFC 4592 section 3.3.1).
const ZoneChecker::Group* ZoneChecker::match(std::string_view key) const {
  if (const Group* group = find(key)) return group;
  if (exists(key)) return nullptr;  // an empty non-terminal
  for (key = dns::parent_key(key); key.size() >= apex_key_.size(); key = dns::parent_key(key)) {
    if (exists(key)) return find(std::string(key) + std::string("*\0", 2));
    if (key.empty()) break;
  }
  return nullptr;
}

void ZoneChecker::check_targets(const Group& group) {
  for (const Record* record : group.records) {
    if (record->type != dns::kNS && record->type != dns::kMX && record->type != dns::kSRV) continue;
    for (const Name& target : dns::followed_targets(record->type, record->content)) {
      if (!target.at_or_below(apex_)) continue;
      const std::string key = target.key();
      const Group* found = match(key);
      if (found != nullptr && has_type(found->records, dns::kCNAME)) {
        report_(Rule::kTargetAlias, Severity::kWarning, *record,
                fmt::format("{} {} points at {}, which is a CNAME (RFC 2181 section 10.3)", record->owner.text(),
                            record->type.text(), target.text()));
        continue;
      }
      if (found != nullptr) {
        const bool has_address = std::any_of(found->records.begin(), found->records.end(), [](const Record* r) {
          return r->type == dns::kA || r->type == dns::kAAAA || r->type == dns::kALIAS || r->type == dns::kLUA;
        });
        if (has_address) continue;
      }
      const bool own_cut =
          record->type == dns::kNS && group.key != apex_key_ && std::string_view(key).starts_with(group.key);
      if (own_cut)
        report_(
            Rule::kGlueMissing, Severity::kWarning, *record,
            fmt::format("{} NS points at {}, which is below the delegation and has no glue (RFC 1034 section 4.2.1)",
                        record->owner.text(), target.text()));
      else if (!below_a_cut(key))
        report_(Rule::kTargetMissing, Severity::kWarning, *record,
                fmt::format("{} {} points at {}, which has no address in this zone (RFC 1912 section 2.4)",
                            record->owner.text(), record->type.text(), target.text()));
    }
  }
}

}  // namespace

std::vector<Finding> check_zone(const Name& apex, const std::vector<PlacedRecord>& records, bool presigned) {
  return ZoneChecker(apex, records, presigned).run();
}

std::vector<Finding> check_edit(const OwnerContext& around, const dns::Rrset& rrset) {
  Findings findings;
  const std::string where = fmt::format("{}/{}", rrset.owner.text(), rrset.type.text());
  const bool apex = rrset.owner == around.apex;
  if (!rrset.owner.at_or_below(around.apex)) {
    findings.add(
        Rule::kOutside, Severity::kError, where,
        fmt::format("{} is outside of the zone {} (RFC 1034 section 4.2)", rrset.owner.text(), around.apex.text()));
    return findings.finish();
  }
  if (rrset.contents.empty()) {
    if (apex && rrset.type == dns::kSOA)
      findings.add(Rule::kSoaCount, Severity::kError, where,
                   fmt::format("the zone {} would have no SOA record (RFC 1035 section 5.2)", around.apex.text()));
    if (apex && rrset.type == dns::kNS)
      findings.add(
          Rule::kNoNs, Severity::kWarning, where,
          fmt::format("the zone {} has no NS records at its apex then (RFC 1035 section 5.2)", around.apex.text()));
    if (!apex && rrset.type == dns::kNS)
      for (const Record& other : around.others)
        if (other.type == dns::kDS) {
          findings.add(Rule::kDsWithoutNs, Severity::kWarning, where,
                       fmt::format("{} has a DS but no NS then; a DS is for a delegation (RFC 4035 section 2.4)",
                                   rrset.owner.text()));
          break;
        }
    return findings.finish();
  }
  std::vector<Record> put;
  for (const std::string& content : rrset.contents) put.push_back({rrset.owner, rrset.type, rrset.ttl, content});
  std::vector<const Record*> records;
  for (const Record& record : put) records.push_back(&record);
  for (const Record& record : around.others)
    if (record.type != rrset.type) records.push_back(&record);
  std::stable_sort(records.begin(), records.end(), [](const Record* a, const Record* b) { return a->type < b->type; });
  const Depth depth = around.below_cut     ? Depth::kBelowCut
                      : around.below_dname ? Depth::kBelowDname
                                           : Depth::kAuthoritative;
  check_owner({around.apex, rrset.owner, records, depth, around.presigned},
              [&](Rule rule, Severity severity, const Record& at, std::string what) {
                // What is wrong with the others alone is no matter of this edit.
                const bool shared = rule == Rule::kCnameAlone || rule == Rule::kDnameWithNs ||
                                    rule == Rule::kOccluded || rule == Rule::kBelowDname || rule == Rule::kOddOctets;
                if (shared || at.type == rrset.type) findings.add(rule, severity, where, std::move(what));
              });
  if (rrset.type == dns::kDNAME && around.has_names_below)
    findings.add(
        Rule::kBelowDname, Severity::kWarning, where,
        fmt::format("{} gets a DNAME, which hides the names below it (RFC 6672 section 2.4)", rrset.owner.text()));
  return findings.finish();
}

}  // namespace sdns::zone
