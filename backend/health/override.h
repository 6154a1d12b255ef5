// SPDX-License-Identifier: MIT
// What an operator says of targets, whatever their checks say.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/health/health_table.h"
#include "backend/health/target_pool.h"

namespace sdns::health {

/// One override. `target` is an address (`192.0.2.1`), an address and port (`192.0.2.1:443`, `[2001:db8::1]:443`), a
/// check by its identity, a pool (`pool:web`), or a region of pool members (`region:eu`).
struct Override {
  std::string target{};
  Verdict verdict = Verdict::kDown;  ///< up or down
  std::string reason{};
  std::string who{};
  std::int64_t since_seconds = 0;  ///< since 1970
  std::int64_t until_seconds = 0;  ///< 0: until it is taken back
  friend bool operator==(const Override&, const Override&) = default;
};
using Overrides = std::vector<Override>;  // ordered by target

/// Errors (kInvalidArgument) name the target and the rule.
Result<void> check_override(const Override& override);

/// What the overrides say of one check at a time, `nullptr` when none does. A check by its identity beats an address
/// and port, that beats an address, that a pool, that a region.
[[nodiscard]] const Override* override_for(const Overrides& overrides, const TargetPools& pools,
                                           std::string_view identity, std::int64_t now_seconds);

}  // namespace sdns::health
