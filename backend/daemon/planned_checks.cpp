// SPDX-License-Identifier: MIT
#include "backend/daemon/planned_checks.h"

namespace sdns::daemon {

void PlannedChecks::ask(const std::string& identity, std::vector<std::string>& fresh) {
  const auto [check, is_new] = checks_.insert_or_assign(identity, generation_);
  if (is_new) fresh.push_back(check->first);
}

std::vector<std::string> PlannedChecks::turn() {
  std::vector<std::string> gone;
  std::erase_if(checks_, [&](const auto& check) {
    if (check.second + 1 >= generation_) return false;
    gone.push_back(check.first);
    return true;
  });
  ++generation_;
  return gone;
}

}  // namespace sdns::daemon
