// SPDX-License-Identifier: MIT
// The parameters of each method (remotebackend.cc; ws-auth.cc and pdnsutil.cc for those that are not documented).
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "backend/base/json_text.h"
#include "backend/protocol/request_general.h"
#include "backend/protocol/request_values.h"
#include "backend/protocol/utf8_marks.h"

namespace sdns::protocol {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

// A number, or text with one. What is too large for a number of ours stays one that nothing has.
bool number_of(const element& value, std::int64_t& out) {
  std::string_view text;
  double real = 0;
  switch (value.type()) {
    case element_type::INT64:
      out = value.get_int64().value_unsafe();
      return true;
    case element_type::UINT64:
      out = kMost;
      return true;
    case element_type::DOUBLE:
      real = value.get_double().value_unsafe();
      if (std::trunc(real) != real) return false;
      if (std::abs(real) >= 0x1p63) out = real < 0 ? -kMost : kMost;
      else out = static_cast<std::int64_t>(real);
      return true;
    case element_type::STRING: {
      text = value.get_string().value_unsafe();
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
      return error == std::errc{} && end == text.data() + text.size();
    }
    default:
      return false;
  }
}

Request lookup(Parameters& p, bool of_api) {
  Lookup out;
  out.qname = p.text("qname");
  std::string& json = p.memory().qname_json;
  json.clear();
  append_json_escaped(json, out.qname);
  out.qname_json = json;
  out.qtype = lookup_type(p.text("qtype"));
  out.zone_id = p.id("zone-id");
  out.remote = p.optional_text("remote");
  out.local = p.optional_text("local");
  out.real_remote = p.optional_text("real-remote");
  out.include_disabled = of_api && p.flag("include-disabled", false);
  return out;
}

Request initialize(Parameters& p) {
  const std::string json_text = simdjson::to_string(p.members());
  std::string& options = p.memory().options;
  options.clear();
  p.memory().marked ? append_unmarked(options, json_text) : void(options += json_text);
  return Initialize{options};
}

Request add_key(Parameters& p) {
  AddDomainKey out;
  out.name = p.text("name");
  Parameters inner = p.inner("key");
  if (p.failed()) return out;
  out.flags = inner.u32("flags");
  out.active = inner.flag("active", false);
  out.published = inner.flag("published", true);
  out.content = inner.text("content");
  p.take_failure(inner);
  return out;
}

template <ChangeDomainKey::What kWhat>
Request change_key(Parameters& p) {
  return ChangeDomainKey{kWhat, p.text("name"), p.id("id")};
}

template <class Method>
Request named(Parameters& p) {
  Method out;
  out.name = p.text("name");
  return out;
}

struct Method {
  std::string_view name;
  ReadMethod read;
};

using What = ChangeDomainKey::What;

constexpr Method kMethods[] = {
    {"initialize", initialize},
    {"lookup", [](Parameters& p) { return lookup(p, false); }},
    {"APILookup", [](Parameters& p) { return lookup(p, true); }},
    {"getBeforeAndAfterNamesAbsolute",
     [](Parameters& p) -> Request {
       return GetBeforeAndAfterNamesAbsolute{p.id("id"), p.text("qname")};
     }},
    {"getAllDomainMetadata", named<GetAllDomainMetadata>},
    {"getDomainMetadata",
     [](Parameters& p) -> Request {
       return GetDomainMetadata{p.text("name"), p.text("kind")};
     }},
    {"getDomainKeys", named<GetDomainKeys>},
    {"getDomainInfo", named<GetDomainInfo>},
    {"getAllDomains", [](Parameters& p) -> Request { return GetAllDomains{p.flag("include_disabled", false)}; }},
    {"list",
     [](Parameters& p) -> Request {
       return List{p.text("zonename"), p.id("domain_id"), p.flag("include_disabled", false)};
     }},
    {"searchRecords",
     [](Parameters& p) -> Request {
       return SearchRecords{p.text("pattern"), p.number("maxResults", 0)};
     }},
    {"getTSIGKey", named<GetTsigKey>},
    {"directBackendCmd", [](Parameters& p) -> Request { return DirectBackendCmd{p.text("query")}; }},
    {"startTransaction",
     [](Parameters& p) -> Request {
       return StartTransaction{p.text("domain"), p.id("domain_id")};
     }},
    {"commitTransaction", [](Parameters&) -> Request { return CommitTransaction{}; }},
    {"abortTransaction", [](Parameters&) -> Request { return AbortTransaction{}; }},
    {"replaceRRSet",
     [](Parameters& p) -> Request {
       return ReplaceRrset{p.id("domain_id"), p.text("qname"), p.text("qtype"), p.records("rrset")};
     }},
    {"feedRecord", [](Parameters& p) -> Request { return FeedRecord{p.record("rr")}; }},
    {"feedEnts", [](Parameters&) -> Request { return FeedEnts{}; }},
    {"feedEnts3", [](Parameters&) -> Request { return FeedEnts{}; }},
    {"setDomainMetadata",
     [](Parameters& p) -> Request {
       return SetDomainMetadata{p.text("name"), p.text("kind"), p.texts("value")};
     }},
    {"addDomainKey", add_key},
    {"removeDomainKey", change_key<What::kRemove>},
    {"activateDomainKey", change_key<What::kActivate>},
    {"deactivateDomainKey", change_key<What::kDeactivate>},
    {"publishDomainKey", change_key<What::kPublish>},
    {"unpublishDomainKey", change_key<What::kUnpublish>},
    {"setTSIGKey",
     [](Parameters& p) -> Request {
       return SetTsigKey{p.text("name"), p.text("algorithm"), p.text("content")};
     }},
    {"deleteTSIGKey", named<DeleteTsigKey>},
    {"setNotified",
     [](Parameters& p) -> Request {
       return SetNotified{p.id("id"), p.u32("serial")};
     }},
    {"setFresh",
     [](Parameters& p) -> Request {
       return SetChecked{p.id("id"), true};
     }},
    {"setStale",
     [](Parameters& p) -> Request {
       return SetChecked{p.id("id"), false};
     }},
    {"superMasterBackend",
     [](Parameters& p) -> Request {
       return SuperMasterBackend{p.text("ip"), p.text("domain"), p.records("nsset")};
     }},
    {"createSlaveDomain",
     [](Parameters& p) -> Request {
       return CreateSlaveDomain{p.text("ip"), p.text("domain"), p.optional_text("nameserver"),
                                p.optional_text("account")};
     }},
};

}  // namespace

void Parameters::fail(std::string_view name, std::string_view rule) {
  if (!failed_) failed_ = malformed_request(fmt::format("{}: parameter \"{}\" {}", method_, name, rule)).value();
}

void Parameters::take_failure(const Parameters& inner) {
  if (!failed_) failed_ = inner.failed_;
}

Parameters Parameters::inner(const char* name) {
  object members;
  const simdjson::error_code error = members_.at_key(name).get_object().get(members);
  if (error == simdjson::NO_SUCH_FIELD) fail(name, "is missing");
  else if (error != simdjson::SUCCESS) fail(name, "is not an object");
  return {memory_, method_, members};
}

std::string_view Parameters::optional_text(const char* name) {
  element value;
  if (members_.at_key(name).get(value) != simdjson::SUCCESS) return {};
  std::string_view string;
  if (value.get_string().get(string) != simdjson::SUCCESS) {
    fail(name, "is not a string");
    return {};
  }
  return memory_.own(string);
}

std::string_view Parameters::text(const char* name) {
  if (members_.at_key(name).error() != simdjson::SUCCESS) {
    fail(name, "is missing");
    return {};
  }
  return optional_text(name);
}

std::int64_t Parameters::number(const char* name, std::int64_t otherwise) {
  element value;
  if (members_.at_key(name).get(value) != simdjson::SUCCESS) return otherwise;
  std::int64_t number = otherwise;
  if (!number_of(value, number)) fail(name, "is not a whole number");
  return number;
}

std::int64_t Parameters::id(const char* name) { return known_zone_id(number(name, -1)); }

std::uint32_t Parameters::u32(const char* name) {
  element value;
  if (members_.at_key(name).get(value) != simdjson::SUCCESS) return 0;
  std::int64_t number = 0;
  if (!number_of(value, number) || number < 0 || number > 0xFFFF'FFFF) {
    fail(name, "is not a whole number of 32 bits");
    return 0;
  }
  return static_cast<std::uint32_t>(number);
}

// PowerDNS casts a TTL to int: one of 2^31 and more arrives negative. What no cast gives is the greatest number.
std::uint32_t Parameters::ttl(const char* name) {
  const std::int64_t seconds = number(name, 0);
  constexpr std::uint32_t kGreatest = std::numeric_limits<std::uint32_t>::max();
  if (seconds < std::numeric_limits<std::int32_t>::min() || seconds > kGreatest) return kGreatest;
  return static_cast<std::uint32_t>(seconds);
}

bool Parameters::flag(const char* name, bool otherwise) {
  element value;
  if (members_.at_key(name).get(value) != simdjson::SUCCESS) return otherwise;
  bool flag = otherwise;
  if (value.get_bool().get(flag) == simdjson::SUCCESS) return flag;
  std::int64_t number = 0;
  if (number_of(value, number)) return number != 0;
  return otherwise;
}

EditRecord Parameters::record_of(const object& members, std::string_view name) {
  Parameters inner(memory_, method_, members);
  EditRecord out;
  out.qname = inner.text("qname");
  out.qtype = inner.text("qtype");
  out.content = inner.text("content");
  out.ttl = inner.ttl("ttl");
  if (inner.failed_) fail(name, "has a record without its members, or with one of another type");
  return out;
}

EditRecord Parameters::record(const char* name) {
  const Parameters one = inner(name);
  if (failed_) return {};
  return record_of(one.members(), name);
}

ViewOf<EditRecord> Parameters::records(const char* name) {
  simdjson::dom::array array;
  if (members_.at_key(name).get_array().get(array) != simdjson::SUCCESS) {
    fail(name, "is not an array");
    return {};
  }
  std::vector<EditRecord>& records = memory_.records;
  for (const element one : array) {
    object members;
    if (one.get_object().get(members) != simdjson::SUCCESS) {
      fail(name, "has an element that is not an object");
      return {};
    }
    records.push_back(record_of(members, name));
  }
  return {records.data(), records.size()};
}

ViewOf<std::string_view> Parameters::texts(const char* name) {
  simdjson::dom::array array;
  if (members_.at_key(name).get_array().get(array) != simdjson::SUCCESS) {
    fail(name, "is not an array");
    return {};
  }
  std::vector<std::string_view>& values = memory_.values;
  for (const element one : array) {
    std::string_view string;
    if (one.get_string().get(string) != simdjson::SUCCESS) {
      fail(name, "has an element that is not a string");
      return {};
    }
    values.push_back(memory_.own(string));
  }
  return {values.data(), values.size()};
}

ReadMethod find_method(std::string_view name) {
  for (const Method& method : kMethods)
    if (method.name == name) return method.read;
  return nullptr;
}

}  // namespace sdns::protocol
