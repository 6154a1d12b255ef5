// SPDX-License-Identifier: MIT
#include "backend/daemon/admin.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "backend/base/owned.h"
#include "backend/daemon/explain.h"
#include "backend/daemon/health_events.h"
#include "backend/daemon/health_report.h"
#include "backend/daemon/version.h"
#include "backend/zone/digest.h"

namespace sdns::daemon {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr unsigned kThreads = 56;
// The other threads stay free for those who do not wait.
constexpr unsigned kMaxWaiters = 24;
constexpr unsigned kMaxWatchers = 16;
constexpr unsigned kMaxStreams = 8;
constexpr unsigned kMaxExplainers = 4;
constexpr std::size_t kMostChecksWithMetrics = 10'000;
constexpr milliseconds kDefaultWait{5000};
constexpr milliseconds kMaxWait{60'000};
constexpr milliseconds kWaitSlice{100};  // the purger does not know of the program's end
constexpr milliseconds kBindAgain{50};
constexpr seconds kBindAlarm{5};
constexpr const char* kJsonType = "application/json";

net::HttpReply json_reply(int status, const Json& json) {
  return {status, kJsonType, json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

// A decimal query argument, `fallback` when it is not there, nothing when it is no number.
std::optional<std::uint64_t> argument(const net::HttpGet& request, std::string_view name, std::uint64_t fallback) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return fallback;
  const std::string& text = found->second;
  std::uint64_t number = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || stopped != text.data() + text.size()) return std::nullopt;
  return number;
}

std::int64_t resident_octets() {
  const Owned<std::FILE, std::fclose> file(std::fopen("/proc/self/statm", "re"));
  long long total = 0;
  long long resident = 0;
  if (!file || std::fscanf(file.get(), "%lld %lld", &total, &resident) != 2) return 0;
  return resident * ::sysconf(_SC_PAGESIZE);
}

Json revision_object(const ServingState::View& view, zone::Revision purged) {
  return {{"database_id", view.database_id},
          {"revision", view.revision},
          {"chain", zone::to_hex(view.chain)},
          {"purged", purged},
          {"zones", view.zones},
          {"ready", view.ready},
          {"age_ms", view.age.count()}};
}

}  // namespace

std::string state_digest(const zone::ZoneSet& zones) {
  zone::StateDigest state;
  zones.by_id().for_each([&state](const zone::ZoneItem& item) {
    const zone::Zone& zone = *item.zone;
    zone::ZoneDigest digest(zone.head());
    std::string key;
    zone.owners().for_each([&](const zone::OwnerItem& owner) {
      key.assign(zone.apex_key());
      key += owner.owner->key();
      for (const dns::Rrset& rrset : owner.owner->rrsets(dns::Name::from_key(key))) digest.add(rrset);
    });
    state.add(digest.finish(zone.settings().metadata, zone.settings().keys));
  });
  return zone::to_hex(state.finish(zones.tsig_keys(), zones.stored_target_pools().all(), *zones.overrides()));
}

Admin::Admin(AdminSources sources)
    : sources_(std::move(sources)),
      started_(sources_.clock.now()),
      age_ms_(sources_.metrics.gauge("sdns_state_age_milliseconds",
                                     "Time since what is served was last seen to be what the database has.")),
      uptime_s_(sources_.metrics.gauge("sdns_uptime_seconds", "Time since this worker started.")),
      resident_octets_(sources_.metrics.gauge("sdns_resident_octets", "Resident memory of the worker.")) {
  sources_.metrics
      .gauge("sdns_build_info", "Always 1; the version is its label.", {{"version", std::string(version())}})
      .set(1);
}

net::HttpServer::Routes Admin::routes() {
  return {
      {"/livez", [](const net::HttpGet&) { return net::HttpReply{.body = "ok\n"}; }},
      {"/readyz", [this](const net::HttpGet&) { return readyz(); }},
      {"/metrics", [this](const net::HttpGet&) { return metrics(); }},
      {"/v1/revision", [this](const net::HttpGet& request) { return revision(request); }},
      {"/v1/status", [this](const net::HttpGet&) { return status(); }},
      {"/v1/digest", [this](const net::HttpGet&) { return digest(); }},
      {"/v1/health", [this](const net::HttpGet& request) { return health(request); }},
      {"/v1/health/events", [this](const net::HttpGet& request) { return health_events(request); }},
      {"/v1/health/history", [this](const net::HttpGet& request) { return health_history(request); }},
      {"/v1/explain", [this](const net::HttpGet& request) { return explain(request); }},
  };
}

net::HttpReply Admin::readyz() const {
  const ServingState::View view = sources_.state.view();
  if (view.ready) return {.body = "ready\n"};
  std::string reason = fmt::format("not ready: no zones are loaded yet; database: {}", to_text(view.database));
  if (!view.database_error.empty()) reason += fmt::format(" ({})", view.database_error);
  if (view.rejected) reason += fmt::format("; revision {} was rejected: {}", *view.rejected, view.rejected_error);
  return {.status = 503, .body = reason + "\n"};
}

net::HttpReply Admin::metrics() {
  age_ms_.set(sources_.state.view().age.count());
  uptime_s_.set(duration_cast<seconds>(sources_.clock.now() - started_).count());
  resident_octets_.set(resident_octets());
  std::string text = sources_.metrics.render();
  if (sources_.metrics_per_check) {
    const std::vector<health::CheckReport> reports = sources_.checks("");
    text += health_metrics(*sources_.health(), reports, kMostChecksWithMetrics, sources_.clock.now());
  }
  return {200, "text/plain; version=0.0.4; charset=utf-8", std::move(text)};
}

bool Admin::wait_for(zone::Revision revision, milliseconds limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  if (!sources_.state.wait_for(revision, limit)) return false;
  while (!sources_.state.interrupted()) {
    const auto left = duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (sources_.wait_purged(revision, std::clamp(left, milliseconds(0), kWaitSlice))) return true;
    if (left <= milliseconds(0)) return false;
  }
  return false;
}

net::HttpReply Admin::revision(const net::HttpGet& request) {
  const auto wanted = argument(request, "wait", 0);
  const auto timeout = argument(request, "timeout_ms", kDefaultWait.count());
  if (!wanted || !timeout)
    return json_reply(400, {{"error", "wait and timeout_ms are whole numbers: /v1/revision?wait=12&timeout_ms=5000"}});
  int status = 200;
  if (request.query.contains("wait")) {
    const auto limit = milliseconds(std::min<std::uint64_t>(*timeout, kMaxWait.count()));
    if (waiters_.fetch_add(1) >= kMaxWaiters) status = 503;  // too many wait already: the state as it is
    else if (!wait_for(*wanted, limit)) status = 504;
    waiters_.fetch_sub(1);
  }
  return json_reply(status, revision_object(sources_.state.view(), sources_.purged()));
}

net::HttpReply Admin::status() const {
  const ServingState::View view = sources_.state.view();
  Json json = revision_object(view, sources_.purged());
  json["version"] = version();
  json["uptime_s"] = duration_cast<seconds>(sources_.clock.now() - started_).count();
  json["connections"] = sources_.connections();
  json["resident_octets"] = resident_octets();
  json["database"] = {{"state", to_text(view.database)}, {"error", view.database_error}};
  json["rejected"] = view.rejected ? Json{{"revision", *view.rejected}, {"error", view.rejected_error}} : Json();
  json["powerdns"] = Json::array();
  for (const purge::ServerStatus& server : sources_.powerdns())
    json["powerdns"].push_back({{"name", server.name},
                                {"state", purge::state_text(server.state)},
                                {"announcing", server.announcing},
                                {"purged", server.purged.revision},
                                {"unannounced", server.unannounced},
                                {"last_error", server.last_error}});
  return json_reply(200, json);
}

net::HttpReply Admin::digest() {
  const zone::ZoneSetPtr zones = sources_.zones();
  if (!zones) return json_reply(503, {{"error", "no zones are loaded yet"}});
  if (digesting_.exchange(true)) return json_reply(503, {{"error", "another digest is being computed; ask again"}});
  const std::string digest = state_digest(*zones);
  digesting_ = false;
  return json_reply(200,
                    {{"revision", zones->revision()}, {"chain", zone::to_hex(zones->chain())}, {"digest", digest}});
}

net::HttpReply Admin::explain(const net::HttpGet& request) {
  const auto refused = [](int status, const Error& error) {
    return json_reply(status, {{"error", error.what}, {"hint", error.hint}});
  };
  const auto question = parse_explain_request(request.query);
  if (!question) return refused(400, question.error());
  zone::ZoneSetPtr zones = sources_.zones();
  if (!zones) return json_reply(503, {{"error", "no zones are loaded yet"}, {"hint", ""}});
  // One at a time, so that at most one core is taken from those who answer; the others wait their turn.
  net::HttpReply reply = json_reply(503, {{"error", "too many explanations at once"}, {"hint", "ask again"}});
  if (explainers_.fetch_add(1) < kMaxExplainers) {
    std::lock_guard lock(explaining_);
    const auto explanation = sources_.explain(question->question, std::move(zones));
    reply = explanation ? json_reply(200, explain_json(*question, *explanation)) : refused(400, explanation.error());
  }
  explainers_.fetch_sub(1);
  return reply;
}

net::HttpReply Admin::health(const net::HttpGet& request) {
  const auto given = request.query.find("check");
  const std::string part = given == request.query.end() ? std::string() : given->second;
  health::OverrideIndex overrides;
  if (const zone::ZoneSetPtr zones = sources_.zones())
    overrides = health::OverrideIndex(*zones->overrides(), *zones->target_pools());
  // The checker first: a check that it knows is in the table, unless it has just gone.
  const std::vector<health::CheckReport> reports = sources_.checks(part);
  const std::uint64_t purged = sources_.purged_health();
  const health::HealthTablePtr table = sources_.health();
  const auto wall = duration_cast<seconds>(sources_.wall_clock.wall_now().time_since_epoch());
  return json_reply(200, health_json({.table = *table,
                                      .purged = purged,
                                      .reports = reports,
                                      .overrides = overrides,
                                      .now = sources_.clock.now(),
                                      .now_seconds = wall.count(),
                                      .shared = sources_.shared,
                                      .node = sources_.node},
                                     part));
}

void Admin::wait_for_transition(std::uint64_t after, std::string_view part, milliseconds limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!sources_.state.interrupted()) {
    const auto left = duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (sources_.history->wait(after, part, std::clamp(left, milliseconds(0), kWaitSlice))) return;
    if (left <= milliseconds(0)) return;
  }
}

net::HttpReply Admin::health_history(const net::HttpGet& request) {
  const auto after = argument(request, "after", 0);
  const auto newest = argument(request, "newest", std::numeric_limits<std::size_t>::max());
  const auto wait = argument(request, "wait_ms", 0);
  if (!after || !newest || !wait)
    return json_reply(400, {{"error",
                             "after, newest and wait_ms are whole numbers: "
                             "/v1/health/history?check=192.0.2.1&after=1767323045000012&wait_ms=30000"}});
  if (sources_.history == nullptr)
    return json_reply(409, {{"error", "nothing is probed: health.probe is no in the daemon's configuration"}});
  const auto given = request.query.find("check");
  const std::string part = given == request.query.end() ? std::string() : given->second;
  if (*wait > 0) {
    const bool too_many = watchers_.fetch_add(1) >= kMaxWatchers;
    if (!too_many) wait_for_transition(*after, part, milliseconds(std::min<std::uint64_t>(*wait, kMaxWait.count())));
    watchers_.fetch_sub(1);
    if (too_many) return json_reply(503, {{"error", fmt::format("{} others wait already", kMaxWatchers)}});
  }
  return json_reply(200, history_json(sources_.history->after(*after, part, *newest)));
}

net::HttpReply Admin::health_events(const net::HttpGet& request) {
  // The browser's own name for where it was, and one for whoever sets no header.
  const auto header = request.headers.find("last-event-id");
  net::HttpGet asked = request;
  if (header != request.headers.end() && !header->second.empty()) asked.query.insert_or_assign("after", header->second);
  const auto after = argument(asked, "after", 0);
  if (!after) return json_reply(400, {{"error", "Last-Event-ID, or after, is the id of an event: a whole number"}});
  if (sources_.history == nullptr)
    return json_reply(409, {{"error", "nothing is probed: health.probe is no in the daemon's configuration"}});
  const auto given = request.query.find("check");
  HealthEvents::Options options;
  if (given != request.query.end()) options.part = given->second;
  if (asked.query.contains("after")) options.after = *after;
  // A stream that ends gives its place back however it ends: with what it holds.
  const std::shared_ptr<void> place(nullptr, [streams = streams_](void*) { streams->fetch_sub(1); });
  if (streams_->fetch_add(1) >= kMaxStreams)
    return json_reply(503, {{"error", fmt::format("there are {} streams already", kMaxStreams)}});
  auto events = std::make_shared<HealthEvents>(*sources_.history, std::move(options), sources_.clock);
  return {.content_type = "text/event-stream", .stream = [this, place, events](std::string& out) {
            if (sources_.state.interrupted()) return false;
            events->next(out, kWaitSlice);
            return true;
          }};
}

AdminDoor::AdminDoor(AdminEndpoint endpoint, net::HttpServer::Routes routes, const Log& log)
    : endpoint_(std::move(endpoint)), routes_(std::move(routes)), log_(log), thread_([this] { run(); }) {}

AdminDoor::~AdminDoor() {
  close();
  thread_.join();
}

void AdminDoor::close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
}

void AdminDoor::run() {
  const bool v6 = endpoint_.host.find(':') != std::string::npos;
  const auto address = [&](std::uint16_t port) {
    return fmt::format("{}{}{}:{}", v6 ? "[" : "", endpoint_.host, v6 ? "]" : "", port);
  };
  std::unique_ptr<net::HttpServer> server;
  const auto begin = std::chrono::steady_clock::now();
  bool alarmed = false;
  std::unique_lock lock(mutex_);
  while (!closing_ && !server) {
    lock.unlock();
    auto started =
        net::HttpServer::start({.host = endpoint_.host, .port = endpoint_.port, .threads = kThreads}, routes_);
    if (started) {
      server = std::move(*started);
      port_ = server->port();
      log_.info("admin.listening", {{"address", address(server->port())}});
    } else if (!alarmed && std::chrono::steady_clock::now() - begin >= kBindAlarm) {
      alarmed = true;
      log_.error("admin.unavailable", {{"address", address(endpoint_.port)},
                                       {"error", started.error().what},
                                       {"hint", "queries are answered; free the address or change admin.listen"}});
    }
    lock.lock();
    if (!server) wake_.wait_for(lock, kBindAgain, [this] { return closing_; });
  }
  wake_.wait(lock, [this] { return closing_; });
  lock.unlock();
  if (server) server->stop();
}

}  // namespace sdns::daemon
