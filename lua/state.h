// SPDX-License-Identifier: MIT
// A lua_State with its budgets: the only owner of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lua/block_pool.h"
#include "lua/meter.h"

struct lua_State;

namespace sdns::lua {

enum class Ended : std::uint8_t {
  kReturned,
  kError,       ///< the code raised an error, or does not compile
  kOverBudget,  ///< steps or time; its state goes on to be usable
  kNoMemory,
};

/// What the collector has done, in octets of work: marking objects of one octet takes about a nanosecond.
struct Collected {
  std::uint64_t cycles = 0;
  std::uint64_t work = 0;
  std::uint64_t most_work = 0;  ///< between two evaluations
};
inline constexpr std::size_t kCollectPace = 6;                         ///< octets of work per octet that was added
inline constexpr std::size_t kCollectShare = std::size_t{48} << 10;    ///< of work between two evaluations, unless…
inline constexpr std::size_t kCollectBacklog = std::size_t{16} << 20;  ///< …more than this is left to do
inline constexpr std::size_t kLeastGarbage = std::size_t{1} << 20;     ///< octets that are added before a cycle begins:
inline constexpr std::size_t kMostGarbage = std::size_t{4} << 20;      ///< half of what there is, but within these

/// Used by one thread at a time. The JIT is off: a compiled loop never calls the count hook.
///
/// Garbage is collected between evaluations and never in one, so that what a record may use does not rest on what ran
/// before it. A cycle takes about two octets of work per octet of the state (four where all objects are small) and is
/// done in shares, in proportion to what evaluations add: the state grows meanwhile by a third (two thirds) and by the
/// backlog. What cannot be divided is the end of marking, which visits every userdata and what was compiled meanwhile.
class State {
 public:
  /// Nothing when there is no memory for it. No library is open.
  static std::unique_ptr<State> make();
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  [[nodiscard]] lua_State* get() const { return state_; }
  [[nodiscard]] Meter& meter() { return meter_; }
  [[nodiscard]] std::size_t memory_octets() const { return memory_; }
  [[nodiscard]] const Collected& collected() const { return collected_; }

  /// Compiles Lua source (never bytecode) under `limits`, and leaves the function on the stack when it returns
  /// kReturned; else `error` says why and the stack is as it was.
  Ended compile(std::string_view source, const char* chunk_name, const Limits& limits, std::string& error);
  /// Calls the function below its arguments, as lua_pcall does. Unless kReturned, the stack is as it was without them
  /// and `error` says why.
  Ended call(int arguments, int results, const Limits& limits, std::string& error);
  /// Calls `body` protected and under `limits`, with `argument` as light userdata on an empty stack. Its results are
  /// dropped; unless kReturned, `error` says why.
  Ended run(int (*body)(lua_State*), void* argument, const Limits& limits, std::string& error);

  /// Lets go of what keep() kept.
  void drop(int reference);

  /// Whatever the functions of this state need, found again with context_of().
  void set_context(void* context) { context_ = context; }

 private:
  friend Meter& meter_of(lua_State* state);
  friend void* context_of(lua_State* state);
  friend int raise_over_budget(lua_State* state);
  friend int keep(lua_State* state);
  State() = default;
  enum class Phase : std::uint8_t { kPause, kMark, kSweep };
  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size);
  void begin(const Limits& limits);
  Ended end(int status, std::string& error);
  void collect();
  static int collect_share(lua_State* state);

  lua_State* state_ = nullptr;
  BlockPool blocks_;
  Meter meter_;
  std::size_t memory_ = 0;
  std::size_t memory_limit_ = ~std::size_t{0};
  bool evaluating_ = false;
  void* strings_ = nullptr;  // LuaJIT's table of all strings
  std::size_t strings_octets_ = 0;
  void* next_strings_ = nullptr;  // what may take its place
  std::size_t next_octets_ = 0;
  bool strings_grew_ = false;  // in this evaluation, or something of that size was made
  std::size_t cycle_at_ = 0;   // memory_ at which the next cycle begins
  std::size_t settled_ = 0;    // memory_ after the last evaluation
  std::size_t work_left_ = 0;  // octets to collect for what was added in this cycle
  std::size_t share_ = 0;      // of it, that may be done now
  std::size_t share_used_ = 0;
  Phase phase_ = Phase::kPause;
  Collected collected_;
  int kept_ = 0;           // references that keep() has made
  std::vector<int> free_;  // of these
  bool hook_each_instruction_ = false;
  void* context_ = nullptr;
};

/// Takes the value on top of the stack and keeps it alive; raises an error when there is no memory. Values are kept in
/// small tables, since the collector marks a table at one go: with one table its pause would grow with their number.
int keep(lua_State* state);
/// Pushes what keep() kept. Never raises.
void push_kept(lua_State* state, int reference);

/// What set_context() was given.
[[nodiscard]] void* context_of(lua_State* state);

}  // namespace sdns::lua
