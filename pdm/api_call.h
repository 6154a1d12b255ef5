// SPDX-License-Identifier: MIT
// One request to PDM's API on its way: what the route handlers share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "pdm/api.h"

namespace sdns::pdm {

/// A refusal as callers see it.
struct Problem {
  int status;
  std::string code;    ///< kebab case: for programs
  std::string detail;  ///< fit for a customer
};

class ApiCall {
 public:
  ApiCall(const ApiParts& parts, net::ApiRequest&& request, net::ApiAnswer answer)
      : parts(parts), request(std::move(request)), answer(std::move(answer)) {}

  void refuse(const Problem& problem);
  void refuse(const Error& error);  ///< of the database
  void reply(int status, const nlohmann::ordered_json& body);
  /// Whether the caller may; answers when not. `object`: the pool domain, or "".
  bool admit(std::string_view verb, std::string_view object);
  /// On whose behalf; `owner` of the body tells owners of one principal apart.
  [[nodiscard]] Caller caller(const nlohmann::json& body) const;

  const ApiParts& parts;
  net::ApiRequest request;
  net::ApiAnswer answer;
  Principal principal;
};
using CallPtr = std::shared_ptr<ApiCall>;

/// The body as an object; answers 400 when it is none. An empty one is an empty object where that is allowed.
enum class Body : std::uint8_t { kNeeded, kOptional };
bool read_body(ApiCall& call, Body need, nlohmann::json& body);
/// A string of the body, "" when it is missing; answers 400 when it is something else.
bool read_text(ApiCall& call, const nlohmann::json& body, const char* key, std::string& text);
/// "2026-04-29T12:00:00Z".
std::string time_text(std::int64_t ms);
nlohmann::ordered_json allocation_json(const AllocationRow& row, Phase phase);

// Routes. Each answers the call, now or later.
void serve_reserved(const CallPtr& call);
void serve_check(const CallPtr& call, const std::string& pool);
void serve_list(const CallPtr& call, const std::string& pool);
void serve_allocation(const CallPtr& call, const std::string& pool, const std::string& subdomain);
void serve_reserve(const CallPtr& call, std::optional<std::string> pool);
void serve_commit(const CallPtr& call, std::optional<std::string> pool);
void serve_release(const CallPtr& call, const std::string& pool);
void serve_release_by_name(const CallPtr& call);
void serve_force_release(const CallPtr& call);
void serve_make_token(const CallPtr& call);
void serve_tokens(const CallPtr& call);
void serve_revoke_token(const CallPtr& call, const std::string& id);
void serve_health(const CallPtr& call);
void serve_readiness(const CallPtr& call);
void serve_openapi(const CallPtr& call);

}  // namespace sdns::pdm
