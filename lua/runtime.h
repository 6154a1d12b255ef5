// SPDX-License-Identifier: MIT
// Runs LUA records: one per thread. Each evaluation has an environment of its own, so that nothing leaks from one
// record or query to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "lua/evaluation.h"
#include "lua/meter.h"
#include "lua/record.h"

namespace sdns::lua {

class State;

enum class Library : std::uint8_t {
  kSandbox,  ///< no io, os.execute, debug, ffi, package, load…, string.dump, collectgarbage
  kFull,     ///< everything that LuaJIT has but the JIT: for zones whose operator allows it
};

struct RuntimeOptions {
  Limits limits;
  ChunkJoin join = ChunkJoin::kAuto;
  Library library = Library::kSandbox;
  std::string useragent;  ///< that checks are known to use when a record says none
  /// A record that overran this often in a row is not run for a while, which doubles up to the longest.
  std::uint32_t overruns = 3;
  std::chrono::milliseconds shortest_break{1'000};
  std::chrono::milliseconds longest_break{60'000};
  std::size_t most_state_octets = std::size_t{256} << 20;  ///< beyond it the state is made anew, its chunks again
};

/// A record as one Runtime has compiled it. Made once per record and thread; dropped at any time, also after its
/// Runtime.
class Script {
 public:
  explicit Script(Code code) : code_(std::move(code)), mentions_(mentions_of(code_.source)) {}
  [[nodiscard]] const Code& code() const { return code_; }
  [[nodiscard]] const Mentions& mentions() const { return mentions_; }

 private:
  friend class Runtime;
  Code code_;
  Mentions mentions_;
  int reference_ = -1;            // in the state's registry
  std::uint64_t generation_ = 0;  // of the state that it belongs to
  std::string refused_;           // why it does not compile
  std::uint32_t overran_ = 0;
  std::chrono::milliseconds break_{0};
  SteadyTime not_before_{};
};

/// Used by one thread.
class Runtime {
 public:
  Runtime(RuntimeOptions options, const Clock& clock);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Runs the record's code. `out` is cleared first; `trace` may be null. Never throws, never waits; ends within the
  /// budget.
  void evaluate(Script& script, const Question& question, const Sources& sources, Values& out, Trace* trace = nullptr);

  /// Frees what `script` has in this runtime.
  void forget(Script& script);

  /// Why the source does not compile.
  [[nodiscard]] Result<void> check(const Code& code);

  [[nodiscard]] std::size_t memory_octets() const;
  [[nodiscard]] std::uint64_t steps_used() const;  ///< by the last evaluation

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::lua
