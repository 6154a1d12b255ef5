// SPDX-License-Identifier: MIT
// HTTP and HTTPS. All connections go to addresses that were checked when the socket was made; proxies, .netrc, cookies
// and the environment play no part.
#pragma once

#include <memory>

#include "backend/health/probe_curl.h"
#include "backend/health/probe_resolver.h"
#include "backend/health/probe_run.h"

namespace sdns::health {

struct HttpLimits {
  std::size_t header_octets = 64 * 1024;       ///< of all responses of a probe together
  std::size_t body_octets = 16 * 1024 * 1024;  ///< more is a failure, unless a lower byte limit cuts before
};

/// Requires an HttpProbe that check_probe() passes. What is referred to outlives the run. HttpHost::kResolved and
/// redirects to other hosts need the resolver, and nothing else. A lookup that nobody answers is a failure of the
/// target (kResolve, kTimeout) if the resolver has answered another one since it was asked for, else kLocal.
std::unique_ptr<ProbeRun> make_http_run(ProbeWorld& world, CurlMulti& curl, ProbeResolver& resolver,
                                        const HttpLimits& limits, const ProbeSpec& spec, ProbeSink& sink);

}  // namespace sdns::health
