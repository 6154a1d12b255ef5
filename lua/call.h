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
#include "lua/meter.h"
#include "lua/options.h"
#include "lua/runtime.h"

namespace sdns::lua {

class Chunks;
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
  [[nodiscard]] std::size_t octets() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return ends_.empty(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const std::size_t start = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(start, ends_[i] - start);
  }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
};

/// The longest lists that are read, so that the memory for them is bounded.
inline constexpr std::size_t kMostEntries = 4'096;
inline constexpr std::size_t kMostListOctets = std::size_t{256} << 10;

/// Steps that the parts of C++ functions cost: about ten nanoseconds each.
namespace cost {
inline constexpr std::uint64_t kCall = 4;
inline constexpr std::uint64_t kEntry = 2;      ///< one of a list, read or pushed
inline constexpr std::uint64_t kAddress = 5;    ///< read from text
inline constexpr std::uint64_t kNetwork = 8;    ///< read from text, and compared
inline constexpr std::uint64_t kName = 20;      ///< read, written or compared: up to 127 labels
inline constexpr std::uint64_t kPlace = 10;     ///< of a target; mostly remembered
inline constexpr std::uint64_t kLocation = 60;  ///< looked up in databases
inline constexpr std::uint64_t kCheck = 20;     ///< of one target
inline constexpr std::uint64_t kDraw = 3;       ///< per candidate that is drawn from
inline constexpr std::uint64_t kOption = 15;
inline constexpr std::uint64_t kLookup = 60;  ///< of a record or library
constexpr std::uint64_t copy(std::size_t octets) { return octets / 16; }
}  // namespace cost

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
  SteadyTime last_up{};  ///< max() while it is up; the epoch when it never was
};

/// Memory of the C++ functions, kept from call to call: what a Lua error jumps over has nothing to free.
struct Scratch {
  Texts texts;
  std::vector<Candidate> candidates;
  std::vector<std::size_t> chosen;
  std::vector<std::size_t> order;
  std::vector<SteadyTime> times;
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
  Chunks* chunks = nullptr;
  std::size_t evidence_octets = 0;
  const char* exceeded = nullptr;  // what there was too much of

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
  Meter& meter;

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

  /// Uses steps. False when the budget is used up: the function returns, whatever it returns then.
  [[nodiscard]] bool spend(std::uint64_t steps) const { return meter.spend(steps); }
  /// Before one more text of a list is read, of which `count` are there. False: the budget is used up, or after fail().
  [[nodiscard]] bool has_room(std::size_t count, const Texts& texts, std::size_t octets) const {
    if (!spend(cost::kEntry + cost::copy(octets))) return false;
    return (count < kMostEntries && texts.octets() + octets <= kMostListOctets) || list_too_long(count);
  }
  /// Fails; false.
  bool list_too_long(std::size_t count) const;
  /// Notes what the result rests on, once. False when that is too much: the budget is used up.
  [[nodiscard]] bool rests_on_check(std::string_view identity) const;
  [[nodiscard]] bool rests_on_pool(std::string_view name) const;
  [[nodiscard]] bool rests_on_include(std::string_view name) const;
  [[nodiscard]] bool rests_on_name(std::string_view name) const;

  /// A string or number. The view lives as long as the value stays where it is.
  [[nodiscard]] bool text(int index, std::string_view& out) const;
  /// A number or a numeric string, fractions cut.
  [[nodiscard]] bool integer(int index, std::int64_t& out) const;
  /// A table whose keys are numbers and whose values are texts; appended to `out` in the table's order. False: it is
  /// something else, which fails with `otherwise`, or is too long.
  [[nodiscard]] bool texts(int index, Texts& out, std::string_view otherwise) const;
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

/// The number of results on the stack, or -1 after Call::fail(). Spends steps for what it does, in loops a few at a
/// time.
using Function = int (*)(const Call& call);

struct FunctionEntry {
  const char* name;
  int least;  ///< arguments
  int most;   ///< -1: any number
  Function function;
};

/// Pushes a C closure that checks the number of arguments and calls the entry, which lives for ever. When the budget is
/// used up afterwards, it leaves.
void push_function(lua_State* state, const FunctionEntry* entry);

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
