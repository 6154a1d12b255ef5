// SPDX-License-Identifier: MIT
#include "lua/object_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "backend/dns/name.h"
#include "backend/dns/rdata_text.h"
#include "lua/object_access.h"
#include "lua/object_tables.h"
#include "lua/objects.h"

namespace sdns::lua {
namespace {

constexpr const char* kName = "DNSName";

struct NameObject {
  std::uint8_t size;
  char wire[255];
  [[nodiscard]] std::string_view view() const { return {wire, size}; }
};

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

// Whatever is done with a name costs as much as reading all of it; a budget that is used up ends the call behind it.
NameObject* name_self(const Call& call) {
  (void)call.spend(cost::kName);
  return object_at<NameObject>(call.state, 1, kName);
}

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

}  // namespace

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

void register_names(lua_State* state) { register_kind(state, kName, kNameMethods); }

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

}  // namespace sdns::lua
