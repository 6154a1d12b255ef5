// SPDX-License-Identifier: MIT
// Rows of records as PowerDNS reads them.
#pragma once

#include <string>
#include <string_view>

#include "backend/protocol/reply.h"

namespace sdns::protocol {

/// Writes rows of one owner to `out`: the parts that all rows share are made for the first and copied for the others.
class RowWriter {
 public:
  /// `qname_json` is JSON-escaped and written in lower case. `first`: no row of another owner stands before.
  RowWriter(std::string& out, std::string_view qname_json, std::string_view zone_id, bool first = true)
      : out_(out), qname_json_(qname_json), zone_id_(zone_id), first_(first) {}

  /// `fields` are qtype, content and ttl as members.
  void row(std::string_view fields, bool auth);
  /// All rows of an RRset; at most `limit`. How many were written.
  std::size_t block(const RowBlock& block, std::size_t limit = static_cast<std::size_t>(-1));

 private:
  std::string& out_;
  std::string_view qname_json_;
  std::string_view zone_id_;
  bool first_;
  std::size_t head_at_ = 0;
  std::size_t head_size_ = 0;
};

}  // namespace sdns::protocol
