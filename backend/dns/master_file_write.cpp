// SPDX-License-Identifier: MIT
// Master files, the way out.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "backend/dns/lua_code.h"
#include "backend/dns/master_file.h"
#include "backend/dns/rdata_text.h"

namespace sdns::dns {
namespace {

constexpr RrType kIPSECKEY{45};

// `owner` relative to the apex, as one word that no reader takes for a directive, "@" or punctuation.
std::string owner_text(const Name& owner, const Name& apex) {
  if (owner == apex) return "@";
  const bool inside = owner.below(apex);
  std::string wire = owner.wire();
  if (inside) wire = wire.substr(0, wire.size() - apex.wire().size()) + '\0';
  std::string text;
  std::size_t at = 0;
  append_name_text(wire, at, text);
  if (inside) text.pop_back();  // the final dot
  if (text == "@" || text.starts_with('$')) text = (text[0] == '@' ? "\\064" : "\\036") + text.substr(1);
  return text;
}

// PowerDNS has no gateway where RFC 4025 section 3.1 has a dot.
std::string content_text(const Record& record) {
  if (record.type == kLUA) return lua_in_one_line(record.content);
  if (record.type != kIPSECKEY) return record.content;
  const std::size_t first = record.content.find(' ');
  if (first == std::string::npos || record.content.compare(first, 3, " 0 ") != 0) return record.content;
  const std::size_t after = record.content.find(' ', first + 3);
  if (after == std::string::npos) return record.content + " .";
  return record.content.substr(0, after) + " ." + record.content.substr(after);
}

Ttl most_common(const std::vector<Record>& records) {
  std::map<Ttl, std::size_t> counts;
  for (const Record& record : records) ++counts[record.ttl];
  Ttl most{3600};
  std::size_t best = 0;
  for (const auto& [ttl, count] : counts)
    if (count > best) {
      best = count;
      most = ttl;
    }
  return most;
}

}  // namespace

std::string write_master_text(const Name& apex, std::vector<Record> records) {
  const auto is_soa = [&](const Record& record) { return record.type == kSOA && record.owner == apex; };
  std::stable_sort(records.begin(), records.end(), [&](const Record& a, const Record& b) {
    if (is_soa(a) != is_soa(b)) return is_soa(a);
    if (const auto order = a.owner <=> b.owner; order != 0) return order < 0;
    if (a.type != b.type) return a.type < b.type;
    return a.content < b.content;
  });
  const Ttl common = most_common(records);
  std::string text;
  text.reserve(records.size() * 48 + 64);
  std::string origin;
  std::size_t at = 0;
  append_name_text(apex.wire(), at, origin);
  fmt::format_to(std::back_inserter(text), "$ORIGIN {}\n$TTL {}\n", origin, common.seconds);
  const Name* last = nullptr;
  for (const Record& record : records) {
    if (last == nullptr || *last != record.owner) text += owner_text(record.owner, apex);
    last = &record.owner;
    text += '\t';
    if (record.ttl != common) {
      append_decimal(record.ttl.seconds, text);
      text += '\t';
    }
    text += "IN\t";
    text += record.type.text();
    text += '\t';
    text += content_text(record);
    text += '\n';
  }
  return text;
}

}  // namespace sdns::dns
