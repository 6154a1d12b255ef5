// SPDX-License-Identifier: MIT
// What one request costs before and after it is answered: bytes to Request, Reply to bytes.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "backend/protocol/reply_write.h"
#include "backend/protocol/request_parse.h"

namespace {

using namespace sdns::protocol;

std::string lookup(const std::string& qname) {
  return R"({"method": "lookup", "parameters": {"local": "192.0.2.53", "qname": ")" + qname +
         R"(", "qtype": "ANY", "real-remote": "198.51.100.7/32", "remote": "198.51.100.7", "zone-id": 7}})";
}

void parse(benchmark::State& state, const std::string& line) {
  RequestParser parser;
  for (auto _ : state) benchmark::DoNotOptimize(parser.parse(line));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(line.size()));
}

void parse_lookup(benchmark::State& state) { parse(state, lookup("console.omantel.Omani.works.")); }
BENCHMARK(parse_lookup);

void parse_lookup_escaped(benchmark::State& state) { parse(state, lookup(R"(a\\.b.omantel.omani.works.)")); }
BENCHMARK(parse_lookup_escaped);

void parse_neighbours(benchmark::State& state) {
  parse(state, R"({"method": "getBeforeAndAfterNamesAbsolute", "parameters": {"id": 7, "qname": "console."}})");
}
BENCHMARK(parse_neighbours);

void parse_metadata(benchmark::State& state) {
  parse(state, R"({"method": "getAllDomainMetadata", "parameters": {"name": "omantel.omani.works."}})");
}
BENCHMARK(parse_metadata);

void parse_lookup_general(benchmark::State& state) {
  RequestParser parser;
  const std::string line = lookup("console.omantel.Omani.works.");
  for (auto _ : state) benchmark::DoNotOptimize(parser.parse_general(line));
}
BENCHMARK(parse_lookup_general);

void write(benchmark::State& state, const Reply& reply) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    write_reply(reply, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}

void write_rows(benchmark::State& state) {
  std::string rows;
  for (std::int64_t i = 0; i < state.range(0); ++i)
    rows += "\"qtype\":\"A\",\"content\":\"203.0.113." + std::to_string(i) + "\",\"ttl\":300\n";
  const std::vector<RowBlock> blocks{{rows, true}};
  write(state, Records{"console.omantel.Omani.works.", "7", blocks, false, true});
}
BENCHMARK(write_rows)->Arg(1)->Arg(4)->Arg(16);

void write_nothing(benchmark::State& state) { write(state, Records{}); }
BENCHMARK(write_nothing);

void write_neighbours(benchmark::State& state) { write(state, Neighbours{"", "console", "gitea"}); }
BENCHMARK(write_neighbours);

}  // namespace
