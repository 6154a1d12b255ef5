// SPDX-License-Identifier: MIT
// country, continent, latlon and their like: by where an address is.
#include <fmt/format.h>

#include <algorithm>

#include "lua/call.h"
#include "lua/choose.h"
#include "lua/location_memo.h"
#include "lua/select.h"

namespace sdns::lua {
namespace {

// Of the client; "" when it is not known.
std::string_view client_value(const Call& call, GeoAttribute attribute) {
  const Geo* geo = call.evaluation.sources->geo;
  if (!geo || geo->empty()) return {};
  if (!call.spend(cost::kLocation)) return {};
  const GeoValue value = geo->lookup(call.evaluation.best(), attribute, call.scratch().text);
  call.evidence().on_client(value.bits);
  if (call.evaluation.trace)
    call.evaluation.trace->note(
        fmt::format("the client's {} is {}", static_cast<int>(attribute), value.text.empty() ? "unknown" : value.text));
  return value.text;
}

std::optional<Coordinates> client_location(const Call& call) {
  const Geo* geo = call.evaluation.sources->geo;
  if (!geo || geo->empty()) return std::nullopt;
  if (!call.spend(cost::kLocation)) return std::nullopt;
  const GeoLocation location = call.evaluation.locations->locate(call.evaluation.best());
  call.evidence().on_client(location.bits);
  return location.where;
}

bool same_text(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

// A text, a number, or a list of these: whether one is the client's.
int is_value(const Call& call, GeoAttribute attribute) {
  Texts& texts = call.scratch().texts;
  texts.clear();
  std::string_view one;
  if (call.text(1, one)) texts.add(one);
  else if (!call.texts(1, texts, "argument 1 must be a text or a list of texts")) return -1;
  std::string_view value = client_value(call, attribute);
  if (value.empty()) value = "unknown";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!call.spend(1)) return -1;
    if (same_text(texts[i], value)) return call.push(true);
  }
  return call.push(false);
}

int code_of(const Call& call, GeoAttribute attribute) {
  const std::string_view value = client_value(call, attribute);
  return call.push(value.empty() ? std::string_view("--") : value);
}

int continent(const Call& call) { return is_value(call, GeoAttribute::kContinent); }
int country(const Call& call) { return is_value(call, GeoAttribute::kCountry); }
int region(const Call& call) { return is_value(call, GeoAttribute::kRegion); }
int city(const Call& call) { return is_value(call, GeoAttribute::kCity); }
int asnum(const Call& call) { return is_value(call, GeoAttribute::kAsn); }
int continent_code(const Call& call) { return code_of(call, GeoAttribute::kContinent); }
int country_code(const Call& call) { return code_of(call, GeoAttribute::kCountry); }
int region_code(const Call& call) { return code_of(call, GeoAttribute::kRegion); }

int geoiplookup(const Call& call) {
  std::string_view text;
  std::int64_t attribute = 0;
  if (!call.text(1, text)) return call.fail_type(1, "an address");
  if (!call.integer(2, attribute)) return call.fail_type(2, "a GeoIPQueryAttribute");
  if (!call.spend(cost::kAddress + cost::kLocation + cost::copy(text.size()))) return -1;
  const auto endpoint = dns::Endpoint::parse(text.substr(0, text.find('/')));
  if (!endpoint) return call.push(std::string_view());
  const Geo* geo = call.evaluation.sources->geo;
  if (!geo || attribute < 0 || attribute > 7) return call.push(std::string_view("unknown"));
  call.evidence().places = true;
  const GeoValue value = geo->lookup(endpoint->address, static_cast<GeoAttribute>(attribute), call.scratch().text);
  return call.push(value.text.empty() ? std::string_view("unknown") : value.text);
}

int latlon(const Call& call) {
  call.scratch().text = latlon_text(client_location(call).value_or(Coordinates{}));
  return call.push(std::string_view(call.scratch().text));
}
int latlonloc(const Call& call) {
  call.scratch().text = latlonloc_text(client_location(call).value_or(Coordinates{}));
  return call.push(std::string_view(call.scratch().text));
}

// Of the address that the query name's first four labels are, reversed.
int latlon_magic(const Call& call) {
  if (!call.spend(cost::kName + cost::kLocation)) return -1;
  call.evidence().query_name = call.evidence().places = true;
  call.scratch().labels = labels_of(call.evaluation.question->qname_wire);
  if (call.scratch().labels.size() < 4) return call.push(std::string_view("unknown"));
  const auto address = magic_address(call.scratch().labels);
  Coordinates where;
  if (address) where = call.evaluation.locations->locate(*address).where.value_or(Coordinates{});
  call.scratch().text = latlon_text(where);
  return call.push(std::string_view(call.scratch().text));
}

int closest_magic(const Call& call) {
  Scratch& scratch = call.scratch();
  call.evidence().query_name = true;
  scratch.options.clear();
  scratch.texts.clear();
  scratch.candidates.clear();
  scratch.labels = labels_of(call.evaluation.question->qname_wire);
  if (!call.spend(cost::kName + scratch.labels.size() * cost::kName)) return -1;
  for (const std::string& address : magic_addresses(scratch.labels)) {
    scratch.candidates.emplace_back().text = static_cast<std::uint32_t>(scratch.texts.size());
    scratch.texts.add(address);
  }
  if (scratch.candidates.empty()) return call.fail("the query name does not begin with an address");
  first_group(call);
  if (!choose(call, "closestMagic", Selector::kClosest, scratch.order)) return -1;
  return push_chosen_text(call);
}

constexpr FunctionEntry kFunctions[] = {
    {"continent", 1, 1, continent},
    {"country", 1, 1, country},
    {"region", 1, 1, region},
    {"city", 1, 1, city},
    {"asnum", 1, 1, asnum},
    {"continentCode", 0, 0, continent_code},
    {"countryCode", 0, 0, country_code},
    {"regionCode", 0, 0, region_code},
    {"geoiplookup", 2, 2, geoiplookup},
    {"latlon", 0, 0, latlon},
    {"latlonloc", 0, 0, latlonloc},
    {"latlonMagic", 0, 0, latlon_magic},
    {"closestMagic", 0, 0, closest_magic},
};

}  // namespace

std::span<const FunctionEntry> geo_functions() { return kFunctions; }

}  // namespace sdns::lua
