// SPDX-License-Identifier: MIT
#include "registrars/channel.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace sdns::registrars {
namespace {

constexpr std::size_t kMostMessage = 300;
constexpr std::chrono::seconds kLongestRetryAfter{24 * 3600};

struct WipeCall {
  net::HttpRequest& request;
  ~WipeCall() {
    for (auto& [name, value] : request.headers) wipe(value);
    wipe(request.body);
    wipe(request.url);
  }
};

struct Leave {
  Traffic& traffic;
  const std::string& account;
  ~Leave() { traffic.leave(account); }
};

/// Seconds only: the other form of Retry-After, a date, is sent by none of the registrars.
std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  long value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr == text.data() || value < 0) return std::nullopt;
  return std::min(std::chrono::seconds(value), kLongestRetryAfter);
}

bool looks_like_html(std::string_view body) {
  const auto first = body.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos &&
         (has(body.substr(first, 15), "<!doctype") || has(body.substr(first, 6), "<html"));
}

}  // namespace

Answer<std::string> checked_base(std::string_view title, std::string_view url) {
  std::string base(url);
  while (base.ends_with('/')) base.pop_back();
  const auto refused = [&](std::string_view why) {
    return refuse(FaultKind::kRegistrarError, fmt::format("the base URL of {} {}", title, why),
                  "write https://HOST/PATH, without a query; http is taken for 127.0.0.1 and [::1] only");
  };
  const bool secure = base.starts_with("https://");
  if (!secure && !base.starts_with("http://")) return refused("is no http or https URL");
  const std::string_view rest = std::string_view(base).substr(secure ? 8 : 7);
  const std::string_view host = rest.substr(0, rest.find('/'));
  if (host.empty() || rest.find_first_of("@?#\r\n\t ") != std::string_view::npos)
    return refused("has no host, a user, a query or a blank");
  if (!secure && !host.starts_with("127.0.0.1:") && host != "127.0.0.1" && !host.starts_with("[::1]"))
    return refused("would send the credential in clear");
  return base;
}

Channel::Channel(Context& context, ChannelOptions options, std::vector<Secret> credential)
    : context_(context), options_(std::move(options)), credential_(std::move(credential)) {
  std::string whole;
  for (const Secret& part : credential_) whole.append(part.view()).append(1, '\n');
  account_ = context_.traffic.account_key(options_.registrar, whole);
  wipe(whole);
  begin_operation();
}

void Channel::begin_operation() { deadline_ = context_.clock.now() + context_.limits.operation; }

std::chrono::milliseconds Channel::left() const {
  return std::max(std::chrono::floor<std::chrono::milliseconds>(deadline_ - context_.clock.now()),
                  std::chrono::milliseconds(0));
}

bool Channel::pause(std::chrono::milliseconds time) {
  if (time >= left()) return false;
  context_.pause(time);
  return true;
}

std::string Channel::uuid() {
  const std::uint64_t high = (context_.random.next() & ~std::uint64_t{0xF000}) | 0x4000;
  const std::uint64_t low = (context_.random.next() & ~(std::uint64_t{3} << 62)) | (std::uint64_t{2} << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF, high & 0xFFFF, low >> 48,
                     low & 0xFFFF'FFFF'FFFF);
}

std::string Channel::quoted(std::string_view message) const {
  std::string text = masked(std::string(message), credential_);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = ' ';
  if (text.size() > kMostMessage) text = text.substr(0, kMostMessage) + "...";
  return text;
}

std::optional<Fault> Channel::await_turn(const Call& call) {
  while (const auto wait = context_.traffic.enter(account_, options_.pace, context_.clock.now())) {
    if (pause(*wait)) continue;
    Fault fault{
        FaultKind::kRateLimited,
        fmt::format("{}: {} would be one call more than {} allows now", options_.title, call.what, options_.title),
        "nothing was sent; ask again later"};
    fault.retry_after = std::max(std::chrono::ceil<std::chrono::seconds>(*wait), std::chrono::seconds(1));
    return fault;
  }
  return std::nullopt;
}

Answer<Reply> Channel::send(Call call) {
  const bool write = call.effect == Effect::kWrite;
  net::HttpRequest request;
  request.method = call.method;
  request.url = std::move(call.url);
  request.headers = std::move(call.headers);
  request.body = std::move(call.body);
  const WipeCall wipe_call{request};
  if (auto fault = await_turn(call)) return refuse(std::move(*fault));
  const Leave leave{context_.traffic, account_};
  request.timeout = std::min(write ? context_.limits.write : context_.limits.read, left());
  request.connect_timeout = std::min(context_.limits.connect, request.timeout);
  request.subject = call.what;
  request.fresh_connection = write;
  request.wipe = true;
  if (request.timeout <= std::chrono::milliseconds(0)) {
    Fault fault{FaultKind::kApiUnavailable, fmt::format("{}: no time was left for {}", options_.title, call.what)};
    fault.timeout = true;
    return refuse(std::move(fault));
  }
  auto response = context_.http.send(request);
  if (!response) {
    Fault fault{FaultKind::kApiUnavailable, fmt::format("{}: {}", options_.title, quoted(response.error().what)),
                write ? "" : "nothing was changed; ask again"};
    fault.timeout = response.error().code == Errc::kTimeout;
    fault.executed = write && context_.http.request_sent() ? Executed::kMaybe : Executed::kNo;
    return refuse(std::move(fault));
  }
  Reply reply;
  reply.status = response->status;
  reply.content_type = lower(response->header("content-type"));
  reply.retry_after = seconds_of(response->header("retry-after"));
  reply.location = std::string(response->header("location"));
  if (!options_.request_id_header.empty())
    reply.request_id = quoted(response->header(options_.request_id_header)).substr(0, 80);
  reply.body = std::move(response->body);
  return reply;
}

Fault Channel::fault(FaultKind kind, const Call& call, const Reply& reply, std::string_view code,
                     std::string_view message, std::string hint) {
  Fault fault;
  fault.kind = kind;
  fault.detail = fmt::format("{}: {}: {}", options_.title, call.what, row_of(kind).meaning);
  if (!message.empty()) fault.detail += fmt::format(" (\"{}\")", quoted(message));
  fault.hint = std::move(hint);
  fault.upstream_status = reply.status;
  fault.upstream_code = quoted(code).substr(0, 80);
  fault.upstream_request = reply.request_id;
  if (kind == FaultKind::kRateLimited) {
    fault.retry_after = reply.retry_after.value_or(options_.default_retry_after);
    context_.traffic.hold_off(account_, context_.clock.now() + *fault.retry_after);
  }
  if (call.effect == Effect::kWrite && (kind == FaultKind::kApiUnavailable || kind == FaultKind::kOutcomeUnknown))
    fault.executed = Executed::kMaybe;
  return fault;
}

Fault Channel::no_answer(const Call& call, const Reply& reply) {
  const std::string what = reply.body.empty()            ? "no body"
                           : looks_like_html(reply.body) ? "an HTML page"
                                                         : "a body that is cut or of another shape";
  return fault(FaultKind::kApiUnavailable, call, reply, "", fmt::format("status {} with {}", reply.status, what));
}

std::optional<Fault> Channel::transport_fault(const Call& call, const Reply& reply) {
  if (reply.status == 429) return fault(FaultKind::kRateLimited, call, reply, "", "");
  if (reply.status >= 500) return no_answer(call, reply);
  if (reply.status >= 300 && reply.status < 400)
    return fault(FaultKind::kApiUnavailable, call, reply, "",
                 fmt::format("status {}: redirects are not followed", reply.status));
  if (looks_like_html(reply.body)) return no_answer(call, reply);
  return std::nullopt;
}

nlohmann::json parse_json(std::string_view text) { return nlohmann::json::parse(text, nullptr, false); }

const nlohmann::json& member(const nlohmann::json& object, const char* key) {
  static const nlohmann::json kNull;
  if (!object.is_object()) return kNull;
  const auto at = object.find(key);
  return at == object.end() ? kNull : *at;
}

std::string text_at(const nlohmann::json& object, const char* key) {
  const nlohmann::json& value = member(object, key);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  return {};
}

std::optional<std::int64_t> number_at(const nlohmann::json& object, const char* key) {
  const std::string text = text_at(object, key);
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

bool flag_at(const nlohmann::json& object, const char* key) {
  const nlohmann::json& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool has(std::string_view text, std::string_view fragment) {
  return lower(text).find(lower(fragment)) != std::string::npos;
}

}  // namespace sdns::registrars
