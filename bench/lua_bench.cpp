// SPDX-License-Identifier: MIT
// What one evaluation of a LUA record costs in the engine: warm, a client of another network each time; then a whole
// answer, rows included. `allocations` and `steps` are per evaluation; Lua's own allocations count too.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "backend/answer/steering.h"
#include "backend/health/check_question.h"
#include "backend/zone/zone_set.h"

namespace {
std::uint64_t allocations;  // benchmarks run in one thread
}

// The linker gives calls of malloc() and realloc() to these; lua::State allocates with them alone.
extern "C" void* __real_malloc(std::size_t size);
extern "C" void* __wrap_malloc(std::size_t size) {
  ++allocations;
  return __real_malloc(size);
}
extern "C" void* __real_realloc(void* block, std::size_t size);
extern "C" void* __wrap_realloc(void* block, std::size_t size) {
  ++allocations;
  return __real_realloc(block, size);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* block = __real_malloc(size)) return block;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }

namespace {

using namespace sdns;

// All over the world, by tests/data/geo/locations.txt.
constexpr const char* kTargets[] = {"192.0.2.1",   "192.0.2.65",  "192.0.2.129",    "192.0.2.161",
                                    "192.0.2.193", "192.0.2.209", "198.51.100.129", "198.51.100.65"};
constexpr int kPort = 443;

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

[[noreturn]] void give_up(std::string_view what) {
  fmt::print(stderr, "lua_bench: {}\n", what);
  std::exit(1);
}

std::string list() {
  std::string out;
  for (const char* target : kTargets) out += fmt::format("{}'{}'", out.empty() ? "" : ", ", target);
  return "{" + out + "}";
}
std::string weighted_list() {
  std::string out;
  int weight = 0;
  for (const char* target : kTargets) out += fmt::format("{}{{{}, '{}'}}", out.empty() ? "" : ", ", ++weight, target);
  return "{" + out + "}";
}

const std::vector<std::pair<std::string, std::string>>& bodies() {
  static const std::vector<std::pair<std::string, std::string>> kBodies = {
      {"empty", "'192.0.2.1'"},
      {"pickclosest", fmt::format("pickclosest({})", list())},
      {"ifportup", fmt::format("ifportup({}, {}, {{selector='all'}})", kPort, list())},
      {"ifportup_random", fmt::format("ifportup({}, {})", kPort, list())},
      {"pickwhashed", fmt::format("pickwhashed({})", weighted_list())},
      {"pickrandom", fmt::format("pickrandom({})", list())},
      {"pool", "pool('web')"},
      {"script", fmt::format(";local near = pickclosest({}) if netmask({{'10.0.0.0/8'}}) then return '10.0.0.1' end "
                             "return near",
                             list())},
  };
  return kBodies;
}

// A thread that waits for its core has not overrun: only steps and memory are limited.
lua::RuntimeOptions options() {
  lua::RuntimeOptions out;
  out.limits.time_nanoseconds = 10'000'000'000;
  return out;
}

// Everything that an evaluation reads: places, the states of all targets, a pool of them, a zone with a name per body.
struct World {
  World() {
    const auto opened = lua::Geo::open({.databases = {SDNS_GEO_DATABASES "/city.mmdb"}});
    if (!opened) give_up(to_text(opened.error()));
    geo = *opened;
    health::TargetPool pool;
    pool.name = "web";
    pool.options = {{"port", std::to_string(kPort)}, {"selector", "pickclosest"}};
    std::vector<std::string> identities;
    for (const char* target : kTargets) {
      const dns::IpAddress address = *dns::IpAddress::parse(target);
      pool.members.push_back({.name = target, .address = address});
      identities.push_back(health::CheckQuestion{
          .kind = health::CheckKind::kTcp, .address = address, .port = kPort, .url = {}, .options = {}}
                               .identity());
    }
    table = health::HealthTableBuilder::add(health::HealthTable(), identities);
    std::vector<health::StateChange> changes;
    for (const std::string& identity : identities)
      changes.push_back({table->find(identity), {health::Verdict::kUp, false, 1}});
    table = health::HealthTableBuilder::set(*table, changes);

    zone::ZoneContent content;
    content.head.id = 7;
    content.head.apex = name("bench.example.");
    content.records.push_back({content.head.apex, dns::kSOA, {300}, "ns1.bench.example. h.bench.example. 1 2 3 4 5"});
    content.records.push_back({content.head.apex, dns::kNS, {300}, "ns1.bench.example."});
    for (const auto& [label, body] : bodies())
      content.records.push_back({name(label + ".bench.example."), dns::kLUA, {60}, "A \"" + body + '"'});
    zone::ZoneSetBuilder builder;
    if (const auto added = builder.add(std::move(content)); !added) give_up(to_text(added.error()));
    if (const auto added = builder.add_target_pools({std::move(pool)}); !added) give_up(to_text(added.error()));
    zones = builder.finish(1, {});

    for (int network = 0; network < 64; ++network)
      for (const char* documentation : {"192.0.2", "198.51.100", "203.0.113", "10.1.2"})
        clients.push_back(fmt::format("{}.{}", documentation, network * 4 + 1));
  }

  std::shared_ptr<const lua::Geo> geo;
  health::HealthTablePtr table;
  zone::ZoneSetPtr zones;
  std::vector<std::string> clients;
};
const World& world() {
  static const World kWorld;
  return kWorld;
}

void count(benchmark::State& state, std::uint64_t before) {
  state.counters["allocations"] = static_cast<double>(allocations - before) / static_cast<double>(state.iterations());
}

void evaluate(benchmark::State& state, const std::string& body) {
  const World& all = world();
  const SystemClock clock;
  QuickRandom random(1);
  lua::Runtime runtime(options(), clock);
  lua::Script script(*lua::parse_record("A \"" + body + '"', lua::ChunkJoin::kAuto));
  std::vector<lua::Client> clients;
  for (const std::string& client : all.clients)
    clients.push_back({.who = *dns::IpAddress::parse("192.0.2.53"),
                       .ecs = *dns::IpNetwork::parse(client + "/32"),
                       .local = *dns::IpAddress::parse("192.0.2.54")});
  const std::string qname = name("www.bench.example.").wire();
  const std::string apex = name("bench.example.").wire();
  const lua::Sources sources{.health = all.table.get(),
                             .pools = all.zones->target_pools().get(),
                             .geo = all.geo.get(),
                             .records = nullptr,
                             .random = &random};
  lua::Values values;
  std::size_t next = 0;
  std::uint64_t steps = 0;
  const auto once = [&] {
    const lua::Question question{
        .qname_wire = qname, .zone_wire = apex, .base_wire = {}, .zone_id = 7, .client = &clients[next]};
    runtime.evaluate(script, question, sources, values);
    steps += runtime.steps_used();
    next = (next + 1) % clients.size();
  };
  for (std::size_t i = 0; i < clients.size(); ++i) {
    once();
    if (values.failure != lua::Failure::kNone || values.contents.empty()) give_up(body + ": " + values.error);
  }
  steps = 0;
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    once();
    benchmark::DoNotOptimize(values.contents.data());
  }
  count(state, before);
  state.counters["steps"] = static_cast<double>(steps) / static_cast<double>(state.iterations());
}

void steer(benchmark::State& state, const std::string& label) {
  const World& all = world();
  const SystemClock clock;
  const Log log(clock, LogLevel::kError, LogFormat::kText);
  Metrics metrics;
  answer::SteeringSettings settings;
  settings.runtime = options();
  const health::HealthCell health(all.table);
  const lua::GeoCell geo(all.geo);
  purge::ToldInbox told;
  answer::Steering steering(answer::Steering::Parts{.settings = settings,
                                                    .health = health,
                                                    .geo = geo,
                                                    .told = &told,
                                                    .clock = clock,
                                                    .log = log,
                                                    .metrics = metrics,
                                                    .seed = 1});
  const zone::Zone& zone = *all.zones->find(7);
  const std::string qname = label + ".bench.example.";
  const std::string key = name(qname).key();
  const auto found = zone.find(std::string_view(key).substr(zone.apex_key().size()));
  if (!found.owner) give_up("no " + qname);
  std::vector<std::pair<std::string, protocol::Lookup>> lookups;
  lookups.reserve(all.clients.size());
  for (const std::string& client : all.clients) {
    auto& [network, lookup] = lookups.emplace_back(client + "/32", protocol::Lookup{});
    lookup = {.qname = qname,
              .qname_json = qname,
              .qtype = dns::kANY,
              .zone_id = 7,
              .remote = "192.0.2.53",
              .local = "192.0.2.54",
              .real_remote = network};
  }
  answer::SteeredRows rows;
  std::size_t next = 0;
  const auto once = [&] {
    steering.steer({*all.zones, zone, *found.owner, lookups[next].second}, rows);
    next = (next + 1) % lookups.size();
  };
  for (std::size_t i = 0; i < lookups.size(); ++i) {
    once();
    if (rows.failed || rows.text.empty()) give_up(label + ": " + (rows.failed ? "it failed" : "no rows"));
  }
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    once();
    benchmark::DoNotOptimize(rows.text.data());
  }
  count(state, before);
}

const bool kRegistered = [] {
  for (const auto& [label, body] : bodies())
    benchmark::RegisterBenchmark(("evaluate/" + label).c_str(),
                                 [text = body](benchmark::State& state) { evaluate(state, text); });
  for (const auto& [label, body] : bodies())
    benchmark::RegisterBenchmark(("steer/" + label).c_str(),
                                 [text = label](benchmark::State& state) { steer(state, text); });
  return true;
}();

}  // namespace
