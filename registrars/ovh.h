// SPDX-License-Identifier: MIT
// OVH: signed calls, host and DS records by key, and writes that are tasks.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "registrars/adapter.h"
#include "registrars/settings.h"

namespace sdns::registrars {

class Ovh final : public Adapter {
 public:
  static Answer<std::unique_ptr<Adapter>> make(Context& context, std::vector<Secret> credential,
                                               const Settings& settings);

  [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
  Channel& channel() override { return channel_; }
  Answer<Registration> inspect(const dns::Name& domain) override;
  Answer<NameserverSet> read_nameservers(const dns::Name& domain) override;
  Answer<Accepted> write_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                     const NameserverSet& present) override;
  Answer<std::vector<DsRecord>> read_ds(const dns::Name& domain) override;
  Answer<Accepted> write_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted,
                            const std::vector<DsRecord>& present) override;
  Answer<std::optional<WriteResult>> stop_own_signing(const dns::Name& domain) override;
  Answer<std::optional<std::vector<dns::IpAddress>>> read_glue(const dns::Name& domain, const dns::Name& host) override;
  Answer<Accepted> write_glue(const dns::Name& domain, const Nameserver& wanted,
                              const std::optional<std::vector<dns::IpAddress>>& present) override;
  Answer<TaskReport> read_task(const dns::Name& domain, const std::string& id) override;
  Answer<std::optional<Task>> running(const dns::Name& domain, Change change) override;
  [[nodiscard]] bool addresses_go_with_nameservers() const override { return !host_supported_; }

 private:
  Ovh(Context& context, std::vector<Secret> credential, std::string base);
  Answer<nlohmann::json> ask(const std::string& method, const std::string& path, const std::string& body, Effect effect,
                             const std::string& what);
  [[nodiscard]] Fault classify(const Call& call, const Reply& reply, const nlohmann::json& body,
                               const std::string& path);
  /// Seconds of the server's clock.
  Answer<std::int64_t> server_time();
  Answer<Accepted> task_of(Answer<nlohmann::json> answer);
  [[nodiscard]] std::string path_of(const dns::Name& domain, std::string_view rest = {}) const;

  Channel channel_;
  const std::string base_;
  const Capabilities capabilities_;
  // Of the domain that was inspected last.
  bool hosted_ = false;
  bool host_supported_ = true;
  bool v6_supported_ = true;
  bool many_addresses_ = true;
};

}  // namespace sdns::registrars
