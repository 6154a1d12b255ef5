// SPDX-License-Identifier: MIT
// The complete parser of requests: any JSON, through simdjson.
#include "backend/protocol/request_general.h"

#include <fmt/format.h>

#include "backend/protocol/utf8_marks.h"

namespace sdns::protocol {
namespace {

constexpr std::size_t kMaxDepth = 32;                         ///< PowerDNS's deepest request has five levels
constexpr std::size_t kKeptMemory = std::size_t{256} * 1024;  ///< a request that needed more gives it back

}  // namespace

tl::unexpected<Error> malformed_request(std::string what) {
  return fail(Errc::kProtocol, std::move(what), "the connection is closed; only PowerDNS may talk on this socket");
}

std::string_view RequestParser::General::own(std::string_view value) {
  if (!marked) return value;
  const std::size_t start = text.size();
  append_unmarked(text, value);
  return std::string_view(text).substr(start);
}

Result<Request> RequestParser::General::read(const simdjson::dom::object& request) {
  std::string_view raw_method;
  if (request.at_key("method").get_string().get(raw_method) != simdjson::SUCCESS)
    return malformed_request("the request has no \"method\" that is a string");
  const std::string_view method = own(raw_method);
  if (method == "getUpdatedMasters") return GetUpdatedMasters{};
  if (method == "getUnfreshSlaveInfos") return GetUnfreshSlaveInfos{};
  if (method == "getTSIGKeys") return GetTsigKeys{};

  const ReadMethod read_method = find_method(method);
  if (!read_method) return Unknown{method};
  simdjson::dom::object members;
  if (request.at_key("parameters").get_object().get(members) != simdjson::SUCCESS)
    return malformed_request(fmt::format("{} has no \"parameters\" that are an object", method));
  Parameters parameters(*this, method, members);
  Request out = read_method(parameters);
  if (parameters.failed()) return fail(*parameters.failed());
  return out;
}

Result<Request> RequestParser::General::parse(std::string_view line) {
  if (json.capacity() > kKeptMemory && line.size() <= kKeptMemory) *this = General();
  if (json.max_depth() != kMaxDepth && json.allocate(0, kMaxDepth) != simdjson::SUCCESS)
    return malformed_request("no memory to read the request");
  const auto parse_padded = [&] {
    const std::size_t size = padded.size();
    padded.append(simdjson::SIMDJSON_PADDING, '\0');
    return json.parse(reinterpret_cast<const std::uint8_t*>(padded.data()), size, false);
  };
  marked = false;
  records.clear();
  values.clear();
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
    return malformed_request(
        fmt::format("a request of {} octets is not JSON: {}", line.size(), simdjson::error_message(document.error())));
  simdjson::dom::object request;
  if (document.get_object().get(request) != simdjson::SUCCESS)
    return malformed_request("the request is not a JSON object");
  return read(request);
}

RequestParser::RequestParser() : general_(std::make_unique<General>()) {}
RequestParser::~RequestParser() = default;

Result<Request> RequestParser::parse_general(std::string_view line) { return general_->parse(line); }

}  // namespace sdns::protocol
