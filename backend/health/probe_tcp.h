// SPDX-License-Identifier: MIT
// A TCP connection, with something to send and something to wait for.
#pragma once

#include <memory>

#include "backend/health/probe_run.h"

namespace sdns::health {

/// Requires a TcpProbe that check_probe() passes. The specification outlives the run.
std::unique_ptr<ProbeRun> make_tcp_run(ProbeWorld& world, const ProbeSpec& spec, ProbeSink& sink);

}  // namespace sdns::health
