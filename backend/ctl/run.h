// SPDX-License-Identifier: MIT
// sdnsctl as a function.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "backend/ctl/environment.h"

namespace sdns::ctl {

/// `arguments` without the program's name. Output to `out`, messages to `err`. The exit code: 0 done, 1 failed or "no",
/// 2 usage, 3 durable but not acknowledged by the engine in time, 4 problems found (check, diff).
int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err, Environment& environment);

}  // namespace sdns::ctl
