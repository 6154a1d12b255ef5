// SPDX-License-Identifier: MIT
#include "backend/ctl/powerdns_facts.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "backend/ctl/zone_facts.h"

namespace sdns::ctl {
namespace {

std::string text_at(const nlohmann::json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::uint64_t number_at(const nlohmann::json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : 0;
}

std::string reason(const PowerdnsFacts& server) { return server.last_error.empty() ? "" : ": " + server.last_error; }

}  // namespace

std::vector<PowerdnsFacts> powerdns_facts(const nlohmann::json& status) {
  std::vector<PowerdnsFacts> servers;
  if (!status.is_object()) return servers;
  const auto list = status.find("powerdns");
  if (list == status.end() || !list->is_array()) return servers;
  for (const auto& entry : *list) {
    if (!entry.is_object()) continue;
    servers.push_back({text_at(entry, "name"), text_at(entry, "state"), number_at(entry, "purged"),
                       number_at(entry, "unannounced"), text_at(entry, "last_error")});
  }
  return servers;
}

std::string what_stays(const PowerdnsFacts& server) {
  if (!server.present()) {
    return fmt::format("PowerDNS {} is {}{}; what it has cached stays until its TTL", server.name, server.state,
                       reason(server));
  }
  return fmt::format("PowerDNS {} was not told of {} that came or went{}; its answers for {} may be those of before",
                     server.name, count_text(server.unannounced, "zone"), reason(server),
                     server.unannounced == 1 ? "it" : "them");
}

std::string state_line(const PowerdnsFacts& server) {
  std::string line = fmt::format("{}, purged up to revision {}", server.state, server.purged);
  if (server.unannounced > 0) line += fmt::format(", {} unannounced", count_text(server.unannounced, "zone"));
  return line + reason(server);
}

}  // namespace sdns::ctl
