// SPDX-License-Identifier: MIT
// How a C++ function is called from Lua code: arguments as PowerDNS converts them, errors without live objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lua.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lua/evaluation.h"
#include "lua/generate.h"
#include "lua/options.h"
#include "lua/runtime.h"

namespace sdns::lua {

class LocationMemo;

/// Texts that were read from Lua, in one piece of memory that is used again.
class Texts {
 public:
  void clear() {
    bytes_.clear();
    ends_.clear();
  }
  void add(std::string_view text) {
    bytes_.append(text);
    ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] bool empty() const { return ends_.empty(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const std::size_t start = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(start, ends_[i] - start);
  }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
};

/// One that may be chosen.
struct Candidate {
  std::uint32_t text = 0;  ///< in Scratch::texts: what is answered
  std::uint32_t group = 0;
  std::uint32_t weight = 1;
  dns::IpAddress address;
  std::uint16_t port = 0;
  bool addressed = false;         ///< `address` was read
  std::uint32_t url = 0;          ///< in Scratch::texts, for ifurlextup
  std::uint32_t self_weight = 1;  ///< what its check says (pickselfweighted)
  const health::PoolMember* member = nullptr;
  health::Verdict verdict = health::Verdict::kUnknown;
};

/// Memory of the C++ functions, kept from call to call: what a Lua error jumps over has nothing to free.
struct Scratch {
  Texts texts;
  std::vector<Candidate> candidates;
  std::vector<std::size_t> chosen;
  std::vector<std::size_t> order;
  std::vector<std::uint32_t> weights;
  std::vector<WeightedText> weighted;
  std::vector<Coordinates> places;
  std::vector<std::size_t> closest_among;
  std::vector<std::size_t> nearest;
  std::vector<std::string> contents;
  Labels labels;
  Exceptions exceptions;
  Options options;
  std::string text;
  std::string more;
  std::string identity;
  std::string error;
};

/// The evaluation that runs in a state: its context (State::set_context).
struct Evaluation {
  const Question* question = nullptr;
  const Sources* sources = nullptr;
  Values* values = nullptr;
  Trace* trace = nullptr;
  Scratch scratch;
  LocationMemo* locations = nullptr;
  int environment = LUA_NOREF;
  int includes = 0;  // depth
  const RuntimeOptions* options = nullptr;

  [[nodiscard]] Evidence& evidence() const { return values->evidence; }
  [[nodiscard]] dns::IpAddress best() const { return question->client->best(); }
  /// Says that the whole client address counts.
  void on_whole_client() const { evidence().on_client(question->client->best().bits()); }
  /// Uniform in [0, count); chance is noted when there is a choice.
  [[nodiscard]] std::uint64_t draw(std::uint64_t count) const;
};

/// Handed to each function; trivially destructible.
struct Call {
  lua_State* state;
  Evaluation& evaluation;

  [[nodiscard]] Scratch& scratch() const { return evaluation.scratch; }
  [[nodiscard]] Evidence& evidence() const { return evaluation.evidence(); }
  [[nodiscard]] int count() const { return lua_gettop(state); }
  [[nodiscard]] bool present(int index) const { return !lua_isnoneornil(state, index); }

  /// Ends the function with a Lua error.
  int fail(std::string_view what) const {
    scratch().error.assign(what);
    return -1;
  }
  int fail_type(int index, std::string_view wanted) const;

  /// A string or number. The view lives as long as the value stays where it is.
  [[nodiscard]] bool text(int index, std::string_view& out) const;
  /// A number or a numeric string, fractions cut.
  [[nodiscard]] bool integer(int index, std::int64_t& out) const;
  /// A table whose keys are numbers and whose values are texts; appended to `out` in the table's order.
  [[nodiscard]] bool texts(int index, Texts& out) const;
  /// Pushes.
  int push(std::string_view value) const {
    lua_pushlstring(state, value.data(), value.size());
    return 1;
  }
  int push(bool value) const {
    lua_pushboolean(state, value ? 1 : 0);
    return 1;
  }
};

/// The number of results on the stack, or -1 after Call::fail().
using Function = int (*)(const Call& call);

struct FunctionEntry {
  const char* name;
  int least;  ///< arguments
  int most;   ///< -1: any number
  Function function;
};

/// Pushes a C closure that checks the number of arguments and calls the entry, which lives for ever.
void push_function(lua_State* state, const FunctionEntry* entry);

/// Adds `text` unless it is there; linear while there are few.
void add_once(std::vector<std::string>& to, std::string_view text);

/// The functions of each file.
std::span<const FunctionEntry> pick_functions();      ///< functions_pick.cpp
std::span<const FunctionEntry> health_functions();    ///< functions_health.cpp
std::span<const FunctionEntry> geo_functions();       ///< functions_geo.cpp
std::span<const FunctionEntry> generate_functions();  ///< functions_generate.cpp
std::span<const FunctionEntry> network_functions();   ///< functions_network.cpp
std::span<const FunctionEntry> data_functions();      ///< functions_data.cpp
std::span<const FunctionEntry> object_functions();    ///< objects.cpp: newDN, newCA, newNetmask …

[[nodiscard]] Evaluation& evaluation_of(lua_State* state);

}  // namespace sdns::lua
