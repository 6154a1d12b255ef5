// SPDX-License-Identifier: MIT
// Runs probes of every kind on one libuv loop. When they are run, and how many at a time, is the caller's to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "backend/base/error.h"
#include "backend/base/random.h"
#include "backend/health/probe.h"
#include "backend/health/probe_http.h"
#include "backend/health/target_policy.h"

struct uv_loop_s;

namespace sdns::health {

/// Of a probe under way; never given twice.
using ProbeId = std::uint64_t;

struct ProberOptions {
  bool exec_allowed = false;  ///< whether ExecProbe runs anything; else, and without a program, it fails as kDisabled
  HttpLimits http{};
  ResolverOptions resolver{};
};

/// Used by the loop's thread, which it never blocks. A probe that is not under way costs nothing; one that is has a
/// descriptor (two for a program, none while a host is looked up) and about 1 KiB, HTTP about 30 KiB and with TLS 100.
/// The caller limits how many there are: a descriptor that cannot be had is the failure kLocal. Requires that the
/// process ignores SIGPIPE, which OpenSSL raises.
class Prober {
 public:
  /// Called from the loop, never from start() or cancel(); may call both. Must not destroy the Prober.
  using Callback = std::function<void(ProbeId, const ProbeResult&)>;

  /// Errors: kIo, no descriptors left. `random` outlives the Prober.
  static Result<std::unique_ptr<Prober>> make(uv_loop_s& loop, const TargetPolicy& policy, Random& random,
                                              const ProberOptions& options = {});
  /// Ends what is under way; nothing is called. The loop must turn once more before it is closed.
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  /// Every probe ends in one call of `callback`, within the specification's timeout. A specification that breaks a rule
  /// of check_probe() ends as kInvalid, an address that may not be probed as kForbidden.
  ProbeId start(std::shared_ptr<const ProbeSpec> spec, Callback callback);
  ProbeId start(ProbeSpec spec, Callback callback) {
    return start(std::make_shared<const ProbeSpec>(std::move(spec)), std::move(callback));
  }
  /// Ends it without a call. False: it is over.
  bool cancel(ProbeId id);
  /// For what connects from now on, redirects of probes under way included.
  void set_policy(const TargetPolicy& policy);
  [[nodiscard]] std::size_t under_way() const;

 private:
  struct Impl;
  explicit Prober(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::health
