// SPDX-License-Identifier: MIT
// What is particular to one registrar: single steps, without the care that GuardedRegistrar takes of all of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "registrars/channel.h"
#include "registrars/registrar.h"

namespace sdns::registrars {

/// The registrar took a write; with a task, it has yet to carry it out.
struct Accepted {
  std::optional<Task> task{};
  std::string note{};
};

enum class Change : std::uint8_t { kNameservers, kDs, kGlue };
inline constexpr std::string_view kChangeText[] = {"name servers", "DS records", "host address"};

/// Errors of every step as in fault.h; Fault::executed tells whether a write may have been made.
class Adapter {
 public:
  virtual ~Adapter() = default;
  [[nodiscard]] virtual const Capabilities& capabilities() const = 0;
  virtual Channel& channel() = 0;

  /// validate(): checks the credential too where that takes a call of its own.
  virtual Answer<Registration> validate(const dns::Name& domain) { return inspect(domain); }
  /// The cheapest read of the one domain: that it is in the account, and its state. Comes before every other step but
  /// read_task().
  virtual Answer<Registration> inspect(const dns::Name& domain) = 0;

  virtual Answer<NameserverSet> read_nameservers(const dns::Name& domain) = 0;
  virtual Answer<Accepted> write_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                             const NameserverSet& present) = 0;

  /// The default ones are for registrars that do not offer it.
  virtual Answer<std::vector<DsRecord>> read_ds(const dns::Name& domain);
  /// Nothing wanted: clear.
  virtual Answer<Accepted> write_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted,
                                    const std::vector<DsRecord>& present);
  /// For a registrar that signs the domain itself and manages its DS: what became of stopping that. Nothing where DS
  /// records are set by write_ds().
  virtual Answer<std::optional<WriteResult>> stop_own_signing(const dns::Name& domain);
  virtual Answer<std::optional<std::vector<dns::IpAddress>>> read_glue(const dns::Name& domain, const dns::Name& host);
  virtual Answer<Accepted> write_glue(const dns::Name& domain, const Nameserver& wanted,
                                      const std::optional<std::vector<dns::IpAddress>>& present);
  virtual Answer<TaskReport> read_task(const dns::Name& domain, const std::string& id);
  /// A task that has not ended yet and would be in the way.
  virtual Answer<std::optional<Task>> running(const dns::Name& domain, Change change);
  /// Whether the registry has no host objects, so that addresses are part of the set of name servers.
  [[nodiscard]] virtual bool addresses_go_with_nameservers() const { return false; }

 protected:
  [[nodiscard]] Fault unsupported(std::string_view what, const Capability& capability) const;
};

}  // namespace sdns::registrars
