// SPDX-License-Identifier: MIT
#include "lua/objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

#include "backend/dns/name.h"
#include "backend/dns/rdata_text.h"
#include "lua/object_tables.h"

namespace sdns::lua {
namespace {

struct NameObject {
  std::uint8_t size;
  char wire[255];
  [[nodiscard]] std::string_view view() const { return {wire, size}; }
};
struct NetmaskObject {
  dns::IpNetwork network;
};
struct PoolObject {
  const health::TargetPool* pool;
};

constexpr const char* kName = "DNSName";
constexpr const char* kAddress = "ComboAddress";
constexpr const char* kNetmask = "Netmask";
constexpr const char* kPool = "TargetPool";

// The object of this kind at `index`, or null.
template <class T>
T* object_at(lua_State* state, int index, const char* kind) {
  void* object = lua_touserdata(state, index);
  if (!object || lua_islightuserdata(state, index) || lua_getmetatable(state, index) == 0) return nullptr;
  luaL_getmetatable(state, kind);
  const bool same = lua_rawequal(state, -1, -2) != 0;
  lua_pop(state, 2);
  return same ? static_cast<T*>(object) : nullptr;
}

template <class T>
T* push_object(lua_State* state, const char* kind) {
  T* object = new (lua_newuserdata(state, sizeof(T))) T{};
  luaL_getmetatable(state, kind);
  lua_setmetatable(state, -2);
  return object;
}

std::string_view first_label(std::string_view wire) { return wire.substr(1, static_cast<unsigned char>(wire[0])); }
std::string_view without_first(std::string_view wire) { return wire.substr(1 + static_cast<unsigned char>(wire[0])); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}
bool is_part_of(std::string_view name, std::string_view ancestor) {
  for (;; name = without_first(name)) {
    if (name.size() == ancestor.size() && same_name(name, ancestor)) return true;
    if (name.size() <= ancestor.size()) return false;
  }
}

// DNSName ------------------------------------------------------------------------------------------------------------

// Whatever is done with a name costs as much as reading all of it; a budget that is used up ends the call behind it.
NameObject* name_self(const Call& call) {
  (void)call.spend(cost::kName);
  return object_at<NameObject>(call.state, 1, kName);
}

int no_self(const Call& call, const char* kind) { return call.fail(fmt::format("call it as {}:method()", kind)); }

int name_text(const Call& call, bool final_dot) {
  const NameObject* name = name_self(call);
  if (!name) return no_self(call, kName);
  std::string& text = call.scratch().text;
  text.clear();
  std::size_t at = 0;
  dns::append_name_text(name->view(), at, text);
  if (text.empty()) text = ".";
  if (text.back() != '.' || name->size == 1) {
    if (final_dot && text != ".") text += '.';
  }
  if (!final_dot && text.size() > 1 && text.back() == '.') text.pop_back();
  if (!final_dot && text == ".") text.clear();
  return call.push(std::string_view(text));
}
int name_to_string(const Call& call) { return name_text(call, true); }
int name_to_string_no_dot(const Call& call) { return name_text(call, false); }

int name_labels(const Call& call) {
  const NameObject* name = name_self(call);
  if (!name) return no_self(call, kName);
  lua_newtable(call.state);
  int number = 0;
  for (std::string_view wire = name->view(); wire.size() > 1; wire = without_first(wire)) {
    if (!call.spend(cost::kEntry)) return -1;
    call.push(first_label(wire));
    lua_rawseti(call.state, -2, ++number);
  }
  return 1;
}

int name_count_labels(const Call& call) {
  const NameObject* name = name_self(call);
  if (!name) return no_self(call, kName);
  int count = 0;
  for (std::string_view wire = name->view(); wire.size() > 1; wire = without_first(wire)) ++count;
  lua_pushinteger(call.state, count);
  return 1;
}

int name_wire_length(const Call& call) {
  const NameObject* name = name_self(call);
  if (!name) return no_self(call, kName);
  lua_pushinteger(call.state, name->size);
  return 1;
}

int name_is_part_of(const Call& call) {
  const NameObject* name = name_self(call);
  const NameObject* other = object_at<NameObject>(call.state, 2, kName);
  if (!name || !other) return call.fail_type(name ? 2 : 1, "a DNSName");
  return call.push(is_part_of(name->view(), other->view()));
}

int name_make_relative(const Call& call) {
  const NameObject* name = name_self(call);
  const NameObject* other = object_at<NameObject>(call.state, 2, kName);
  if (!name || !other) return call.fail_type(name ? 2 : 1, "a DNSName");
  if (!is_part_of(name->view(), other->view())) {
    lua_pushnil(call.state);
    return 1;
  }
  std::string& wire = call.scratch().text;
  wire.assign(name->view().substr(0, name->size - other->size)) += '\0';
  push_name(call.state, wire);
  return 1;
}

int name_equal(const Call& call) {
  const NameObject* name = name_self(call);
  if (!name) return no_self(call, kName);
  if (const NameObject* other = object_at<NameObject>(call.state, 2, kName))
    return call.push(same_name(name->view(), other->view()));
  std::string_view text;
  if (!call.text(2, text)) return call.fail_type(2, "a name");
  std::string& wire = call.scratch().text;
  wire.clear();
  if (dns::append_name_wire(text, dns::Name{}, wire) != nullptr)
    return call.fail(fmt::format("\"{}\" is not a domain name", text.substr(0, 300)));
  return call.push(same_name(name->view(), wire));
}

// RFC 4034 section 6.1.
bool canonically_less(std::string_view a, std::string_view b) {
  const auto first = dns::Name::from_wire(a);
  const auto second = dns::Name::from_wire(b);
  return first && second && *first < *second;
}

int name_canon_compare(const Call& call) {
  const NameObject* name = name_self(call);
  const NameObject* other = object_at<NameObject>(call.state, 2, kName);
  if (!name || !other) return call.fail_type(name ? 2 : 1, "a DNSName");
  return call.push(canonically_less(name->view(), other->view()));
}

int name_is_equal(const Call& call) {
  const NameObject* name = name_self(call);
  const NameObject* other = object_at<NameObject>(call.state, 2, kName);
  return call.push(name && other && same_name(name->view(), other->view()));
}

int name_chop_off(const Call& call) {
  NameObject* name = name_self(call);
  if (!name) return no_self(call, kName);
  if (name->size <= 1) return call.push(false);
  const std::string_view rest = without_first(name->view());
  std::memmove(name->wire, rest.data(), rest.size());
  name->size = static_cast<std::uint8_t>(rest.size());
  return call.push(true);
}

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

constexpr FunctionEntry kNameMethods[] = {
    {"toString", 1, 1, name_to_string},
    {"toStringNoDot", 1, 1, name_to_string_no_dot},
    {"getRawLabels", 1, 1, name_labels},
    {"countLabels", 1, 1, name_count_labels},
    {"wireLength", 1, 1, name_wire_length},
    {"wirelength", 1, 1, name_wire_length},
    {"isPartOf", 2, 2, name_is_part_of},
    {"makeRelative", 2, 2, name_make_relative},
    {"equal", 2, 2, name_equal},
    {"canonCompare", 2, 2, name_canon_compare},
    {"chopOff", 1, 1, name_chop_off},
    {"__tostring", 1, -1, name_to_string},
    {"__eq", 2, 2, name_is_equal},
    {"__lt", 2, 2, name_canon_compare},
};
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

int new_name(const Call& call) {
  std::string_view text;
  if (!call.text(1, text)) return call.fail_type(1, "a name");
  if (!call.spend(cost::kName + cost::copy(text.size()))) return -1;
  std::string& wire = call.scratch().text;
  wire.clear();
  if (const char* fault = dns::append_name_wire(text, dns::Name{}, wire))
    return call.fail(fmt::format("\"{}\" is not a domain name: {}", text.substr(0, 300), fault));
  push_name(call.state, wire);
  return 1;
}

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
  register_kind(state, kName, kNameMethods);
  register_kind(state, kAddress, kAddressMethods);
  register_kind(state, kNetmask, kNetmaskMethods);
  register_kind(state, kPool, kPoolMethods);
  register_object_tables(state);
}

void push_name(lua_State* state, std::string_view wire) {
  NameObject* name = push_object<NameObject>(state, kName);
  name->size = static_cast<std::uint8_t>(std::min<std::size_t>(wire.size(), sizeof name->wire));
  std::memcpy(name->wire, wire.data(), name->size);
}

std::optional<std::string_view> name_at(lua_State* state, int index) {
  const NameObject* name = object_at<NameObject>(state, index, kName);
  if (!name) return std::nullopt;
  return name->view();
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
