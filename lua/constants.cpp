// SPDX-License-Identifier: MIT
#include "lua/constants.h"

#include <array>
#include <cstdint>
#include <lua.hpp>
#include <string>
#include <utility>

#include "backend/dns/rrtype.h"

namespace sdns::lua {
namespace {

using Entry = std::pair<const char*, int>;

template <std::size_t N>
void set_numbers(lua_State* state, const std::array<Entry, N>& entries) {
  for (const auto& [name, value] : entries) {
    lua_pushinteger(state, value);
    lua_setfield(state, -2, name);
  }
}

constexpr std::array<Entry, 12> kRcodes = {{{"NOERROR", 0},
                                            {"FORMERR", 1},
                                            {"SERVFAIL", 2},
                                            {"NXDOMAIN", 3},
                                            {"NOTIMP", 4},
                                            {"REFUSED", 5},
                                            {"YXDOMAIN", 6},
                                            {"YXRRSET", 7},
                                            {"NXRRSET", 8},
                                            {"NOTAUTH", 9},
                                            {"NOTZONE", 10},
                                            {"DROP", -2}}};
constexpr std::array<Entry, 4> kPlaces = {{{"QUESTION", 0}, {"ANSWER", 1}, {"AUTHORITY", 2}, {"ADDITIONAL", 3}}};
constexpr std::array<Entry, 8> kLogLevels = {{{"Emergency", 0},
                                              {"Alert", 1},
                                              {"Critical", 2},
                                              {"Error", 3},
                                              {"Warning", 4},
                                              {"Notice", 5},
                                              {"Info", 6},
                                              {"Debug", 7}}};
constexpr std::array<Entry, 8> kAttributes = {{{"ASn", 0},
                                               {"City", 1},
                                               {"Continent", 2},
                                               {"Country", 3},
                                               {"Country2", 4},
                                               {"Name", 5},
                                               {"Region", 6},
                                               {"Location", 7}}};
// Types of which PowerDNS has the number but no records.
constexpr std::array<Entry, 8> kMetaTypes = {{{"TKEY", 249},
                                              {"TSIG", 250},
                                              {"IXFR", 251},
                                              {"AXFR", 252},
                                              {"MAILB", 253},
                                              {"MAILA", 254},
                                              {"ANY", 255},
                                              {"OPT", 41}}};

}  // namespace

void push_pdns_table(lua_State* state) {
  lua_newtable(state);
  {
    std::string name;
    for (std::uint32_t value = 1; value <= 65535; ++value) {
      const dns::RrType type{static_cast<std::uint16_t>(value)};
      if (!type.known_to_powerdns()) continue;
      name = type.text();
      lua_pushinteger(state, static_cast<lua_Integer>(value));
      lua_setfield(state, -2, name.c_str());
    }
  }
  set_numbers(state, kMetaTypes);
  set_numbers(state, kRcodes);
  lua_newtable(state);
  set_numbers(state, kPlaces);
  lua_setfield(state, -2, "place");
  lua_newtable(state);
  set_numbers(state, kLogLevels);
  lua_setfield(state, -2, "loglevels");
}

void push_geo_attributes(lua_State* state) {
  lua_newtable(state);
  set_numbers(state, kAttributes);
}

}  // namespace sdns::lua
