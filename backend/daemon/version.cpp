// SPDX-License-Identifier: MIT
#include "backend/daemon/version.h"

namespace sdns::daemon {

std::string_view version() { return SDNS_VERSION; }

}  // namespace sdns::daemon
