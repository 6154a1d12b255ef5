// SPDX-License-Identifier: MIT
// The code of libraries as a state has compiled it, found again by its text.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

struct lua_State;

namespace sdns::lua {

/// Used by one thread, for one lua_State: clear() before another is used.
class Chunks {
 public:
  static constexpr std::size_t kMost = 256;
  static constexpr std::size_t kMostOctets = std::size_t{1} << 20;  ///< of their texts

  /// Pushes the function of this text. False, and nothing is pushed: none is kept.
  [[nodiscard]] bool push(lua_State* state, std::string_view text);
  /// Keeps the function on top of the stack, which stays there. Others are let go when there are too many.
  void keep(lua_State* state, std::string_view text);
  /// Takes their environments from the functions that were pushed or kept since: what an evaluation left is garbage.
  void leave_environments(lua_State* state);
  /// The state that they were for is gone.
  void clear();

 private:
  std::map<std::string, int, std::less<>> references_;  // in the registry
  std::vector<int> used_;
  std::size_t octets_ = 0;
};

}  // namespace sdns::lua
