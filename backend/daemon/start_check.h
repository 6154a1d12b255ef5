// SPDX-License-Identifier: MIT
// What a start needs of the database besides a configuration without problems.
#pragma once

#include <vector>

#include "backend/daemon/config.h"

namespace sdns::daemon {

struct StartCheck {
  std::vector<Problem> problems;  ///< keep the program from starting
  std::vector<Problem> warnings;
};

/// Reads the key file, if one is configured. Compares the configuration's target pools with those of its database: a
/// pool is defined once. A database that cannot be read is a warning, since the daemon starts without one. Without
/// target pools in the configuration it is not read.
StartCheck check_start(const LoadedConfig& loaded);

}  // namespace sdns::daemon
