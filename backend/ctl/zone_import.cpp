// SPDX-License-Identifier: MIT
#include "backend/ctl/zone_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <tuple>

#include "backend/ctl/zone_facts.h"
#include "backend/dns/serial.h"

namespace sdns::ctl {
namespace {

/// What the first lines of a file say about the names in it.
struct Opening {
  std::optional<dns::Name> origin;  ///< of the first $ORIGIN, when it is absolute
  std::optional<dns::Name> owner;   ///< of the first record, when it is absolute
};

std::string_view first_word(std::string_view line) { return line.substr(0, line.find_first_of(" \t\r;(")); }

Opening read_opening(const std::filesystem::path& file) {
  Opening opening;
  std::ifstream in(file);
  std::string line;
  for (int lines = 0; lines < 1000 && std::getline(in, line); ++lines) {
    const std::string_view text = line;
    const auto start = text.find_first_not_of(" \t\r");
    if (start == std::string_view::npos || text[start] == ';') continue;
    const std::string_view word = first_word(text.substr(start));
    if (!word.empty() && word.front() == '$') {
      if (word == "$ORIGIN" || word == "$origin") {
        const auto value = text.find_first_not_of(" \t", start + word.size());
        if (value == std::string_view::npos) continue;
        const std::string_view name = first_word(text.substr(value));
        if (!name.empty() && name.back() == '.') {
          if (auto parsed = dns::Name::parse(name)) opening.origin = std::move(*parsed);
        }
      }
      continue;
    }
    if (start == 0 && word.size() > 1 && word.back() == '.') {
      if (auto parsed = dns::Name::parse(word)) opening.owner = std::move(*parsed);
    }
    break;
  }
  return opening;
}

auto order_key(const store::StoredRecord& r) {
  return std::tie(r.record.owner.wire(), r.record.type.value, r.record.content, r.record.ttl.seconds, r.disabled);
}

void sort_canonically(std::vector<store::StoredRecord>& records) {
  std::sort(records.begin(), records.end(), [](const store::StoredRecord& a, const store::StoredRecord& b) {
    if (a.record.owner != b.record.owner) return a.record.owner < b.record.owner;
    return std::tie(a.record.type.value, a.record.content) < std::tie(b.record.type.value, b.record.content);
  });
}

}  // namespace

Result<ZoneFile> load_zone_file(const std::filesystem::path& file, const std::optional<dns::Name>& apex) {
  const Opening opening = read_opening(file);
  dns::Name origin;
  if (apex) {
    origin = *apex;
  } else if (opening.origin) {
    origin = *opening.origin;
  } else if (opening.owner) {
    origin = *opening.owner;
  }
  std::vector<dns::Problem> problems;
  const auto read_from = [&](const dns::Name& start) { return dns::read_master_file(file, start, {}, &problems); };
  const auto unreadable = [&](Error&& error) -> Result<ZoneFile> {
    if (problems.empty()) return fail(std::move(error));
    ZoneFile found{origin, {}, {}};
    for (auto& [place, what] : problems)
      found.problems.push_back({zone::Severity::kError, fmt::format("{}:{}", place.file, place.line), std::move(what)});
    return found;
  };
  auto read = read_from(origin);
  if (!read) return unreadable(std::move(read.error()));
  if (apex) return ZoneFile{*apex, std::move(read->records), {}};

  if (!read->has_soa || read->first_soa_owner.is_root()) {
    return ZoneFile{origin,
                    {},
                    {{zone::Severity::kError, file.string(),
                      fmt::format("it does not say which zone it is, since it has {}; --apex NAME says it, and so does "
                                  "a $ORIGIN line before an SOA record",
                                  read->has_soa ? "an SOA record at the root" : "no SOA record")}}};
  }
  if (!opening.origin && read->first_soa_owner != origin) {
    // Names without a final dot start at the apex, which only the SOA record named.
    const dns::Name soa_owner = read->first_soa_owner;
    read = read_from(soa_owner);
    if (!read) return unreadable(std::move(read.error()));
    return ZoneFile{soa_owner, std::move(read->records), {}};
  }
  return ZoneFile{read->first_soa_owner, std::move(read->records), {}};
}

Result<bool> presigned_in_database(store::Transaction& transaction, const dns::Name& apex) {
  auto row = transaction.zone(apex);
  if (!row) return fail(std::move(row.error()));
  if (!*row) return false;
  auto signing = signing_of(transaction, (*row)->head.id);
  if (!signing) return fail(std::move(signing.error()));
  return signing->presigned();
}

Prepared prepare(ZoneFile&& file, bool presigned) {
  Prepared prepared{file.apex, {}, {}, {}, {}};
  if (!file.problems.empty()) {
    prepared.findings = std::move(file.problems);
    return prepared;
  }
  if (presigned) {
    store::PresignedDenial denial;
    for (const auto& placed : file.records) denial.add(placed.record);
    prepared.denial = denial.parameters();
  } else {
    prepared.dropped = drop_signatures(file.records);
  }
  prepared.findings = zone::check_zone(file.apex, file.records, presigned);
  if (!has_errors(prepared.findings)) prepared.records = settle_records(std::move(file.records));
  return prepared;
}

void warn_of_dropped(Session& session, const Prepared& prepared) {
  if (prepared.dropped.empty()) return;
  session.warning(
      fmt::format("left out of {}: {}; PowerDNS makes these itself once the zone is secured (--presigned keeps them)",
                  prepared.apex.text(), dropped_text(prepared.dropped)));
}

std::map<std::string, std::size_t> drop_signatures(std::vector<dns::PlacedRecord>& records) {
  std::map<std::string, std::size_t> dropped;
  std::erase_if(records, [&](const dns::PlacedRecord& placed) {
    if (!made_by_signing(placed.record.type)) return false;
    ++dropped[placed.record.type.text()];
    return true;
  });
  return dropped;
}

std::string dropped_text(const std::map<std::string, std::size_t>& dropped) {
  std::string text;
  for (const auto& [type, count] : dropped) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, type);
  return text;
}

std::vector<store::StoredRecord> settle_records(std::vector<dns::PlacedRecord>&& placed) {
  std::vector<store::StoredRecord> records;
  records.reserve(placed.size());
  for (auto& one : placed) records.push_back({std::move(one.record), false});
  placed.clear();
  std::sort(records.begin(), records.end(), stored_before);
  const auto same = [](const store::StoredRecord& a, const store::StoredRecord& b) {
    return a.record.owner == b.record.owner && a.record.type == b.record.type && a.record.content == b.record.content;
  };
  records.erase(std::unique(records.begin(), records.end(), same), records.end());

  for (auto start = records.begin(); start != records.end();) {
    auto end = start;
    dns::Ttl lowest = start->record.ttl;
    while (end != records.end() && end->record.type == start->record.type && end->record.owner == start->record.owner) {
      lowest = std::min(lowest, end->record.ttl);
      ++end;
    }
    for (auto it = start; it != end; ++it) it->record.ttl = lowest;
    start = end;
  }
  return records;
}

bool stored_before(const store::StoredRecord& a, const store::StoredRecord& b) { return order_key(a) < order_key(b); }

Result<std::vector<store::StoredRecord>> stored_records(store::Transaction& transaction, zone::ZoneId id) {
  std::vector<store::StoredRecord> records;
  auto read = transaction.records(id, [&](store::StoredRecord&& record) { records.push_back(std::move(record)); });
  if (!read) return fail(std::move(read.error()));
  std::sort(records.begin(), records.end(), stored_before);
  return records;
}

SerialStep settle_serial(std::vector<store::StoredRecord>& records, const store::ZoneRow& existing) {
  if (!existing.serial) return SerialStep::kTaken;
  for (auto& stored : records) {
    if (stored.record.type != dns::kSOA || stored.record.owner != existing.head.apex) continue;
    const auto written = soa_serial(stored.record.content);
    if (!written || dns::Serial{*written} > dns::Serial{*existing.serial}) return SerialStep::kTaken;
    if (*written == *existing.serial) return SerialStep::kTaken;
    if (existing.serial_policy == store::SerialPolicy::kKeep || existing.head.kind == zone::Kind::kSecondary)
      return SerialStep::kBackwards;
    stored.record.content = with_soa_serial(stored.record.content, *existing.serial);
    return SerialStep::kContinued;
  }
  return SerialStep::kTaken;
}

Difference compare(const std::vector<store::StoredRecord>& before, const std::vector<store::StoredRecord>& after) {
  Difference difference;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(difference.removed),
                      stored_before);
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(difference.added),
                      stored_before);
  sort_canonically(difference.removed);
  sort_canonically(difference.added);
  return difference;
}

}  // namespace sdns::ctl
