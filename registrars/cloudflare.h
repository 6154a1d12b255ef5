// SPDX-License-Identifier: MIT
// Cloudflare: domains of its registrar use the name servers that it assigns; there is no way to others.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "registrars/adapter.h"
#include "registrars/settings.h"

namespace sdns::registrars {

class Cloudflare final : public Adapter {
 public:
  /// `credential` as split_credential() gives it. Errors: kRegistrarError (base URL).
  static Answer<std::unique_ptr<Adapter>> make(Context& context, std::vector<Secret> credential,
                                               const Settings& settings);

  [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
  Channel& channel() override { return channel_; }
  Answer<Registration> validate(const dns::Name& domain) override;
  Answer<Registration> inspect(const dns::Name& domain) override;
  Answer<NameserverSet> read_nameservers(const dns::Name& domain) override;
  Answer<Accepted> write_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                     const NameserverSet& present) override;
  Answer<std::vector<DsRecord>> read_ds(const dns::Name& domain) override;

 private:
  Cloudflare(Context& context, std::vector<Secret> credential, std::string base);
  Answer<nlohmann::json> get(const std::string& path, const std::string& what);
  [[nodiscard]] Fault classify(const Call& call, const Reply& reply, const nlohmann::json& body);
  /// Whether the token was found active: an account-owned one cannot be asked about.
  Answer<void> verify_token();

  Channel channel_;
  const std::string base_;
  const Capabilities capabilities_;
  bool token_is_active_ = false;
  std::string zone_id_{};
  std::string account_id_{};
  std::string original_registrar_{};
};

}  // namespace sdns::registrars
