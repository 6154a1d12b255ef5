// SPDX-License-Identifier: MIT
// The content of LUA records, run with a small budget. Whatever a record does: it ends within its budget, the record
// that runs after it answers what it always answers, and its own answer rests on nothing but what its evidence names.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dns/ldns_codec.h"
#include "backend/dns/name.h"
#include "lua/runtime.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"

namespace {

using namespace sdns;

constexpr std::uint64_t kSteps = 20'000;
constexpr double kMostSeconds = 1;  // of processor time; its budget is a tenth of that
constexpr std::size_t kMostStateOctets = std::size_t{64} << 20;
// It reads what others could have left behind: libraries, metatables, globals, the memory of the C++ functions.
constexpr std::string_view kProbe =
    "TXT \"; local ok, what = pcall(error, 'e') "
    "return table.concat({tostring(leaked), tostring(getmetatable('')), ('x'):rep(2), math.floor(2.5), pdns.A, "
    "bit.bor(1, 2), tostring(ok), what, qname:toString(), zone:toString(), bestwho:toString(), pickfirst({'p', 'q'}), "
    "pickwhashed({{1, 'v'}, {2, 'w'}}), table.concat(ifportup(443, {'192.0.2.1', '192.0.2.2'}, {selector='all'}), "
    "'+'), "
    "pickfirst(pool('web')), tostring(country('nl')), tostring(rawget(_G, 'string') == string), "
    "coroutine.wrap(function() coroutine.yield('y') end)(), select('#', ('a b'):gsub('%a', '%0%0'))}, ' ')\"";

[[noreturn]] void broken(const char* property, const std::string& content) {
  std::fprintf(stderr, "%s: %s\n", property, content.c_str());
  std::abort();
}

double processor_seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

bool named(const std::vector<std::string>& names, std::string_view name) {
  for (const std::string& one : names)
    if (one == name) return true;
  return false;
}

class Records final : public lua::LocalRecords {
 public:
  // With `spared`, everything says something else but what it names.
  explicit Records(const lua::Evidence* spared) : spared_(spared) {}
  bool library(std::string_view name, std::vector<std::string>& contents) override {
    const bool other = spared_ && !named(spared_->includes, name);
    if (name == "config") contents = {other ? "LUA \"ips={'192.0.2.9'}\"" : "LUA \"ips={'192.0.2.1', '192.0.2.2'}\""};
    if (name == "loop") contents = {"LUA \"include('loop')\""};
    return name.find("..") == std::string_view::npos;
  }
  bool lookup(std::string_view name, dns::RrType type, std::vector<std::string>& contents) override {
    const bool other = spared_ && !named(spared_->names, name);
    if (type == dns::kA) contents = {other ? "192.0.2.88" : "192.0.2.77"};
    return true;
  }

 private:
  const lua::Evidence* spared_;
};

health::TargetPool pool_of(const char* name, bool other) {
  health::TargetPool pool;
  pool.name = name;
  pool.options = {{"port", "443"}, {"selector", "pickwhashed"}};
  for (const char* address : {"192.0.2.1", "192.0.2.2", "2001:db8::1"}) {
    health::PoolMember member;
    member.name = address;
    member.address = *dns::IpAddress::parse(address);
    member.weight = other ? 3 : 1;
    member.enabled = !other || pool.members.empty();
    member.latitude = 10;
    member.longitude = 20.0 * static_cast<double>(pool.members.size());
    pool.members.push_back(member);
  }
  return pool;
}

std::shared_ptr<const lua::Geo> places() {
  lua::GeoConfig config;
  config.networks = {{*dns::IpNetwork::parse("198.51.0.0/16"), "nh", "nl", "eu", "amsterdam", "64496", "x", {{52, 5}}},
                     {*dns::IpNetwork::parse("198.51.100.0/28"), "", "be", "eu", "", "64497", "", {{51, 4}}},
                     {*dns::IpNetwork::parse("192.0.2.2/32"), "ny", "us", "na", "", "", "", {{40, -74}}}};
  return *lua::Geo::open(config);
}

constexpr std::size_t kVariants = 4;

// Everything that a record can read.
struct World {
  explicit World(const lua::Evidence* spared = nullptr, std::size_t variant = 0) : records(spared) {
    const bool other = spared != nullptr;
    if (!other || !spared->chance) random = test::SeededRandom(other ? 2 : 1);
    qname = dns::Name::parse(other && !spared->query_name ? "zzz-4-3-2-1.example.org." : "www-1-2-3-4.example.org.")
                ->wire();
    std::vector<std::string> identities{"tcp 192.0.2.1:443",
                                        "tcp 192.0.2.2:443",
                                        "tcp 192.0.2.1:80",
                                        "url http://a/ from 192.0.2.1",
                                        "url http://a/ from 192.0.2.2",
                                        "url http://a/",
                                        "url http://a/ from 192.0.2.3"};
    table = health::HealthTableBuilder::add(*table, identities);
    std::vector<health::StateChange> changes;
    for (std::size_t i = 0; i < identities.size(); ++i) {
      const bool up = (i % 2 == 0) == (!other || named(spared->checks, identities[i]));
      changes.push_back({table->find(identities[i]), {up ? health::Verdict::kUp : health::Verdict::kDown, false, 3}});
    }
    table = health::HealthTableBuilder::set(*table, changes);
    pools = *health::TargetPools::make({pool_of("web", other && !named(spared->pools, "web"))});
    client.who = *dns::IpAddress::parse("198.51.100.7");
    if (other) client.who = other_client(*spared, variant);
  }
  // With as many leading bits in common as the evidence says.
  [[nodiscard]] static dns::IpAddress other_client(const lua::Evidence& evidence, std::size_t variant) {
    constexpr std::array<const char*, kVariants> kOthers{"2001:db8::7", "203.0.113.9", "10.1.2.3", "198.51.100.200"};
    if (!evidence.client) return *dns::IpAddress::parse(kOthers.at(variant));
    constexpr std::array<std::uint32_t, kVariants> kFlipped{0xFFFF'FFFF, 0x8421'0842, 0x0000'00FF, 0x55AA'55AA};
    std::array<std::uint8_t, 4> octets{198, 51, 100, 7};
    for (std::size_t bit = evidence.bits; bit < 32; ++bit)
      if ((kFlipped.at(variant) >> (31 - bit) & 1) != 0)
        octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] ^ (0x80U >> bit % 8));
    return dns::IpAddress::from_octets(octets);
  }

  test::SeededRandom random{1};
  std::string qname;
  health::HealthTablePtr table = std::make_shared<const health::HealthTable>();
  health::TargetPools pools;
  Records records;
  lua::Client client;
};

class Engine {
 public:
  Engine() : runtime_(options(), clock_), probe_(*lua::parse_record(kProbe, lua::ChunkJoin::kAuto)) {
    probed_ = run(probe_, usual());
    if (probed_.failure != lua::Failure::kNone) broken("the probe fails", probed_.error);
  }

  void check(const std::string& content) {
    const auto canonical = dns::canonical_content(dns::kLUA, content, dns::Name{});
    auto code = lua::parse_record(canonical ? *canonical : content, lua::ChunkJoin::kAuto);
    if (!code) return;
    lua::Script script(std::move(*code));
    const lua::Values first = timed(script, usual(), content);
    const lua::Values again = timed(script, usual(), content);
    if (comparable(first) && same(first, again)) {
      for (std::size_t variant = 0; variant < kVariants; ++variant) {
        const World other(&first.evidence, variant);
        const lua::Values elsewhere = timed(script, other, content);
        if (over_budget(elsewhere)) continue;
        if (!same(first, elsewhere)) broken("an answer rests on what its evidence does not name", content);
      }
    }
    runtime_.forget(script);
    lua::Values after = run(probe_, usual());
    // On a machine that is busy it may run out of time.
    for (int i = 0; i < 5 && after.failure == lua::Failure::kOverBudget; ++i) after = run(probe_, usual());
    if (!same(after, probed_) || after.evidence.client != probed_.evidence.client ||
        after.evidence.bits != probed_.evidence.bits || after.evidence.checks != probed_.evidence.checks)
      broken("the record after it answers something else", content);
    if (runtime_.memory_octets() > kMostStateOctets) broken("the state grows", content);
  }

 private:
  static lua::RuntimeOptions options() {
    lua::RuntimeOptions options;
    options.limits = {kSteps, 100'000'000, std::size_t{1} << 20};
    options.overruns = ~0U;
    return options;
  }
  static const World& usual() {
    static const World world;
    return world;
  }

  lua::Values run(lua::Script& script, const World& world) {
    static const std::string zone = dns::Name::parse("example.org.")->wire();
    static const auto geo = places();
    test::SeededRandom random = world.random;
    Records records = world.records;
    const lua::Question question{
        .qname_wire = world.qname, .zone_wire = zone, .base_wire = {}, .zone_id = 7, .client = &world.client};
    const lua::Sources sources{
        .health = world.table.get(), .pools = &world.pools, .geo = geo.get(), .records = &records, .random = &random};
    lua::Values values;
    runtime_.evaluate(script, question, sources, values);
    return values;
  }
  lua::Values timed(lua::Script& script, const World& world, const std::string& content) {
    const double start = processor_seconds();
    lua::Values values = run(script, world);
    if (processor_seconds() - start > kMostSeconds) broken("it took longer than its budget", content);
    if (values.failure != lua::Failure::kNone && !values.contents.empty()) broken("a failure has values", content);
    return values;
  }
  // What ran out of a budget may do so elsewhere the next time; chance and the clock say something else.
  static bool over_budget(const lua::Values& values) {
    return values.failure != lua::Failure::kNone && values.failure != lua::Failure::kError;
  }
  static bool comparable(const lua::Values& values) { return !values.evidence.chance && !over_budget(values); }
  static bool same(const lua::Values& a, const lua::Values& b) {
    return a.failure == b.failure && a.contents == b.contents;
  }

  test::ManualClock clock_;
  lua::Runtime runtime_;
  lua::Script probe_;
  lua::Values probed_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Engine engine;
  const std::string text(reinterpret_cast<const char*>(data), size);
  engine.check(text);
  // As code, whatever it begins with.
  std::string code;
  for (const char c : text)
    if (c != '"') code += c;
  engine.check("TXT \"" + code + '"');
  engine.check("A \"; return " + code + '"');
  return 0;
}
