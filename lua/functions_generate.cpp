// SPDX-License-Identifier: MIT
// createReverse, createForward and their like: addresses and names from the query name.
#include <fmt/format.h>

#include "lua/call.h"
#include "lua/generate.h"

namespace sdns::lua {
namespace {

// Address to name, into the scratch. False after Call::fail(): no table, or not of texts. `readable` is false when an
// address in it is none.
bool read_exceptions(const Call& call, int index, bool& readable) {
  Exceptions& exceptions = call.scratch().exceptions;
  exceptions.clear();
  readable = true;
  if (!call.present(index)) return true;
  if (!lua_istable(call.state, index)) {
    call.fail_type(index, "a table of addresses and names");
    return false;
  }
  constexpr std::uint64_t kStepsPerException = 20;  // a node of a tree each
  std::size_t octets = 0;
  lua_pushnil(call.state);
  while (lua_next(call.state, index) != 0) {
    std::string_view name;
    std::size_t size = 0;
    if (lua_type(call.state, -2) != LUA_TSTRING || !call.text(-1, name)) {
      call.fail_type(index, "a table of addresses and names");
      return false;
    }
    const char* text = lua_tolstring(call.state, -2, &size);
    octets += name.size();
    if (!call.spend(kStepsPerException + cost::copy(name.size() + size))) return false;
    if (exceptions.size() >= kMostEntries || octets > kMostListOctets) {
      call.fail(fmt::format("the table has more than {} entries, or more than {} octets of names", kMostEntries,
                            kMostListOctets));
      return false;
    }
    const auto endpoint = dns::Endpoint::parse({text, size});
    if (endpoint) exceptions[endpoint->address] = name;
    else readable = false;
    lua_pop(call.state, 1);
  }
  return true;
}

using Create = std::string (*)(const Labels&, std::string_view, const Exceptions&);

int create_name(const Call& call, Create create) {
  std::string_view format;
  bool readable = true;
  if (!call.text(1, format)) return call.fail_type(1, "a format");
  constexpr std::size_t kMostFormatOctets = 1'024;
  constexpr std::uint64_t kStepsPerName = 200;
  if (format.size() > kMostFormatOctets)
    return call.fail(fmt::format("the format has more than {} octets", kMostFormatOctets));
  if (!read_exceptions(call, 2, readable)) return -1;
  if (!call.spend(kStepsPerName + 2 * format.size())) return -1;
  call.evidence().query_name = true;
  Scratch& scratch = call.scratch();
  scratch.labels = labels_of(call.evaluation.question->qname_wire);
  scratch.text = readable ? create(scratch.labels, format, scratch.exceptions) : "error";
  return call.push(std::string_view(scratch.text));
}

int create_reverse_function(const Call& call) { return create_name(call, create_reverse); }
int create_reverse6_function(const Call& call) { return create_name(call, create_reverse6); }

// The labels of the query name below the wildcard's parent, or below the apex for a record that is at no wildcard.
int create_address(const Call& call, std::string (*create)(const Labels&)) {
  if (!call.spend(3 * cost::kName)) return -1;
  call.evidence().query_name = true;
  Scratch& scratch = call.scratch();
  const Question& question = *call.evaluation.question;
  scratch.labels = labels_of(question.qname_wire);
  const std::size_t base = labels_of(question.base_wire.empty() ? question.zone_wire : question.base_wire).size();
  scratch.labels.resize(scratch.labels.size() > base ? scratch.labels.size() - base : 0);
  scratch.text = create(scratch.labels);
  return call.push(std::string_view(scratch.text));
}

int create_forward_function(const Call& call) { return create_address(call, create_forward); }
int create_forward6_function(const Call& call) { return create_address(call, create_forward6); }

constexpr FunctionEntry kFunctions[] = {
    {"createReverse", 1, 2, create_reverse_function},
    {"createReverse6", 1, 2, create_reverse6_function},
    {"createForward", 0, 0, create_forward_function},
    {"createForward6", 0, 0, create_forward6_function},
};

}  // namespace

std::span<const FunctionEntry> generate_functions() { return kFunctions; }

}  // namespace sdns::lua
