// SPDX-License-Identifier: MIT
// include, dblookup, pdnslog, pdnsrandom, and what PowerDNS has and we refuse.
#include <fmt/format.h>

#include "lua/call.h"
#include "lua/chunks.h"
#include "lua/environment.h"
#include "lua/record.h"

namespace sdns::lua {
namespace {

constexpr int kMostIncludes = 16;  // one inside of another

constexpr std::size_t kMostLineOctets = 1'300;
constexpr std::size_t kMostLibraryChunks = 4'000;  // records at one name

bool logs(const Call& call) { return call.evaluation.values->log.size() < Values::kMostLogLines; }
void log_line(const Call& call, int level, std::string_view text) {
  if (logs(call)) call.evaluation.values->log.push_back({level, std::string(text.substr(0, kMostLineOctets))});
}

// What is compiled, a piece at a time.
struct Source {
  std::string_view rest;
  Meter& meter;
};
const char* read_source(lua_State*, void* argument, std::size_t* size) {
  constexpr std::size_t kPiece = 1'024;
  Source& source = *static_cast<Source*>(argument);
  const std::string_view piece = source.rest.substr(0, kPiece);
  *size = piece.size();
  if (piece.empty() || !source.meter.spend(piece.size())) return nullptr;  // compiling is what an octet costs most
  source.rest.remove_prefix(piece.size());
  return piece.data();
}

// Pushes the code of one library record, compiled; what does not compile is logged and left out. The text stays in the
// scratch while it is read.
bool push_chunk(const Call& call, std::string_view name, std::string_view content) {
  Chunks& chunks = *call.evaluation.chunks;
  if (!call.spend(cost::kLookup + content.size() / 64)) return false;
  if (chunks.push(call.state, content)) return true;
  const std::size_t space = content.find(' ');
  std::string& text = call.scratch().more;
  text =
      join_chunks(space == std::string_view::npos ? content : content.substr(space + 1), call.evaluation.options->join);
  Source source{text, call.meter};
  if (lua_loadx(call.state, read_source, &source, "=include", "t") == 0) {
    if (!call.meter.over()) chunks.keep(call.state, content);
    return true;
  }
  const char* why = lua_tostring(call.state, -1);
  log_line(call, 3, fmt::format("include {}: {}", name.substr(0, 300), why ? why : "does not compile"));
  lua_pop(call.state, 1);
  return false;
}

// Runs every LUA record at the name, relative to the zone, in the environment of the record that includes it. What
// fails is logged and has no other effect.
int include(const Call& call) {
  Evaluation& evaluation = call.evaluation;
  lua_State* state = call.state;
  std::string_view name;
  if (!call.text(1, name)) return call.fail_type(1, "a name");
  if (!call.rests_on_include(name) || !call.spend(cost::kLookup)) return -1;
  LocalRecords* records = evaluation.sources->records;
  auto& contents = call.scratch().contents;
  contents.clear();
  if (evaluation.includes >= kMostIncludes || !records || !records->library(name, contents)) {
    log_line(
        call, 3,
        evaluation.includes >= kMostIncludes
            ? fmt::format("include {}: {} libraries inside each other are too many", name.substr(0, 300), kMostIncludes)
            : fmt::format("include {}: not a name", name.substr(0, 300)));
    return 0;
  }
  if (contents.size() > kMostLibraryChunks)
    return call.fail(fmt::format("the library {} has more than {} records", name.substr(0, 300), kMostLibraryChunks));
  luaL_checkstack(state, static_cast<int>(contents.size()) + 4, "include");
  int chunks = 0;
  for (const std::string& content : contents) chunks += push_chunk(call, name, content) ? 1 : 0;
  if (call.meter.over()) return -1;
  ++evaluation.includes;
  for (int i = 0; i < chunks; ++i) {
    lua_pushvalue(state, 2 + i);
    push_environment(state);
    lua_setfenv(state, -2);
    if (lua_pcall(state, 0, 0, 0) == 0) continue;
    if (call.meter.over()) return -1;
    const char* why = lua_tostring(state, -1);
    if (logs(call))
      log_line(call, 3,
               fmt::format("include {}: {}", std::string_view(lua_tostring(state, 1)).substr(0, 300),
                           why ? why : "it raised an error"));
    lua_pop(state, 1);
  }
  --evaluation.includes;
  return 0;
}

int dblookup(const Call& call) {
  std::string_view name;
  std::int64_t type = 0;
  if (!call.text(1, name)) return call.fail_type(1, "a name");
  if (!call.integer(2, type)) return call.fail_type(2, "a type's number, as pdns.A");
  if (!call.rests_on_name(name) || !call.spend(cost::kLookup)) return -1;
  auto& contents = call.scratch().contents;
  contents.clear();
  LocalRecords* records = call.evaluation.sources->records;
  if (records && type > 0 && type < 65'536 &&
      !records->lookup(name, dns::RrType{static_cast<std::uint16_t>(type)}, contents))
    contents.clear();
  if (contents.size() > kMostEntries) {
    std::vector<std::string>().swap(contents);
    return call.fail(fmt::format("{} has more than {} records of the type", name.substr(0, 300), kMostEntries));
  }
  if (!call.spend(contents.size() * cost::kAddress)) return -1;
  lua_createtable(call.state, static_cast<int>(contents.size()), 0);
  for (std::size_t i = 0; i < contents.size(); ++i) {
    call.push(std::string_view(contents[i]));
    lua_rawseti(call.state, -2, static_cast<int>(i) + 1);
  }
  return 1;
}

int pdnslog(const Call& call) {
  std::string_view text;
  std::int64_t level = 4;
  if (!call.text(1, text)) return call.fail_type(1, "a text");
  if (call.present(2) && !call.integer(2, level)) return call.fail_type(2, "a log level");
  log_line(call, static_cast<int>(std::clamp<std::int64_t>(level, 0, 7)), text.substr(0, 1000));
  return 0;
}

int pdnsrandom(const Call& call) {
  std::int64_t count = 0;
  if (call.present(1) && (!call.integer(1, count) || count < 0))
    return call.fail_type(1, "a number that is not negative");
  call.evidence().chance = true;
  const std::uint64_t bound = count == 0 ? std::uint64_t{1} << 32 : static_cast<std::uint64_t>(count);
  lua_pushnumber(call.state, static_cast<lua_Number>(call.evaluation.draw(bound)));
  return 1;
}

// An answer would have to wait for another server (P1).
int resolve(const Call& call) {
  return call.fail(
      "asking another server is not possible here; docs/lua-records.md says how to hand the record to PowerDNS");
}
int report(const Call& call) { return call.fail("nothing is reported by records"); }
int packets(const Call& call) { return call.fail("records have no packets"); }

constexpr FunctionEntry kFunctions[] = {
    {"include", 1, 1, include},       {"dblookup", 2, 2, dblookup},     {"pdnslog", 1, 2, pdnslog},
    {"pdnsrandom", 0, 1, pdnsrandom}, {"resolve", 2, 2, resolve},       {"report", 0, -1, report},
    {"newDNSPacket", 0, -1, packets}, {"dupDNSPacket", 0, -1, packets},
};

}  // namespace

std::span<const FunctionEntry> data_functions() { return kFunctions; }

}  // namespace sdns::lua
