// SPDX-License-Identifier: MIT
// Threads and routes; the routes' work is in api_allocations.cpp and api_admin.cpp.
#include "pdm/api.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "pdm/api_call.h"

namespace sdns::pdm {
namespace {

using Json = nlohmann::ordered_json;
using Segments = std::vector<std::string>;

constexpr std::size_t kMostWaiting = 4096;

/// A path of the API and what it takes. "{}" stands for any segment.
struct Route {
  const char* method;
  std::vector<const char*> path;
  void (*serve)(const CallPtr&, const Segments&);
};

std::string pool_of(const Segments& segments) { return trimmed_lower(segments[3]); }

const std::vector<Route>& routes() {
  static const std::vector<Route> all = {
      {"GET", {"healthz"}, [](const CallPtr& call, const Segments&) { serve_health(call); }},
      {"GET",
       {"livez"},
       [](const CallPtr& call, const Segments&) {
         call->reply(200, {{"status", "ok"}});
       }},
      {"GET", {"readyz"}, [](const CallPtr& call, const Segments&) { serve_readiness(call); }},
      {"GET", {"openapi.yaml"}, [](const CallPtr& call, const Segments&) { serve_openapi(call); }},
      {"GET",
       {"metrics"},
       [](const CallPtr& call, const Segments&) {
         if (call->admit("metrics", ""))
           call->answer.send({200, "text/plain; version=0.0.4", call->parts.metrics.render(), {}});
       }},
      {"GET", {"api", "v1", "reserved"}, [](const CallPtr& call, const Segments&) { serve_reserved(call); }},
      {"GET",
       {"api", "v1", "pool", "{}", "check"},
       [](const CallPtr& call, const Segments& at) { serve_check(call, pool_of(at)); }},
      {"GET",
       {"api", "v1", "pool", "{}", "list"},
       [](const CallPtr& call, const Segments& at) { serve_list(call, pool_of(at)); }},
      {"GET",
       {"api", "v1", "pool", "{}", "allocation", "{}"},
       [](const CallPtr& call, const Segments& at) { serve_allocation(call, pool_of(at), trimmed_lower(at[5])); }},
      {"POST",
       {"api", "v1", "pool", "{}", "reserve"},
       [](const CallPtr& call, const Segments& at) { serve_reserve(call, pool_of(at)); }},
      {"POST",
       {"api", "v1", "pool", "{}", "commit"},
       [](const CallPtr& call, const Segments& at) { serve_commit(call, pool_of(at)); }},
      {"DELETE",
       {"api", "v1", "pool", "{}", "release"},
       [](const CallPtr& call, const Segments& at) { serve_release(call, pool_of(at)); }},
      {"POST",
       {"api", "v1", "pool", "{}", "release"},
       [](const CallPtr& call, const Segments& at) { serve_release(call, pool_of(at)); }},
      {"POST", {"api", "v1", "release"}, [](const CallPtr& call, const Segments&) { serve_release_by_name(call); }},
      {"POST", {"api", "v1", "force-release"}, [](const CallPtr& call, const Segments&) { serve_force_release(call); }},
      {"POST", {"v1", "reserve"}, [](const CallPtr& call, const Segments&) { serve_reserve(call, std::nullopt); }},
      {"POST", {"v1", "commit"}, [](const CallPtr& call, const Segments&) { serve_commit(call, std::nullopt); }},
      {"POST", {"api", "v1", "tokens"}, [](const CallPtr& call, const Segments&) { serve_make_token(call); }},
      {"GET", {"api", "v1", "tokens"}, [](const CallPtr& call, const Segments&) { serve_tokens(call); }},
      {"DELETE",
       {"api", "v1", "tokens", "{}"},
       [](const CallPtr& call, const Segments& at) { serve_revoke_token(call, at[3]); }},
  };
  return all;
}

bool fits(const Route& route, const Segments& segments) {
  if (route.path.size() != segments.size()) return false;
  for (std::size_t i = 0; i < segments.size(); ++i)
    if (std::string_view(route.path[i]) != "{}" && segments[i] != route.path[i]) return false;
  return true;
}

}  // namespace

Api::Api(ApiParts parts) : parts_(std::move(parts)) {
  for (unsigned i = 0; i < parts_.threads; ++i) threads_.emplace_back([this] { work(); });
}

Api::~Api() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::string Api::error_body(int, std::string_view code, std::string_view detail) {
  return Json{{"error", code}, {"detail", detail}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void Api::take(net::ApiRequest&& request, net::ApiAnswer answer) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() < kMostWaiting) {
      waiting_.emplace_back(std::move(request), std::move(answer));
      wake_.notify_one();
      return;
    }
  }
  answer.send({503,
               "application/json",
               error_body(503, "overloaded", "too many requests wait; try again"),
               {{"Retry-After", "1"}}});
}

void Api::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto [request, answer] = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    answer_now(std::move(request), std::move(answer));
    lock.lock();
  }
}

void Api::answer_now(net::ApiRequest&& request, net::ApiAnswer answer) {
  const auto call = std::make_shared<ApiCall>(parts_, std::move(request), std::move(answer));
  const Segments segments = call->request.segments;
  const std::string method = call->request.method == "HEAD" ? "GET" : call->request.method;
  std::string allowed;
  for (const Route& route : routes()) {
    if (!fits(route, segments)) continue;
    if (method == route.method) return route.serve(call, segments);
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  if (allowed.empty()) return call->refuse({404, "no-such-route", "there is nothing at this path"});
  call->answer.send({405,
                     "application/json",
                     error_body(405, "method-not-allowed", "the path takes " + allowed),
                     {{"Allow", allowed}}});
}

void ApiCall::refuse(const Problem& problem) {
  answer.send({problem.status, "application/json", Api::error_body(problem.status, problem.code, problem.detail), {}});
}

void ApiCall::refuse(const Error& error) {
  parts.log.warn("pdm.request_failed", {{"method", request.method}, {"error", error.what}, {"hint", error.hint}});
  switch (error.code) {
    case Errc::kExists:
      return refuse({409, "conflict", "the name is in use outside of the pool"});
    case Errc::kBusy:
      answer.send({503,
                   "application/json",
                   Api::error_body(503, "busy", "the service is busy; try again"),
                   {{"Retry-After", "1"}}});
      return;
    default:
      answer.send({503,
                   "application/json",
                   Api::error_body(503, "database-unavailable",
                                   "the service cannot do this now; nothing was changed; try again"),
                   {{"Retry-After", "5"}}});
  }
}

void ApiCall::reply(int status, const Json& body) {
  answer.send({status,
               "application/json",
               body.dump(-1, ' ', false, Json::error_handler_t::replace),
               {{"Cache-Control", "no-store"}}});
}

bool ApiCall::admit(std::string_view verb, std::string_view object) {
  auto verdict = parts.auth.admit(request, verb, object);
  if (!verdict) {
    refuse(verdict.error());
    return false;
  }
  if (*verdict) {
    principal = std::move(**verdict);
    return true;
  }
  if (verdict->error() == Auth::Denied::kScope) {
    refuse({403, "forbidden", "the token does not allow this"});
  } else {
    const bool none = verdict->error() == Auth::Denied::kNoToken;
    answer.send({401,
                 "application/json",
                 Api::error_body(401, "unauthorized",
                                 none ? "a token is needed" : "the token is not known, or its time is over"),
                 {{"WWW-Authenticate", "Bearer realm=\"sovereign-pdm\""}}});
  }
  return false;
}

Caller ApiCall::caller(const nlohmann::json& body) const {
  Caller caller{principal.name, principal.owner};
  const auto owner = body.find("owner");
  if (principal.name != "anonymous" && owner != body.end() && owner->is_string() && *owner != "")
    caller.owner += "/" + owner->get<std::string>();
  return caller;
}

bool read_body(ApiCall& call, Body need, nlohmann::json& body) {
  if (call.request.body.empty() && need == Body::kOptional) {
    body = nlohmann::json::object();
    return true;
  }
  body = nlohmann::json::parse(call.request.body, nullptr, false);
  if (body.is_object()) return true;
  call.refuse({400, "invalid JSON body", "the body of the request is not a JSON object"});
  return false;
}

bool read_text(ApiCall& call, const nlohmann::json& body, const char* key, std::string& text) {
  const auto at = body.find(key);
  text.clear();
  if (at == body.end() || at->is_null()) return true;
  if (at->is_string()) {
    text = at->get<std::string>();
    return true;
  }
  call.refuse({400, "invalid JSON body", fmt::format("{} has to be a string", key)});
  return false;
}

std::string time_text(std::int64_t ms) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(ms / 1000)));
}

}  // namespace sdns::pdm
