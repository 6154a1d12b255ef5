// SPDX-License-Identifier: MIT
#include "backend/daemon/wanted_checks.h"

namespace sdns::daemon {

void WantedChecks::ask(zone::ZoneId zone, const std::vector<std::string>& identities, std::vector<std::string>& fresh) {
  for (const std::string& identity : identities) {
    if (const auto found = checks_.find(identity); found != checks_.end()) {
      found->second.generation = generation_;
      continue;
    }
    std::size_t& count = counts_[zone];
    if ((zone != 0 && count >= limits_.of_one_zone) || checks_.size() >= limits_.of_all) {
      ++refused_;
      refused_zone_ = zone;
      continue;
    }
    ++count;
    checks_.emplace(identity, Check{zone, generation_});
    fresh.push_back(identity);
  }
}

std::optional<std::vector<std::string>> WantedChecks::turn(SteadyTime now) {
  if (now - turned_ < life_) return std::nullopt;
  std::vector<std::string> gone;
  turned_ = now;
  for (auto at = checks_.begin(); at != checks_.end();) {
    if (at->second.generation == generation_) {
      ++at;
      continue;
    }
    if (const auto count = counts_.find(at->second.zone); --count->second == 0) counts_.erase(count);
    gone.push_back(at->first);
    at = checks_.erase(at);
  }
  ++generation_;
  return gone;
}

}  // namespace sdns::daemon
