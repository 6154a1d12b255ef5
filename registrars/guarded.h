// SPDX-License-Identifier: MIT
// The care that every write at every registrar takes (reference sections 1 and 8.5), around an adapter's single steps.
#pragma once

#include <memory>

#include "registrars/adapter.h"

namespace sdns::registrars {

class GuardedRegistrar final : public Registrar {
 public:
  GuardedRegistrar(Context& context, std::unique_ptr<Adapter> adapter);

  [[nodiscard]] const Capabilities& capabilities() const override { return adapter_->capabilities(); }
  Answer<Registration> validate(const dns::Name& domain) override;
  Answer<NameserverSet> nameservers(const dns::Name& domain) override;
  Answer<WriteResult> set_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                      Hosts hosts) override;
  Answer<std::vector<DsRecord>> ds(const dns::Name& domain) override;
  Answer<WriteResult> set_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted) override;
  Answer<WriteResult> clear_ds(const dns::Name& domain) override;
  Answer<std::optional<std::vector<dns::IpAddress>>> glue(const dns::Name& domain, const dns::Name& host) override;
  Answer<WriteResult> set_glue(const dns::Name& domain, const Nameserver& host) override;
  Answer<TaskReport> task(const dns::Name& domain, const std::string& id) override;

 private:
  /// One kind of write. `read` gives the set as texts; an empty `ordered` is none.
  struct Seen {
    std::vector<std::string> texts{};
    bool wanted = false;          ///< it is what is wanted
    bool wanted_ordered = false;  ///< it was ordered already
  };
  struct Steps {
    Change change;
    std::function<Answer<Seen>()> read;
    std::function<Answer<Accepted>()> write;
    std::chrono::seconds lag{0};
    bool readable = true;
  };
  Answer<WriteResult> write(const dns::Name& domain, const Steps& steps);
  Answer<WriteResult> recover(const dns::Name& domain, const Steps& steps, const Seen& before, const Fault& fault,
                              bool& again);
  WriteResult confirm(const Steps& steps, const Seen& before, const Accepted& accepted);
  Answer<Registration> inspect_for_write(const dns::Name& domain);
  Answer<void> check_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted, Hosts hosts);
  Answer<void> check_addresses(const Nameserver& host) const;
  Answer<WriteResult> write_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted);
  Answer<WriteResult> write_glue(const dns::Name& domain, const Nameserver& host);
  [[nodiscard]] Fault busy(const dns::Name& domain) const;

  Context& context_;
  const std::unique_ptr<Adapter> adapter_;
};

}  // namespace sdns::registrars
