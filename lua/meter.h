// SPDX-License-Identifier: MIT
// What one evaluation may use: steps, time and memory. Lua's count hook does not see what runs in C, so each C function
// that can run long spends steps as well.
#pragma once

#include <cstddef>
#include <cstdint>

struct lua_State;

namespace sdns::lua {

struct Limits {
  std::uint64_t steps = 200'000;               ///< VM instructions, and what the libraries count
  std::uint64_t time_nanoseconds = 2'000'000;  ///< of the thread's own: a thread that has to wait fails nothing
  std::size_t memory_octets = 1U << 20;        ///< that an evaluation may add to the state
  friend bool operator==(const Limits&, const Limits&) = default;
};

/// For what a runtime does itself.
inline constexpr Limits kUnlimited{~std::uint64_t{0} >> 1, ~std::uint64_t{0} >> 2, ~std::size_t{0} >> 2};

/// Of one lua_State; used by its thread alone.
class Meter {
 public:
  /// Starts an evaluation.
  void start(const Limits& limits);
  /// No limits until the next start(): for what the runtime itself does.
  void stop();

  /// Uses `steps`; looks at the clock about every 2 000 of them. False once a limit is reached, and from then on: the
  /// caller leaves what it does and calls raise_over_budget().
  [[nodiscard]] bool spend(std::uint64_t steps) noexcept {
    if (steps < left_) {
      left_ -= steps;
      return true;
    }
    return spend_slowly(steps);
  }

  /// The same, and looks at the clock: for the count hook, since one instruction can copy a long string.
  [[nodiscard]] bool tick(std::uint64_t steps) noexcept { return spend_slowly(steps); }

  /// There is nothing left of it: for what is limited besides steps and time.
  void exhaust() noexcept;

  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] std::uint64_t used() const;  ///< steps, of this or the last evaluation

 private:
  bool spend_slowly(std::uint64_t steps) noexcept;
  bool out_of_time() noexcept;

  std::uint64_t left_ = ~std::uint64_t{0};  // until the next look at the clock
  std::uint64_t slice_ = 0;                 // what left_ started from
  std::uint64_t used_ = 0;                  // before this slice
  std::uint64_t steps_ = ~std::uint64_t{0};
  std::uint64_t deadline_ = ~std::uint64_t{0};  // by the monotonic clock; once it has passed, by the thread's
  std::uint64_t half_ = 0;                      // of the time that there is
  bool by_thread_ = false;
  bool over_ = false;
};

/// The meter of a state that a Runtime made.
[[nodiscard]] Meter& meter_of(lua_State* state);

/// Leaves the running Lua code for good: `pcall` does not stop it. To be called as `return raise_over_budget(L)`, with
/// no live C++ object in the frame.
int raise_over_budget(lua_State* state);

}  // namespace sdns::lua
