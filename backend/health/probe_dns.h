// SPDX-License-Identifier: MIT
// One DNS question: over UDP, and over TCP when the reply is truncated.
#pragma once

#include <memory>

#include "backend/health/probe_run.h"

namespace sdns::health {

/// Requires a DnsProbe that check_probe() passes. The specification outlives the run.
std::unique_ptr<ProbeRun> make_dns_run(ProbeWorld& world, const ProbeSpec& spec, ProbeSink& sink);

}  // namespace sdns::health
