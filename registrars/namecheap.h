// SPDX-License-Identifier: MIT
// Namecheap: commands with parameters in a form, answers in XML with HTTP 200 whatever they say.
#pragma once

#include "registrars/adapter.h"
#include "registrars/settings.h"

namespace pugi {
class xml_document;
class xml_node;
}  // namespace pugi

namespace sdns::registrars {

class Namecheap final : public Adapter {
 public:
  static Answer<std::unique_ptr<Adapter>> make(Context& context, std::vector<Secret> credential,
                                               const Settings& settings);

  [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
  Channel& channel() override { return channel_; }
  Answer<Registration> inspect(const dns::Name& domain) override;
  Answer<NameserverSet> read_nameservers(const dns::Name& domain) override;
  Answer<Accepted> write_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                     const NameserverSet& present) override;
  Answer<std::optional<std::vector<dns::IpAddress>>> read_glue(const dns::Name& domain, const dns::Name& host) override;
  Answer<Accepted> write_glue(const dns::Name& domain, const Nameserver& wanted,
                              const std::optional<std::vector<dns::IpAddress>>& present) override;

 private:
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  Namecheap(Context& context, std::vector<Secret> credential, std::string base);
  /// The document whose ApiResponse has the status OK.
  Answer<std::unique_ptr<pugi::xml_document>> ask(const std::string& command, const Parameters& parameters,
                                                  Effect effect, const std::string& what);
  [[nodiscard]] Fault classify(const Call& call, const Reply& reply, const std::string& command,
                               const std::vector<std::pair<std::string, std::string>>& errors);
  /// The flag in the result of a write. Errors: it is false, or there is none.
  Answer<Accepted> done(const pugi::xml_document& document, const char* result,
                        std::initializer_list<const char*> flags, const std::string& what) const;

  Channel channel_;
  const std::string base_;
  const Capabilities capabilities_;
};

}  // namespace sdns::registrars
