// SPDX-License-Identifier: MIT
#include "lua/objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lua/object_access.h"
#include "lua/object_names.h"
#include "lua/object_tables.h"

namespace sdns::lua {
namespace {

struct NetmaskObject {
  dns::IpNetwork network;
};
struct PoolObject {
  const health::TargetPool* pool;
};

constexpr const char* kAddress = "ComboAddress";
constexpr const char* kNetmask = "Netmask";
constexpr const char* kPool = "TargetPool";

// ComboAddress -------------------------------------------------------------------------------------------------------

// What is read of the client's address counts.
AddressObject* address_self(const Call& call) {
  (void)call.spend(cost::kAddress);
  AddressObject* self = address_at(call.state, 1);
  if (self && self->client_bits != 0) call.evidence().on_client(self->client_bits);
  return self;
}

int address_text(const Call& call, bool with_port) {
  const AddressObject* self = address_self(call);
  if (!self) return no_self(call, kAddress);
  std::string& text = call.scratch().text;
  text.clear();
  if (!self->valid) {
    text = "invalid";
  } else if (with_port && self->port != 0) {
    if (!self->address.is_v4()) text += '[';
    self->address.append_text(text);
    if (!self->address.is_v4()) text += ']';
    text += fmt::format(":{}", self->port);
  } else {
    self->address.append_text(text);
  }
  return call.push(std::string_view(text));
}
int address_to_string(const Call& call) { return address_text(call, false); }
int address_to_string_with_port(const Call& call) { return address_text(call, true); }

int address_port(const Call& call) {
  const AddressObject* self = address_self(call);
  if (!self) return no_self(call, kAddress);
  lua_pushinteger(call.state, self->port);
  return 1;
}
int address_raw(const Call& call) {
  const AddressObject* self = address_self(call);
  if (!self) return no_self(call, kAddress);
  const auto octets = self->address.octets();
  return call.push(std::string_view(reinterpret_cast<const char*>(octets.data()), self->valid ? octets.size() : 0));
}
int address_is_v4(const Call& call) {
  const AddressObject* self = address_self(call);
  return self ? call.push(self->valid && self->address.is_v4()) : no_self(call, kAddress);
}
int address_is_v6(const Call& call) {
  const AddressObject* self = address_self(call);
  return self ? call.push(self->valid && !self->address.is_v4()) : no_self(call, kAddress);
}
int address_is_mapped(const Call& call) {
  const AddressObject* self = address_self(call);
  return self ? call.push(self->valid && self->address.is_mapped_v4()) : no_self(call, kAddress);
}
int address_map_to_v4(const Call& call) {
  const AddressObject* self = address_self(call);
  if (!self) return no_self(call, kAddress);
  if (!self->address.is_mapped_v4()) return call.fail("it is not an IPv4-mapped IPv6 address");
  push_address(call.state, dns::IpAddress::from_octets(self->address.octets().subspan(12)), self->port,
               self->client_bits > 96 ? static_cast<std::uint8_t>(self->client_bits - 96) : 0);
  return 1;
}
int address_truncate(const Call& call) {
  AddressObject* self = address_at(call.state, 1);
  if (!self) return no_self(call, kAddress);
  std::int64_t bits = 0;
  if (!call.integer(2, bits)) return call.fail_type(2, "a number of bits");
  const auto kept = static_cast<std::uint8_t>(std::clamp<std::int64_t>(bits, 0, self->address.bits()));
  self->address = self->address.masked(kept);
  // Its family is told even by no bits.
  if (self->client_bits != 0) self->client_bits = std::max<std::uint8_t>(1, std::min(self->client_bits, kept));
  return 0;
}
int address_equal(const Call& call) {
  const AddressObject* self = address_self(call);
  const AddressObject* other = address_at(call.state, 2);
  if (!self || !other) return call.fail_type(self ? 2 : 1, "a ComboAddress");
  if (other->client_bits != 0) call.evidence().on_client(other->client_bits);
  return call.push(self->valid == other->valid && self->address == other->address);
}

// Netmask ------------------------------------------------------------------------------------------------------------

const dns::IpNetwork* netmask_self(const Call& call) {
  (void)call.spend(cost::kAddress);
  const NetmaskObject* self = object_at<NetmaskObject>(call.state, 1, kNetmask);
  return self ? &self->network : nullptr;
}
int netmask_network(const Call& call) {
  const dns::IpNetwork* self = netmask_self(call);
  if (!self) return no_self(call, kNetmask);
  push_address(call.state, self->network(), 0, 0);
  return 1;
}
int netmask_bits(const Call& call) {
  const dns::IpNetwork* self = netmask_self(call);
  if (!self) return no_self(call, kNetmask);
  lua_pushinteger(call.state, self->bits);
  return 1;
}
int netmask_is_v4(const Call& call) {
  const dns::IpNetwork* self = netmask_self(call);
  return self ? call.push(self->address.is_v4()) : no_self(call, kNetmask);
}
int netmask_is_v6(const Call& call) {
  const dns::IpNetwork* self = netmask_self(call);
  return self ? call.push(!self->address.is_v4()) : no_self(call, kNetmask);
}
int netmask_empty(const Call& call) { return netmask_self(call) ? call.push(false) : no_self(call, kNetmask); }
int netmask_to_string(const Call& call) {
  const dns::IpNetwork* self = netmask_self(call);
  if (!self) return no_self(call, kNetmask);
  call.scratch().text = dns::IpNetwork{self->network(), self->bits}.text();
  return call.push(std::string_view(call.scratch().text));
}
int netmask_match(const Call& call) {
  const dns::IpNetwork* self = netmask_self(call);
  std::string_view text;
  if (!self || !call.text(2, text)) return call.fail_type(self ? 2 : 1, self ? "the text of an address" : "a Netmask");
  if (!call.spend(cost::kNetwork + cost::copy(text.size()))) return -1;
  const auto address = dns::Endpoint::parse(text);
  if (!address) return call.fail(address.error().what);
  return call.push(self->contains(address->address));
}
int netmask_is_equal(const Call& call) {
  const dns::IpNetwork* self = netmask_self(call);
  const NetmaskObject* other = object_at<NetmaskObject>(call.state, 2, kNetmask);
  return call.push(self && other && self->bits == other->network.bits && self->network() == other->network.network());
}

// Target pools are for other functions; as text they are their name.
int pool_to_string(const Call& call) {
  const health::TargetPool* pool = pool_at(call.state, 1);
  return pool ? call.push(std::string_view(pool->name)) : no_self(call, kPool);
}

constexpr FunctionEntry kAddressMethods[] = {
    {"toString", 1, 1, address_to_string},     {"toStringWithPort", 1, 1, address_to_string_with_port},
    {"getPort", 1, 1, address_port},           {"getRaw", 1, 1, address_raw},
    {"isIPv4", 1, 1, address_is_v4},           {"isIPv6", 1, 1, address_is_v6},
    {"isMappedIPv4", 1, 1, address_is_mapped}, {"mapToIPv4", 1, 1, address_map_to_v4},
    {"truncate", 2, 2, address_truncate},      {"equal", 2, 2, address_equal},
    {"__tostring", 1, -1, address_to_string},
};
constexpr FunctionEntry kNetmaskMethods[] = {
    {"getNetwork", 1, 1, netmask_network},    {"getMaskedNetwork", 1, 1, netmask_network},
    {"getBits", 1, 1, netmask_bits},          {"isIPv4", 1, 1, netmask_is_v4},
    {"isIpv4", 1, 1, netmask_is_v4},          {"isIPv6", 1, 1, netmask_is_v6},
    {"isIpv6", 1, 1, netmask_is_v6},          {"empty", 1, 1, netmask_empty},
    {"toString", 1, 1, netmask_to_string},    {"match", 2, 2, netmask_match},
    {"__tostring", 1, -1, netmask_to_string}, {"__eq", 2, 2, netmask_is_equal},
};
constexpr FunctionEntry kPoolMethods[] = {{"__tostring", 1, -1, pool_to_string}};

// newDN, newCA … ------------------------------------------------------------------------------------------------------

int new_address(const Call& call) {
  std::string_view text;
  if (!call.text(1, text)) return call.fail_type(1, "an address");
  if (!call.spend(cost::kAddress + cost::copy(text.size()))) return -1;
  const auto endpoint = dns::Endpoint::parse(text);
  if (!endpoint) return call.fail(endpoint.error().what);
  push_address(call.state, endpoint->address, endpoint->port, 0);
  return 1;
}

int new_address_from_raw(const Call& call) {
  std::string_view raw;
  std::int64_t port = 0;
  if (!call.text(1, raw)) return call.fail_type(1, "4 or 16 octets");
  if (call.present(2) && !call.integer(2, port)) return call.fail_type(2, "a port");
  AddressObject* made = push_object<AddressObject>(call.state, kAddress);
  made->valid = raw.size() == 4 || raw.size() == 16;
  made->port = static_cast<std::uint16_t>(port);
  if (made->valid)
    made->address = dns::IpAddress::from_octets({reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size()});
  return 1;
}

int new_netmask(const Call& call) {
  std::string_view text;
  if (!call.text(1, text)) return call.fail_type(1, "a network");
  if (!call.spend(cost::kNetwork + cost::copy(text.size()))) return -1;
  const auto network = parse_netmask(text);
  if (!network) return call.fail(network.error().what);
  push_netmask(call.state, *network);
  return 1;
}

constexpr FunctionEntry kFunctions[] = {
    {"newDN", 1, 1, new_name},
    {"newCA", 1, 1, new_address},
    {"newCAFromRaw", 1, 2, new_address_from_raw},
    {"newNetmask", 1, 1, new_netmask},
};

}  // namespace

void register_kind(lua_State* state, const char* kind, std::span<const FunctionEntry> methods) {
  luaL_newmetatable(state, kind);
  lua_newtable(state);
  for (const FunctionEntry& method : methods) {
    push_function(state, &method);
    lua_setfield(state, method.name[0] == '_' ? -3 : -2, method.name);
  }
  lua_setfield(state, -2, "__index");
  lua_pushboolean(state, 0);
  lua_setfield(state, -2, "__metatable");
  lua_pop(state, 1);
}

void register_objects(lua_State* state) {
  register_names(state);
  register_kind(state, kAddress, kAddressMethods);
  register_kind(state, kNetmask, kNetmaskMethods);
  register_kind(state, kPool, kPoolMethods);
  register_object_tables(state);
}

void push_address(lua_State* state, const dns::IpAddress& address, std::uint16_t port, std::uint8_t client_bits) {
  *push_object<AddressObject>(state, kAddress) = {address, port, client_bits, true};
}
void push_netmask(lua_State* state, const dns::IpNetwork& network) {
  push_object<NetmaskObject>(state, kNetmask)->network = network;
}
void push_pool(lua_State* state, const health::TargetPool* pool) { push_object<PoolObject>(state, kPool)->pool = pool; }

const health::TargetPool* pool_at(lua_State* state, int index) {
  const PoolObject* object = object_at<PoolObject>(state, index, kPool);
  return object ? object->pool : nullptr;
}
AddressObject* address_at(lua_State* state, int index) { return object_at<AddressObject>(state, index, kAddress); }

Result<dns::IpNetwork> parse_netmask(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = dns::IpAddress::parse(text.substr(0, slash));
  if (!address) return fail(address.error());
  dns::IpNetwork network{*address, address->bits()};
  if (slash == std::string_view::npos) return network;
  unsigned bits = 0;
  const std::string_view digits = text.substr(slash + 1);
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (end.ec != std::errc{} || end.ptr != digits.data() + digits.size() || bits > 255)
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a network", text.substr(0, 100)),
                "as in 192.0.2.0/24");
  network.bits = std::min(static_cast<std::uint8_t>(bits), network.bits);
  return network;
}

std::uint8_t bits_of_test(const dns::IpNetwork& network, const dns::IpAddress& client) {
  if (network.address.is_v4() != client.is_v4()) return 0;
  const std::uint8_t common = network.address.common_bits(client);
  return common >= network.bits ? network.bits : static_cast<std::uint8_t>(common + 1);
}

std::span<const FunctionEntry> object_functions() { return kFunctions; }

}  // namespace sdns::lua
