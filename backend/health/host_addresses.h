// SPDX-License-Identifier: MIT
// The addresses of this host's interfaces.
#pragma once

#include <vector>

#include "backend/base/error.h"
#include "backend/dns/ip.h"

namespace sdns::health {

/// In order, each once. Errors (kIo).
Result<std::vector<dns::IpAddress>> host_addresses();

}  // namespace sdns::health
