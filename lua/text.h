// SPDX-License-Identifier: MIT
// Where C functions of a lua_State make strings: one block per state, which grows and is used again. It counts as the
// state's memory, and is no garbage to be collected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "lua/meter.h"

struct lua_State;

namespace sdns::lua {

/// Uses of it are nested, as the C functions are that call back into Lua. A Lua error may end any of them: their
/// frames' addresses tell which are over. So one thread uses it.
class TextBlock {
 public:
  /// Pushes the userdata that holds the state's, made at the first call.
  static void push(lua_State* state);
  /// The first upvalue of the running C function.
  static TextBlock& of(lua_State* state);

  /// Begins a use by the C function whose frame address this is. Raises an error when the stack of uses is too deep:
  /// LuaJIT does not limit how far gsub and its replacement function call each other, and the C stack ends.
  void enter(lua_State* state, const void* frame) { begin(state, frame); }

 private:
  friend class Text;
  static constexpr std::size_t kMaxDepth = 200;
  struct Use {
    std::uintptr_t frame;
    std::size_t end;  // of what it has made; within the block
  };
  static int close(lua_State* state);
  Use& begin(lua_State* state, const void* frame);
  /// Ends the use and those within it; the block is shortened to what is kept.
  void end(lua_State* state, const Use& use);
  bool reserve(lua_State* state, std::size_t capacity);

  char* data_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t depth_ = 0;
  bool closed_ = false;
  Use uses_[kMaxDepth];
};

/// A string in the making. Each octet appended spends a sixteenth of a step. Raises Lua errors: out of budget, memory,
/// or depth. Trivially destructible.
class Text {
 public:
  /// To be called from the C function itself, with __builtin_frame_address(0).
  Text(lua_State* state, const void* frame);

  void append(char octet) {
    if (end_ == block_.capacity_) grow(1);
    block_.data_[end_] = octet;
    use_.end = ++end_;
  }
  void append(const char* octets, std::size_t size) {
    if (size == 0) return;
    std::memcpy(extend(size), octets, size);
  }
  void append(char octet, std::size_t count) {
    if (count == 0) return;
    std::memset(extend(count), octet, count);
  }
  /// Makes the text longer by `size` octets and returns where they go, until the next call.
  char* extend(std::size_t size) {
    spend(size);
    if (size > block_.capacity_ - end_) grow(size);
    char* const place = block_.data_ + end_;
    use_.end = end_ += size;
    return place;
  }
  /// Appends the string or number at the top of the Lua stack, and pops it.
  void append_value();

  /// Pushes what was appended. The text is over.
  void push();

  /// Spends steps for what else it took to make it.
  void spend_steps(std::uint64_t steps) {
    if (!meter_.spend(steps)) raise_over_budget(state_);
  }

 private:
  void spend(std::size_t octets) {
    if (octets >= 16) spend_steps(octets / 16);
  }
  void grow(std::size_t size);

  lua_State* state_;
  TextBlock& block_;
  TextBlock::Use& use_;
  Meter& meter_;
  std::size_t begin_;
  std::size_t end_;
};

/// Spends steps, or leaves.
inline void spend(lua_State* state, Meter& meter, std::uint64_t steps) {
  if (!meter.spend(steps)) raise_over_budget(state);
}

}  // namespace sdns::lua
