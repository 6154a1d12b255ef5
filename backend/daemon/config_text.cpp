// SPDX-License-Identifier: MIT
// The configuration as people see it, and what it takes from the process.
#include "backend/daemon/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace sdns::daemon {

unsigned Config::Engine::thread_count() const {
  return threads != 0 ? threads : std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
}

Environment process_environment() {
  Environment out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (text.starts_with("SDNS_") && equals != std::string_view::npos)
      out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::string ConfigProblems::text(std::string_view program, std::string_view consequence) const {
  std::string out = fmt::format("{}: {} problem{} in {}; {}\n", program, problems.size(),
                                problems.size() == 1 ? "" : "s", source, consequence);
  std::size_t width = 0;
  for (const Problem& problem : problems) width = std::max(width, problem.where.size());
  for (const Problem& problem : problems) out += fmt::format("  {:<{}}  {}\n", problem.where, width, problem.what);
  return out;
}

std::string print_config(const LoadedConfig& loaded) {
  std::string out;
  std::size_t width = 0;
  for (const Setting& setting : loaded.settings) width = std::max(width, setting.key.size() + setting.value.size());
  for (const Setting& setting : loaded.settings)
    out += fmt::format("{} = {:<{}}  # {}\n", setting.key, setting.value, width - setting.key.size(), setting.origin);
  return out;
}

std::vector<std::string> needs_restart(const Config& running, const Config& next) {
  std::vector<std::string> out;
  const auto compare = [&out](const char* key, bool equal) {
    if (!equal) out.emplace_back(key);
  };
  compare("database.url", running.database.url == next.database.url);
  compare("database.key_file", running.database.key_file == next.database.key_file);
  compare("snapshot", running.snapshot == next.snapshot);
  compare("node", running.node == next.node);
  compare("listen.socket", running.listen.socket == next.listen.socket);
  compare("listen.pipe_socket", running.listen.pipe_socket == next.listen.pipe_socket);
  compare("listen.hung_after", running.listen.hung_after == next.listen.hung_after);
  compare("listen.mode", running.listen.mode == next.listen.mode);
  compare("listen.group", running.listen.group == next.listen.group);
  compare("listen.peers", running.listen.peer_uids == next.listen.peer_uids);
  compare("listen.max_connections", running.listen.max_connections == next.listen.max_connections);
  compare("listen.max_request_octets", running.listen.max_request_octets == next.listen.max_request_octets);
  compare("engine.threads", running.engine.threads == next.engine.threads);
  compare("admin.listen", running.admin.endpoint == next.admin.endpoint);
  compare("cache.packet_cache_ttl", running.cache.packet_cache_ttl == next.cache.packet_cache_ttl);
  compare("cache.query_cache_ttl", running.cache.query_cache_ttl == next.cache.query_cache_ttl);
  compare("lua", running.lua == next.lua);
  compare("health", running.health == next.health);
  compare("geo", running.geo == next.geo);
  compare("log.format", running.log.format == next.log.format);
  return out;
}

}  // namespace sdns::daemon
