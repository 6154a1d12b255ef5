// SPDX-License-Identifier: MIT
// What an answer costs in zones of 10, 10 000 and 1 000 000 names: alone, and from the line to the line.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "backend/answer/line_handler.h"
#include "backend/dns/dnssec_key.h"

namespace {

using namespace sdns;

constexpr std::size_t kQuestions = 4096;  // spread over the zone, so that the tree does not stay in the nearest cache

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

// Not in the zone, but all over it.
std::string absent(std::size_t i) { return fmt::format("h{:x}q.omani.works.", i * 1048573 % 4294967291U); }

std::string owner(std::size_t i) { return fmt::format("h{:x}.omani.works.", i * 2654435761U % 4294967291U); }

enum class Denial { kNsec, kNsec3 };

zone::ZoneSetPtr make_zone(std::size_t names, Denial denial) {
  zone::ZoneContent content;
  content.head.id = 7;
  content.head.apex = name("omani.works.");
  content.records.reserve(names + 3);
  content.records.push_back(
      {content.head.apex, dns::kSOA, {300}, "ns1.omani.works. h.omani.works. 5 3600 600 86400 30"});
  content.records.push_back({content.head.apex, dns::kNS, {300}, "ns1.omani.works."});
  content.records.push_back({name("*.wild.omani.works."), dns::kA, {300}, "192.0.2.1"});
  for (std::size_t i = 0; i < names; ++i)
    content.records.push_back({name(owner(i)), dns::kA, {300}, fmt::format("192.0.2.{}", i % 256)});
  if (denial == Denial::kNsec3) content.metadata.push_back({"NSEC3PARAM", {"1 0 0 -"}});
  zone::ZoneSetBuilder builder;
  if (const auto added = builder.add(std::move(content)); !added) fmt::print("{}\n", added.error().what);
  return builder.finish(1, {});
}

const zone::ZoneSetPtr& zone_of(std::size_t names, Denial denial) {
  static std::map<std::pair<std::size_t, Denial>, zone::ZoneSetPtr> zones;
  zone::ZoneSetPtr& zone = zones[{names, denial}];
  if (!zone) zone = make_zone(names, denial);
  return zone;
}

std::size_t names_of(const benchmark::State& state) { return static_cast<std::size_t>(state.range(0)); }

protocol::Lookup lookup(const std::string& qname) {
  protocol::Lookup out;
  out.qname = qname;
  out.qname_json = qname;
  out.qtype = dns::kANY;
  out.zone_id = 7;
  return out;
}

void answer_each(benchmark::State& state, const std::vector<protocol::Request>& requests, const zone::ZoneSet& zones) {
  answer::Scratch scratch;
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(answer::answer(requests[next], zones, scratch));
    next = (next + 1) % requests.size();
  }
}

void lookup_hit(benchmark::State& state) {
  const std::size_t names = names_of(state);
  std::vector<std::string> owners;
  for (std::size_t i = 0; i < kQuestions; ++i) owners.push_back(owner(i * 7919 % names));
  std::vector<protocol::Request> requests;
  for (const std::string& text : owners) requests.emplace_back(lookup(text));
  answer_each(state, requests, *zone_of(names, Denial::kNsec));
}
BENCHMARK(lookup_hit)->Arg(10)->Arg(10'000)->Arg(1'000'000);

void lookup_miss(benchmark::State& state) {
  std::vector<std::string> owners;
  for (std::size_t i = 0; i < kQuestions; ++i) owners.push_back(absent(i));
  std::vector<protocol::Request> requests;
  for (const std::string& text : owners) requests.emplace_back(lookup(text));
  answer_each(state, requests, *zone_of(names_of(state), Denial::kNsec));
}
BENCHMARK(lookup_miss)->Arg(10)->Arg(10'000)->Arg(1'000'000);

void neighbours_nsec(benchmark::State& state) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kQuestions; ++i) names.push_back(fmt::format("h{:x}.", i * 1048573));
  std::vector<protocol::Request> requests;
  for (const std::string& text : names) requests.emplace_back(protocol::GetBeforeAndAfterNamesAbsolute{7, text});
  answer_each(state, requests, *zone_of(names_of(state), Denial::kNsec));
}
BENCHMARK(neighbours_nsec)->Arg(10)->Arg(10'000)->Arg(1'000'000);

void neighbours_nsec3(benchmark::State& state) {
  std::vector<std::string> hashes;
  for (std::size_t i = 0; i < kQuestions; ++i)
    hashes.push_back(dns::base32hex(dns::nsec3_hash(name(absent(i)), "", 0)) + ".");
  std::vector<protocol::Request> requests;
  for (const std::string& text : hashes) requests.emplace_back(protocol::GetBeforeAndAfterNamesAbsolute{7, text});
  answer_each(state, requests, *zone_of(names_of(state), Denial::kNsec3));
}
BENCHMARK(neighbours_nsec3)->Arg(10)->Arg(10'000)->Arg(1'000'000);

// A lookup needs nothing in the background.
struct NoTasks final : answer::TaskRunner {
  void run(Lane, std::function<void()>) override {}
};
struct NoEditor final : answer::Editor {
  Result<std::uint32_t> edit(const answer::Edit&, const std::atomic<bool>&) override { return 0; }
  Result<std::optional<answer::Autoprimary>> autoprimary(const answer::AutoprimaryQuestion&) override {
    return std::optional<answer::Autoprimary>();
  }
};

void line_to_line(benchmark::State& state, std::size_t names, std::string (*asked_name)(std::size_t)) {
  const SystemClock clock;
  const Log log(clock, LogLevel::kError, LogFormat::kText);
  Metrics metrics;
  const answer::ZoneSetCell cell(zone_of(names, Denial::kNsec));
  purge::AskedRing asked;
  NoTasks tasks;
  NoEditor editor;
  const answer::Background background{.tasks = tasks, .editor = editor, .resume = [](net::ConnectionId) {}};
  answer::LineHandler handler(answer::LineHandler::Parts{.zones = cell,
                                                         .retire = [](void*, std::shared_ptr<const zone::ZoneSet>) {},
                                                         .retire_context = nullptr,
                                                         .asked = &asked,
                                                         .background = background,
                                                         .clock = clock,
                                                         .wall_clock = clock,
                                                         .log = log,
                                                         .metrics = metrics,
                                                         .version = "bench"});
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < kQuestions; ++i)
    lines.push_back(R"({"method": "lookup", "parameters": {"local": "192.0.2.53", "qname": ")" + asked_name(i % names) +
                    R"(", "qtype": "ANY", "real-remote": "198.51.100.7/32", "remote": "198.51.100.7", "zone-id": 7}})");
  std::string reply;
  std::size_t next = 0;
  for (auto _ : state) {
    reply.clear();
    benchmark::DoNotOptimize(handler.handle(1, lines[next], reply));
    next = (next + 1) % lines.size();
  }
}
void line_hit(benchmark::State& state) { line_to_line(state, names_of(state), owner); }
void line_miss(benchmark::State& state) { line_to_line(state, names_of(state), absent); }
BENCHMARK(line_hit)->Arg(10'000)->Arg(1'000'000);
BENCHMARK(line_miss)->Arg(10'000)->Arg(1'000'000);

}  // namespace
