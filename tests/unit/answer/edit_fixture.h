// SPDX-License-Identifier: MIT
// Zones, and edits of them as PowerDNS writes them, read as far as they become work.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/answer/answer.h"
#include "backend/answer/edit_request.h"
#include "backend/dns/master_file.h"
#include "backend/protocol/reply_write.h"
#include "backend/protocol/request_parse.h"

namespace sdns::answer {

inline dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

inline zone::ZoneContent zone_content(zone::ZoneId id, std::string_view apex, const std::string& master_text) {
  zone::ZoneContent content;
  content.head.id = id;
  content.head.apex = name(apex);
  const auto file = dns::parse_master_text(master_text, "test", content.head.apex);
  if (!file) ADD_FAILURE() << to_text(file.error());
  else
    for (const dns::PlacedRecord& placed : file->records) content.records.push_back(placed.record);
  return content;
}

inline zone::ZoneSetPtr zone_set(std::vector<zone::ZoneContent> contents, zone::Revision revision = 1) {
  zone::ZoneSetBuilder builder;
  for (zone::ZoneContent& content : contents) EXPECT_TRUE(builder.add(std::move(content)));
  return builder.finish(revision, {});
}

inline constexpr char kSoa[] = "@ 3600 SOA ns1 hostmaster 5 10800 3600 604800 300\n";

/// What PowerDNS is answered, without the newline.
inline std::string answered(const std::string& line, const zone::ZoneSet& zones, const Facts& facts = {}) {
  protocol::RequestParser parser;
  const auto request = parser.parse(line);
  if (!request) {
    ADD_FAILURE() << request.error().what;
    return {};
  }
  Scratch scratch;
  std::string out;
  protocol::write_reply(answer(*request, zones, scratch, facts), out);
  out.pop_back();
  return out;
}

inline std::string list_line(const std::string& apex) {
  return R"({"method": "list", "parameters": {"domain_id": -1, "include_disabled": false, "zonename": ")" + apex +
         R"("}})";
}

/// `owner/TYPE ttl [content, content]`
inline std::string shown(const dns::Rrset& rrset) {
  std::string out = rrset.owner.text() + "/" + rrset.type.text();
  if (rrset.contents.empty()) return out + " removed";
  out += " " + std::to_string(rrset.ttl.seconds) + " [";
  for (const std::string& content : rrset.contents) out += (out.ends_with('[') ? "" : ", ") + content;
  return out + "]";
}
inline std::vector<std::string> shown(const std::vector<dns::Rrset>& rrsets) {
  std::vector<std::string> out;
  for (const dns::Rrset& rrset : rrsets) out.push_back(shown(rrset));
  return out;
}

}  // namespace sdns::answer
