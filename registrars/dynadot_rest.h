// SPDX-License-Identifier: MIT
// Dynadot's REST API, version 2.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "registrars/dynadot.h"

namespace sdns::registrars {

class DynadotRest final : public Adapter {
 public:
  static Answer<std::unique_ptr<Adapter>> make(Context& context, std::vector<Secret> credential, std::string base);

  [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
  Channel& channel() override { return channel_; }
  Answer<Registration> inspect(const dns::Name& domain) override;
  Answer<NameserverSet> read_nameservers(const dns::Name& domain) override;
  Answer<Accepted> write_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                     const NameserverSet& present) override;
  Answer<std::vector<DsRecord>> read_ds(const dns::Name& domain) override;
  Answer<Accepted> write_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted,
                            const std::vector<DsRecord>& present) override;
  Answer<std::optional<std::vector<dns::IpAddress>>> read_glue(const dns::Name& domain, const dns::Name& host) override;
  Answer<Accepted> write_glue(const dns::Name& domain, const Nameserver& wanted,
                              const std::optional<std::vector<dns::IpAddress>>& present) override;

 private:
  DynadotRest(Context& context, std::vector<Secret> credential, std::string base);
  /// `data` of the answer.
  Answer<nlohmann::json> ask(const std::string& method, const std::string& path, const std::string& body, Effect effect,
                             const std::string& what);
  [[nodiscard]] Fault classify(const Call& call, const Reply& reply, std::int64_t code, const std::string& text);

  Channel channel_;
  const std::string base_;
  const Capabilities capabilities_;
  bool own_dns_ = false;  ///< of the domain that was inspected last
};

}  // namespace sdns::registrars
