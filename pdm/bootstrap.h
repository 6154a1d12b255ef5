// SPDX-License-Identifier: MIT
// Pool domains as zones: made, signed and adopted when the program starts.
#pragma once

#include "backend/base/log.h"
#include "backend/store/authority.h"
#include "pdm/settings.h"

namespace sdns::pdm {

/// Makes the zones of pool domains that are missing, gives those that are there the name servers of the configuration,
/// and signs those that are not. Says what stands in them that no allocation explains; takes it out where the pool
/// domain says so. Running it again changes nothing.
Result<void> prepare_pool_domains(store::Authority& authority, const Settings& settings, const Log& log);

}  // namespace sdns::pdm
