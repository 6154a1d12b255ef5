// SPDX-License-Identifier: MIT
// Master files (RFC 1035 section 5): $ORIGIN, $TTL (RFC 2308), $INCLUDE, $GENERATE, parentheses, comments, all escapes.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/record.h"

namespace sdns::dns {

/// Where a record was written, for messages.
struct Place {
  std::string file;
  int line = 0;
};

struct PlacedRecord {
  Record record;
  Place place;
};

/// One thing that is wrong with a file.
struct Problem {
  Place place;
  std::string what;
};

struct MasterFileLimits {
  std::size_t max_records = 20'000'000;
  int max_include_depth = 8;
  std::size_t max_file_octets = std::size_t{4} << 30;  ///< of one file
  std::size_t max_line_octets = 1U << 20;              ///< of one logical (parenthesised) entry
  std::size_t max_errors = 20;                         ///< reading goes on after an error up to this many
};

/// What a file said: records in file order, or every problem found (each "file:line: …").
struct MasterFile {
  std::vector<PlacedRecord> records;
  Name first_soa_owner;  ///< the apex by which a file names itself; the root when there is no SOA
  bool has_soa = false;
};

/// Reads a file; `origin` is where relative names start (the zone's apex). Class IN only. A record without TTL takes
/// $TTL, else the last explicit TTL, else the SOA minimum. Errors: kNotFound, kIo, kInvalidRecord with all problems,
/// one a line; `problems` gets these one by one.
Result<MasterFile> read_master_file(const std::filesystem::path& file, const Name& origin,
                                    const MasterFileLimits& limits = {}, std::vector<Problem>* problems = nullptr);

/// The same from memory; $INCLUDE is refused unless `include_base` is not empty. `name` stands for the file in
/// messages.
Result<MasterFile> parse_master_text(std::string_view text, const std::string& name, const Name& origin,
                                     const std::filesystem::path& include_base = {},
                                     const MasterFileLimits& limits = {});

/// A master file that read_master_file() and other servers read back to the same records: $ORIGIN, $TTL, the SOA first,
/// then canonical order, names relative to the apex.
std::string write_master_text(const Name& apex, std::vector<Record> records);

}  // namespace sdns::dns
