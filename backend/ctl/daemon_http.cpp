// SPDX-License-Identifier: MIT
// The daemon's admin HTTP as sdnsctl asks it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "backend/ctl/environment.h"
#include "backend/net/http_client.h"

namespace sdns::ctl {
namespace {

constexpr std::chrono::seconds kConnectLimit{2};
constexpr std::chrono::seconds kReplyLimit{5};
constexpr std::chrono::seconds kExplainLimit{30};
constexpr std::size_t kMostReplyOctets = std::size_t{64} << 20;  // a pool of 1 000 members is a long story
constexpr const char* kWrongPeer = "is that sovereign-dnsd? --admin names another address, --admin \"\" asks none";

struct HostPort {
  std::string host;
  int port = 0;

  [[nodiscard]] std::string text() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
  }
};

std::optional<HostPort> parse_address(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (text.substr(0, kScheme.size()) == kScheme) text.remove_prefix(kScheme.size());
  while (!text.empty() && text.back() == '/') text.remove_suffix(1);
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  HostPort address{std::string(text.substr(0, colon)), 0};
  if (address.host.size() >= 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  if (address.host != "localhost" && address.host != "::1" && address.host.rfind("127.", 0) != 0) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  if (digits.empty() || digits.size() > 5) return std::nullopt;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    address.port = address.port * 10 + (c - '0');
  }
  if (address.port == 0 || address.port > 65535) return std::nullopt;
  return address;
}

class HttpDaemon final : public Daemon {
 public:
  explicit HttpDaemon(HostPort address) : address_(std::move(address)) {}

  Result<DaemonState> state() override { return ask_state("/v1/revision", kReplyLimit); }

  Result<DaemonState> wait_for(zone::Revision revision, std::chrono::milliseconds limit) override {
    return ask_state(fmt::format("/v1/revision?wait={}&timeout_ms={}", revision, limit.count()), limit + kReplyLimit);
  }

  Result<std::string> status() override { return get("/v1/status", kReplyLimit); }

  Result<std::string> health(const std::string& query) override {
    auto reply = send("/v1/health?" + query, kReplyLimit);
    if (!reply) return fail(std::move(reply.error()));
    if (reply->status == 200) return std::move(reply->body);
    if (reply->status == 404) return too_old("says nothing of health checks");
    return unexpected("/v1/health", reply->status);
  }

  Result<std::string> health_history(const std::string& query, std::chrono::milliseconds wait) override {
    auto reply = send("/v1/health/history?" + query, wait + kReplyLimit);
    if (!reply) return fail(std::move(reply.error()));
    if (reply->status == 200) return std::move(reply->body);
    if (reply->status == 404) return too_old("says nothing of what checks were");
    if (reply->status == 409)
      return fail(Errc::kUnsupported, fmt::format("the daemon at {} probes nothing", address_.text()),
                  "health.probe is no in its configuration");
    if (reply->status == 503)
      return fail(Errc::kBusy, fmt::format("too many wait for transitions at {} already", address_.text()),
                  "`sdnsctl health history` does not wait");
    return unexpected("/v1/health/history", reply->status);
  }

  Result<std::string> explain(const std::string& query) override {
    auto reply = send("/v1/explain?" + query, kExplainLimit);
    if (!reply) return fail(std::move(reply.error()));
    if (reply->status == 200) return std::move(reply->body);
    const auto json = nlohmann::json::parse(reply->body, nullptr, false);
    const auto text = [&](const char* key) {
      return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>()
                                                                             : std::string();
    };
    if (reply->status == 400) return fail(Errc::kInvalidArgument, text("error"), text("hint"));
    if (reply->status == 503)
      return fail(Errc::kBusy, "the daemon does not explain now: " + text("error"), text("hint"));
    if (reply->status == 414)
      return fail(Errc::kInvalidArgument, "the question is too long", "name fewer targets, or a pool");
    if (reply->status == 404) return too_old("explains nothing");
    return unexpected("/v1/explain", reply->status);
  }

 private:
  Result<net::HttpResponse> send(const std::string& path, std::chrono::milliseconds limit) {
    net::HttpRequest request;
    request.url = fmt::format("http://{}{}", address_.text(), path);
    request.connect_timeout = kConnectLimit;
    request.timeout = limit;
    request.max_response_octets = kMostReplyOctets;
    auto reply = http_.send(request);
    if (!reply) {
      if (reply.error().code == Errc::kUnavailable) {
        return fail(Errc::kUnavailable, fmt::format("no daemon answers at {}", address_.text()),
                    "start sovereign-dnsd, name its admin address with --admin, or ask none with --admin \"\"");
      }
      return fail(reply.error().code, std::move(reply.error().what), kWrongPeer);
    }
    return std::move(*reply);
  }

  Result<std::string> get(const std::string& path, std::chrono::milliseconds limit) {
    auto reply = send(path, limit);
    if (!reply) return fail(std::move(reply.error()));
    // Not ready and not in time are answers too.
    if (reply->status != 200 && reply->status != 503 && reply->status != 504) return unexpected(path, reply->status);
    return std::move(reply->body);
  }

  [[nodiscard]] tl::unexpected<Error> unexpected(const std::string& path, int status) const {
    return fail(Errc::kProtocol, fmt::format("{} answered GET {} with status {}", address_.text(), path, status),
                kWrongPeer);
  }

  [[nodiscard]] tl::unexpected<Error> too_old(std::string_view what) const {
    return fail(Errc::kUnsupported, fmt::format("the daemon at {} {}: it is older than sdnsctl", address_.text(), what),
                "restart it with this version (SIGUSR2: without a lost query)");
  }

  Result<DaemonState> ask_state(const std::string& path, std::chrono::milliseconds limit) {
    auto body = get(path, limit);
    if (!body) return fail(std::move(body.error()));
    const auto json = nlohmann::json::parse(*body, nullptr, false);
    const auto broken = [&] {
      return fail(
          Errc::kProtocol,
          fmt::format("{} answered GET {} with something that is not the state of an engine", address_.text(), path),
          kWrongPeer);
    };
    if (!json.is_object() || !json.contains("database_id") || !json.contains("revision")) return broken();
    try {
      DaemonState state;
      state.database_id = json.at("database_id").get<std::string>();
      state.revision = json.at("revision").get<zone::Revision>();
      state.purged = json.value("purged", state.revision);
      state.zones = json.value("zones", std::uint64_t{0});
      state.ready = json.value("ready", false);
      state.age_ms = json.value("age_ms", std::int64_t{0});
      return state;
    } catch (const nlohmann::json::exception&) {
      return broken();
    }
  }

  const HostPort address_;
  net::HttpClient http_;
};

}  // namespace

std::unique_ptr<Daemon> connect_daemon(const std::string& address) {
  auto parsed = parse_address(address);
  if (!parsed) return nullptr;
  return std::make_unique<HttpDaemon>(std::move(*parsed));
}

}  // namespace sdns::ctl
