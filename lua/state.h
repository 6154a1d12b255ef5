// SPDX-License-Identifier: MIT
// A lua_State with its budgets: the only owner of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lua/meter.h"

struct lua_State;

namespace sdns::lua {

enum class Ended : std::uint8_t {
  kReturned,
  kError,       ///< the code raised an error, or does not compile
  kOverBudget,  ///< steps or time; its state goes on to be usable
  kNoMemory,
};

/// Used by one thread at a time. The JIT is off: a compiled loop never calls the count hook.
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

  /// Compiles Lua source (never bytecode) under `limits`, and leaves the function on the stack when it returns
  /// kReturned; else `error` says why and the stack is as it was.
  Ended compile(std::string_view source, const char* chunk_name, const Limits& limits, std::string& error);
  /// Calls the function below its arguments, as lua_pcall does. Unless kReturned, the stack is as it was without them
  /// and `error` says why.
  Ended call(int arguments, int results, const Limits& limits, std::string& error);
  /// Calls `body` protected and under `limits`, with `argument` as light userdata on an empty stack. Its results are
  /// dropped; unless kReturned, `error` says why.
  Ended run(int (*body)(lua_State*), void* argument, const Limits& limits, std::string& error);

  /// Whatever the functions of this state need, found again with context_of().
  void set_context(void* context) { context_ = context; }

 private:
  friend Meter& meter_of(lua_State* state);
  friend void* context_of(lua_State* state);
  friend int raise_over_budget(lua_State* state);
  State() = default;
  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size);
  void begin(const Limits& limits);
  Ended end(int status, std::string& error);

  lua_State* state_ = nullptr;
  Meter meter_;
  std::size_t memory_ = 0;
  std::size_t memory_limit_ = ~std::size_t{0};
  std::size_t collect_at_ = 0;
  bool hook_each_instruction_ = false;
  void* context_ = nullptr;
};

/// What set_context() was given.
[[nodiscard]] void* context_of(lua_State* state);

}  // namespace sdns::lua
