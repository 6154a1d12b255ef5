// SPDX-License-Identifier: MIT
// The complete parser of requests: any JSON, through simdjson.
#include "backend/protocol/request_parse.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "backend/base/json_text.h"
#include "backend/protocol/request_values.h"
#include "backend/protocol/utf8_marks.h"

namespace sdns::protocol {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::size_t kMaxDepth = 32;                         ///< PowerDNS's deepest request has five levels
constexpr std::size_t kKeptMemory = std::size_t{256} * 1024;  ///< a request that needed more gives it back

tl::unexpected<Error> malformed(std::string what) {
  return fail(Errc::kProtocol, std::move(what), "the connection is closed; only PowerDNS may talk on this socket");
}

tl::unexpected<Error> bad_member(std::string_view method, std::string_view name, std::string_view rule) {
  return malformed(fmt::format("{}: parameter \"{}\" {}", method, name, rule));
}

// A zone id as number or as text. What no zone can have stays a number that no zone has.
bool zone_id_of(const element& value, std::int64_t& out) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::string_view text;
  double real = 0;
  switch (value.type()) {
    case simdjson::dom::element_type::INT64:
      out = known_zone_id(value.get_int64().value_unsafe());
      return true;
    case simdjson::dom::element_type::UINT64:
      out = kMost;
      return true;
    case simdjson::dom::element_type::DOUBLE:
      real = value.get_double().value_unsafe();
      if (std::trunc(real) != real) return false;
      if (std::abs(real) >= 0x1p63) out = real < 0 ? -kMost : kMost;
      else out = known_zone_id(static_cast<std::int64_t>(real));
      return true;
    case simdjson::dom::element_type::STRING: {
      text = value.get_string().value_unsafe();
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc{} || end != text.data() + text.size()) return false;
      out = known_zone_id(number);
      return true;
    }
    default:
      return false;
  }
}

bool is_true(const object& parameters, const char* name) {
  bool value = false;
  return parameters.at_key(name).get_bool().get(value) == simdjson::SUCCESS && value;
}

}  // namespace

struct RequestParser::General {
  simdjson::dom::parser json;
  std::string padded;  // the line, and the octets after it that simdjson reads
  std::string text;    // strings out of a line with marks; reserved ahead, so that views stay valid
  std::string qname_json;
  std::string options;
  bool marked = false;

  Result<Request> parse(std::string_view line);
  Result<Request> read(const object& request);
  Result<Request> lookup(std::string_view method, const object& parameters);
  Result<std::string_view> required_text(std::string_view method, const object& parameters, const char* name);
  Result<std::string_view> optional_text(std::string_view method, const object& parameters, const char* name);
  Result<std::int64_t> zone_id(std::string_view method, const object& parameters, const char* name);
  std::string_view own(std::string_view value);
};

// A string as PowerDNS meant it: without marks. A line without marks needs no copy.
std::string_view RequestParser::General::own(std::string_view value) {
  if (!marked) return value;
  const std::size_t start = text.size();
  append_unmarked(text, value);
  return std::string_view(text).substr(start);
}

Result<std::string_view> RequestParser::General::optional_text(std::string_view method, const object& parameters,
                                                               const char* name) {
  element value;
  if (parameters.at_key(name).get(value) != simdjson::SUCCESS) return std::string_view();
  std::string_view string;
  if (value.get_string().get(string) != simdjson::SUCCESS) return bad_member(method, name, "is not a string");
  return own(string);
}

Result<std::string_view> RequestParser::General::required_text(std::string_view method, const object& parameters,
                                                               const char* name) {
  if (parameters.at_key(name).error() != simdjson::SUCCESS) return bad_member(method, name, "is missing");
  return optional_text(method, parameters, name);
}

Result<std::int64_t> RequestParser::General::zone_id(std::string_view method, const object& parameters,
                                                     const char* name) {
  element value;
  if (parameters.at_key(name).get(value) != simdjson::SUCCESS) return -1;
  std::int64_t id = -1;
  if (!zone_id_of(value, id)) return bad_member(method, name, "is not a whole number");
  return id;
}

Result<Request> RequestParser::General::lookup(std::string_view method, const object& parameters) {
  Lookup out;
  const auto qname = required_text(method, parameters, "qname");
  if (!qname) return fail(qname.error());
  const auto qtype = required_text(method, parameters, "qtype");
  if (!qtype) return fail(qtype.error());
  const auto id = zone_id(method, parameters, "zone-id");
  if (!id) return fail(id.error());
  const auto remote = optional_text(method, parameters, "remote");
  if (!remote) return fail(remote.error());
  const auto local = optional_text(method, parameters, "local");
  if (!local) return fail(local.error());
  const auto real_remote = optional_text(method, parameters, "real-remote");
  if (!real_remote) return fail(real_remote.error());
  out.qname = *qname;
  qname_json.clear();
  append_json_escaped(qname_json, out.qname);
  out.qname_json = qname_json;
  out.qtype = lookup_type(*qtype);
  out.zone_id = *id;
  out.remote = *remote;
  out.local = *local;
  out.real_remote = *real_remote;
  out.include_disabled = is_true(parameters, "include-disabled");
  return out;
}

Result<Request> RequestParser::General::read(const object& request) {
  std::string_view raw_method;
  if (request.at_key("method").get_string().get(raw_method) != simdjson::SUCCESS)
    return malformed("the request has no \"method\" that is a string");
  const std::string_view method = own(raw_method);
  if (method == "getUpdatedMasters") return GetUpdatedMasters{};
  if (method == "getUnfreshSlaveInfos") return GetUnfreshSlaveInfos{};

  object parameters;
  const bool has_parameters = request.at_key("parameters").get_object().get(parameters) == simdjson::SUCCESS;
  const auto named = [&](auto out) -> Result<Request> {
    if (!has_parameters) return malformed(fmt::format("{} has no \"parameters\" that are an object", method));
    const auto name = required_text(method, parameters, "name");
    if (!name) return fail(name.error());
    out.name = *name;
    return out;
  };
  if (method == "getAllDomainMetadata") return named(GetAllDomainMetadata{});
  if (method == "getDomainKeys") return named(GetDomainKeys{});
  if (method == "getDomainInfo") return named(GetDomainInfo{});
  if (method == "getDomainMetadata") {
    Result<Request> out = named(GetDomainMetadata{});
    if (!out) return out;
    const auto kind = required_text(method, parameters, "kind");
    if (!kind) return fail(kind.error());
    std::get<GetDomainMetadata>(*out).kind = *kind;
    return out;
  }
  const bool known = method == "lookup" || method == "APILookup" || method == "getBeforeAndAfterNamesAbsolute" ||
                     method == "initialize" || method == "getAllDomains";
  if (!known) return Unknown{method};
  if (!has_parameters) return malformed(fmt::format("{} has no \"parameters\" that are an object", method));
  if (method == "lookup" || method == "APILookup") return lookup(method, parameters);
  if (method == "getAllDomains") {
    return GetAllDomains{is_true(parameters, "include_disabled")};
  }
  if (method == "initialize") {
    const std::string json_text = simdjson::to_string(parameters);
    options.clear();
    marked ? append_unmarked(options, json_text) : void(options += json_text);
    return Initialize{options};
  }
  GetBeforeAndAfterNamesAbsolute out;
  const auto id = zone_id(method, parameters, "id");
  if (!id) return fail(id.error());
  const auto qname = required_text(method, parameters, "qname");
  if (!qname) return fail(qname.error());
  out.id = *id;
  out.qname = *qname;
  return out;
}

Result<Request> RequestParser::General::parse(std::string_view line) {
  if (json.capacity() > kKeptMemory && line.size() <= kKeptMemory) *this = General();
  if (json.max_depth() != kMaxDepth && json.allocate(0, kMaxDepth) != simdjson::SUCCESS)
    return malformed("no memory to read the request");
  const auto parse_padded = [&] {
    const std::size_t size = padded.size();
    padded.append(simdjson::SIMDJSON_PADDING, '\0');
    return json.parse(reinterpret_cast<const std::uint8_t*>(padded.data()), size, false);
  };
  marked = false;
  padded.assign(line);
  auto document = parse_padded();
  if (document.error() == simdjson::UTF8_ERROR) {
    marked = true;
    padded.clear();
    append_marked(padded, line);
    text.clear();
    text.reserve(padded.size());
    document = parse_padded();
  }
  if (document.error() != simdjson::SUCCESS)
    return malformed(
        fmt::format("a request of {} octets is not JSON: {}", line.size(), simdjson::error_message(document.error())));
  object request;
  if (document.get_object().get(request) != simdjson::SUCCESS) return malformed("the request is not a JSON object");
  return read(request);
}

RequestParser::RequestParser() : general_(std::make_unique<General>()) {}
RequestParser::~RequestParser() = default;

Result<Request> RequestParser::parse_general(std::string_view line) { return general_->parse(line); }

}  // namespace sdns::protocol
