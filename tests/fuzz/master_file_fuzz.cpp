// SPDX-License-Identifier: MIT
// Whatever parses as a master file, written out and parsed again, gives equal records; every content is the content of
// itself, and so are its octets.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <tuple>
#include <vector>

#include "backend/dns/ldns_codec.h"
#include "backend/dns/master_file.h"

namespace {

using namespace sdns::dns;

[[noreturn]] void broken(const char* property, const std::string& shown) {
  std::fprintf(stderr, "%s: %s\n", property, shown.c_str());
  std::abort();
}

void sort(std::vector<Record>& records) {
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) {
    return std::tie(a.owner, a.type, a.ttl, a.content) < std::tie(b.owner, b.type, b.ttl, b.content);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Name apex = *Name::parse("example.org.");
  const MasterFileLimits limits{.max_records = 2000, .max_line_octets = 1U << 16};
  const auto file = parse_master_text(text, "fuzz", apex, {}, limits);
  if (!file) {
    if (file.error().what.empty()) broken("an error says nothing", "");
    return 0;
  }
  std::vector<Record> records;
  for (const PlacedRecord& placed : file->records) {
    const Record& record = placed.record;
    if (placed.place.line < 1) broken("a record has no line", record.content);
    const auto again = canonical_content(record.type, record.content, apex);
    if (!again || *again != record.content)
      broken("content is not the content of itself", record.type.text() + " " + record.content);
    const auto wire = rdata_wire(record.type, record.content);
    if (!wire) broken("content has no octets", record.type.text() + " " + record.content);
    if (record.type != kLUA) {
      const auto back = content_from_wire(record.type, *wire);
      if (!back || *back != record.content)
        broken("octets do not give their content", record.type.text() + " " + record.content);
    }
    for (const Name& target : followed_targets(record.type, record.content))
      if (target.wire().size() > 255) broken("a target is too long", record.content);
    records.push_back(record);
  }
  const std::string written = write_master_text(apex, records);
  const auto second = parse_master_text(written, "written", apex);
  if (!second) broken("what was written does not parse", written + second.error().what);
  std::vector<Record> read;
  for (const PlacedRecord& placed : second->records) read.push_back(placed.record);
  sort(records);
  sort(read);
  if (read != records) broken("what was written gives other records", written);
  return 0;
}
