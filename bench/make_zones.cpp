// SPDX-License-Identifier: MIT
// Fills an authority database for bench/zones: many small zones in few transactions.
//
//   make_zones DATABASE COUNT [RECORDS]
//
// The zones are z<i>.bench.example. with an SOA, an NS and an A record, and further A records up to RECORDS.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "backend/base/clock.h"
#include "backend/base/random.h"
#include "backend/store/authority.h"

namespace {

using namespace sdns;

constexpr std::uint64_t kZonesPerTransaction = 1000;

Result<void> add(store::Transaction& edit, std::uint64_t number, std::uint64_t wanted) {
  zone::ZoneHead head;
  head.apex = dns::Name::parse(fmt::format("z{}.bench.example.", number)).value();
  const auto id = edit.create_zone(head, store::SerialPolicy::kCounter);
  if (!id) return fail(id.error());
  const dns::Name host = dns::Name::parse("ns1." + head.apex.text()).value();
  std::vector<store::StoredRecord> records;
  records.push_back({{head.apex, dns::kSOA, {300}, fmt::format("{0} {0} 1 3600 600 86400 300", host.text())}, false});
  records.push_back({{head.apex, dns::kNS, {300}, host.text()}, false});
  records.push_back({{host, dns::kA, {300}, "192.0.2.53"}, false});
  for (std::uint64_t i = records.size(); i < wanted; ++i)
    records.push_back({{dns::Name::parse(fmt::format("h{}.{}", i, head.apex.text())).value(),
                        dns::kA,
                        {300},
                        fmt::format("192.0.2.{}", i % 250)},
                       false});
  return edit.replace_zone(*id, std::move(records));
}

Result<void> fill(const std::string& database, std::uint64_t count, std::uint64_t records) {
  const SystemClock clock;
  SystemRandom random;
  auto authority = store::open_authority("sqlite:" + database, store::OpenMode::kCreateIfMissing, clock, random);
  if (!authority) return fail(authority.error());
  for (std::uint64_t first = 0; first < count; first += kZonesPerTransaction) {
    auto edit = (*authority)->edit();
    if (!edit) return fail(edit.error());
    for (std::uint64_t i = first; i < count && i < first + kZonesPerTransaction; ++i)
      if (const auto added = add(**edit, i, records); !added) return added;
    if (const auto done = (*edit)->commit("bench"); !done) return fail(done.error());
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: make_zones DATABASE COUNT [RECORDS]\n");
    return 2;
  }
  if (const auto filled =
          fill(argv[1], std::strtoull(argv[2], nullptr, 10), argc == 4 ? std::strtoull(argv[3], nullptr, 10) : 0);
      !filled) {
    std::fprintf(stderr, "make_zones: %s\n", to_text(filled.error()).c_str());
    return 1;
  }
  return 0;
}
