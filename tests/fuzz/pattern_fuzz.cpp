// SPDX-License-Identifier: MIT
// find, match, gmatch and gsub give the results or the error of LuaJIT's own, or are over their budget. The input:
// which call, the length of the pattern, that of the replacement, then these and the subject.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "tests/support/two_luas.h"

namespace {

using namespace sdns;

constexpr lua::Limits kLimits{20'000, 3'600'000'000'000, std::size_t{16} << 20};
constexpr const char* kFormat = "return string.format(p, s, 12.5, r, 3)";
constexpr const char* kCalls[] = {
    "return string.find(s, p)",
    "return string.match(s, p)",
    "return string.gsub(s, p, r)",
    "return string.gsub(s, p, function(...) return select('#', ...) .. tostring((...)) end)",
    "local t = {} for a, b in string.gmatch(s, p) do t[#t + 1] = tostring(a) .. tostring(b) end return table.concat(t, "
    "';')",
    "return string.find(s, p, -3)",
    "return string.find(s, p, 1, true)",
    kFormat,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  static test::OurLua ours;
  static test::StockLua stock;
  std::string_view rest(reinterpret_cast<const char*>(data) + 3, size - 3);
  const auto take = [&rest](std::size_t wanted) {
    const std::string_view taken = rest.substr(0, wanted);
    rest.remove_prefix(taken.size());
    return taken;
  };
  const std::string_view pattern = take(data[1]);
  const std::string_view replacement = take(data[2] % 32);
  for (lua_State* const state : {ours.state().get(), stock.get()}) {
    test::set_lua_string(state, "p", pattern);
    test::set_lua_string(state, "r", replacement);
    test::set_lua_string(state, "s", rest);
  }
  const char* const call = kCalls[data[0] % std::size(kCalls)];
  if (call == kFormat && pattern.find('p') != std::string_view::npos) return 0;  // %p is an address
  const auto mine = ours.run(call, kLimits);
  // Of these LuaJIT may take for ever.
  if (mine.ended == lua::Ended::kOverBudget) return 0;
  const auto theirs = stock.run(call);
  if (mine == theirs) return 0;
  std::fprintf(stderr, "%s: ours %s, LuaJIT's %s\n", call, mine.text.c_str(), theirs.text.c_str());
  std::abort();
}
