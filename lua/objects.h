// SPDX-License-Identifier: MIT
// PowerDNS's objects: DNSName, ComboAddress, Netmask, NetmaskGroup … as userdata.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "backend/dns/ip.h"
#include "lua/call.h"

namespace sdns::lua {

/// Makes the metatables; once per state.
void register_objects(lua_State* state);

void push_name(lua_State* state, std::string_view wire);
/// `client_bits`: how many bits of the client's address it tells to whoever reads it; 0 for an address that is not the
/// client's.
void push_address(lua_State* state, const dns::IpAddress& address, std::uint16_t port, std::uint8_t client_bits);
void push_netmask(lua_State* state, const dns::IpNetwork& network);
/// A DNS header that says nothing.
void push_header(lua_State* state);
/// A target pool; `member_of` lives as long as the evaluation.
void push_pool(lua_State* state, const health::TargetPool* pool);

/// The pool at this index, or null.
[[nodiscard]] const health::TargetPool* pool_at(lua_State* state, int index);

struct AddressObject {
  dns::IpAddress address;
  std::uint16_t port = 0;
  std::uint8_t client_bits = 0;
  bool valid = true;
};
/// Null: something else is there.
[[nodiscard]] AddressObject* address_at(lua_State* state, int index);

/// `ADDRESS[/BITS]` as PowerDNS reads it: bits cut to the address's own.
[[nodiscard]] Result<dns::IpNetwork> parse_netmask(std::string_view text);

/// How much of the client's address the answer "is it in this network" rests on.
[[nodiscard]] std::uint8_t bits_of_test(const dns::IpNetwork& network, const dns::IpAddress& client);

}  // namespace sdns::lua
