// SPDX-License-Identifier: MIT
#include "lua/object_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "backend/dns/rdata_text.h"
#include "lua/objects.h"

namespace sdns::lua {
namespace {

constexpr const char* kGroup = "NetmaskGroup";
constexpr const char* kSet = "ComboAddressSet";
constexpr const char* kQType = "QType";
constexpr const char* kResourceRecord = "DNSResourceRecord";
constexpr const char* kRecord = "DNSRecord";
constexpr const char* kHeader = "dnsheader";

bool is_kind(lua_State* state, int index, const char* kind) {
  if (!lua_istable(state, index) || lua_getmetatable(state, index) == 0) return false;
  luaL_getmetatable(state, kind);
  const bool same = lua_rawequal(state, -1, -2) != 0;
  lua_pop(state, 2);
  return same;
}

void push_table(lua_State* state, const char* kind) {
  lua_newtable(state);
  luaL_getmetatable(state, kind);
  lua_setmetatable(state, -2);
}

int wrong_self(const Call& call, const char* kind) { return call.fail_type(1, std::string("a ") + kind); }

// NetmaskGroup: a list of octet strings, each a network
// -----------------------------------------------------------------

struct PackedMask {
  std::uint8_t included;
  std::uint8_t size;
  std::uint8_t bits;
  std::uint8_t octets[16];
};

bool add_mask(const Call& call, int index, std::string_view text) {
  PackedMask packed{};
  if (!call.spend(cost::kNetwork + cost::kEntry + cost::copy(text.size()))) return false;
  packed.included = text.starts_with('!') ? 0 : 1;
  if (packed.included == 0) text.remove_prefix(1);
  {
    const auto network = parse_netmask(text);
    if (!network) {
      call.scratch().error = network.error().what;
      return false;
    }
    const auto octets = network->address.octets();
    packed.size = static_cast<std::uint8_t>(octets.size());
    packed.bits = network->bits;
    std::copy(octets.begin(), octets.end(), packed.octets);
  }
  lua_pushlstring(call.state, reinterpret_cast<const char*>(&packed), sizeof packed);
  lua_rawseti(call.state, index, static_cast<int>(lua_objlen(call.state, index)) + 1);
  return true;
}

// Adds the text, or the texts of the list, at `argument`.
bool add_masks(const Call& call, int index, int argument) {
  std::string_view one;
  if (call.text(argument, one)) return add_mask(call, index, one);
  Texts& texts = call.scratch().texts;
  texts.clear();
  if (!call.texts(argument, texts, "a network, or a list of networks, is needed")) return false;
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (!add_mask(call, index, texts[i])) return false;
  return true;
}

int new_group(const Call& call) {
  push_table(call.state, kGroup);
  const int group = lua_gettop(call.state);
  if (call.present(1) && group > 1 && !add_masks(call, group, 1)) return -1;
  return 1;
}
int group_add(const Call& call) {
  if (!is_kind(call.state, 1, kGroup)) return wrong_self(call, kGroup);
  return add_masks(call, 1, 2) ? 0 : -1;
}
int group_match(const Call& call) {
  const AddressObject* address = address_at(call.state, 2);
  if (!address) return call.fail_type(2, "a ComboAddress");
  std::uint8_t bits = 0;
  const auto contained = group_contains(call.state, 1, address->address, bits);
  if (!contained) return wrong_self(call, kGroup);
  if (address->client_bits != 0) call.evidence().on_client(std::min(bits, address->client_bits));
  return call.push(*contained);
}
int group_size(const Call& call) {
  if (!is_kind(call.state, 1, kGroup)) return wrong_self(call, kGroup);
  lua_pushinteger(call.state, static_cast<lua_Integer>(lua_objlen(call.state, 1)));
  return 1;
}

// ComboAddressSet: octets and port to true
// ------------------------------------------------------------------------------

void push_set_key(const Call& call, const dns::IpAddress& address, std::uint16_t port) {
  char key[18];
  const auto octets = address.octets();
  std::memcpy(key, octets.data(), octets.size());
  std::memcpy(key + octets.size(), &port, sizeof port);
  lua_pushlstring(call.state, key, octets.size() + sizeof port);
}

bool add_to_set(const Call& call, std::string_view text) {
  std::uint16_t port = 0;
  dns::IpAddress address;
  if (!call.spend(cost::kAddress + cost::kEntry + cost::copy(text.size()))) return false;
  {
    const auto endpoint = dns::Endpoint::parse(text);
    if (!endpoint) {
      call.scratch().error = endpoint.error().what;
      return false;
    }
    address = endpoint->address;
    port = endpoint->port;
  }
  push_set_key(call, address, port);
  lua_pushboolean(call.state, 1);
  lua_rawset(call.state, 1);
  return true;
}

int new_set(const Call& call) {
  push_table(call.state, kSet);
  return 1;
}
int set_add(const Call& call) {
  if (!is_kind(call.state, 1, kSet)) return wrong_self(call, kSet);
  if (const AddressObject* address = address_at(call.state, 2)) {
    if (address->client_bits != 0) call.evidence().on_client(address->client_bits);
    push_set_key(call, address->address, address->port);
    lua_pushboolean(call.state, 1);
    lua_rawset(call.state, 1);
    return 0;
  }
  std::string_view one;
  if (call.text(2, one)) return add_to_set(call, one) ? 0 : -1;
  Texts& texts = call.scratch().texts;
  texts.clear();
  if (!call.texts(2, texts, "argument 2 must be an address or a list of addresses")) return -1;
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (!add_to_set(call, texts[i])) return -1;
  return 0;
}
int set_check(const Call& call) {
  if (!is_kind(call.state, 1, kSet)) return wrong_self(call, kSet);
  const AddressObject* address = address_at(call.state, 2);
  if (!address) return call.fail_type(2, "a ComboAddress");
  if (address->client_bits != 0) call.evidence().on_client(address->client_bits);
  push_set_key(call, address->address, address->port);
  lua_rawget(call.state, 1);
  return call.push(lua_toboolean(call.state, -1) != 0);
}

// Objects of named fields
// -----------------------------------------------------------------------------------------------

int get_field(const Call& call, const char* kind, const char* field) {
  if (!is_kind(call.state, 1, kind)) return wrong_self(call, kind);
  lua_pushstring(call.state, field);
  lua_rawget(call.state, 1);
  return 1;
}

int new_qtype(const Call& call) {
  std::string_view text;
  if (!call.text(1, text)) return call.fail_type(1, "a type");
  std::uint16_t code = 0;  // PowerDNS's: a type that it does not know is 0
  if (const auto type = dns::RrType::parse(text)) code = type->value;
  push_table(call.state, kQType);
  lua_pushinteger(call.state, code);
  lua_setfield(call.state, -2, "code");
  return 1;
}
int qtype_code(const Call& call) { return get_field(call, kQType, "code"); }
int qtype_name(const Call& call) {
  if (get_field(call, kQType, "code") < 0) return -1;
  call.scratch().text = dns::RrType{static_cast<std::uint16_t>(lua_tointeger(call.state, -1))}.text();
  return call.push(std::string_view(call.scratch().text));
}
int qtype_is_equal(const Call& call) {
  if (!is_kind(call.state, 1, kQType) || !is_kind(call.state, 2, kQType)) return call.push(false);
  lua_getfield(call.state, 1, "code");
  lua_getfield(call.state, 2, "code");
  return call.push(lua_rawequal(call.state, -1, -2) != 0);
}

constexpr std::uint64_t kStepsPerRecord = 60;  // that is made

// newDRR(name, type, ttl, content [, zone id [, auth]])
int new_resource_record(const Call& call) {
  if (!call.spend(kStepsPerRecord)) return -1;
  std::string_view type;
  std::string_view content;
  std::int64_t ttl = 0;
  if (!name_at(call.state, 1)) return call.fail_type(1, "a DNSName");
  if (!call.text(2, type)) return call.fail_type(2, "a type");
  if (!call.integer(3, ttl)) return call.fail_type(3, "a TTL");
  if (!call.text(4, content)) return call.fail_type(4, "content");
  std::uint16_t code = 0;
  if (const auto parsed = dns::RrType::parse(type)) code = parsed->value;
  push_table(call.state, kResourceRecord);
  const int object = lua_gettop(call.state);
  const auto set = [&](const char* field, int index) {
    lua_pushvalue(call.state, index);
    lua_setfield(call.state, object, field);
  };
  const auto number = [&](const char* field, lua_Number value) {
    lua_pushnumber(call.state, value);
    lua_setfield(call.state, object, field);
  };
  set("_qname", 1);
  set("_content", 4);
  number("_qtype", code);
  number("_ttl", static_cast<lua_Number>(ttl));
  number("_qclass", 1);
  number("_signttl", 0);
  number("_lastModified", 0);
  number("_scopeMask", 0);
  number("_domainId", -1);
  if (call.present(5) && object > 5) set("_domainId", 5);
  lua_pushboolean(call.state, object > 6 && call.present(6) ? lua_toboolean(call.state, 6) : 1);
  lua_setfield(call.state, object, "_auth");
  lua_pushboolean(call.state, 0);
  lua_setfield(call.state, object, "_disabled");
  push_name(call.state, std::string_view("\0", 1));
  lua_setfield(call.state, object, "_wildcardName");
  return 1;
}
// A field is read by a method of its name without the `_`.
template <std::size_t N>
struct FieldName {
  constexpr FieldName(const char (&name)[N]) { std::copy_n(name, N, text); }
  char text[N];
};
template <FieldName Field>
int resource_record_field(const Call& call) {
  return get_field(call, kResourceRecord, Field.text);
}

// newDR(name, type, ttl, content, place)
int new_record(const Call& call) {
  if (!call.spend(kStepsPerRecord)) return -1;
  std::string_view type;
  std::string_view content;
  std::int64_t number = 0;
  if (!name_at(call.state, 1)) return call.fail_type(1, "a DNSName");
  if (!call.text(2, type)) return call.fail_type(2, "a type");
  if (!call.integer(3, number)) return call.fail_type(3, "a TTL");
  if (!call.text(4, content)) return call.fail_type(4, "content");
  if (!call.integer(5, number)) return call.fail_type(5, "a place");
  std::uint16_t code = 0;
  if (const auto parsed = dns::RrType::parse(type)) code = parsed->value;
  push_table(call.state, kRecord);
  const int object = lua_gettop(call.state);
  for (const auto& [field, index] : {std::pair{"name", 1}, {"ttl", 3}, {"_content", 4}, {"place", 5}}) {
    lua_pushvalue(call.state, index);
    lua_setfield(call.state, object, field);
  }
  lua_pushinteger(call.state, code);
  lua_setfield(call.state, object, "type");
  return 1;
}
int record_content(const Call& call) { return get_field(call, kRecord, "_content"); }
int record_change_content(const Call& call) {
  if (!is_kind(call.state, 1, kRecord)) return wrong_self(call, kRecord);
  lua_pushvalue(call.state, 2);
  lua_setfield(call.state, 1, "_content");
  return 0;
}
int record_address(const Call& call) {
  if (get_field(call, kRecord, "_content") < 0) return -1;
  std::string_view text;
  if (call.text(-1, text)) {
    if (const auto address = dns::IpAddress::parse(text)) {
      push_address(call.state, *address, 0, 0);
      return 1;
    }
  }
  lua_pushnil(call.state);
  return 1;
}

int header_flag(const Call& call) { return call.push(false); }
int header_number(const Call& call) {
  lua_pushinteger(call.state, 0);
  return 1;
}
int header_questions(const Call& call) {
  lua_pushinteger(call.state, 1);
  return 1;
}

constexpr FunctionEntry kGroupMethods[] = {{"addMask", 2, 2, group_add},
                                           {"addMasks", 2, 2, group_add},
                                           {"match", 2, 2, group_match},
                                           {"size", 1, 1, group_size}};
constexpr FunctionEntry kSetMethods[] = {{"add", 2, 2, set_add}, {"check", 2, 2, set_check}};
constexpr FunctionEntry kQTypeMethods[] = {
    {"getCode", 1, 1, qtype_code}, {"getName", 1, 1, qtype_name}, {"__eq", 2, 2, qtype_is_equal}};
constexpr FunctionEntry kResourceRecordMethods[] = {
    {"toString", 1, 1, resource_record_field<"_content">},
    {"qname", 1, 1, resource_record_field<"_qname">},
    {"content", 1, 1, resource_record_field<"_content">},
    {"ttl", 1, 1, resource_record_field<"_ttl">},
    {"qtype", 1, 1, resource_record_field<"_qtype">},
    {"qclass", 1, 1, resource_record_field<"_qclass">},
    {"domainId", 1, 1, resource_record_field<"_domainId">},
    {"auth", 1, 1, resource_record_field<"_auth">},
    {"disabled", 1, 1, resource_record_field<"_disabled">},
    {"wildcardName", 1, 1, resource_record_field<"_wildcardName">},
    {"signttl", 1, 1, resource_record_field<"_signttl">},
    {"lastModified", 1, 1, resource_record_field<"_lastModified">},
    {"scopeMask", 1, 1, resource_record_field<"_scopeMask">},
};
constexpr FunctionEntry kRecordMethods[] = {{"getContent", 1, 1, record_content},
                                            {"getCA", 1, 1, record_address},
                                            {"changeContent", 2, 2, record_change_content}};
constexpr FunctionEntry kHeaderMethods[] = {
    {"getRD", 1, 1, header_flag},           {"getCD", 1, 1, header_flag},        {"getAD", 1, 1, header_flag},
    {"getAA", 1, 1, header_flag},           {"getRA", 1, 1, header_flag},        {"getTC", 1, 1, header_flag},
    {"getID", 1, 1, header_number},         {"getRCODE", 1, 1, header_number},   {"getOPCODE", 1, 1, header_number},
    {"getQDCOUNT", 1, 1, header_questions}, {"getANCOUNT", 1, 1, header_number}, {"getNSCOUNT", 1, 1, header_number},
    {"getARCOUNT", 1, 1, header_number},
};
constexpr FunctionEntry kFunctions[] = {
    {"newNMG", 0, 1, new_group},           {"newCAS", 0, 0, new_set},   {"newQType", 1, 1, new_qtype},
    {"newDRR", 4, 6, new_resource_record}, {"newDR", 5, 5, new_record},
};

}  // namespace

std::optional<bool> group_contains(lua_State* state, int index, const dns::IpAddress& address, std::uint8_t& bits) {
  if (!is_kind(state, index, kGroup)) return std::nullopt;
  const int count = static_cast<int>(lua_objlen(state, index));
  bool contained = false;
  int longest = -1;
  bits = 0;
  Meter& meter = meter_of(state);
  for (int i = 1; i <= count && meter.spend(cost::kEntry); ++i) {
    lua_rawgeti(state, index, i);
    std::size_t size = 0;
    const char* octets = lua_tolstring(state, -1, &size);
    PackedMask packed{};
    if (octets && size == sizeof packed) {
      std::memcpy(&packed, octets, sizeof packed);
      if (packed.size == 4 || packed.size == 16) {
        const dns::IpNetwork network{dns::IpAddress::from_octets({packed.octets, packed.size}), packed.bits};
        bits = std::max(bits, bits_of_test(network, address));
        if (packed.bits >= longest && network.contains(address)) {
          longest = packed.bits;
          contained = packed.included != 0;
        }
      }
    }
    lua_pop(state, 1);
  }
  return contained;
}

void register_object_tables(lua_State* state) {
  register_kind(state, kGroup, kGroupMethods);
  register_kind(state, kSet, kSetMethods);
  register_kind(state, kQType, kQTypeMethods);
  register_kind(state, kResourceRecord, kResourceRecordMethods);
  register_kind(state, kRecord, kRecordMethods);
  register_kind(state, kHeader, kHeaderMethods);
}

void push_header(lua_State* state) { push_table(state, kHeader); }

std::span<const FunctionEntry> object_table_functions() { return kFunctions; }

}  // namespace sdns::lua
