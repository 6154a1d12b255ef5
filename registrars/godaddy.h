// SPDX-License-Identifier: MIT
// GoDaddy: three APIs. A key with secret uses v1, a personal access token v3, a reseller's sub-account v2.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "registrars/adapter.h"
#include "registrars/settings.h"

namespace sdns::registrars {

class GoDaddy final : public Adapter {
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
  Answer<TaskReport> read_task(const dns::Name& domain, const std::string& id) override;

 private:
  enum class Version : std::uint8_t { kV1, kV2, kV3 };
  struct Got {
    Reply reply{};
    bool json = false;
  };
  GoDaddy(Context& context, std::vector<Secret> credential, std::string base, std::string shopper, Version version);
  Answer<Reply> ask(const std::string& method, const std::string& path, const std::string& body, Effect effect,
                    const std::string& what, const std::string& idempotency_key = {});
  [[nodiscard]] Fault classify(const Call& call, const Reply& reply);
  Answer<void> learn_customer();
  [[nodiscard]] std::string domain_path(const dns::Name& domain) const;
  Answer<std::vector<DsRecord>> ds_of(const dns::Name& domain, const nlohmann::json& body) const;

  Channel channel_;
  const std::string base_;
  const std::string shopper_;
  Version version_;
  Capabilities capabilities_;
  std::string customer_{};
  /// Of the last inspect(), for the one read_ds() that follows it.
  std::optional<std::vector<DsRecord>> fresh_ds_{};
  /// The intent that the key below was made for: a repeated write of the same intent has the same key.
  std::string intent_{};
  std::string idempotency_key_{};
};

}  // namespace sdns::registrars
