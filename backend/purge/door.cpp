// SPDX-License-Identifier: MIT
#include "backend/purge/door.h"

#include <fmt/format.h>

#include <optional>

#include "backend/net/http_client.h"
#include "backend/purge/announcer.h"
#include "backend/purge/control_socket.h"

namespace sdns::purge {
namespace {

template <class T>
Result<void> without_value(const Result<T>& result) {
  if (!result) return fail(result.error());
  return {};
}

class PowerDnsDoor final : public Door {
 public:
  explicit PowerDnsDoor(const ServerConfig& config) : name_(config.name) {
    if (!config.control_socket.empty()) control_.emplace(config.control_socket);
    if (!config.api_url.empty())
      api_.emplace(config.api_url, config.api_key, [this](const net::HttpRequest& r) { return http_.send(r); });
  }

  Result<void> purge(const std::set<dns::Name>& names) override {
    if (control_) return without_value(control_->purge(names));
    for (const dns::Name& name : names)
      if (auto ok = announce(name); !ok) return ok;
    return {};
  }
  Result<void> announce(const dns::Name& name) override { return api_ ? api_->flush(name) : missing("api_url"); }
  Result<void> purge_subtree(const dns::Name& name) override {
    return control_ ? without_value(control_->purge_subtree(name)) : announce(name);
  }
  Result<void> purge_everything() override {
    return control_ ? without_value(control_->purge_everything()) : announce(dns::Name());
  }
  Result<void> rediscover() override { return control_ ? control_->rediscover() : missing("control_socket"); }
  Result<void> ping() override {
    if (control_) return control_->ping();
    return api_ ? api_->ping() : missing("control_socket");
  }

 private:
  [[nodiscard]] Result<void> missing(const char* key) const {
    return fail(Errc::kUnsupported, fmt::format("powerdns {}: {} is not configured", name_, key),
                fmt::format("set powerdns.{}", key));
  }

  std::string name_;
  net::HttpClient http_;
  std::optional<ControlSocket> control_;
  std::optional<Announcer> api_;
};

}  // namespace

std::unique_ptr<Door> open_door(const ServerConfig& config) { return std::make_unique<PowerDnsDoor>(config); }

}  // namespace sdns::purge
