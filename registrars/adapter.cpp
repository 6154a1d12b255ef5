// SPDX-License-Identifier: MIT
#include "registrars/adapter.h"

#include <fmt/format.h>

namespace sdns::registrars {

Fault Adapter::unsupported(std::string_view what, const Capability& capability) const {
  return Fault{FaultKind::kUnsupportedOperation,
               fmt::format("{}: {}: {}", capabilities().registrar, what, capability.why_not), capability.instead};
}

Answer<std::vector<DsRecord>> Adapter::read_ds(const dns::Name&) {
  return refuse(unsupported("reading DS records", capabilities().get_ds));
}

Answer<Accepted> Adapter::write_ds(const dns::Name&, const std::vector<DsRecord>&, const std::vector<DsRecord>&) {
  return refuse(unsupported("setting DS records", capabilities().set_ds));
}

Answer<std::optional<std::vector<dns::IpAddress>>> Adapter::read_glue(const dns::Name&, const dns::Name&) {
  return refuse(unsupported("reading a host's addresses", capabilities().get_glue));
}

Answer<Accepted> Adapter::write_glue(const dns::Name&, const Nameserver&,
                                     const std::optional<std::vector<dns::IpAddress>>&) {
  return refuse(unsupported("registering a host", capabilities().glue_v4));
}

Answer<TaskReport> Adapter::read_task(const dns::Name&, const std::string&) {
  return refuse(
      FaultKind::kUnsupportedOperation,
      fmt::format("{}: this API has no tasks: writes are made when they are acknowledged", capabilities().registrar));
}

Answer<std::optional<WriteResult>> Adapter::stop_own_signing(const dns::Name&) { return std::optional<WriteResult>(); }

Answer<std::optional<Task>> Adapter::running(const dns::Name&, Change) { return std::optional<Task>(); }

}  // namespace sdns::registrars
