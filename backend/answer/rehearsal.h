// SPDX-License-Identifier: MIT
// Which health checks LUA records and target pools ask, found before anybody asks for them.
#pragma once

#include <string>
#include <vector>

#include "backend/answer/steering.h"

namespace sdns::answer {

/// Identities, some perhaps more than once.
struct AskedChecks {
  std::vector<std::string> checks;
  std::vector<std::string> planned;  ///< of these, on which a planned TTL rests
  void clear() {
    checks.clear();
    planned.clear();
  }
};

/// Used by one thread. Runs records as answers do, within their budgets; what they answer, log or count is nobody's.
class Rehearsal {
 public:
  struct Parts {
    const SteeringSettings& settings;
    const health::HealthCell& health;
    const lua::GeoCell& geo;
    const Clock& clock;
    std::uint64_t seed = 0;
  };
  /// All parts outlive it.
  explicit Rehearsal(const Parts& parts);
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  /// Appends the checks that this content of a LUA record of the owner asks: run for a client in no known place, and in
  /// every call in it whose arguments are constants, whatever it depends on whether it is made; after very many of them
  /// it stops. A record that runs without the sandbox is not run.
  void record(const zone::ZoneSet& zones, const zone::Zone& zone, const zone::Owner& owner, const std::string& content,
              AskedChecks& asked);
  /// Appends those of the target pool of this name.
  void pool(const zone::ZoneSet& zones, const std::string& name, AskedChecks& asked);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::answer
