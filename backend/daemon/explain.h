// SPDX-License-Identifier: MIT
// `/v1/explain`: from the parameters of a request to a question, from an explanation to JSON.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "backend/answer/explainer.h"
#include "backend/base/error.h"

namespace sdns::daemon {

using QueryParameters = std::map<std::string, std::string, std::less<>>;

struct ExplainRequest {
  answer::ExplainQuestion question;
  bool client_assumed = false;  ///< none was given
};

/// `name`, `type`, `client` (ADDRESS or ADDRESS/LENGTH), `ecs` (a network), `at_health` (`TARGET=up` or `TARGET=down`,
/// one a line). Errors (kInvalidArgument) name the parameter and the rule.
Result<ExplainRequest> parse_explain_request(const QueryParameters& query);

/// docs/sdnsctl.md says what is in it.
nlohmann::ordered_json explain_json(const ExplainRequest& request, const answer::Explanation& explanation);

}  // namespace sdns::daemon
