// SPDX-License-Identifier: MIT
// The tables `pdns` and `GeoIPQueryAttribute`.
#pragma once

struct lua_State;

namespace sdns::lua {

/// Record types and rcodes by mnemonic, `place`, `loglevels`.
void push_pdns_table(lua_State* state);
void push_geo_attributes(lua_State* state);

}  // namespace sdns::lua
