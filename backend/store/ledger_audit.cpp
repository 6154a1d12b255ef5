// SPDX-License-Identifier: MIT
// The audit trail: chains of hashes, one per writer.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "backend/store/ledger.h"
#include "backend/zone/digest.h"

namespace sdns::store {
namespace {

std::string link(std::string_view previous, const AuditRow& row) {
  zone::Hasher hasher;
  hasher.add(previous);
  hasher.add(row.chain);
  hasher.add(static_cast<std::uint64_t>(row.number));
  hasher.add(static_cast<std::uint64_t>(row.at_ms));
  hasher.add(row.who);
  hasher.add(row.verb);
  hasher.add(row.object);
  hasher.add(row.detail);
  const zone::Digest digest = hasher.finish();
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string hexadecimal(std::string_view octets) {
  std::string text;
  for (const char c : octets) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

AuditRow audit_row(const Rows& rows) {
  return {std::string(rows.text(0)), rows.integer(1),           rows.integer(2),           std::string(rows.text(3)),
          std::string(rows.text(4)), std::string(rows.text(5)), std::string(rows.text(6)), std::string(rows.text(7))};
}

constexpr std::string_view kBegin = "chain.begin";

}  // namespace

Result<void> Ledger::append_audit(const AuditRow& entry) {
  AuditRow row = entry;
  std::string previous;
  row.number = 1;
  {
    auto rows = query("SELECT number, hash FROM audit WHERE chain = $1 ORDER BY number DESC LIMIT 1", {row.chain});
    if (!rows) return fail(rows.error());
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (*there) {
      row.number = (*rows)->integer(0) + 1;
      previous = (*rows)->text(1);
    }
  }
  const auto insert = [this](const AuditRow& one) {
    return run(
        "INSERT INTO audit (chain, number, at, who, verb, object, detail, hash) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        {one.chain, one.number, one.at_ms, one.who, one.verb, one.object, one.detail, Bytes{one.hash}});
  };
  if (row.number == 1) {
    // What the other chains come to: one that is taken out, or cut short below this, is missed.
    AuditRow begin{row.chain, 1, row.at_ms, row.who, std::string(kBegin), "", "", ""};
    auto rows = query(
        "SELECT a.chain, a.number, a.hash FROM audit a JOIN (SELECT chain, max(number) AS last FROM audit GROUP BY "
        "chain) l ON a.chain = l.chain AND a.number = l.last ORDER BY a.chain");
    if (!rows) return fail(rows.error());
    for (;;) {
      const auto there = (*rows)->next();
      if (!there) return fail(there.error());
      if (!*there) break;
      begin.detail += fmt::format("{} {} {}\n", (*rows)->text(0), (*rows)->integer(1), hexadecimal((*rows)->text(2)));
    }
    rows->reset();
    begin.hash = previous = link("", begin);
    if (const auto done = insert(begin); !done) return fail(done.error());
    row.number = 2;
  }
  row.hash = link(previous, row);
  if (const auto done = insert(row); !done) return fail(done.error());
  return {};
}

Result<std::vector<AuditRow>> Ledger::audit(std::string_view chain, std::int64_t after, std::int64_t limit) {
  auto rows = query(
      "SELECT chain, number, at, who, verb, object, detail, hash FROM audit WHERE chain = $1 AND number > $2 "
      "ORDER BY chain, number LIMIT $3",
      {chain, after, limit});
  if (!rows) return fail(rows.error());
  std::vector<AuditRow> found;
  for (;;) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) return found;
    found.push_back(audit_row(**rows));
  }
}

namespace {

// What the first rows of chains tell of other chains: "CHAIN NUMBER HASH" a line.
struct Anchor {
  std::string told_by;
  std::string hash;  ///< hexadecimal
};
using Anchors = std::map<std::pair<std::string, std::int64_t>, Anchor>;

void read_anchors(const AuditRow& begin, Anchors& anchors) {
  std::string_view text = begin.detail;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto hash = line.rfind(' ');
    const auto number = hash == line.npos ? line.npos : line.rfind(' ', hash - 1);
    if (number == line.npos) continue;
    std::int64_t value = 0;
    std::from_chars(line.data() + number + 1, line.data() + hash, value);
    anchors[{std::string(line.substr(0, number)), value}] = {begin.chain, std::string(line.substr(hash + 1))};
  }
}

}  // namespace

Result<std::int64_t> Ledger::verify_audit(std::vector<AuditFault>& faults) {
  constexpr std::string_view kRows = "SELECT chain, number, at, who, verb, object, detail, hash FROM audit ";
  Anchors anchors;
  {
    auto rows = query(std::string(kRows) + "WHERE number = 1 ORDER BY chain");
    if (!rows) return fail(rows.error());
    for (;;) {
      const auto there = (*rows)->next();
      if (!there) return fail(there.error());
      if (!*there) break;
      if (const AuditRow row = audit_row(**rows); row.verb == kBegin) read_anchors(row, anchors);
    }
  }
  auto rows = db_.stream(std::string(kRows) + "ORDER BY chain, number");
  if (!rows) return fail(rows.error());
  std::int64_t count = 0;
  AuditRow before;
  for (;; ++count) {
    const auto there = (*rows)->next();
    if (!there) return fail(there.error());
    if (!*there) break;
    AuditRow row = audit_row(**rows);
    const bool first = row.chain != before.chain;
    const std::int64_t expected = first ? 1 : before.number + 1;
    if (row.number != expected)
      faults.push_back({row.chain, row.number, fmt::format("number {} is missing before it", expected)});
    else if (link(first ? "" : before.hash, row) != row.hash)
      faults.push_back({row.chain, row.number, "does not fit its hash: it, or the row before, was changed"});
    if (const auto anchor = anchors.find({row.chain, row.number}); anchor != anchors.end()) {
      if (hexadecimal(row.hash) != anchor->second.hash)
        faults.push_back(
            {row.chain, row.number, fmt::format("is not what chain {} tells of it", anchor->second.told_by)});
      anchors.erase(anchor);
    }
    before = std::move(row);
  }
  for (const auto& [place, anchor] : anchors)
    faults.push_back({place.first, place.second, fmt::format("is missing; chain {} tells of it", anchor.told_by)});
  return count;
}

}  // namespace sdns::store
