// SPDX-License-Identifier: MIT
// table.sort. It is not stable, and a record can see in which order equal elements come out; so it chooses pivots and
// exchanges elements as Lua 5.1's quicksort does. Its worst case ends with the budget.
#include <algorithm>
#include <cstdint>
#include <lua.hpp>
#include <utility>

#include "lua/library_functions.h"
#include "lua/text.h"

namespace sdns::lua {
namespace {

constexpr int kTable = 1;
constexpr int kLess = 2;  // the order function, or nil

// Sorts table 1. All elements are read as t[i]: an order function that contradicts itself, or changes the table, makes
// this read nil at worst.
class Sorter {
 public:
  explicit Sorter(lua_State* state) : state_(state), meter_(meter_of(state)), by_function_(!lua_isnil(state, kLess)) {}

  // Recurses into the shorter part only: at most 31 deep.
  void sort(int first, int last) {
    while (first < last) {
      put_in_order(first, last);
      if (last - first == 1) return;
      const int middle = first + (last - first) / 2;
      if (!put_in_order(first, middle)) put_in_order(middle, last);
      if (last - first == 2) return;
      const int pivot = partition(first, middle, last);
      if (pivot - first < last - pivot) {
        sort(first, pivot - 1);
        first = pivot + 1;
      } else {
        sort(pivot + 1, last);
        last = pivot - 1;
      }
    }
  }

 private:
  void push(int index) { lua_rawgeti(state_, kTable, index); }

  // Whether the value at stack index `a` comes before the one at `b`.
  bool less(int a, int b) {
    spend(state_, meter_, 1);
    if (by_function_) {
      lua_pushvalue(state_, kLess);
      lua_pushvalue(state_, a);
      lua_pushvalue(state_, b);
      call_back(state_, 2, 1);
      const bool result = lua_toboolean(state_, -1);
      lua_pop(state_, 1);
      return result;
    }
    if (lua_type(state_, a) == LUA_TSTRING && lua_type(state_, b) == LUA_TSTRING)
      spend(state_, meter_, std::min(lua_objlen(state_, a), lua_objlen(state_, b)) / 16);
    const bool result = lua_lessthan(state_, a, b);
    if (lua_type(state_, a) == LUA_TTABLE && !meter_.tick(1)) raise_over_budget(state_);  // a metamethod
    return result;
  }

  // Exchanges the two when the second is less. True when it did.
  bool put_in_order(int first, int second) {
    const int top = lua_gettop(state_);
    push(first);
    push(second);
    const bool exchange = less(top + 2, top + 1);
    if (exchange) {
      lua_rawseti(state_, kTable, first);
      lua_rawseti(state_, kTable, second);
    } else {
      lua_settop(state_, top);
    }
    return exchange;
  }

  // The element at `middle` ends where all before it are not greater, and all behind it not less.
  int partition(int first, int middle, int last) {
    const int pivot = lua_gettop(state_) + 1;
    push(middle);
    push(middle);
    push(last - 1);
    lua_rawseti(state_, kTable, middle);
    lua_rawseti(state_, kTable, last - 1);
    int low = first;
    int high = last - 1;
    for (;;) {
      for (push(++low); less(pivot + 1, pivot); push(++low)) {
        if (low >= last) raise_invalid_order();
        lua_pop(state_, 1);
      }
      for (push(--high); less(pivot, pivot + 2); push(--high)) {
        if (high <= first) raise_invalid_order();
        lua_pop(state_, 1);
      }
      if (high < low) break;
      lua_rawseti(state_, kTable, low);
      lua_rawseti(state_, kTable, high);
    }
    lua_settop(state_, pivot - 1);
    push(last - 1);
    push(low);
    lua_rawseti(state_, kTable, last - 1);
    lua_rawseti(state_, kTable, low);
    return low;
  }

  void raise_invalid_order() { luaL_error(state_, "invalid order function for sorting"); }

  lua_State* state_;
  Meter& meter_;
  bool by_function_;
};

}  // namespace

int table_sort(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  if (!lua_isnoneornil(state, 2)) luaL_checktype(state, 2, LUA_TFUNCTION);
  lua_settop(state, 2);
  luaL_checkstack(state, 16, "");
  TextBlock::of(state).enter(state, __builtin_frame_address(0));
  Sorter(state).sort(1, static_cast<int>(lua_objlen(state, 1)));
  return 0;
}

}  // namespace sdns::lua
