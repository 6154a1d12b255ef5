// SPDX-License-Identifier: MIT
#include "backend/answer/zone_rows.h"

#include <algorithm>

#include "backend/base/json_text.h"
#include "backend/dns/undotted.h"
#include "backend/protocol/row_writer.h"

namespace sdns::answer {
namespace {

constexpr char lower(char c) {
  return static_cast<char>(c + (static_cast<unsigned char>(c - 'A') < 26 ? 'a' - 'A' : 0));
}

bool matches_name(std::string_view pattern, std::string_view name) {
  if (matches(pattern, name)) return true;
  return name.size() > 1 && name.ends_with('.') && matches(pattern, name.substr(0, name.size() - 1));
}

// Collects the rows of one owner after another.
class Rows {
 public:
  Rows(const zone::Zone& zone, std::string& out) : zone_(zone), out_(out) {}

  void owner(std::string_view relative_key) {
    name_.clear();
    append_owner_name(zone_, relative_key, name_);
    json_.clear();
    append_json_escaped(json_, name_);
  }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] protocol::RowWriter writer() const {
    return {out_, json_, zone_.id_text(), out_.empty() || out_.back() == '['};
  }

 private:
  const zone::Zone& zone_;
  std::string& out_;
  std::string name_;
  std::string json_;
};

// Takes the first row off a block.
std::string_view take_row(std::string_view& rows) {
  const std::string_view row = rows.substr(0, rows.find('\n'));
  rows.remove_prefix(std::min(row.size() + 1, rows.size()));
  return row;
}

std::size_t append_matches(const zone::OwnerItem& item, std::string_view pattern, std::size_t limit, Rows& rows) {
  std::size_t count = 0;
  rows.owner(item.owner->key());
  const bool whole_owner = matches_name(pattern, rows.name());
  protocol::RowWriter writer = rows.writer();
  for (std::size_t i = 0; i < item.owner->rrset_count() && count < limit; ++i) {
    const zone::RrsetView rrset = item.owner->rrset(i);
    const bool auth = zone::authoritative(item.flags, rrset.type);
    if (whole_owner) {
      count += writer.block({rrset.rows, auth}, limit - count);
      continue;
    }
    const std::vector<std::string> contents = zone::contents_of(rrset);
    std::string_view rest = rrset.rows;
    for (std::size_t record = 0; record < contents.size() && count < limit; ++record) {
      const std::string_view row = take_row(rest);
      if (!matches_name(pattern, contents[record])) continue;
      writer.row(row, auth);
      ++count;
    }
  }
  return count;
}

}  // namespace

void append_owner_name(const zone::Zone& zone, std::string_view relative_key, std::string& out) {
  dns::append_key_text(out, relative_key);
  if (!relative_key.empty() && !zone.apex_key().empty()) out += '.';
  dns::append_key_text(out, zone.apex_key());
  out += '.';
}

bool matches(std::string_view pattern, std::string_view text) {
  // The last `*` seen takes one octet more whenever what follows it does not fit.
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  std::size_t p = 0;
  while (at < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = at;
    } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[at]))) {
      ++p;
      ++at;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      at = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

void append_zone_rows(const zone::Zone& zone, std::string& out) {
  out += '[';
  Rows rows(zone, out);
  zone.owners().for_each([&](const zone::OwnerItem& item) {
    rows.owner(item.owner->key());
    protocol::RowWriter writer = rows.writer();
    for (std::size_t i = 0; i < item.owner->rrset_count(); ++i) {
      const zone::RrsetView rrset = item.owner->rrset(i);
      const bool auth = zone::authoritative(item.flags, rrset.type);
      if (!dns::has_names(rrset.type)) {
        writer.block({rrset.rows, auth});
        continue;
      }
      dns::Rrset undotted{{}, rrset.type, rrset.ttl, zone::contents_of(rrset)};
      for (std::string& content : undotted.contents) content = dns::without_final_dots(rrset.type, content);
      writer.block({zone::render_rows(undotted), auth});
    }
  });
  out += ']';
}

void append_matching_rows(const zone::ZoneSet& zones, std::string_view pattern, std::size_t limit, std::string& out) {
  out += '[';
  zones.by_id().for_each([&](const zone::ZoneItem& item) {
    if (limit == 0) return;
    Rows rows(*item.zone, out);
    item.zone->owners().for_each([&](const zone::OwnerItem& owner) {
      if (limit != 0) limit -= append_matches(owner, pattern, limit, rows);
    });
  });
  out += ']';
}

}  // namespace sdns::answer
