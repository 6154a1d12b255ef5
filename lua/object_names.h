// SPDX-License-Identifier: MIT
// DNSName.
#pragma once

#include "lua/call.h"

namespace sdns::lua {

/// Makes the metatable; once per state.
void register_names(lua_State* state);

/// newDN.
int new_name(const Call& call);

}  // namespace sdns::lua
