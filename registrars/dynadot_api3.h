// SPDX-License-Identifier: MIT
// Dynadot's API3: commands, answered with HTTP 200 whatever they say.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "registrars/dynadot.h"

namespace sdns::registrars {

class DynadotApi3 final : public Adapter {
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
  Answer<Accepted> write_glue(const dns::Name& domain, const Nameserver& wanted,
                              const std::optional<std::vector<dns::IpAddress>>& present) override;

 private:
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  enum class How : std::uint8_t { kPost, kGet };
  DynadotApi3(Context& context, std::vector<Secret> credential, std::string base);
  /// The object of the command, with a ResponseCode of success.
  Answer<nlohmann::json> ask(const std::string& command, const Parameters& parameters, Effect effect,
                             const std::string& what);
  Answer<nlohmann::json> ask_by(How how, const std::string& command, const Parameters& parameters, Effect effect,
                                const std::string& what);
  [[nodiscard]] Fault classify(const Call& call, const Reply& reply, const nlohmann::json& object);
  Answer<bool> is_listed(const dns::Name& host);

  Channel channel_;
  const std::string base_;
  Capabilities capabilities_;
  How how_ = How::kPost;
  bool own_dns_ = false;  ///< of the domain that was inspected last
};

}  // namespace sdns::registrars
