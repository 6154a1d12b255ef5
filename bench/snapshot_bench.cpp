// SPDX-License-Identifier: MIT
// What publishing a change costs: with 1, 10 000 and 200 000 zones, and in one zone of a million delegations.
// Reported beside the time: p99 over all iterations, and the octets of memory that one change adds.

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "backend/base/snapshot_cell.h"
#include "backend/zone/zone_set.h"

namespace sdns::zone {
namespace {

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

ZoneContent ten_records(ZoneId id, const std::string& apex) {
  ZoneContent content;
  content.head.id = id;
  content.head.apex = name(apex);
  const auto add = [&](const std::string& owner, dns::RrType type, const std::string& text) {
    content.records.push_back({name(owner), type, dns::Ttl{300}, text});
  };
  add(apex, dns::kSOA, "ns1.pool.example. hostmaster.pool.example. 1 3600 600 604800 30");
  add(apex, dns::kNS, "ns1.pool.example.");
  add(apex, dns::kNS, "ns2.pool.example.");
  for (const char* label : {"", "*.", "console.", "api.", "marketplace.", "gitea.", "harbor."})
    add(label + apex, dns::kA, "192.0.2.7");
  return content;
}

ZoneSetPtr many_zones(std::int64_t count) {
  ZoneSetBuilder builder;
  for (std::int64_t i = 0; i < count; ++i)
    if (!builder.add(ten_records(static_cast<ZoneId>(i + 1), fmt::format("t{}.pool.example.", i)))) std::abort();
  return builder.finish(1, Chain{});
}

ZoneSetPtr delegations(std::int64_t count, const std::vector<Metadata>& metadata) {
  ZoneContent content = ten_records(1, "pool.example.");
  content.metadata = metadata;
  for (std::int64_t i = 0; i < count; ++i) {
    const dns::Name owner = name(fmt::format("t{}.pool.example.", i));
    content.records.push_back({owner, dns::kNS, dns::Ttl{300}, "ns1.pool.example."});
    content.records.push_back({owner, dns::kNS, dns::Ttl{300}, "ns2.pool.example."});
  }
  ZoneSetBuilder builder;
  if (!builder.add(std::move(content))) std::abort();
  return builder.finish(1, Chain{});
}

// Applies and publishes one batch per iteration; the former snapshot is let go of, as the reclaim thread would.
template <class MakeChanges>
void publish_each(benchmark::State& state, ZoneSetPtr first, MakeChanges&& make_changes) {
  SnapshotCell<ZoneSet> cell(first);
  ZoneSetPtr current = std::move(first);
  std::vector<double> micros;
  std::vector<ZoneSetPtr> kept;  // every version, so that the memory of a change can be seen
  const std::size_t before = mallinfo2().uordblks;
  Revision revision = 1;
  for (auto _ : state) {
    Batch batch{revision, revision + 1, Chain{}, make_changes(revision)};
    ++revision;
    const auto start = std::chrono::steady_clock::now();
    auto applied = apply(*current, batch);
    if (!applied) {
      state.SkipWithError(applied.error().what.c_str());
      return;
    }
    cell.publish(applied->set);
    micros.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    current = applied->set;
    if (kept.size() < 1000) kept.push_back(current);
  }
  const auto grown = static_cast<double>(mallinfo2().uordblks - before);
  std::sort(micros.begin(), micros.end());
  state.counters["p99_us"] = micros[micros.size() * 99 / 100];
  state.counters["octets_per_change"] = grown / static_cast<double>(kept.size());
}

void BM_EditOneOfManyZones(benchmark::State& state) {
  const auto zones = state.range(0);
  publish_each(state, many_zones(zones), [zones](Revision revision) {
    const auto zone = static_cast<ZoneId>(revision * 7919 % static_cast<Revision>(zones)) + 1;
    return std::vector<Change>{RrsetChanged{zone,
                                            {name(fmt::format("api.t{}.pool.example.", zone - 1)),
                                             dns::kA,
                                             dns::Ttl{300},
                                             {fmt::format("192.0.2.{}", revision % 250)}}}};
  });
}
BENCHMARK(BM_EditOneOfManyZones)->Arg(1)->Arg(10'000)->Arg(200'000)->Iterations(5'000);

void BM_CreateAZoneAmongMany(benchmark::State& state) {
  const auto zones = state.range(0);
  publish_each(state, many_zones(zones), [zones](Revision revision) {
    return std::vector<Change>{ZoneCreated{ten_records(static_cast<ZoneId>(static_cast<Revision>(zones) + revision),
                                                       fmt::format("new{}.pool.example.", revision))}};
  });
}
BENCHMARK(BM_CreateAZoneAmongMany)->Arg(1)->Arg(10'000)->Arg(200'000)->Iterations(5'000);

void add_delegations(benchmark::State& state, const std::vector<Metadata>& metadata) {
  publish_each(state, delegations(state.range(0), metadata), [](Revision revision) {
    const dns::Name owner = name(fmt::format("new{}.pool.example.", revision));
    return std::vector<Change>{
        RrsetChanged{1, {owner, dns::kNS, dns::Ttl{300}, {"ns1.pool.example.", "ns2.pool.example."}}},
        RrsetChanged{1, {owner, dns::kDS, dns::Ttl{300}, {"12345 13 2 00"}}}};
  });
}
void BM_AddADelegationNsec(benchmark::State& state) { add_delegations(state, {}); }
BENCHMARK(BM_AddADelegationNsec)->Arg(10'000)->Arg(1'000'000)->Iterations(5'000);
void BM_AddADelegationNsec3OptOut(benchmark::State& state) { add_delegations(state, {{"NSEC3PARAM", {"1 1 0 -"}}}); }
BENCHMARK(BM_AddADelegationNsec3OptOut)->Arg(10'000)->Arg(1'000'000)->Iterations(5'000);

}  // namespace
}  // namespace sdns::zone
