// SPDX-License-Identifier: MIT
// The objects that are tables inside: NetmaskGroup, ComboAddressSet, QType, DNSResourceRecord, DNSRecord, the header.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "lua/call.h"

namespace sdns::lua {

void register_object_tables(lua_State* state);

/// Makes the metatable of a kind of object. Methods whose names begin with `_` are metamethods.
void register_kind(lua_State* state, const char* kind, std::span<const FunctionEntry> methods);

/// The wire form of the DNSName at this index, nothing when something else is there.
[[nodiscard]] std::optional<std::string_view> name_at(lua_State* state, int index);

/// Whether `address` is in the NetmaskGroup at `index`: the longest network that has it decides. Nothing when something
/// else is there. `bits`: how much of the address that rests on.
[[nodiscard]] std::optional<bool> group_contains(lua_State* state, int index, const dns::IpAddress& address,
                                                 std::uint8_t& bits);

/// newNMG, newCAS, newQType, newDRR, newDR.
std::span<const FunctionEntry> object_table_functions();

}  // namespace sdns::lua
