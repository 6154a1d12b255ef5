// SPDX-License-Identifier: MIT
// Between Prober and the kinds of probes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "backend/base/owned.h"
#include "backend/base/random.h"
#include "backend/health/probe.h"
#include "backend/health/probe_poller.h"
#include "backend/health/target_policy.h"

namespace sdns::health {

class ProbeReaper;

/// What all probes of one Prober use.
struct ProbeWorld {
  ProbePoller& poller;
  ProbeReaper& reaper;
  TargetPolicy policy;
  Random& random;
};

/// Whom a probe tells what came of it; that ends the probe, so it is the last thing it does.
class ProbeSink {
 public:
  virtual void done(ProbeResult result) = 0;

 protected:
  ~ProbeSink() = default;
};

/// One probe under way. Its destructor ends it and closes what it has opened; nothing is reported then.
class ProbeRun {
 public:
  virtual ~ProbeRun() = default;
  /// A result when it was over at once; else the sink is told, from the loop.
  virtual std::optional<ProbeResult> start() = 0;
  /// What it was doing when the time was over, for people: "no connection".
  [[nodiscard]] virtual std::string_view waiting_for() const = 0;
  /// What it is when the time is over.
  [[nodiscard]] virtual ProbeFailure overdue() const { return ProbeFailure::kTimeout; }
};

/// A non-blocking socket of this address's family, bound to the source. Or the failure (kLocal).
struct ProbeSocket {
  Fd fd;
  ProbeResult failure{};
};
ProbeSocket open_probe_socket(bool v4, int type, const std::optional<dns::IpAddress>& source);
/// Begins to connect; nothing while it goes on, or the failure.
std::optional<ProbeResult> begin_connect(int fd, const dns::IpAddress& address, std::uint16_t port);
/// What an attempt to connect has come to, once the socket is writable; nothing: it is connected.
std::optional<ProbeResult> connect_failure(int fd);
/// The failure that an errno of a socket stands for; `doing` as "connect".
ProbeResult socket_failure(std::string_view doing, int error);

}  // namespace sdns::health
